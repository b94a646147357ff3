//! What a plan has said of its channel, and of the record of its call.
//!
//! Few calls have any of it. The records themselves are written elsewhere.

use super::variables::{Full, Variables};
use crate::base::Instant;

/// The longest value of a setting, as of `AST_MAX_USER_FIELD`.
const SETTING_BYTES: usize = 256;

/// What plans may set of a channel by `CHANNEL`.
pub(super) const SETTINGS: [&str; 14] = [
    "accountcode",
    "amaflags",
    "callgroup",
    "dtmf_features",
    "hangupsource",
    "language",
    "max_forwards",
    "musicclass",
    "namedcallgroup",
    "namedpickupgroup",
    "parkinglot",
    "peeraccount",
    "pickupgroup",
    "tonezone",
];

/// What has been said of a channel and its record.
#[derive(Debug, Default)]
pub(super) struct Record {
    settings: Vec<(&'static str, Box<str>)>,
    /// Fields of the record that only the plan knows, `userfield` among them.
    pub(super) fields: Variables,
    /// The record began anew.
    pub(super) begun: Option<Instant>,
    /// The call counts as answered from then on, at the earliest.
    pub(super) answered_from: Option<Instant>,
    /// No record is to be written (`NoCDR`).
    pub(super) disabled: bool,
    /// `CDR_PROP(party_a)`: the channel is the first party, whoever called.
    pub(super) party_a: bool,
    /// Records of the call before this one (`ForkCDR`, `ResetCDR`).
    pub(super) earlier: u32,
}

impl Record {
    /// A setting of the channel, in any case.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        let mut settings = self.settings.iter();
        let (_, value) = settings.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// Sets a setting of the channel; one that does not exist is not set.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<bool, Full> {
        let mut names = SETTINGS.iter();
        let Some(name) = names.find(|known| known.eq_ignore_ascii_case(name)) else {
            return Ok(false);
        };
        if value.len() > SETTING_BYTES {
            return Err(Full);
        }
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name, value.into()));
        Ok(true)
    }
}
