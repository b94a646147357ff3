//! Splitting arguments as `AST_STANDARD_APP_ARGS` and `ast_app_parse_options`
//! do. It knows no application.

use alloc::borrow::Cow;

use smallvec::SmallVec;

/// The parts of arguments; few have more than these.
pub(super) type Parts<'t> = SmallVec<[Cow<'t, str>; 4]>;

/// Splits at `,` outside `()`, `[]` and `""`, into at most `most` parts.
/// Quotes are removed and `\c` becomes `c`; the last part of `most` takes the
/// rest as it stands.
pub(super) fn split(text: &str, most: usize) -> Parts<'_> {
    split_by(text, most, true)
}

/// Splits like [`split`], but leaves quotes and backslashes in place.
pub(super) fn split_raw(text: &str, most: usize) -> Parts<'_> {
    split_by(text, most, false)
}

fn split_by(text: &str, most: usize, clean: bool) -> Parts<'_> {
    let mut parts = Parts::new();
    let mut rest = text;
    while !rest.is_empty() && parts.len() + 1 < most {
        let (part, after) = first(rest, ',', clean);
        parts.push(part);
        match after {
            Some("") => {
                parts.push(Cow::Borrowed(""));
                return parts;
            }
            Some(after) => rest = after,
            None => return parts,
        }
    }
    if !rest.is_empty() {
        parts.push(Cow::Borrowed(rest));
    }
    parts
}

/// What stands before and behind the first `byte`, which is ASCII. The texts of
/// a dialplan are short: looking at each byte is the fastest search.
pub(super) fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|found| found == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// [`str::trim`], which few texts of a dialplan need.
pub(super) fn trimmed(text: &str) -> &str {
    let ends = (text.as_bytes().first(), text.as_bytes().last());
    match ends {
        (Some(b'!'..=b'~'), Some(b'!'..=b'~')) => text,
        _ => text.trim(),
    }
}

/// What stands before and behind the last `byte`, which is ASCII.
pub(super) fn rsplit_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().rposition(|found| found == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The part before the first `delimiter` outside `()`, `[]` and `""`, and what
/// follows it. With `clean`, quotes and backslashes are taken off.
pub(super) fn first(text: &str, delimiter: char, clean: bool) -> (Cow<'_, str>, Option<&str>) {
    let special = |byte: &u8| matches!(byte, b'(' | b')' | b'[' | b']' | b'"' | b'\\');
    if delimiter.is_ascii() && !text.as_bytes().iter().any(special) {
        return match split_at_byte(text, delimiter as u8) {
            Some((part, after)) => (Cow::Borrowed(part), Some(after)),
            None => (Cow::Borrowed(text), None),
        };
    }
    let (mut parens, mut brackets, mut quoted) = (0_u32, 0_u32, false);
    let mut part = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '(' => parens += 1,
            ')' => parens = parens.saturating_sub(1),
            '[' => brackets += 1,
            ']' => brackets = brackets.saturating_sub(1),
            '"' => {
                quoted = !quoted;
                if clean {
                    continue;
                }
            }
            '\\' => {
                if !clean {
                    part.push('\\');
                }
                part.extend(characters.next().map(|(_, escaped)| escaped));
                continue;
            }
            _ if character == delimiter && parens == 0 && brackets == 0 && !quoted => {
                return (Cow::Owned(part), text.get(at + delimiter.len_utf8()..));
            }
            _ => {}
        }
        part.push(character);
    }
    (Cow::Owned(part), None)
}

/// The character a text begins with, and the text after it: `\n`, `\r`,
/// `\t`, `\xHH` and octal `\0nn` stand for others, `\c` for `c`
/// (`ast_get_encoded_char`).
pub(super) fn decoded(text: &str) -> Option<(char, &str)> {
    let mut rest = text.chars();
    let character = match rest.next()? {
        '\\' => rest.next()?,
        plain => return Some((plain, rest.as_str())),
    };
    let after = rest.as_str();
    let (most, radix) = match character {
        'n' => return Some(('\n', after)),
        'r' => return Some(('\r', after)),
        't' => return Some(('\t', after)),
        'x' => (2, 16),
        '0' => (3, 8),
        other => return Some((other, after)),
    };
    let digits = after
        .chars()
        .take(most)
        .take_while(|digit| digit.is_digit(radix));
    let (digits, after) = after.split_at_checked(digits.count())?;
    let code = u32::from_str_radix(digits, radix).unwrap_or(0);
    Some((char::from(code as u8), after))
}

