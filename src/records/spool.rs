//! Rows that wait in a file until their database takes them: one JSON object a
//! line, in order. How many bytes it has taken stands in a file beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::file::{Appender, sync_directory};

/// The most a spool may hold, in bytes.
const MOST: u64 = 1 << 30;

/// A row: values by column.
pub type Row = BTreeMap<String, String>;

/// The spool of one directory. One engine to a directory.
#[derive(Debug)]
pub struct Spool {
    file: Appender,
    /// Bytes that are done with.
    done: u64,
    /// Rows that are not.
    waiting: u64,
    /// Bytes there are.
    len: u64,
}

impl Spool {
    /// What an earlier process has left in a directory, if anything.
    pub fn open(dir: &Path) -> io::Result<Spool> {
        let mut spool = Spool {
            file: Appender::new(dir.join("cdr.spool")),
            done: 0,
            waiting: 0,
            len: 0,
        };
        if spool.file.path().exists() {
            // Half a row at its end is taken away.
            spool.file.append(b"")?;
            spool.len = std::fs::metadata(spool.file.path())?.len();
        }
        if spool.len == 0 {
            spool.unmark()?;
            return Ok(spool);
        }
        let done = std::fs::read_to_string(spool.mark()).unwrap_or_default();
        spool.done = done.trim().parse().unwrap_or(0).min(spool.len);
        let mut rest = File::open(spool.file.path())?;
        rest.seek(SeekFrom::Start(spool.done))?;
        spool.waiting = BufReader::new(rest).split(b'\n').count() as u64;
        Ok(spool)
    }

    /// Rows that wait.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Puts rows at the end, where they outlive the host. `Err`: none of them is
    /// there.
    pub fn put(&mut self, rows: &[Row]) -> io::Result<()> {
        // What is done with takes room until all is: a file shrinks at once.
        if self.len - self.done > MOST || self.len > 2 * MOST {
            return Err(io::Error::other("the spool is full"));
        }
        let mut lines = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut lines, row)?;
            lines.push(b'\n');
        }
        self.file.append(&lines)?;
        self.len += lines.len() as u64;
        self.waiting += rows.len() as u64;
        if let Err(error) = self.file.sync() {
            let path = self.file.path().display();
            tracing::error!("{path} may not outlive the host: {error}");
        }
        Ok(())
    }

    /// The next rows, and what [`Spool::take`] is told once they are done with.
    /// A line that is no row is passed over.
    pub fn next(&self, most: usize) -> io::Result<(Vec<Row>, Taken)> {
        let mut file = File::open(self.file.path())?;
        file.seek(SeekFrom::Start(self.done))?;
        let mut lines = BufReader::new(file);
        let (mut rows, mut taken) = (Vec::new(), Taken { bytes: 0, lines: 0 });
        let mut line = Vec::new();
        while rows.len() < most && lines.read_until(b'\n', &mut line)? > 0 {
            taken.bytes += line.len() as u64;
            taken.lines += 1;
            rows.extend(serde_json::from_slice::<Row>(&line).ok());
            line.clear();
        }
        Ok((rows, taken))
    }

    /// These rows are done with.
    pub fn take(&mut self, taken: Taken) -> io::Result<()> {
        self.done += taken.bytes;
        self.waiting = self.waiting.saturating_sub(taken.lines);
        if self.done < self.len {
            return std::fs::write(self.mark(), self.done.to_string());
        }
        // The mark goes first, and for good: rows without one come twice, but one
        // without its rows would have others passed over that come later.
        self.unmark()?;
        let rows = File::options().write(true).open(self.file.path())?;
        rows.set_len(0)?;
        (self.done, self.len, self.waiting) = (0, 0, 0);
        Ok(())
    }

    /// Nothing is done with.
    fn unmark(&self) -> io::Result<()> {
        match std::fs::remove_file(self.mark()) {
            Ok(()) => sync_directory(self.file.path()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn mark(&self) -> PathBuf {
        self.file.path().with_extension("spool.done")
    }
}

/// A part of a spool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    bytes: u64,
    lines: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u32) -> Row {
        Row::from([("src".into(), number.to_string())])
    }

    #[test]
    fn rows_leave_in_the_order_they_came_whoever_takes_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(dir.path()).unwrap();
        assert_eq!(spool.waiting(), 0);
        let rows: Vec<Row> = (0..5).map(row).collect();
        spool.put(&rows[..2]).unwrap();
        spool.put(&rows[2..]).unwrap();
        let (first, taken) = spool.next(3).unwrap();
        assert_eq!(first, rows[..3]);
        spool.take(taken).unwrap();
        let mut again = Spool::open(dir.path()).unwrap();
        assert_eq!(again.waiting(), 2);
        let (rest, taken) = again.next(9).unwrap();
        assert_eq!(rest, rows[3..]);
        again.take(taken).unwrap();
        assert_eq!(Spool::open(dir.path()).unwrap().waiting(), 0);
        assert_eq!(again.next(9).unwrap().0, []);
        again.put(&rows[..1]).unwrap();
        assert_eq!(again.next(9).unwrap().0, rows[..1]);
    }

    #[test]
    fn a_mark_that_outlived_its_rows_hides_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let rows: Vec<Row> = (0..5).map(row).collect();
        for spool in [Some(""), None] {
            match spool {
                Some(text) => std::fs::write(path("cdr.spool"), text).unwrap(),
                None => std::fs::remove_file(path("cdr.spool")).unwrap(),
            }
            std::fs::write(path("cdr.spool.done"), "12").unwrap();
            Spool::open(dir.path()).unwrap().put(&rows).unwrap();
            // That process is killed.
            let mut next = Spool::open(dir.path()).unwrap();
            let (all, taken) = next.next(9).unwrap();
            assert_eq!(all, rows);
            next.take(taken).unwrap();
        }
    }

    #[test]
    fn half_a_row_is_no_row() {
        let dir = tempfile::tempdir().unwrap();
        let text = "{\"src\":\"1\"}\nnonsense\n{\"src\":\"2\"}\n{\"sr";
        std::fs::write(dir.path().join("cdr.spool"), text).unwrap();
        let mut spool = Spool::open(dir.path()).unwrap();
        assert_eq!(spool.waiting(), 3);
        let (rows, taken) = spool.next(9).unwrap();
        assert_eq!(rows, [row(1), row(2)]);
        spool.take(taken).unwrap();
        assert_eq!(spool.waiting(), 0);
    }
}
