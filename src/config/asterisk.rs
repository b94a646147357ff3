//! asterisk.conf: of its options, those that say how the other files are read,
//! what this node is called, who it runs as and who may reach its console.
//! Without the file each stays at its default.

use std::path::Path;

use super::file::{self, ConfigError, Disk, Entry, Warning};
use super::words::{misfit, truth};
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
    /// `[files]`.
    pub access: Access,
}

/// Who may reach the console's socket: `[files]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access {
    /// `astctlpermissions`.
    pub mode: u32,
    /// `astctlowner`; `None` for whoever the engine runs as.
    pub owner: Option<String>,
    /// `astctlgroup`; `None` for the group the engine runs as.
    pub group: Option<String>,
}

impl Default for Access {
    /// The user and the group the engine runs as.
    fn default() -> Access {
        Access {
            mode: 0o660,
            owner: None,
            group: None,
        }
    }
}

/// Reads asterisk.conf of a directory, which itself may run nothing.
pub(super) fn load(dir: &Path, warnings: &mut Vec<Warning>) -> Result<Options, ConfigError> {
    let path = dir.join("asterisk.conf");
    let mut options = Options::default();
    if !path.exists() {
        return Ok(options);
    }
    let file = file::load(&Disk::default(), &path)?;
    let entries = |section: &'static str| {
        let sections = file.categories.iter();
        let own = sections.filter(move |category| category.name.eq_ignore_ascii_case(section));
        own.flat_map(|category| &category.entries)
    };
    let access = &mut options.access;
    for entry in entries("files") {
        let value = || Some(entry.value.clone()).filter(|value| !value.is_empty());
        match entry.key.to_ascii_lowercase().as_str() {
            "astctlpermissions" => match u32::from_str_radix(&entry.value, 8) {
                Ok(mode @ 0..=0o777) => access.mode = mode,
                _ => {
                    let text = misfit(&entry.key, Some(&entry.value), "files", "0 to 0777, octal");
                    warnings.push(Warning::new(&entry.at, text));
                }
            },
            "astctlowner" => access.owner = value(),
            "astctlgroup" => access.group = value(),
            _ => {}
        }
    }
    let mut group = None;
    for entry in entries("options") {
        match entry.key.to_ascii_lowercase().as_str() {
            "systemname" => options.systemname = systemname(entry, warnings),
            "runuser" => options.run_as.0 = entry.value.clone(),
            "rungroup" => {
                options.run_as.1 = entry.value.clone();
                group = Some(entry);
            }
            "execincludes" => options.execincludes = truth(&entry.value) == Some(true),
            _ => {}
        }
    }
    if let (Some(entry), "") = (group, &*options.run_as.0) {
        let text = "rungroup does nothing without runuser.";
        warnings.push(Warning::new(&entry.at, text));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Account>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("asterisk.conf"), text).unwrap();
        let mut warnings = Vec::new();
        load(dir.path(), &mut warnings).unwrap();
        let told = warnings.into_iter().map(|warning| warning.text.to_string());
        (run_as(dir.path()).unwrap(), told.collect())
    }

    #[test]
    fn the_user_to_run_as_is_named_with_its_group_or_without() {
        let (account, told) = read("[options]\nrunuser = voip\nrungroup = sip\n");
        assert_eq!(
            (account.unwrap().to_string(), told),
            ("voip:sip".into(), vec![])
        );
        let (account, _) = read("[options]\nrunuser = voip\n");
        assert_eq!(account.unwrap().to_string(), "voip");
        assert_eq!(read("[options]\n"), (None, vec![]));
        let (account, told) = read("[options]\nrungroup = sip\n");
        assert_eq!(account, None);
        assert_eq!(told, ["rungroup does nothing without runuser."]);
    }
}
