//! extconfig.conf: which family, or which file, is in which tables. It knows
//! the names of families; not what a driver's sections say.

use super::file::{ConfigError, Entry, File, Position, Warning};
use super::words;
use crate::realtime::mapping::Section;

/// The families the engine itself reads, and the files that may be tables.
/// Plans may read any other (`REALTIME`).
const FAMILIES: [&str; 7] = [
    "cdr",
    "sippeers",
    "sipregs",
    "nodes",
    "extensions",
    "sip.conf",
    "extensions.conf",
];
/// The files that say where the tables are, or are read before them.
const NEVER: [&str; 5] = [
    "asterisk.conf",
    "extconfig.conf",
    "logger.conf",
    "res_config_mysql.conf",
    "res_config_sqlite3.conf",
];

/// The names of drivers.
const DRIVERS: [&str; 3] = ["mysql", "sqlite", "sqlite3"];

const FORM: &str = "driver,database[,table[,priority]], as in mysql,asterisk,sippeers";

/// What speaks to a database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DriverName {
    Mysql,
    Sqlite,
}

impl DriverName {
    /// The file its sections stand in.
    pub(super) fn file(self) -> &'static str {
        match self {
            DriverName::Mysql => "res_config_mysql.conf",
            DriverName::Sqlite => "res_config_sqlite3.conf",
        }
    }

    pub(super) fn is_of(self, section: &Section) -> bool {
        match section {
            Section::Mysql(_) => self == DriverName::Mysql,
            Section::Sqlite(_) => self == DriverName::Sqlite,
        }
    }
}

/// `family => driver,read/write,table,priority`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// In lower case.
    pub family: String,
    pub driver: DriverName,
    /// The section that is read.
    pub read: String,
    /// The section that is written.
    pub write: String,
    pub table: String,
    /// From 1.
    pub priority: u32,
    pub at: Position,
}

/// Reads `[settings]`: the lines of a family in the order of their priorities.
pub(super) fn read(file: &File, warnings: &mut Vec<Warning>) -> Result<Vec<Line>, ConfigError> {
    warnings.extend(file.warnings.iter().cloned());
    let mut lines = Vec::new();
    let categories = file.categories.iter();
    for category in categories.filter(|category| !category.template) {
        if !category.name.eq_ignore_ascii_case("settings") {
            let text = format!("[{}] is not read. Write [settings].", category.name);
            warnings.push(Warning::new(&category.at, text));
            continue;
        }
        for entry in &category.entries {
            if let Some(family) = family(entry, warnings) {
                lines.push(line(&family, entry)?);
            }
        }
    }
    lines.sort_by(|a, b| (&a.family, a.priority).cmp(&(&b.family, b.priority)));
    let mut families = lines.chunk_by(|a, b| a.family == b.family);
    families.try_for_each(consecutive)?;
    Ok(lines)
}

/// The family a line is of; `None`, with a warning, where nobody reads it.
fn family(entry: &Entry, warnings: &mut Vec<Warning>) -> Option<String> {
    let name = entry.key.to_ascii_lowercase();
    let driver = entry.value.split(',').next().unwrap_or_default().trim();
    let for_plans = !name.ends_with(".conf")
        && DRIVERS
            .iter()
            .any(|known| driver.eq_ignore_ascii_case(known));
    let (family, warning) = if NEVER.contains(&&*name) {
        let text = format!("{name} cannot come from a database; this line is ignored.");
        (None, text)
    } else if name == "sipfriends" {
        let text = "sipfriends is the old name of sippeers, and taken as that.".into();
        (Some("sippeers".into()), text)
    } else if FAMILIES.contains(&&*name) {
        return Some(name);
    } else {
        let near = words::nearest(&name, FAMILIES);
        match (near, for_plans) {
            (None, true) => return Some(name),
            (Some(known), true) => {
                let text = format!("only plans can read '{name}'; did you mean '{known}'?");
                (Some(name), text)
            }
            (_, false) => {
                let text = format!("nothing here reads '{name}'; this line is ignored.");
                (None, text)
            }
        }
    };
    warnings.push(Warning::new(&entry.at, warning));
    family
}

fn line(family: &str, entry: &Entry) -> Result<Line, ConfigError> {
    let refuse = |text: String| Err(ConfigError::new(&entry.at, text));
    let fields = fields(&entry.value);
    let field = |index: usize| fields.get(index).copied().unwrap_or_default();
    let driver = match &*field(0).to_ascii_lowercase() {
        "mysql" => DriverName::Mysql,
        "sqlite" | "sqlite3" => DriverName::Sqlite,
        "" => return Err(words::refusal(entry, "settings", FORM)),
        other => {
            return refuse(format!(
                "there is no driver '{other}' for {family}. Write mysql or sqlite."
            ));
        }
    };
    let database = field(1);
    let (read, write) = match driver {
        DriverName::Mysql => database.split_once('/').unwrap_or((database, database)),
        DriverName::Sqlite => (database, database),
    };
    if read.is_empty() || write.is_empty() || fields.len() > 4 {
        return Err(words::refusal(entry, "settings", FORM));
    }
    let priority = match field(3) {
        "" => 1,
        text => match text.parse() {
            Ok(priority @ 1..) => priority,
            _ => {
                return refuse(format!(
                    "the priority '{text}' of {family} is no number from 1 on. Write 1, or leave it out."
                ));
            }
        },
    };
    let table = match field(2) {
        "" => entry.key.to_ascii_lowercase(),
        table => table.into(),
    };
    Ok(Line {
        family: family.into(),
        driver,
        read: read.trim().into(),
        write: write.trim().into(),
        table,
        priority,
        at: entry.at.clone(),
    })
}

/// The fields between commas; one in double quotes keeps its own.
fn fields(text: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let text = text.trim_start();
        let quoted = text.strip_prefix('"').and_then(|text| text.split_once('"'));
        let (field, after) = match (quoted, text.split_once(',')) {
            (Some((field, after)), _) => (field, after.split_once(',').map(|(_, after)| after)),
            (None, Some((field, after))) => (field, Some(after)),
            (None, None) => (text, None),
        };
        fields.push(field.trim());
        rest = after;
    }
    fields
}

/// The lines of one family are numbered 1, 2 and so on.
fn consecutive(lines: &[Line]) -> Result<(), ConfigError> {
    for (line, wanted) in lines.iter().zip(1..) {
        let Line {
            family, priority, ..
        } = line;
        if *priority != wanted {
            let wrong = match *priority < wanted {
                true => format!("{family} has the priority {priority} twice"),
                false => format!("{family} has the priority {priority}, and none of {wanted}"),
            };
            let text = format!("{wrong}. Number its lines 1, 2 and so on.");
            return Err(ConfigError::new(&line.at, text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
