//! What a command says, written as it is found: for people in the columns of
//! Asterisk's console, or as one JSON object for programs. The command does
//! not know which.
//!
//! A table is an array of objects under its name; fields are an object under
//! theirs; lines are the array `lines`. `ok` tells whether the command did what
//! it was asked, `error` why not.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Value, json};

/// For whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// For people, and for what cuts columns.
    Text,
    /// For programs.
    Json,
}

/// One value.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Number(i64),
    /// Something people read one way and programs another.
    Both(Cow<'a, str>, Value),
}

impl Cell<'_> {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Cell::Text(text) | Cell::Both(text, _) => Cow::Borrowed(text),
            Cell::Number(number) => Cow::Owned(number.to_string()),
        }
    }

    /// As programs have it.
    pub fn json(&self) -> Value {
        match self {
            Cell::Text(text) => json!(text),
            Cell::Number(number) => json!(number),
            Cell::Both(_, value) => value.clone(),
        }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Cell<'a> {
        Cell::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Cell::Text(Cow::Owned(text))
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Cell::Number(number)
    }
}

impl From<u32> for Cell<'_> {
    fn from(number: u32) -> Self {
        Cell::Number(number.into())
    }
}

/// `Yes` or `No`.
impl From<bool> for Cell<'_> {
    fn from(yes: bool) -> Self {
        Cell::Both(if yes { "Yes" } else { "No" }.into(), json!(yes))
    }
}

/// A column: its title, its name in JSON (or none), and the room it takes in
/// text, where what is longer is cut off.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    /// Empty for one that programs have otherwise.
    key: &'static str,
    width: usize,
    right: bool,
    cut: bool,
    shown: bool,
}

impl Column {
    /// A column set flush left.
    pub const fn left(title: &'static str, key: &'static str, width: usize) -> Column {
        Column {
            title,
            key,
            width,
            right: false,
            cut: true,
            shown: true,
        }
    }

    /// Its name in JSON.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// A column set flush right.
    pub const fn right(title: &'static str, key: &'static str, width: usize) -> Column {
        Column {
            right: true,
            ..Column::left(title, key, width)
        }
    }

    /// A column that only programs see.
    pub const fn hidden(key: &'static str) -> Column {
        Column {
            shown: false,
            ..Column::left("", key, 0)
        }
    }

    /// The same, whose longer values push the others on.
    pub const fn uncut(self) -> Column {
        Column { cut: false, ..self }
    }
}

/// Bold, red, and neither.
const COLOURS: [&str; 3] = ["\x1b[1m", "\x1b[31m", "\x1b[0m"];

/// Where a command writes.
pub struct Out<'w> {
    form: Form,
    colours: bool,
    sink: &'w mut dyn Write,
    lines: Vec<String>,
    error: Option<String>,
    /// Whether the JSON object has a member already.
    begun: bool,
}

impl<'w> Out<'w> {
    /// Writes to `sink`, in `form`.
    pub fn new(form: Form, sink: &'w mut dyn Write) -> Out<'w> {
        Out {
            form,
            colours: false,
            sink,
            lines: Vec::new(),
            error: None,
            begun: false,
        }
    }

    /// Titles and failures stand out, if `colours` says so. What cuts columns
    /// has no use for that.
    pub fn with_colours(self, colours: bool) -> Out<'w> {
        let colours = colours && self.form == Form::Text;
        Out { colours, ..self }
    }

    /// In which form.
    pub fn form(&self) -> Form {
        self.form
    }

    /// A line.
    pub fn line(&mut self, text: impl Into<String>) -> io::Result<()> {
        let text = text.into();
        match self.form {
            Form::Text => writeln!(self.sink, "{}", harmless(&text)),
            Form::Json => {
                self.lines.push(text);
                Ok(())
            }
        }
    }

    /// What something writes that knows of no form; lines for programs.
    pub fn text<T>(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.form == Form::Text {
            return write(self.sink);
        }
        let mut text = Vec::new();
        let written = write(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        self.lines.extend(text.lines().map(str::to_owned));
        Ok(written)
    }

    /// A line that programs have in another form already.
    pub fn remark(&mut self, text: &str) -> io::Result<()> {
        match self.form {
            Form::Text => writeln!(self.sink, "{}", harmless(text)),
            Form::Json => Ok(()),
        }
    }

    /// A member of the JSON object; people have it in another form.
    pub fn member(&mut self, name: &str, value: &Value) -> io::Result<()> {
        if self.form == Form::Json {
            self.key(name)?;
            write!(self.sink, "{value}")?;
        }
        Ok(())
    }

    /// Begins a table.
    pub fn table<'t>(&'t mut self, name: &str, columns: &'t [Column]) -> io::Result<Table<'t, 'w>> {
        match self.form {
            Form::Text => {
                let titles: Vec<Cell> = columns.iter().map(|column| column.title.into()).collect();
                self.coloured(0, |out| out.row(columns, &titles))?;
            }
            Form::Json => {
                self.key(name)?;
                write!(self.sink, "[")?;
            }
        }
        Ok(Table {
            out: self,
            columns,
            rows: 0,
        })
    }

