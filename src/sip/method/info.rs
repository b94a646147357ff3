//! INFO (RFC 6086): inside a dialog it passes to the other side.

use super::{Inside, Row, Verdict};
use crate::wire::Status;

/// The row.
pub static ROW: Row = Row {
    outside: |_| Verdict::reply(Status::CALL_DOES_NOT_EXIST),
    inside: Inside::Relay,
};
