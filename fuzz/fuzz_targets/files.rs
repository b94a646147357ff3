//! A configuration file and, behind NULs, those it may include, called 1, 2 and
//! so on: lines become categories and entries, or a sentence with its line.

#![no_main]

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;

use config::file::{Ran, Source, load, parse};

// The server around it is of no use here.
#[allow(dead_code, unused_imports, reason = "the server uses the rest")]
#[path = "../../src/config"]
mod config {
    pub mod file;
}

/// Files read before the rest are gone: a few lines may include without end.
const MOST_READ: usize = 64;

struct Shelf<'t> {
    files: Vec<&'t str>,
    read: Cell<usize>,
}

impl Source for Shelf<'_> {
    fn find(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let all = (1..self.files.len()).map(|number| PathBuf::from(number.to_string()));
        Ok(all
            .filter(|path| pattern == path || pattern == Path::new("*"))
            .collect())
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        self.read.set(self.read.get() + 1);
        let number = path.to_str().and_then(|name| name.parse::<usize>().ok());
        let text = number.and_then(|number| self.files.get(number));
        text.filter(|_| self.read.get() <= MOST_READ)
            .map(|text| (*text).into())
            .ok_or(io::ErrorKind::NotFound.into())
    }

    fn run(&self, command: &str) -> io::Result<Ran> {
        Ok(match command.len() % 3 {
            0 => Ran::Printed(command.into()),
            1 => Ran::Skipped,
            _ => Ran::Forbidden,
        })
    }
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _ = parse(&text, "0");
    let shelf = Shelf {
        files: text.split('\0').collect(),
        read: Cell::new(0),
    };
    let file = match load(&shelf, Path::new("0")) {
        Ok(file) => file,
        Err(error) => return assert!(!error.text.is_empty()),
    };
    let is_bare = |text: &str| text == text.trim_matches(|character| character <= ' ');
    for category in &file.categories {
        assert!(category.at.line > 0);
        for entry in &category.entries {
            assert!(!entry.key.is_empty() && is_bare(&entry.key), "{entry:?}");
            assert!(is_bare(&entry.value), "{entry:?}");
            assert!(entry.at.line > 0);
        }
    }
});
