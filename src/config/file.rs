//! The file layer of Asterisk's configuration: lines, comments, categories,
//! templates and includes. It owns no meaning: what a key says is its
//! reader's matter.

mod comments;
mod lines;
mod source;
mod trace;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use self::lines::Loader;
use self::source::Nothing;

pub use self::source::{Disk, Exec, Ran, Source};
pub use self::trace::{Trace, Traced};

/// What is said of an `#exec` that is passed over.
pub const NOT_RUN: &str = "this #exec is not run here, and what it prints is missing below. \
                           Give --allow-exec if you trust the directory.";

/// A line of a file. Line 0 stands for the file as a whole.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// The path as it was opened.
    pub file: Arc<str>,
    /// From 1.
    pub line: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// Why a configuration cannot be used: where, what, and a way out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{at}: {text}")]
pub struct ConfigError {
    /// Where.
    pub at: Position,
    /// What, and a way out: `sentence. hint`.
    pub text: String,
}

impl ConfigError {
    /// An error at a line.
    pub fn new(at: &Position, text: impl Into<String>) -> ConfigError {
        ConfigError {
            at: at.clone(),
            text: text.into(),
        }
    }
}

/// Something that is accepted but will surprise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// Where.
    pub at: Position,
    /// What, and a way out: `sentence. hint`.
    pub text: String,
    /// Whether something that was written does not work over it. The engine
    /// runs all the same; a check counts it as an error.
    pub grave: bool,
}

impl Warning {
    /// A warning at a line.
    pub fn new(at: &Position, text: impl Into<String>) -> Warning {
        Warning {
            at: at.clone(),
            text: text.into(),
            grave: false,
        }
    }

    /// A warning that something at a line does not work.
    pub fn grave(at: &Position, text: impl Into<String>) -> Warning {
        Warning {
            grave: true,
            ..Warning::new(at, text)
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.text)
    }
}

/// `key = value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// As written.
    pub key: String,
    /// Stripped at both ends, inner blanks kept.
    pub value: String,
    /// Where it was written; for an inherited entry, in its template.
    pub at: Position,
}

/// `[name]` and what follows it, inherited entries first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Category {
    /// As written.
    pub name: String,
    /// `(!)`: only there to be inherited from.
    pub template: bool,
    /// In file order; keys may repeat.
    pub entries: Vec<Entry>,
    /// Where it was opened.
    pub at: Position,
}

/// A file with everything it includes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct File {
    /// In file order; names may repeat.
    pub categories: Vec<Category>,
    /// What was accepted but will surprise.
    pub warnings: Vec<Warning>,
}

/// Reads a file of any source. Relative includes are looked up beside it,
/// whatever the depth they are named at. A file with a mistake that makes its
/// meaning uncertain is refused whole.
pub fn load(source: &dyn Source, path: &Path) -> Result<File, ConfigError> {
    let mut loader = Loader::new(source, path.parent().unwrap_or(Path::new("")));
    loader.read(path)?;
    Ok(loader.finish())
}

/// Reads a text that stands alone; `name` is what errors call it.
pub fn parse(text: &str, name: &str) -> Result<File, ConfigError> {
    let mut loader = Loader::new(&Nothing, Path::new(""));
    loader.text(text, &Arc::from(name))?;
    Ok(loader.finish())
}

#[cfg(test)]
mod tests;
