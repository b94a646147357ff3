//! asterisk.conf: of its options, those that say how the other files are read,
//! what this node is called and who it runs as. Without the file each stays at
//! its default.

use std::path::Path;

use super::file::{self, ConfigError, Disk, Entry, Warning};
use super::words::truth;
use crate::identity::Account;

/// What `regserver` of Asterisk's table has room for, in letters.
pub const REGSERVER_WIDTH: usize = 20;

/// `[options]`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Options {
    /// The name of this node; empty for none.
    pub systemname: String,
    /// Whether `#exec` runs what it names.
    pub execincludes: bool,
    /// The user to run as, and the group; empty for none.
    pub run_as: (String, String),
}

/// Reads asterisk.conf of a directory, which itself may run nothing.
pub(super) fn load(dir: &Path, warnings: &mut Vec<Warning>) -> Result<Options, ConfigError> {
    let path = dir.join("asterisk.conf");
    let mut options = Options::default();
    if !path.exists() {
        return Ok(options);
    }
    let file = file::load(&Disk::default(), &path)?;
    let sections = file
        .categories
        .iter()
        .filter(|category| category.name.eq_ignore_ascii_case("options"));
    for entry in sections.flat_map(|category| &category.entries) {
        match entry.key.to_ascii_lowercase().as_str() {
            "systemname" => options.systemname = systemname(entry, warnings),
            "runuser" => options.run_as.0 = entry.value.clone(),
            "rungroup" => options.run_as.1 = entry.value.clone(),
            "execincludes" => options.execincludes = truth(&entry.value) == Some(true),
            _ => {}
        }
    }
    Ok(options)
}

/// Who a server of this directory runs as when root starts it. Reads no other
/// file, and runs nothing.
pub(crate) fn run_as(dir: &Path) -> Result<Option<Account>, ConfigError> {
    let (user, group) = load(dir, &mut Vec::new())?.run_as;
    Ok((!user.is_empty()).then_some(Account {
        user,
        group: (!group.is_empty()).then_some(group),
    }))
}

fn systemname(entry: &Entry, warnings: &mut Vec<Warning>) -> String {
    if entry.value.chars().count() > REGSERVER_WIDTH {
        let text = format!(
            "systemname is longer than the {REGSERVER_WIDTH} letters that regserver of Asterisk's table has room for. \
             Widen that column, or shorten it."
        );
        warnings.push(Warning::new(&entry.at, text));
    }
    entry.value.clone()
}
