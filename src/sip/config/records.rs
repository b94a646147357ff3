//! Records of calls: which calls leave one (cdr.conf `[general]`), and what they
//! count for in bills.

use serde::{Deserialize, Serialize};

/// What is recorded of calls. Field names are the options' names; defaults are
/// Asterisk 13's, but that nothing is recorded unless somebody writes it down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Recording {
    /// `enable`, and there is a place to write to.
    pub enable: bool,
    /// `unanswered`: also calls that rang nobody.
    pub unanswered: bool,
    /// `congestion`: a disposition of its own, else it counts as failed.
    pub congestion: bool,
    /// `endbeforehexten`: what `h` and hangup handlers set comes too late.
    pub endbeforehexten: bool,
}

/// What the call counts for in bills (`ast_cdr_amaflags`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum AmaFlags {
    /// It is not to be billed.
    Omit,
    /// It is to be billed.
    Billing,
    /// It is told of.
    #[default]
    Documentation,
}

/// Numbers and names of the flags.
const AMA: [(AmaFlags, &str, &str); 3] = [
    (AmaFlags::Omit, "1", "OMIT"),
    (AmaFlags::Billing, "2", "BILLING"),
    (AmaFlags::Documentation, "3", "DOCUMENTATION"),
];

impl AmaFlags {
    /// The flag of a number, or of a name in any case; `default` is the default.
    pub fn parse(text: &str) -> Option<AmaFlags> {
        let text = text.trim();
        let is_it = |(_, number, name): &&(AmaFlags, &str, &str)| {
            *number == text || name.eq_ignore_ascii_case(text)
        };
        let default = text.eq_ignore_ascii_case("default");
        let known = AMA.iter().find(is_it).map(|(flags, ..)| *flags);
        known.or(default.then(AmaFlags::default))
    }

    /// Its number.
    pub fn number(self) -> &'static str {
        self.row().1
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (AmaFlags, &'static str, &'static str) {
        let [omit, billing, documentation] = AMA;
        match self {
            AmaFlags::Omit => omit,
            AmaFlags::Billing => billing,
            AmaFlags::Documentation => documentation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_by_number_and_name() {
        for (text, flags) in [
            ("1", Some(AmaFlags::Omit)),
            (" billing ", Some(AmaFlags::Billing)),
            ("Documentation", Some(AmaFlags::Documentation)),
            ("default", Some(AmaFlags::Documentation)),
            ("4", None),
        ] {
            assert_eq!(AmaFlags::parse(text), flags, "{text}");
        }
        assert_eq!(AmaFlags::Billing.number(), "2");
        assert_eq!(AmaFlags::Omit.as_str(), "OMIT");
    }
}