/// A text whose characters have been [`decoded`].
pub(super) fn decoded_text(mut text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    while let Some((character, rest)) = decoded(text) {
        result.push(character);
        text = rest;
    }
    result
}

/// `app(arguments)` as its two halves; the arguments end at the last `)`.
pub fn split_call(text: &str) -> (&str, &str) {
    let text = trimmed(text);
    match split_at_byte(text, b'(') {
        Some((name, arguments)) => {
            let arguments =
                rsplit_at_byte(arguments, b')').map_or(arguments, |(arguments, _)| arguments);
            (trimmed(name), arguments)
        }
        None => (text, ""),
    }
}

/// Option letters with their arguments: `gL(60000:5000)` is `g`, then `L`
/// with `60000:5000`.
pub(super) fn options(text: &str) -> Vec<(char, &str)> {
    let mut options = Vec::new();
    let mut rest = text;
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        rest = letters.as_str();
        let argument = match rest.strip_prefix('(') {
            Some(inside) => {
                let close = closing(inside);
                rest = inside.get(close + 1..).unwrap_or("");
                letters = rest.chars();
                inside.get(..close).unwrap_or(inside)
            }
            None => "",
        };
        if !letter.is_whitespace() {
            options.push((letter, argument));
        }
    }
    options
}

/// Where the parenthesis that opened just before `text` closes; the end if
/// it does not.
fn closing(text: &str) -> usize {
    let mut depth = 0_u32;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => return at,
            ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_split_outside_parentheses_brackets_and_quotes() {
        for (text, parts) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            ("a,", &["a", ""]),
            (",a", &["", "a"]),
            ("f(a,b),c", &["f(a,b)", "c"]),
            ("[a,b],c", &["[a,b]", "c"]),
            ("\"a,b\",c", &["a,b", "c"]),
            ("a\\,b,c", &["a,b", "c"]),
            ("a),b", &["a)", "b"]),
        ] {
            assert_eq!(split(text, 8).as_slice(), parts, "{text}");
        }
    }

    #[test]
    fn the_last_part_takes_the_rest_as_it_stands() {
        assert_eq!(split("a,\"b\",c", 2).as_slice(), ["a", "\"b\",c"]);
        assert_eq!(split("\"a\"", 1).as_slice(), ["\"a\""]);
    }

    #[test]
    fn raw_parts_keep_quotes_and_backslashes() {
        assert_eq!(
            split_raw("a,\",\",\\,,b", 8).as_slice(),
            ["a", "\",\"", "\\,", "b"]
        );
    }

    #[test]
    fn characters_are_decoded() {
        for (text, expected) in [
            ("", ""),
            ("ab", "ab"),
            ("\\n\\r\\t", "\n\r\t"),
            ("\\x2C\\x41-R", ",A-R"),
            ("\\054\\0419", ",!9"),
            ("\\-\\\\", "-\\"),
            ("\\", ""),
        ] {
            assert_eq!(decoded_text(text), expected, "{text}");
        }
    }

    #[test]
    fn calls_end_at_the_last_parenthesis() {
        assert_eq!(split_call("NoOp"), ("NoOp", ""));
        assert_eq!(split_call("Dial(SIP/1,20,M(x))"), ("Dial", "SIP/1,20,M(x)"));
        assert_eq!(split_call(" Set (a=1) ; x"), ("Set", "a=1"));
        assert_eq!(split_call("Set(a=1"), ("Set", "a=1"));
    }

    #[test]
    fn options_carry_arguments() {
        assert_eq!(
            options("rgS(5)T"),
            [('r', ""), ('g', ""), ('S', "5"), ('T', "")]
        );
        assert_eq!(options("U(x(1)^2)g"), [('U', "x(1)^2"), ('g', "")]);
        assert_eq!(options("L(60"), [('L', "60")]);
        assert_eq!(options(""), []);
    }
}
