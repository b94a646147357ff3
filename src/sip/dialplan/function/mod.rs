//! The dialplan functions: one row each.

use super::state::Scope;
use super::step::Step;

mod callerid;
mod logic;
mod text;

/// A function.
pub(super) struct Row {
    name: &'static str,
    /// `${NAME(arguments)}`.
    pub(super) read: fn(&Scope<'_>, &str) -> String,
    /// `Set(NAME(arguments)=value)`.
    pub(super) write: Option<fn(&mut Step<'_>, &str, &str)>,
}

const fn reading(name: &'static str, read: fn(&Scope<'_>, &str) -> String) -> Row {
    Row {
        name,
        read,
        write: None,
    }
}

static ROWS: [Row; 10] = [
    Row {
        name: "CALLERID",
        read: callerid::read,
        write: Some(callerid::write),
    },
    reading("CUT", text::cut),
    reading("EXISTS", logic::exists),
    reading("FIELDQTY", text::field_quantity),
    reading("GLOBAL", logic::global),
    reading("IF", logic::choose),
    reading("ISNULL", logic::is_null),
    reading("LEN", text::len),
    reading("TOLOWER", text::to_lower),
    reading("TOUPPER", text::to_upper),
];

/// The row of a name; case counts, as in Asterisk.
pub(super) fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}
