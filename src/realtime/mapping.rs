//! Which family of rows lives where, and how each database is reached: the
//! values that `extconfig.conf` and `res_config_mysql.conf` come down to. It
//! reads no file and opens no connection.

use std::fmt;
use std::path::PathBuf;

use crate::modules::Beside;

/// A password. Never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Password(String);

impl Password {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Password {
        Password(text.into())
    }

    /// The password itself, for the one who opens the connection.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "<none>" } else { "<set>" })
    }
}

/// What may be done about a table that lacks a column, or has it too narrow
/// (`requirements`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Requirements {
    /// Say so.
    #[default]
    Warn,
    /// Add or widen it with the closest type.
    CreateClose,
    /// Add or widen it as text, whatever it holds.
    CreateChar,
}

/// Whether the connection to a server is encrypted (`dbtls`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Tls {
    /// No.
    #[default]
    No,
    /// Yes, whoever answers.
    Yes,
    /// Yes, and the server must prove its name; by the certificates of the file
    /// (`dbtlsca`, PEM), else by the usual authorities.
    Verify(Option<PathBuf>),
}

/// How a server is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Server {
    /// `dbsock`.
    Socket(PathBuf),
    /// `dbhost`, `dbport`.
    Tcp(String, u16),
}

/// A section of `res_config_mysql.conf`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MysqlSection {
    /// `[name]`.
    pub name: String,
    /// `dbhost` and `dbport`, or `dbsock`.
    pub server: Server,
    /// `dbname`.
    pub dbname: String,
    /// `dbuser`.
    pub dbuser: String,
    /// `dbpass`.
    pub dbpass: Password,
    /// `dbcharset`; `None` is utf8mb4.
    pub dbcharset: Option<String>,
    /// `requirements`.
    pub requirements: Requirements,
    /// `dbtls`, `dbtlsca`.
    pub tls: Tls,
}

/// A section of `res_config_sqlite3.conf`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SqliteSection {
    /// `[name]`.
    pub name: String,
    /// `dbfile`.
    pub dbfile: PathBuf,
    /// `requirements`.
    pub requirements: Requirements,
}

/// A database, whichever kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Section {
    /// MySQL or MariaDB.
    Mysql(MysqlSection),
    /// An SQLite file.
    Sqlite(SqliteSection),
}

impl Section {
    /// `[name]`.
    pub fn name(&self) -> &str {
        match self {
            Section::Mysql(section) => &section.name,
            Section::Sqlite(section) => &section.name,
        }
    }

    /// The module that reaches it.
    pub fn driver(&self) -> Beside {
        match self {
            Section::Mysql(_) => Beside::Mysql,
            Section::Sqlite(_) => Beside::Sqlite,
        }
    }

    /// `requirements`.
    pub fn requirements(&self) -> Requirements {
        match self {
            Section::Mysql(section) => section.requirements,
            Section::Sqlite(section) => section.requirements,
        }
    }
}

/// Where rows of a family are: one line of `extconfig.conf`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Index of the section that is read (`readctx`).
    pub read_section: usize,
    /// Index of the section that is written (`writectx`).
    pub write_section: usize,
    /// The table, or `database.table`.
    pub table: String,
}

/// A family and its places.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Family {
    /// `sippeers`, `sipregs`, …, or a file's name.
    pub name: String,
    /// By priority: the next one serves when the one before fails. A row that
    /// is missing is no failure.
    pub places: Vec<Place>,
}

/// All families, and the databases they live in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mapping {
    /// In any order; names are unique.
    pub families: Vec<Family>,
    /// What places refer to.
    pub sections: Vec<Section>,
}

impl Mapping {
    /// The places of a family, by priority; none where it is not mapped.
    pub fn places(&self, family: &str) -> &[Place] {
        self.families
            .iter()
            .find(|candidate| candidate.name == family)
            .map_or(&[], |family| &family.places)
    }

    /// Whether in `other` the same rows are in the same tables of databases of the
    /// same names, and only how these are reached may be different.
    pub fn is_alike(&self, other: &Mapping) -> bool {
        let names = |mapping: &Mapping| -> Vec<(Beside, String)> {
            let sections = mapping.sections.iter();
            sections
                .map(|section| (section.driver(), section.name().into()))
                .collect()
        };
        self.families == other.families && names(self) == names(other)
    }

    /// Whether devices are looked for in a database at all.
    pub fn has_devices(&self) -> bool {
        !self.places("sippeers").is_empty()
    }
}
