//! What a file was read from, itself and all it includes, so that it need not
//! be read again while none of that has changed.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use super::source::{Ran, Source};

/// What was found where.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// Paths and globs, and the files they named.
    found: Vec<(PathBuf, Vec<PathBuf>)>,
    /// Files, and the hashes of what they said.
    read: Vec<(PathBuf, u64)>,
    /// Something was read that cannot be looked at again without doing it: what
    /// a command prints.
    elusive: bool,
}

impl Trace {
    /// The trace of what is not in files.
    pub fn elusive() -> Trace {
        Trace {
            elusive: true,
            ..Trace::default()
        }
    }

    /// Whether reading it again would find the same. Blocks.
    pub fn is_current(&self, source: &dyn Source) -> bool {
        let finds = |(pattern, paths): &(PathBuf, Vec<PathBuf>)| {
            source.find(pattern).is_ok_and(|found| found == *paths)
        };
        let says = |(path, hash): &(PathBuf, u64)| {
            source.read(path).is_ok_and(|text| hash_of(&text) == *hash)
        };
        !self.elusive && self.found.iter().all(finds) && self.read.iter().all(says)
    }
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A source that remembers what it was asked for.
pub struct Traced<'s> {
    source: &'s dyn Source,
    trace: RefCell<Trace>,
}

impl<'s> Traced<'s> {
    /// Of that source.
    pub fn new(source: &'s dyn Source) -> Traced<'s> {
        Traced {
            source,
            trace: RefCell::default(),
        }
    }

    /// What was asked for.
    pub fn into_trace(self) -> Trace {
        self.trace.into_inner()
    }
}

impl Source for Traced<'_> {
    fn find(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let found = self.source.find(pattern)?;
        let mut trace = self.trace.borrow_mut();
        trace.found.push((pattern.into(), found.clone()));
        Ok(found)
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let text = self.source.read(path)?;
        let mut trace = self.trace.borrow_mut();
        trace.read.push((path.into(), hash_of(&text)));
        Ok(text)
    }

    fn run(&self, command: &str) -> io::Result<Ran> {
        self.trace.borrow_mut().elusive = true;
        self.source.run(command)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Disk, load};
    use super::*;

    #[test]
    fn a_change_in_whatever_was_included_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
        let disk = Disk::default();
        let trace = || {
            let traced = Traced::new(&disk);
            load(&traced, &path("a.conf")).unwrap();
            traced.into_trace()
        };
        write("a.conf", "[general]\n#include \"b*.conf\"\n");
        write("b1.conf", "realm=one\n");
        let before = trace();
        assert!(before.is_current(&disk));
        write("b1.conf", "realm=one\n");
        assert!(before.is_current(&disk), "written again as it was");
        write("b1.conf", "realm=two\n");
        assert!(!before.is_current(&disk));
        write("b1.conf", "realm=one\n");
        write("b2.conf", "realm=two\n");
        assert!(!before.is_current(&disk), "one more is included");
        assert!(trace().is_current(&disk));
        std::fs::remove_file(path("a.conf")).unwrap();
        assert!(!before.is_current(&disk));
    }

    #[test]
    fn what_a_command_prints_may_always_have_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.conf");
        std::fs::write(&path, "[general]\n#exec echo realm=one\n").unwrap();
        let disk = Disk {
            exec: super::super::Exec::Run,
        };
        let traced = Traced::new(&disk);
        load(&traced, &path).unwrap();
        assert!(!traced.into_trace().is_current(&disk));
        assert!(!Trace::elusive().is_current(&disk));
    }
}
