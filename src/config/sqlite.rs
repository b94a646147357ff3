//! res_config_sqlite3.conf: the SQLite files, a section each. It knows the
//! options; it opens no database.

use std::path::{Path, PathBuf};

use super::file::{Category, ConfigError, File, Warning};
use super::mysql::{REQUIREMENTS, requirements};
use super::words;
use crate::realtime::mapping::{Requirements, SqliteSection};

/// The options of a section; the last two are Asterisk's, and moot here.
const OPTIONS: [&str; 4] = ["dbfile", "requirements", "batch", "debug"];

/// Reads every section; of two with one name the last stands. A relative file
/// lies beside the configuration, in `dir`.
pub(super) fn read(
    file: &File,
    dir: &Path,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<SqliteSection>, ConfigError> {
    warnings.extend(file.warnings.iter().cloned());
    let mut sections: Vec<SqliteSection> = Vec::new();
    for category in file.categories.iter().filter(|category| !category.template) {
        let section = section(category, dir, warnings)?;
        sections.retain(|earlier| earlier.name != section.name);
        sections.push(section);
    }
    Ok(sections)
}

fn section(
    category: &Category,
    dir: &Path,
    warnings: &mut Vec<Warning>,
) -> Result<SqliteSection, ConfigError> {
    let name = &category.name;
    let mut dbfile = PathBuf::new();
    let mut wish = Requirements::Warn;
    for entry in &category.entries {
        match &*entry.key.to_ascii_lowercase() {
            "dbfile" => dbfile = entry.value.clone().into(),
            "requirements" => {
                wish = requirements(&entry.value)
                    .ok_or_else(|| words::refusal(entry, name, REQUIREMENTS))?;
            }
            "batch" | "debug" => {}
            option => {
                let text = words::unknown(option, name, words::nearest(option, OPTIONS));
                warnings.push(Warning::new(&entry.at, text));
            }
        }
    }
    if dbfile.as_os_str().is_empty() {
        let text = format!("[{name}] names no file. Write dbfile=/path/to/realtime.sqlite3.");
        return Err(ConfigError::new(&category.at, text));
    }
    Ok(SqliteSection {
        name: name.clone(),
        dbfile: dir.join(dbfile),
        requirements: wish,
    })
}

#[cfg(test)]
mod tests;
