//! A run as a JSON file, there and back.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::results::{Results, VERSION};

/// Why a file of results cannot be used. One sentence each.
#[derive(Debug)]
pub enum FileError {
    /// The file system refuses.
    Io(PathBuf, io::Error),
    /// It is not a file of results.
    Form(PathBuf, serde_json::Error),
    /// It is of another schema.
    Version(PathBuf, u32),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            FileError::Form(path, error) => {
                write!(
                    f,
                    "{}: not the results of a run: {error}; --json writes them",
                    path.display()
                )
            }
            FileError::Version(path, version) => write!(
                f,
                "{}: results of version {version}, and only {VERSION} is known here; repeat the run",
                path.display()
            ),
        }
    }
}

impl std::error::Error for FileError {}

/// Writes a run to `path`, over what is there.
pub fn write(path: &Path, results: &Results) -> Result<(), FileError> {
    let mut text = serde_json::to_string_pretty(results)
        .map_err(|error| FileError::Form(path.into(), error))?;
    text.push('\n');
    fs::write(path, text).map_err(|error| FileError::Io(path.into(), error))
}

/// Reads what [`write`] wrote.
pub fn read(path: &Path) -> Result<Results, FileError> {
    let text = fs::read_to_string(path).map_err(|error| FileError::Io(path.into(), error))?;
    let form = |error| FileError::Form(path.into(), error);
    // The version first: another one may well have another form.
    let version: Version = serde_json::from_str(&text).map_err(form)?;
    if version.version != VERSION {
        return Err(FileError::Version(path.into(), version.version));
    }
    serde_json::from_str(&text).map_err(form)
}

#[derive(serde::Deserialize)]
struct Version {
    version: u32,
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("pinion-load-{name}-{}.json", std::process::id()))
    }

    #[test]
    fn what_is_written_is_read() {
        let path = scratch("there-and-back");
        let results = sample::call(1);
        write(&path, &results).unwrap();
        assert!(read(&path).unwrap() == results, "see {}", path.display());
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_wrong_file_is_told_by_name() {
        let path = scratch("wrong");
        let told = |text: &str| {
            fs::write(&path, text).unwrap();
            read(&path).unwrap_err().to_string()
        };
        assert!(told("{\"version\":9}").contains("of version 9"));
        assert!(told("[]").contains("not the results"));
        fs::remove_file(&path).unwrap();
        let missing = read(&path).unwrap_err().to_string();
        assert!(missing.contains("wrong"), "{missing}");
    }
}
