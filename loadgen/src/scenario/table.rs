//! Injection files (`-inf`): lines of fields separated by `;`, given out one
//! line a call. Holds them in memory; whoever counts calls picks the lines.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use super::problem::{Problem, Severity};

/// Which line a call gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// The next one, and after the last the first again.
    Sequential,
    /// Any.
    Random,
    /// That of the call's user.
    User,
}

/// One injection file.
#[derive(Clone, Debug)]
pub struct Table {
    name: String,
    order: Order,
    lines: Vec<String>,
    generated: Option<Generated>,
    index: Option<Index>,
}

/// Lines made from the lines of the file, which are templates then.
#[derive(Clone, Debug)]
struct Generated {
    lines: usize,
    multiple: u64,
    offset: u64,
}

#[derive(Clone, Debug)]
struct Index {
    column: usize,
    lines: HashMap<String, usize>,
}

impl Table {
    /// Reads the file at `path`, known to scenarios by that path or by its
    /// last part.
    pub fn read(path: &Path) -> Result<Table, Problem> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| Problem {
            severity: Severity::Refusal,
            file: name.clone(),
            line: 0,
            text: format!("cannot be read: {error}"),
        })?;
        Table::parse(&name, &super::text::decode(bytes))
    }

    /// Takes the first line for the order, the others for lines unless blank
    /// or begun with `#`.
    pub fn parse(name: &str, text: &str) -> Result<Table, Problem> {
        let problem = |line: u32, text: String| Problem {
            severity: Severity::Refusal,
            file: name.to_owned(),
            line,
            text,
        };
        let mut all = text.lines();
        let head = all.next().unwrap_or("").trim();
        let (order, generated) = parse_head(head).map_err(|text| problem(1, text))?;
        let kept = |line: &&str| !line.is_empty() && !line.starts_with('#');
        let lines: Vec<String> = all.filter(kept).map(str::to_owned).collect();
        if lines.is_empty() {
            return Err(problem(
                0,
                "has no line after the first; give at least one".to_owned(),
            ));
        }
        Ok(Table {
            name: name.to_owned(),
            order,
            lines,
            generated,
            index: None,
        })
    }

    /// Whether a scenario that says `file` means this one.
    pub fn is_named(&self, file: &str) -> bool {
        self.name == file || Path::new(&self.name).file_name() == Some(file.as_ref())
    }

    /// Which line a call gets.
    pub fn order(&self) -> Order {
        self.order
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        let made = self.generated.as_ref().map(|generated| generated.lines);
        made.unwrap_or(self.lines.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Field `column` of line `line`, both from 0; empty where there is none.
    pub fn field(&self, line: usize, column: usize) -> Cow<'_, str> {
        if line >= self.len() {
            return Cow::Borrowed("");
        }
        let text = &self.lines[line % self.lines.len()];
        let field = text.split(';').nth(column).unwrap_or("");
        match &self.generated {
            Some(generated) => {
                let number = (line as u64).wrapping_mul(generated.multiple);
                Cow::Owned(print(field, number.wrapping_add(generated.offset)))
            }
            None => Cow::Borrowed(field),
        }
    }

    /// Makes `lookup` find lines by field `column` (`-infindex`).
    pub fn index_by(&mut self, column: usize) {
        let lines = (0..self.len()).map(|line| (self.field(line, column).into_owned(), line));
        let lines = lines.collect();
        self.index = Some(Index { column, lines });
    }

    /// The line whose indexed field is `key`.
    pub fn lookup(&self, key: &str) -> Option<usize> {
        self.index.as_ref()?.lines.get(key).copied()
    }

    /// Adds a line at the end. Generated files take none.
    pub fn insert(&mut self, text: &str) -> bool {
        let fits = self.generated.is_none();
        if fits {
            self.lines.push(text.to_owned());
            self.file_under(self.lines.len() - 1);
        }
        fits
    }

    /// Puts `text` in the place of line `line`. Generated files take none.
    pub fn replace(&mut self, line: usize, text: &str) -> bool {
        if self.generated.is_some() || line >= self.lines.len() {
            return false;
        }
        let old = self.key_of(line);
        if let (Some(index), Some(old)) = (&mut self.index, old) {
            index.lines.remove(&old);
        }
        text.clone_into(&mut self.lines[line]);
        self.file_under(line);
        true
    }

    fn key_of(&self, line: usize) -> Option<String> {
        let column = self.index.as_ref()?.column;
        Some(self.field(line, column).into_owned())
    }

    fn file_under(&mut self, line: usize) {
        let key = self.key_of(line);
        if let (Some(index), Some(key)) = (&mut self.index, key) {
            index.lines.insert(key, line);
        }
    }
}

