//! A file that lines are appended to: opened when there is one to write, opened
//! anew when somebody has moved it away, and never left with half a line.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often it is looked whether the file is still where it was.
const LOOK: Duration = Duration::from_secs(1);

/// A step back in search of the last whole line, in bytes.
const STEP: u64 = 4096;

/// The file of a path.
#[derive(Debug)]
pub struct Appender {
    path: PathBuf,
    file: Option<File>,
    looked: Instant,
}

impl Appender {
    /// Not open yet.
    pub fn new(path: PathBuf) -> Appender {
        Appender {
            path,
            file: None,
            looked: Instant::now(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines; all of them, or none.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            if !self.is_there() {
                self.leave();
            }
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(open(&self.path)?),
        };
        let before = file.metadata()?.len();
        let written = file.write_all(lines);
        if written.is_err() {
            // A disk that is full takes half a line gladly.
            let _ = file.set_len(before);
            self.file = None;
        }
        written
    }

    /// What was appended outlives the host.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// Whoever moved the file away has all of it, whatever becomes of the host.
    fn leave(&mut self) {
        if let Some(moved) = self.file.take()
            && let Err(error) = moved.sync_data()
        {
            tracing::error!("what was moved from {}: {error}", self.path.display());
        }
    }

    /// Whether the path still leads to the file that is open.
    fn is_there(&self) -> bool {
        let Some(file) = &self.file else { return false };
        match (file.metadata(), std::fs::metadata(&self.path)) {
            (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
            _ => false,
        }
    }
}

/// Opens a file to append to, and takes away the half line that a process left
/// which was killed as it wrote.
fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)?;
    let len = file.metadata()?.len();
    if len == 0 {
        sync_directory(path);
    }
    let whole = whole_lines(&mut file, len)?;
    if whole < len {
        file.set_len(whole)?;
    }
    Ok(file)
}

/// That a file is in its directory, or no longer, outlives the host. A file system
/// that cannot promise it says so; nobody can help that here.
pub(super) fn sync_directory(path: &Path) {
    if let Some(dir) = path.parent() {
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
    }
}

/// How many bytes of a file are whole lines.
fn whole_lines(file: &mut File, len: u64) -> io::Result<u64> {
    let mut end = len;
    let mut buffer = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        buffer.resize((end - start) as usize, 0);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut buffer)?;
        if let Some(at) = buffer.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_is_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        for (before, after) in [
            ("", "new\n"),
            ("one\ntwo\n", "one\ntwo\nnew\n"),
            ("one\nha", "one\nnew\n"),
            ("half", "new\n"),
        ] {
            std::fs::write(&path, before).unwrap();
            Appender::new(path.clone()).append(b"new\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
        let long = format!("one\n{}", "x".repeat(3 * STEP as usize));
        std::fs::write(&path, long).unwrap();
        Appender::new(path.clone()).append(b"new\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nnew\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let mut appender = Appender::new(path.clone());
        appender.append(b"one\n").unwrap();
        std::fs::rename(&path, dir.path().join("lines.1")).unwrap();
        appender.looked -= LOOK;
        appender.append(b"two\n").unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(
            (read("lines.1"), read("lines")),
            ("one\n".into(), "two\n".into())
        );
    }
}