    fn row(&mut self, columns: &[Column], cells: &[Cell]) -> io::Result<()> {
        if !columns.iter().any(|column| column.shown) {
            return Ok(());
        }
        let mut line = String::new();
        for (index, (column, cell)) in columns.iter().zip(cells).enumerate() {
            if !column.shown {
                continue;
            }
            let text = cell.text();
            let most = if column.cut { column.width } else { usize::MAX };
            let end = text
                .char_indices()
                .nth(most)
                .map_or(text.len(), |(at, _)| at);
            let cut = &text[..end];
            let blanks = column.width.saturating_sub(cut.chars().count());
            if index > 0 {
                line.push(' ');
            }
            let (before, after) = if column.right {
                (blanks, 0)
            } else {
                (0, blanks)
            };
            line.extend(std::iter::repeat_n(' ', before));
            line.push_str(&of_one_line(cut));
            line.extend(std::iter::repeat_n(' ', after));
        }
        line.push('\n');
        self.sink.write_all(line.as_bytes())
    }

    /// Begins a table whose rows are sheets of fields.
    pub fn sheets(&mut self, name: &str) -> io::Result<Table<'_, 'w>> {
        if self.form == Form::Json {
            self.key(name)?;
            write!(self.sink, "[")?;
        }
        Ok(Table {
            out: self,
            columns: &[],
            rows: 0,
        })
    }

    /// Begins a sheet of fields.
    pub fn fields(&mut self, name: &'static str) -> Fields<'_, 'w> {
        Fields {
            out: self,
            place: Place::Member(name),
            object: serde_json::Map::new(),
        }
    }

    /// What was asked cannot be done, and why. Said again, for another reason,
    /// too.
    pub fn fail(&mut self, sentence: impl Into<String>) -> io::Result<()> {
        let sentence = sentence.into();
        if self.form == Form::Text {
            self.coloured(1, |out| writeln!(out.sink, "{}", harmless(&sentence)))?;
        }
        let mut error = self.error.take().unwrap_or_default();
        if !error.is_empty() {
            error.push('\n');
        }
        self.error = Some(error + &sentence);
        Ok(())
    }

    /// What was asked cannot be done, and the answer says why already.
    pub fn fail_silently(&mut self) {
        self.error.get_or_insert_default();
    }

    /// Writes in one of the colours, where they are wanted.
    fn coloured(
        &mut self,
        colour: usize,
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        if !self.colours {
            return write(self);
        }
        write!(self.sink, "{}", COLOURS[colour])?;
        write(self)?;
        write!(self.sink, "{}", COLOURS[2])
    }

    /// Ends what is said; whether the command did what it was asked.
    pub fn end(mut self) -> io::Result<bool> {
        let ok = self.error.is_none();
        if self.form == Form::Json {
            let lines = std::mem::take(&mut self.lines);
            if !lines.is_empty() {
                self.member("lines", &json!(lines))?;
            }
            if let Some(error) = self.error.take().filter(|error| !error.is_empty()) {
                self.member("error", &json!(error))?;
            }
            self.member("ok", &json!(ok))?;
            writeln!(self.sink, "}}")?;
        }
        self.sink.flush()?;
        Ok(ok)
    }

    fn key(&mut self, name: &str) -> io::Result<()> {
        let before = if self.begun { ',' } else { '{' };
        self.begun = true;
        write!(self.sink, "{before}{}:", json!(name))
    }
}

/// Text that makes a terminal do nothing: some of it comes from the network.
fn harmless(text: &str) -> Cow<'_, str> {
    without(text, |letter| {
        letter.is_control() && !"\n\t".contains(letter)
    })
}

/// The same of a value, which has no lines: none is made up by what it says.
fn of_one_line(text: &str) -> Cow<'_, str> {
    without(text, char::is_control)
}

