//! The dialplan functions: one row each.

use super::inquiry::{Inquiry, Reply};
use super::state::Scope;
use super::step::Step;

mod callerid;
mod device;
mod exception;
mod logic;
mod text;
mod timeout;

/// A function.
pub(super) struct Row {
    name: &'static str,
    /// `${NAME(arguments)}`.
    pub(super) read: Option<Read>,
    /// `Set(NAME(arguments)=value)`. What must be waited for is returned.
    pub(super) write: Option<Write>,
}

/// Sets what the arguments name to a value.
type Write = fn(&mut Step<'_>, &str, &str) -> Option<Inquiry>;

/// How a function is read.
#[derive(Clone, Copy)]
pub(super) enum Read {
    /// From the call as it stands, as often as need be.
    Plain(fn(&Scope<'_>, &str) -> String),
    /// It changes something on the way: once for each instruction.
    #[expect(dead_code, reason = "INC, RAND, SHIFT are next")]
    Changing(fn(&mut Step<'_>, &str) -> String),
    /// Its arguments are a text to be read in their turn.
    #[expect(dead_code, reason = "EVAL is next")]
    Evaluating(fn(&mut Step<'_>, &str) -> String),
    /// It needs something from outside, or has a value at once (`Err`).
    Asking(
        fn(&mut Step<'_>, &str) -> Result<Inquiry, String>,
        fn(&mut Step<'_>, &str, Reply) -> String,
    ),
}

const fn reading(name: &'static str, read: fn(&Scope<'_>, &str) -> String) -> Row {
    Row {
        name,
        read: Some(Read::Plain(read)),
        write: None,
    }
}

static ROWS: &[Row] = &[
    Row {
        name: "CALLERID",
        read: Some(Read::Plain(callerid::read)),
        write: Some(callerid::write),
    },
    reading("CUT", text::cut),
    Row {
        name: "DEVICE_STATE",
        read: Some(Read::Asking(device::ask, device::tell)),
        write: None,
    },
    reading("EXCEPTION", exception::read),
    reading("EXISTS", logic::exists),
    reading("FIELDQTY", text::field_quantity),
    reading("GLOBAL", logic::global),
    reading("IF", logic::choose),
    reading("ISNULL", logic::is_null),
    reading("LEN", text::len),
    Row {
        name: "TIMEOUT",
        read: Some(Read::Plain(timeout::read)),
        write: Some(timeout::write),
    },
    reading("TOLOWER", text::to_lower),
    reading("TOUPPER", text::to_upper),
];

/// The row of a name; case counts, as in Asterisk.
pub(super) fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}
