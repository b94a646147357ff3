//! The words of a line that an operator has typed, as Asterisk's console
//! divides it: by blanks, but for those between double quotes or after a
//! backslash.

/// The words of `line`. A quote that is not closed reaches to its end.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            blank if blank.is_whitespace() && !quoted => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// A line for the record: all that follows a word which names a secret is left
/// out, since any of it may be the secret.
pub fn masked(line: &str) -> String {
    let secret = |word: &str| {
        let word = word.to_ascii_lowercase();
        ["secret", "pass", "token"]
            .iter()
            .any(|name| word.contains(name))
    };
    let mut masks = false;
    let words = words(line).into_iter().map(|word| {
        if masks {
            return "***".to_string();
        }
        match word.split_once('=') {
            Some((name, value)) if secret(name) => {
                masks = value.is_empty();
                format!("{name}=***")
            }
            Some(_) => word,
            None => {
                masks = secret(&word);
                word
            }
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_divide_but_for_quotes_and_backslashes() {
        for (line, expected) in [
            ("", &[][..]),
            ("  core  show\tuptime ", &["core", "show", "uptime"]),
            (
                r#"database put a b "two words""#,
                &["database", "put", "a", "b", "two words"],
            ),
            (r#"a "" b"c d"e"#, &["a", "", "bc de"]),
            (r#"say \"hi\" a\ b \\"#, &["say", "\"hi\"", "a b", "\\"]),
            (r#"open "end less"#, &["open", "end less"]),
            ("trailing\\", &["trailing"]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn secrets_are_left_out_of_the_record() {
        for (line, expected) in [
            ("sip show peers", "sip show peers"),
            (
                "realtime update sippeers name 1001 secret hunter2",
                "realtime update sippeers name 1001 secret ***",
            ),
            (
                "realtime update sippeers secret hunter2 secret hunter3",
                "realtime update sippeers secret *** *** ***",
            ),
            (
                "database put passwords 1001 hunter2",
                "database put passwords *** ***",
            ),
            ("x md5secret=abc user=1", "x md5secret=*** user=1"),
            ("x secret= hunter2", "x secret=*** ***"),
            (
                "dialplan set global DB_PASSWORD \"a b\"",
                "dialplan set global DB_PASSWORD ***",
            ),
        ] {
            assert_eq!(masked(line), expected);
        }
    }
}