fn without(text: &str, harms: impl Fn(char) -> bool + Copy) -> Cow<'_, str> {
    match text.contains(harms) {
        true => Cow::Owned(text.replace(harms, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// A table on its way out.
pub struct Table<'t, 'w> {
    out: &'t mut Out<'w>,
    columns: &'t [Column],
    rows: u64,
}

impl<'w> Table<'_, 'w> {
    /// A row: a cell for each column.
    pub fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        self.rows += 1;
        if self.out.form == Form::Text {
            return self.out.row(self.columns, cells);
        }
        let named = self.columns.iter().zip(cells);
        let object: serde_json::Map<_, _> = named
            .filter(|(column, _)| !column.key.is_empty())
            .map(|(column, cell)| (column.key.to_owned(), cell.json()))
            .collect();
        let comma = if self.rows > 1 { "," } else { "" };
        write!(self.out.sink, "{comma}{}", Value::Object(object))
    }

    /// Begins a row that is a sheet of fields.
    pub fn fields(&mut self) -> Fields<'_, 'w> {
        self.rows += 1;
        Fields {
            out: self.out,
            place: Place::Row(self.rows),
            object: serde_json::Map::new(),
        }
    }

    /// Ends it; returns how many rows there were.
    pub fn end(self) -> io::Result<u64> {
        if self.out.form == Form::Json {
            write!(self.out.sink, "]")?;
        }
        Ok(self.rows)
    }
}

/// Where a sheet stands in JSON.
enum Place {
    /// Under its name.
    Member(&'static str),
    /// In a table, the how-manieth row.
    Row(u64),
}

/// A sheet of fields on its way out: a line each, and one JSON object.
pub struct Fields<'t, 'w> {
    out: &'t mut Out<'w>,
    place: Place,
    object: serde_json::Map<String, Value>,
}

impl Fields<'_, '_> {
    /// A field: what stands before its value in text, and its name in JSON.
    pub fn field<'c>(
        &mut self,
        before: &str,
        key: &str,
        value: impl Into<Cell<'c>>,
    ) -> io::Result<()> {
        let value = value.into();
        match self.out.form {
            Form::Text => {
                let text = value.text();
                writeln!(self.out.sink, "{before}{}", of_one_line(&text))
            }
            Form::Json => {
                self.object.insert(key.to_owned(), value.json());
                Ok(())
            }
        }
    }

    /// A line that says nothing to programs.
    pub fn remark(&mut self, text: &str) -> io::Result<()> {
        self.out.remark(text)
    }

    /// A field that says nothing to people.
    pub fn member(&mut self, key: &str, value: Value) {
        if self.out.form == Form::Json {
            self.object.insert(key.to_owned(), value);
        }
    }

    /// Ends it.
    pub fn end(self) -> io::Result<()> {
        let object = Value::Object(self.object);
        match self.place {
            Place::Member(name) => self.out.member(name, &object),
            Place::Row(row) if self.out.form == Form::Json => {
                let comma = if row > 1 { "," } else { "" };
                write!(self.out.sink, "{comma}{object}")
            }
            Place::Row(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(form: Form, fails: bool) -> (bool, String) {
        const COLUMNS: [Column; 2] = [
            Column::left("Name", "name", 6),
            Column::right("Count", "count", 5),
        ];
        let mut sink = Vec::new();
        let mut out = Out::new(form, &mut sink);
        let mut table = out.table("things", &COLUMNS).unwrap();
        table.row(&["longish".into(), 7_i64.into()]).unwrap();
        table
            .row(&["b".into(), Cell::Both("none".into(), Value::Null)])
            .unwrap();
        assert_eq!(table.end().unwrap(), 2);
        out.line("2 things").unwrap();
        if fails {
            out.fail("no \"third\" thing").unwrap();
        }
        let ok = out.end().unwrap();
        (ok, String::from_utf8(sink).unwrap())
    }

    #[test]
    fn people_read_columns() {
        let expected = "Name   Count\nlongis     7\nb       none\n2 things\n";
        assert_eq!(said(Form::Text, false), (true, expected.into()));
        let failed = format!("{expected}no \"third\" thing\n");
        assert_eq!(said(Form::Text, true), (false, failed));
    }

    #[test]
    fn programs_read_one_object() {
        let (ok, text) = said(Form::Json, true);
        let value: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "things": [{"name": "longish", "count": 7}, {"name": "b", "count": null}],
            "lines": ["2 things"],
            "error": "no \"third\" thing",
            "ok": false,
        });
        assert_eq!((ok, value), (false, expected));
    }

    #[test]
    fn all_reasons_of_a_failure_are_told() {
        let mut sink = Vec::new();
        let mut out = Out::new(Form::Json, &mut sink);
        out.fail_silently();
        out.fail("one").unwrap();
        out.fail("two").unwrap();
        assert!(!out.end().unwrap());
        let value: Value = serde_json::from_slice(&sink).unwrap();
        assert_eq!(value, json!({"error": "one\ntwo", "ok": false}));
    }

    #[test]
    fn nobody_makes_a_terminal_do_anything() {
        const COLUMNS: [Column; 1] = [Column::left("Call-ID", "call_id", 9)];
        let mut sink = Vec::new();
        let mut out = Out::new(Form::Text, &mut sink);
        out.line("one\u{1b}[2J\ttwo").unwrap();
        out.remark("\u{9b}31m").unwrap();
        let mut table = out.table("calls", &COLUMNS).unwrap();
        table.row(&["\u{7}bell\n".into()]).unwrap();
        table.end().unwrap();
        let mut sheet = out.fields("peer");
        sheet
            .field("Useragent : ", "user_agent", "\u{1b}]0;x\nyes")
            .unwrap();
        sheet.end().unwrap();
        out.fail("\r no").unwrap();
        out.end().unwrap();
        let expected = "one\u{fffd}[2J\ttwo\n\u{fffd}31m\n\
            Call-ID  \n\u{fffd}bell\u{fffd}   \n\
            Useragent : \u{fffd}]0;x\u{fffd}yes\n\u{fffd} no\n";
        assert_eq!(String::from_utf8(sink).unwrap(), expected);
    }
}
