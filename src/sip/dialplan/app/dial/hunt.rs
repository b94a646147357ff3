//! Dialling one destination after the other, and giving up on silent ones:
//! `DIAL_HUNT`, `DIAL_FAILOVER` and `DIAL_MAX_PDD`, variables this engine adds
//! to Asterisk's.

use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use core::time::Duration;

use smol_str::SmolStr;

use super::super::super::cause::Failure;
use super::super::super::step::{Step, holds};
use crate::base::Instant;

/// What those variables ask of one `Dial`.
#[derive(Debug)]
pub(super) struct Hunt {
    /// One destination at a time.
    pub(super) serial: bool,
    /// Destinations still to try.
    pub(super) ahead: VecDeque<SmolStr>,
    /// The responses after which the next is tried; `None` for all.
    failover: Option<SmolStr>,
    /// How long a destination may show no progress.
    silence: Option<Duration>,
    /// When those that have shown none are given up.
    pub(super) heard_by: Option<Instant>,
    /// How long each may ring.
    pub(super) timeout: Option<Duration>,
}

impl Hunt {
    /// What the call's variables ask for, if anything.
    pub(super) fn wanted(step: &Step<'_>, timeout: Option<Duration>) -> Option<Box<Hunt>> {
        // Every call passes here, so that only those who set variables are asked.
        let value = |name| {
            let set = step.state.variables.value(name);
            let set = set.map(Cow::Borrowed);
            set.or_else(|| step.scope().global(name))
                .filter(|value| !value.is_empty())
        };
        let hunt = value("DIAL_HUNT").is_some_and(|value| holds(&value));
        let failover = value("DIAL_FAILOVER").map(SmolStr::new);
        let silence = value("DIAL_MAX_PDD").and_then(|value| value.trim().parse().ok());
        let silence = silence
            .filter(|&millis| millis > 0)
            .map(Duration::from_millis);
        let serial = hunt || failover.is_some();
        (serial || silence.is_some()).then(|| {
            Box::new(Hunt {
                serial,
                ahead: VecDeque::new(),
                failover,
                silence,
                heard_by: None,
                timeout,
            })
        })
    }

    /// Destinations begin to ring now.
    pub(super) fn begin(&mut self, now: Instant) {
        self.heard_by = self.silence.map(|silence| now + silence);
    }

    /// Whether the next destination may be tried after one that failed so, by
    /// that response if it sent one. One that could not be rung at all has said
    /// nothing, and the next may.
    pub(super) fn goes_on(&self, response: Option<u16>, failure: Failure) -> bool {
        let Some(wanted) = self.failover.as_deref() else {
            return true;
        };
        let told = response.or_else(|| match failure {
            Failure::Unavailable(_) => None,
            failure if failure == Failure::NO_RESPONSE => Some(408),
            failure => failure.cause().status().map(|status| status.code()),
        });
        told.is_none_or(|code| wanted.split(',').any(|pattern| is_one(pattern, code)))
    }
}

/// Whether a status code is `503` or one of `5xx`.
fn is_one(pattern: &str, code: u16) -> bool {
    let (pattern, code) = (pattern.trim().as_bytes(), code.to_string());
    let same = |(wanted, digit): (&u8, &u8)| wanted.eq_ignore_ascii_case(&b'x') || wanted == digit;
    pattern.len() == code.len() && pattern.iter().zip(code.as_bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_codes() {
        for (pattern, code, expected) in [
            ("503", 503, true),
            (" 503 ", 503, true),
            ("5xx", 500, true),
            ("5XX", 599, true),
            ("5xx", 486, false),
            ("48", 486, false),
            ("", 486, false),
        ] {
            assert_eq!(is_one(pattern, code), expected, "{pattern} {code}");
        }
    }
}
