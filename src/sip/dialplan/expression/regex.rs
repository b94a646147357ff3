//! POSIX extended regular expressions, as `REGEX()`, `:` and `=~` take them.
//!
//! They are read by a crate of the Perl family: `\d` works too, and of
//! alternatives the first that matches is taken, not the longest.

use regex_lite::RegexBuilder;

/// The largest compiled regular expression, in bytes: what a text of the
/// longest kind is matched with in milliseconds.
const BYTES: usize = 1 << 14;

/// A compiled regular expression.
pub(in super::super) struct Regex(regex_lite::Regex);

impl Regex {
    /// Nothing if it is not valid, or too large.
    pub(in super::super) fn new(pattern: &str) -> Option<Regex> {
        let regex = RegexBuilder::new(pattern).size_limit(BYTES).build();
        regex.ok().map(Regex)
    }

    pub(in super::super) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    pub(super) fn has_groups(&self) -> bool {
        self.0.captures_len() > 1
    }

    /// The bytes matched and the first group, if it took part.
    pub(super) fn captures<'t>(
        &self,
        text: &'t str,
        at_start: bool,
    ) -> Option<(usize, Option<&'t str>)> {
        let found = self.0.captures(text)?;
        let whole = found.get(0)?;
        (!at_start || whole.start() == 0)
            .then(|| (whole.len(), found.get(1).map(|group| group.as_str())))
    }
}