fn parse_head(head: &str) -> Result<(Order, Option<Generated>), String> {
    let mut words = head.split(',');
    let order = match words.next().unwrap_or("") {
        "SEQUENTIAL" => Order::Sequential,
        "RANDOM" => Order::Random,
        "USER" | "USERS" => Order::User,
        word => {
            return Err(format!(
                "the first line begins with SEQUENTIAL, RANDOM or USER, not {word:?}"
            ));
        }
    };
    let mut generated = Generated {
        lines: 0,
        multiple: 1,
        offset: 0,
    };
    for word in words {
        let (name, number) = word.split_once('=').unwrap_or((word, ""));
        let number: u64 = number
            .parse()
            .map_err(|_| format!("{word:?} is no NAME=NUMBER"))?;
        match name {
            "PRINTF" => generated.lines = number as usize,
            "PRINTFMULTIPLE" => generated.multiple = number,
            "PRINTFOFFSET" => generated.offset = number,
            _ => {
                return Err(format!(
                    "{name:?} is none of PRINTF, PRINTFMULTIPLE, PRINTFOFFSET"
                ));
            }
        }
    }
    Ok((order, (generated.lines > 0).then_some(generated)))
}

/// `template` with `number` in place of each `%d`, whose flags `0` and `-` and
/// width are those of C's printf.
fn print(template: &str, number: u64) -> String {
    let mut out = String::with_capacity(template.len() + 8);
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let flags = rest.len() - rest.trim_start_matches(['0', '-']).len();
        let (flags, after) = rest.split_at(flags);
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (width, after) = after.split_at(digits);
        let Some(after) = after.strip_prefix(['d', 'i', 'u']) else {
            out.push('%');
            continue;
        };
        let width = width.parse::<usize>().unwrap_or(0).min(256);
        out.push_str(&match (flags.contains('-'), flags.contains('0')) {
            (true, _) => format!("{number:<width$}"),
            (false, true) => format!("{number:0width$}"),
            (false, false) => format!("{number:width$}"),
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::parse("dir/users.csv", text).unwrap()
    }

    #[test]
    fn lines_and_fields() {
        let table = table("SEQUENTIAL\n#not this\nSarah;sipphone32\n\nBob;sipphone12;x\n");
        assert_eq!((table.order(), table.len()), (Order::Sequential, 2));
        assert_eq!(table.field(0, 0), "Sarah");
        assert_eq!(table.field(1, 2), "x");
        assert_eq!(table.field(0, 2), "");
        assert_eq!(table.field(9, 0), "");
        assert!(table.is_named("users.csv") && table.is_named("dir/users.csv"));
    }

    #[test]
    fn generated_lines_repeat_their_templates() {
        let table = table(
            "USERS,PRINTF=4,PRINTFMULTIPLE=2,PRINTFOFFSET=10\nuser%03d;%-4d|;Foo\nuser%5d;100%%;Bar\n",
        );
        let line = |n| [0, 1, 2].map(|column| table.field(n, column).into_owned());
        assert_eq!(table.len(), 4);
        assert_eq!(line(0), ["user010", "10  |", "Foo"]);
        assert_eq!(line(3), ["user   16", "100%", "Bar"]);
        assert_eq!(print("%s 5%", 1), "%s 5%");
    }

    #[test]
    fn an_index_follows_what_is_changed() {
        let mut table = table("USER\na;1\nb;2\n");
        assert_eq!(table.lookup("b"), None, "not indexed yet");
        table.index_by(0);
        assert_eq!(table.lookup("b"), Some(1));
        assert!(table.insert("c;3") && table.replace(0, "z;0"));
        assert!(!table.replace(7, "y"));
        assert_eq!(
            (table.lookup("a"), table.lookup("z"), table.lookup("c")),
            (None, Some(0), Some(2))
        );
    }

    #[test]
    fn faults_are_named_with_their_line() {
        let fault = |text| Table::parse("f.csv", text).unwrap_err().to_string();
        assert!(fault("ODD\na").starts_with("f.csv:1: the first line"));
        assert!(fault("RANDOM\n#a").contains("no line after the first"));
        assert!(fault("USER,PRINTF=x\na").contains("\"PRINTF=x\""));
    }
}
