//! Who takes part in a call as its plan sees it: the caller, whom the call is
//! connected to, and whom it was redirected by.
//!
//! It keeps what was set and knows what stands for the rest. What is shown to
//! whom is the technology's matter.

use smol_str::SmolStr;

/// Whose identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Party {
    /// The caller (`CALLERID`).
    Caller,
    /// The caller for billing (`CALLERID(ani)`).
    Ani,
    /// What was dialled (`CALLERID(dnid)`).
    Dialled,
    /// The caller, for this system only (`CALLERID(priv)`).
    Private,
    /// The other side (`CONNECTEDLINE`).
    Connected,
    /// The other side, for this system only.
    ConnectedPrivate,
    /// Who redirected the call first (`REDIRECTING(orig)`).
    Original,
    /// Who redirected it last (`REDIRECTING(from)`).
    From,
    /// Where it was redirected to (`REDIRECTING(to)`).
    To,
    /// Who redirected the call first, for this system only.
    OriginalPrivate,
    /// Who redirected it last, for this system only.
    FromPrivate,
    /// Where it was redirected to, for this system only.
    ToPrivate,
}

/// What of an identity (`ast_party_id`), or of a redirection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartyField {
    /// The name.
    Name,
    /// `1` if there is a name.
    NameValid,
    /// The name's character set.
    NameCharset,
    /// Who may see the name: a presentation's number.
    NamePresentation,
    /// The number.
    Number,
    /// `1` if there is a number.
    NumberValid,
    /// The type of number and numbering plan, a number.
    NumberPlan,
    /// Who may see the number: a presentation's number.
    NumberPresentation,
    /// The subaddress.
    Subaddress,
    /// `1` if there is a subaddress.
    SubaddressValid,
    /// 0 for NSAP, 2 if the user specified it.
    SubaddressType,
    /// `1` if the subaddress has an odd number of digits.
    SubaddressOdd,
    /// A text for the plan's own use.
    Tag,
    /// Of the caller: ANI II, a number.
    Ani2,
    /// Of the other side: why it is known.
    Source,
    /// Of whoever redirected: why.
    Reason,
    /// Of whoever redirected last: how often the call was redirected.
    Count,
}

/// What was set of the parties.
#[derive(Clone, Debug, Default)]
pub(super) struct Parties(Vec<(Party, PartyField, SmolStr)>);

impl Parties {
    /// What was set, if anything was.
    pub(super) fn value(&self, party: Party, field: PartyField) -> Option<&str> {
        let mut values = self.0.iter();
        values.find_map(|(p, f, value)| ((*p, *f) == (party, field)).then_some(&**value))
    }

    pub(super) fn set(&mut self, party: Party, field: PartyField, value: &str) {
        let mut values = self.0.iter_mut();
        match values.find(|(p, f, _)| (*p, *f) == (party, field)) {
            Some((_, _, old)) => *old = value.into(),
            None => self.0.push((party, field, value.into())),
        }
    }
}

/// Who redirected a call last, as channels tell each other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Redirecting {
    /// The number.
    pub number: SmolStr,
    /// The name; perhaps empty.
    pub name: SmolStr,
    /// Why, by a word of `REDIRECTING(reason)` or one of its own.
    pub reason: SmolStr,
    /// The number it was redirected to; perhaps empty.
    pub to: SmolStr,
}

impl PartyField {
    /// What it is unless set.
    pub(super) fn default(self) -> &'static str {
        match self {
            PartyField::NameCharset => "iso8859-1",
            PartyField::Source | PartyField::Reason => "unknown",
            PartyField::NamePresentation
            | PartyField::NumberPlan
            | PartyField::NumberPresentation
            | PartyField::SubaddressValid
            | PartyField::SubaddressType
            | PartyField::SubaddressOdd
            | PartyField::Ani2
            | PartyField::Count => "0",
            _ => "",
        }
    }
}

/// Presentations and their numbers (ITU-T Q.931 octet 3a).
const PRESENTATIONS: [(&str, u8); 9] = [
    ("allowed_not_screened", 0x00),
    ("allowed_passed_screen", 0x01),
    ("allowed_failed_screen", 0x02),
    ("allowed", 0x03),
    ("prohib_not_screened", 0x20),
    ("prohib_passed_screen", 0x21),
    ("prohib_failed_screen", 0x22),
    ("prohib", 0x23),
    ("unavailable", 0x43),
];

/// Neither name nor number is known.
const UNAVAILABLE: u32 = 0x43;

/// The bits that say who may see it, and those that say who vouches for it.
const RESTRICTION: u32 = 0x60;
const SCREENING: u32 = 0x03;

/// The presentation of a name and a number taken together; `None` is one that
/// is not known. The stricter counts, and who vouches for the number.
pub(super) fn together(name: Option<u32>, number: Option<u32>) -> u32 {
    let rank = |presentation: Option<u32>| match presentation.map(|bits| bits & RESTRICTION) {
        Some(0x20) => (0, 0x20),
        Some(0x00) => (1, 0x00),
        Some(0x40) => (2, 0x40),
        _ => (3, 0x40),
    };
    let (_, restriction) = rank(number).min(rank(name));
    match restriction {
        0x40 => UNAVAILABLE,
        _ => restriction | number.map_or(0, |bits| bits & SCREENING),
    }
}

/// The octet of a presentation's name in lower case
/// (`ast_parse_caller_presentation`).
pub fn presentation(name: &str) -> Option<u8> {
    let mut known = PRESENTATIONS.iter();
    known.find_map(|&(known, octet)| (known == name).then_some(octet))
}

/// A presentation's name.
pub(super) fn presentation_name(number: u32) -> &'static str {
    let mut known = PRESENTATIONS.iter();
    known
        .find_map(|&(name, octet)| (u32::from(octet) == number).then_some(name))
        .unwrap_or("unknown")
}

/// Character sets of names, by their numbers.
pub(super) const CHARSETS: [&str; 10] = [
    "unknown",
    "iso8859-1",
    "withdrawn",
    "iso8859-2",
    "iso8859-3",
    "iso8859-4",
    "iso8859-5",
    "iso8859-7",
    "bmp",
    "utf8",
];

/// Why the other side is known, by number.
pub(super) const SOURCES: [&str; 5] = [
    "unknown",
    "answer",
    "diversion",
    "transfer",
    "transfer_alerting",
];

/// Why a call is redirected, by number.
pub(super) const REASONS: [&str; 13] = [
    "unknown",
    "cfb",
    "cfnr",
    "unavailable",
    "cfu",
    "time_of_day",
    "dnd",
    "deflection",
    "follow_me",
    "out_of_order",
    "away",
    "cf_dte",
    "send_to_vm",
];
