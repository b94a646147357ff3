//! The texts of a plan taken apart without a call: what stands in them
//! literally, and what is found out later. It knows no application.

/// Stands in a masked text for a reference or expression, whose value only a
/// call has.
pub(super) const UNKNOWN: char = '\u{1}';

/// The text with every `${…}` and `$[…]` replaced by [`UNKNOWN`].
pub(super) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        masked.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (open, close) = match rest.as_bytes().first() {
            Some(b'{') => (b'{', b'}'),
            Some(b'[') => (b'[', b']'),
            _ => {
                masked.push('$');
                continue;
            }
        };
        masked.push(UNKNOWN);
        let mut depth = 0_u32;
        let end = rest.bytes().position(|byte| {
            depth += u32::from(byte == open);
            depth -= u32::from(byte == close && depth > 0);
            depth == 0
        });
        rest = end.map_or("", |end| &rest[end + 1..]);
    }
    masked.push_str(rest);
    masked
}

/// Whether all of a masked text is known.
pub(super) fn is_literal(text: &str) -> bool {
    !text.contains(UNKNOWN)
}

/// The parts between separators that stand outside of parentheses, brackets
/// and quotes, stripped.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut depth, mut quoted, mut from) = (0_i32, false, 0);
    let mut parts = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            _ if character == separator && depth <= 0 && !quoted => {
                parts.push(text[from..at].trim());
                from = at + separator.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts
}

/// `then` and `otherwise` of `condition?then:otherwise`.
pub(super) fn branches(text: &str) -> [&str; 2] {
    let Some((_, branches)) = text.split_once('?') else {
        return ["", ""];
    };
    let parts = split(branches, ':');
    [
        parts.first().copied().unwrap_or_default(),
        parts.get(1).copied().unwrap_or_default(),
    ]
}

/// Option letters with their arguments, of a masked text.
pub(super) fn options(text: &str) -> Vec<(char, &str)> {
    let mut options = Vec::new();
    let mut letters = text.char_indices().peekable();
    while let Some((_, letter)) = letters.next() {
        let mut argument = "";
        if let Some(&(open, '(')) = letters.peek() {
            let mut depth = 0_u32;
            let end = text[open..].find(|character| {
                depth += u32::from(character == '(');
                depth -= u32::from(character == ')' && depth > 0);
                depth == 0
            });
            let end = end.map_or(text.len(), |end| open + end);
            argument = &text[open + 1..end.max(open + 1)];
            while letters.next_if(|&(at, _)| at <= end).is_some() {}
        }
        options.push((letter, argument));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_expressions_are_masked_whole() {
        for (text, expected) in [
            ("a", "a"),
            ("a$b", "a$b"),
            ("${A}", "\u{1}"),
            ("x${A${B}}y$[${C}+[1]]z", "x\u{1}y\u{1}z"),
            ("${A", "\u{1}"),
        ] {
            assert_eq!(mask(text), expected, "{text}");
        }
    }

    #[test]
    fn parts_and_branches_and_options_are_told_apart() {
        assert_eq!(split("a, b(c,d),\"e,f\"", ','), ["a", "b(c,d)", "\"e,f\""]);
        assert_eq!(branches("1?a,1(x:y):b"), ["a,1(x:y)", "b"]);
        assert_eq!(branches("1"), ["", ""]);
        assert_eq!(
            options("gU(a^b(c))rG(x"),
            [('g', ""), ('U', "a^b(c)"), ('r', ""), ('G', "x")]
        );
    }
}
