//! What a plan has said of its channel, and what the record of its call takes
//! from its run.
//!
//! Few calls have said any of it. The records themselves are made where the
//! other channel is known, too.

use smol_str::SmolStr;

use super::variables::{Full, Variables};
use crate::base::Instant;
use crate::config::AmaFlags;

/// The longest value of a setting, as of `AST_MAX_USER_FIELD`.
const SETTING_BYTES: usize = 256;

/// Records of one call that `ForkCDR` may leave behind.
const FORKS: usize = 16;

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
    /// What holds for the record at hand.
    pub(super) sheet: Sheet,
    /// `CDR_PROP(party_a)`: the channel is the first party, whoever called.
    pub(super) party_a: bool,
    /// Records of the call before this one (`ForkCDR`, `ResetCDR`).
    pub(super) earlier: u32,
    /// Those that `ForkCDR` has left behind.
    forks: Vec<Fork>,
}

/// What a plan has said of one record.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Fields that only the plan knows, `userfield` among them.
    pub fields: Variables,
    /// The record began anew.
    pub begun: Option<Instant>,
    /// The call counts as answered from then on, at the earliest.
    pub answered_from: Option<Instant>,
    /// It is not to be written (`NoCDR`).
    pub disabled: bool,
}

/// A record that `ForkCDR` has left behind.
#[derive(Clone, Debug)]
pub struct Fork {
    /// What had been said of it.
    pub sheet: Sheet,
    /// It ended then; otherwise it ends with its call.
    pub ended: Option<Instant>,
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

    /// Leaves a record like the one at hand behind; one too many is not left.
    pub(super) fn fork(&mut self, ended: Option<Instant>) {
        if self.forks.len() < FORKS {
            let sheet = self.sheet.clone();
            self.forks.push(Fork { sheet, ended });
        }
    }

    /// Takes what `ForkCDR` has left behind.
    pub(super) fn take_forks(&mut self) -> Vec<Fork> {
        core::mem::take(&mut self.forks)
    }
}

/// What a run keeps for the records of its call, where any are made.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The application it ran last before its end.
    pub(super) application: &'static str,
    /// With these arguments.
    pub(super) arguments: String,
    /// It has rung somebody.
    pub(super) rang: bool,
    /// What is said once the call is over comes too late (`endbeforehexten`).
    pub(super) ends_before_h: bool,
}

impl Account {
    /// It runs an application.
    pub(super) fn note(&mut self, application: &'static str, arguments: &str) {
        self.application = application;
        self.arguments.clear();
        self.arguments.push_str(arguments);
    }
}

/// What a record takes from the run that rings somebody, as it is then.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The caller's number; perhaps empty.
    pub number: &'a str,
    /// The caller's name; perhaps empty.
    pub name: &'a str,
    /// Where the plan is, outside of any subroutine.
    pub context: &'a str,
    /// The extension there.
    pub exten: &'a str,
    /// The application at hand.
    pub application: &'static str,
    /// Its arguments.
    pub arguments: &'a str,
    /// When the record begins.
    pub start: Instant,
}

impl Origin<'_> {
    /// The caller's name and number (`ast_callerid_merge`).
    pub fn clid(&self) -> SmolStr {
        clid(self.name, self.number)
    }
}

/// `"name" <number>`, or what there is of it.
pub(super) fn clid(name: &str, number: &str) -> SmolStr {
    match (name, number) {
        ("", _) => number.into(),
        (_, "") => name.into(),
        _ => smol_str::format_smolstr!("\"{name}\" <{number}>"),
    }
}

/// What a plan has said of its channel by the time a record is written.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// `accountcode`, if it was set.
    pub accountcode: Option<&'a str>,
    /// `peeraccount`, if it was set.
    pub peeraccount: Option<&'a str>,
    /// `amaflags`, if they were set.
    pub amaflags: Option<AmaFlags>,
    /// What holds for the record at hand.
    pub sheet: &'a Sheet,
}
