//! Secrets on their way from the command line to where they are written.

use std::fmt;
use std::str::FromStr;

/// A secret: read like what it holds, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<T>(pub T);

impl<T: FromStr> FromStr for Hidden<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Hidden<T>, T::Err> {
        text.parse().map(Hidden)
    }
}

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

/// A command line with its secrets left out, for results to keep.
pub fn shown(words: impl Iterator<Item = String>) -> Vec<String> {
    const SECRET: [&str; 3] = ["--password", "--callee-password", "--auth-password"];
    let mut follows = false;
    let show = |word: String| {
        let hides = std::mem::replace(&mut follows, SECRET.contains(&word.as_str()));
        match word.split_once('=') {
            _ if hides => {
                follows = false;
                "hidden".to_owned()
            }
            Some((name, _)) if SECRET.contains(&name) => format!("{name}=hidden"),
            _ => word,
        }
    };
    words.map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_wherever_they_stand() {
        let words = "call --password s3cret --rate 5 --callee-password=s3cret --auth-password --password=s3cret";
        let shown = shown(words.split(' ').map(String::from)).join(" ");
        assert_eq!(
            shown,
            "call --password hidden --rate 5 --callee-password=hidden --auth-password hidden"
        );
        let secret: Hidden<String> = "s3cret".parse().unwrap();
        assert!(!format!("{secret:?}").contains("s3cret"));
    }
}
