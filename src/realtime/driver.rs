//! What a database must be able to do, and what comes of it. Operations are
//! set-wise: one statement for many rows. Names of tables and columns come from
//! configuration and schema and are quoted; values are bound, always.

use std::fmt;
use std::sync::Arc;

/// A row: its columns in the table's order, `None` being NULL.
pub type Row = Vec<(Arc<str>, Option<String>)>;

/// One condition on a column; several hold together.
#[derive(Clone, Copy, Debug)]
pub enum Condition<'a> {
    /// The column is one of these.
    OneOf(&'a str, &'a [String]),
    /// The column holds the text somewhere; no character of it is a wildcard.
    Contains(&'a str, &'a str),
}

/// One key of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order<'a> {
    /// Smallest first.
    Up(&'a str),
    /// Largest first.
    Down(&'a str),
}

/// New values of some columns, for rows named by a key.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// The table, or `database.table`.
    pub table: &'a str,
    /// The column that names a row.
    pub key: &'a str,
    /// The columns to set.
    pub columns: &'a [&'a str],
    /// Key, then one value for each column. A key that no row has is no error.
    pub rows: &'a [Vec<String>],
    /// Which of these rows alone, if not all.
    pub only: Option<Only<'a>>,
}

/// Restricts an update.
#[derive(Clone, Copy, Debug)]
pub enum Only<'a> {
    /// To rows whose column is this, empty or NULL.
    Blank(&'a str, &'a str),
    /// To rows whose column is a number up to this.
    UpTo(&'a str, &'a str),
}

/// The type of a column, as far as it decides what fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Text of so many characters at most; `None`: no limit worth naming.
    Text(Option<u32>),
    /// A whole number of so many bytes.
    Integer {
        /// Bytes.
        bytes: u8,
        /// Whether the half below zero is given to the other side.
        unsigned: bool,
    },
    /// Something else, which is taken on trust.
    Other,
}

/// A column of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// As the database spells it.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// A change of a table, where `requirements` asks for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ddl {
    /// The table, or `database.table`.
    pub table: String,
    /// The column.
    pub column: String,
    /// What it shall hold.
    pub kind: Kind,
    /// Whether the column is new; else it is made to fit.
    pub add: bool,
}

/// Why there is no result. The sentences name no value and no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The database is not to be reached, or too slow.
    Unavailable(String),
    /// Another transaction was in the way: the same again may succeed.
    Busy(String),
    /// The database says no, and would again.
    Refused(String),
    /// A value does not fit its column; without that row it would have worked.
    Value(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Fault::Unavailable(text)
        | Fault::Busy(text)
        | Fault::Refused(text)
        | Fault::Value(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for Fault {}

/// A connection to a database.
pub trait Driver: Send {
    /// All columns of the rows that meet all conditions.
    fn select(
        &mut self,
        table: &str,
        conditions: &[Condition<'_>],
        order: &[Order<'_>],
    ) -> Result<Vec<Row>, Fault>;

    /// All updates in one transaction, durable on return; returns how many rows
    /// of the table each has named, changed or not. Nothing of them has happened
    /// otherwise, except that a [`Fault::Unavailable`] may leave it open.
    fn update(&mut self, updates: &[Update<'_>]) -> Result<Vec<u64>, Fault>;

    /// A new row, durable on return; returns the number it was given.
    fn insert(&mut self, table: &str, row: &[(&str, &str)]) -> Result<u64, Fault>;

    /// New rows in one transaction, durable on return: one value for each column.
    fn insert_all(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: &[Vec<String>],
    ) -> Result<(), Fault>;

    /// Removes the rows that meet all conditions, durably; returns how many. A
    /// value of [`Condition::OneOf`] is met byte by byte.
    fn delete(&mut self, table: &str, conditions: &[Condition<'_>]) -> Result<u64, Fault>;

    /// The columns of a table.
    fn describe(&mut self, table: &str) -> Result<Vec<Column>, Fault>;

    /// Changes a table.
    fn run(&mut self, ddl: &Ddl) -> Result<(), Fault>;
}

/// `database.table` or `table`, each part between `quote`s.
pub(super) fn quoted_table(table: &str, quote: char) -> String {
    let parts: Vec<String> = table.split('.').map(|part| quoted(part, quote)).collect();
    parts.join(".")
}

/// A name between `quote`s, those within doubled.
pub(super) fn quoted(name: &str, quote: char) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    text.push(quote);
    for character in name.chars().filter(|&character| character != '\0') {
        if character == quote {
            text.push(quote);
        }
        text.push(character);
    }
    text.push(quote);
    text
}

/// `ORDER BY …` for these keys, with a blank before it; nothing for none.
pub(super) fn ordered(keys: &[Order<'_>], quote: char) -> String {
    let keys: Vec<String> = keys
        .iter()
        .map(|key| match key {
            Order::Up(column) => quoted(column, quote),
            Order::Down(column) => format!("{} DESC", quoted(column, quote)),
        })
        .collect();
    match keys.is_empty() {
        true => String::new(),
        false => format!(" ORDER BY {}", keys.join(", ")),
    }
}

/// A pattern for `LIKE … ESCAPE '!'` that `text` stands somewhere.
pub(super) fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
