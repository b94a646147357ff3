//! Requests that need a dialog and have none, and methods not built here.
//! The answers are those of Asterisk 13.3.2 to the same strays.

use super::{Asked, Extra, Inside, Row, Verdict};
use crate::wire::Status;

/// ACK: never answered. One to a reply of ours that kept no transaction ends here.
pub static ACK: Row = Row {
    outside: |_| Verdict::Silence,
    inside: Inside::Acknowledge,
};

/// BYE, CANCEL, REFER, UPDATE, PRACK: nothing outside of a dialog.
pub static DIALOG_ONLY: Row = Row {
    outside: no_dialog,
    inside: Inside::Answer(Status::NOT_IMPLEMENTED),
};

/// BYE inside a dialog ends the call; outside it is a stray.
pub static BYE: Row = Row {
    outside: no_dialog,
    inside: Inside::End,
};

/// NOTIFY, PUBLISH: no event package is known.
pub static BAD_EVENT: Row = Row {
    outside: |_| Verdict::reply(Status::BAD_EVENT),
    inside: Inside::Answer(Status::BAD_EVENT),
};

/// SUBSCRIBE: nothing to watch at any extension.
pub static SUBSCRIBE: Row = Row {
    outside: |_| Verdict::reply(Status::NOT_FOUND),
    inside: Inside::Answer(Status::BAD_EVENT),
};

/// A method nobody here has heard of.
pub static UNKNOWN: Row = Row {
    outside: |_| Verdict::reply(Status::NOT_IMPLEMENTED).with(Extra::Allow),
    inside: Inside::Answer(Status::NOT_IMPLEMENTED),
};

fn no_dialog(_: &mut Asked<'_>) -> Verdict {
    Verdict::reply(Status::CALL_DOES_NOT_EXIST)
}
