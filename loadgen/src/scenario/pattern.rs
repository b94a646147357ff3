//! POSIX extended regular expressions (POSIX.1-2017 XBD 9.4), as `ereg` takes
//! them, in terms of the `regex` crate. Of several matches at one place the
//! first alternative is taken where POSIX takes the longest.

use regex::bytes::{Regex, RegexBuilder};

/// Compiles `pattern`; the sentence says what is wrong with it.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern);
    RegexBuilder::new(&translated)
        .unicode(false)
        // A POSIX dot matches line ends, too.
        .dot_matches_new_line(true)
        .build()
        .map_err(|error| format!("regexp {pattern:?} cannot be used: {error}"))
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '[' => bracket(&mut rest, &mut out),
            '\\' => {
                out.push('\\');
                out.extend(rest.next());
            }
            // A brace that begins no interval stands for itself.
            '{' if !rest.peek().is_some_and(char::is_ascii_digit) => out.push_str("\\{"),
            _ => out.push(character),
        }
    }
    out
}

/// A bracket expression, in which no character but `]`, `-`, `^` at their
/// places and `[:class:]` is special.
fn bracket(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    out.push('[');
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if rest.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
    while let Some(character) = rest.next() {
        match character {
            ']' => {
                out.push(']');
                return;
            }
            '[' if rest.peek() == Some(&':') => {
                out.push('[');
                for inside in rest.by_ref() {
                    out.push(inside);
                    if inside == ']' {
                        break;
                    }
                }
            }
            '[' | '\\' | '&' | '~' | '^' => {
                out.push('\\');
                out.push(character);
            }
            '-' if rest.peek() == Some(&']') || out.ends_with(['[', '^']) => out.push_str("\\-"),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
        let regex = compile(pattern).unwrap();
        let Some(captures) = regex.captures(text.as_bytes()) else {
            return Vec::new();
        };
        let groups = captures.iter().map(|group| {
            group.map_or("", |group| {
                std::str::from_utf8(group.as_bytes()).unwrap_or("")
            })
        });
        // The captures borrow from `text` alone.
        groups
            .map(|group| &text[text.find(group).unwrap()..][..group.len()])
            .collect()
    }

    #[test]
    fn the_expressions_of_scenarios_match() {
        let text = "v=0\r\no=user1 53655765 2353687637 IN IP4 127.0.0.1:5060\r\n";
        assert_eq!(
            found("o=([[:alnum:]]*) ([[:alnum:]]*) ([[:alnum:]]*)", text),
            [
                "o=user1 53655765 2353687637",
                "user1",
                "53655765",
                "2353687637"
            ]
        );
        let address = "[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[:][0-9]{1,5}";
        assert_eq!(found(address, text), ["127.0.0.1:5060"]);
        assert_eq!(found("user.*IP4", text).len(), 1);
        assert_eq!(found("0.*IN", text).len(), 1, "a dot matches line ends");
    }

    #[test]
    fn bracket_expressions_are_posix() {
        assert_eq!(found(r"[\d]+", r"a\d"), [r"\d"]);
        assert_eq!(found("[]a]+", "x]a]"), ["]a]"]);
        assert_eq!(found("[^]a]+", "]xa"), ["x"]);
        assert_eq!(found("[[a]+", "x[a"), ["[a"]);
        assert_eq!(found("[a-]+", "x-a"), ["-a"]);
        assert_eq!(found("[&~^]+", "x&&~^"), ["&&~^"]);
        assert_eq!(
            found("^[[:space:]]*<sip:[^;>]*>", " <sip:a>;x"),
            [" <sip:a>"]
        );
    }

    #[test]
    fn a_lone_brace_stands_for_itself() {
        assert_eq!(found("a{b", "xa{b"), ["a{b"]);
        assert!(compile("a(").unwrap_err().contains("a("));
    }
}
