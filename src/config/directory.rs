//! A directory of configuration files, or of what names the tables that stand
//! for them: finds each file and reads its lines. What they say is its
//! readers' matter.

use std::path::{Path, PathBuf};

use super::asterisk::Access;
use super::cdr::{self, Cdr};
use super::file::{self, ConfigError, Disk, Exec, File, Position, Trace, Traced, Warning};
use super::{asterisk, realtime, table};
use crate::realtime::mapping::{Mapping, Place, Section};

/// Reads the rows that are lines of a file, all whose `filename` is its name,
/// from the first of its places that answers. May block. `Err` says in a few
/// words why none does.
pub type ReadRows<'a> = &'a dyn Fn(&Mapping, &str) -> Result<Vec<table::Row>, String>;

/// A directory whose `asterisk.conf` and `extconfig.conf` are known.
pub struct Directory<'a> {
    path: &'a Path,
    read_rows: ReadRows<'a>,
    disk: Disk,
    /// `systemname` of asterisk.conf; empty for none.
    pub systemname: String,
    /// Who may reach the console.
    pub access: Access,
    /// Which tables hold what; empty without a database.
    pub mapping: Mapping,
    /// What cdr.conf says.
    pub records: Cdr,
    /// What was accepted so far but will surprise.
    pub warnings: Vec<Warning>,
}

impl<'a> Directory<'a> {
    /// Reads the files that say how the others are read. `exec` is what becomes
    /// of commands where asterisk.conf allows them.
    pub fn open(
        path: &'a Path,
        read_rows: ReadRows<'a>,
        exec: Exec,
    ) -> Result<Directory<'a>, ConfigError> {
        let mut warnings = Vec::new();
        let options = asterisk::load(path, &mut warnings)?;
        let disk = Disk {
            exec: match options.execincludes {
                true => exec,
                false => Exec::Forbid,
            },
        };
        Ok(Directory {
            path,
            read_rows,
            disk,
            systemname: options.systemname,
            access: options.access,
            mapping: realtime::load(path, &disk, &mut warnings)?,
            records: cdr::load(path, &disk, &mut warnings)?,
            warnings,
        })
    }

    /// A file of the directory, or the rows that stand for it, and what that was
    /// read from. May block.
    pub fn read(&self, name: &str) -> Result<(File, Trace), ConfigError> {
        let Some(place) = self.mapping.places(name).first() else {
            let source = Traced::new(&self.disk);
            let file = file::load(&source, &self.present(name)?)?;
            return Ok((file, source.into_trace()));
        };
        let table = called(&self.mapping, place);
        let rows = (self.read_rows)(&self.mapping, name).map_err(|reason| {
            let at = whole(self.path.join("extconfig.conf"));
            let text = format!(
                "{table} is to hold {name}: {reason}. Mend that, or take its lines out of this file."
            );
            ConfigError::new(&at, text)
        })?;
        let include = |name: &str| file::load(&self.disk, &self.path.join(name));
        table::file(name, &table, rows, include).map(|file| (file, Trace::elusive()))
    }

    /// Whether reading a file again would find what it found then. Blocks.
    pub fn is_current(&self, trace: &Trace) -> bool {
        trace.is_current(&self.disk)
    }

    /// The path of a file, if there is one.
    fn present(&self, name: &str) -> Result<PathBuf, ConfigError> {
        let path = self.path.join(name);
        if path.exists() {
            return Ok(path);
        }
        let text = format!(
            "there is no such file. Copy examples/{name} of the source tree there to begin with."
        );
        Err(ConfigError::new(&whole(path), text))
    }
}

/// What messages call a table: `mysql:general.ast_config`.
pub fn called(mapping: &Mapping, place: &Place) -> String {
    let (driver, section) = match mapping.sections.get(place.read_section) {
        Some(Section::Mysql(section)) => ("mysql", &*section.name),
        Some(Section::Sqlite(section)) => ("sqlite", &*section.name),
        None => ("", ""),
    };
    format!("{driver}:{section}.{}", place.table)
}

/// A file as a whole.
pub(crate) fn whole(path: PathBuf) -> Position {
    Position {
        file: path.to_string_lossy().into(),
        line: 0,
    }
}
