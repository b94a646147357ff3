//! Where the journals of the shards lie: in a directory of their own for each
//! `--cdr` directory, which the engine that comes next finds again. Makes them,
//! reads what an earlier engine has left, and takes away those that hold nothing
//! more. Of their bytes it knows nothing.

use std::fs::{self, DirBuilder, File};
use std::hash::Hasher;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinion_runtime::journal::{self, Journal, Left, Marks, Origin};
use pinion_sip::machine::Cdr;
use rustix::fs::{Mode, OFlags};
use rustix::process::geteuid;
use siphasher::sip::SipHasher13;

use crate::claim::claim;

/// MiB of a journal, with its head.
const MIB: usize = 4;

/// Bytes of its ring: some eight thousand records.
const RING: usize = (MIB << 20) - 4096;

/// The file that says whose the directory is.
const LOCK: &str = "lock";

/// The journals of one engine, and those that an earlier one has left.
#[derive(Debug)]
pub struct Journals {
    /// One for each shard.
    pub(super) writers: Vec<Journal>,
    /// The same, as those see them who take records out of them.
    pub(super) volumes: Vec<Arc<Volume>>,
    /// What was left.
    pub(super) left: Vec<Leftover>,
    /// Held as long as the engine lives.
    pub(super) lock: File,
}

/// A journal, as those see it who take records out of it.
#[derive(Debug)]
pub struct Volume {
    path: PathBuf,
    marks: Arc<Marks>,
    /// The position behind all there will ever be, where nobody writes any more.
    end: Option<u64>,
}

/// What an earlier engine has left in a journal.
#[derive(Debug)]
pub(super) struct Leftover {
    pub(super) volume: Arc<Volume>,
    pub(super) origin: Origin,
    /// Records, and the positions behind them.
    pub(super) records: Vec<(u64, Box<Cdr>)>,
}

impl Volume {
    /// A reader is done with all before `end`. The last one takes a journal away
    /// that nobody writes any more.
    pub(super) fn pass(&self, reader: usize, end: u64) {
        self.marks.pass(reader, end);
        if self.end.is_some_and(|end| self.marks.least() >= end) {
            self.remove();
        }
    }

    /// Whether a reader is done with all before `end`.
    pub(super) fn is_past(&self, reader: usize, end: u64) -> bool {
        self.marks.is_past(reader, end)
    }

    /// Takes the file away: every record it holds is where it goes.
    pub(super) fn remove(&self) {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!("{} stays: {error}", self.path.display());
            }
            _ => {}
        }
    }
}

/// Why there are no journals, and what helps.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// That process writes to the same `--cdr`.
    #[error("process {0} has the journals of the same --cdr. Give this engine another --cdr")]
    Taken(String),
    /// What has the place may be others', or is no directory. This user would have
    /// it alone.
    #[error(
        "{0} is no directory that user {1} has alone. Give it to that user, or remove it and the records in it"
    )]
    NotAlone(String, u32),
    /// So many MiB of journals cannot be made.
    #[error("the journals take {0} MiB: {1}. Give another directory, or none")]
    Unmade(usize, io::Error),
    /// The host says so.
    #[error("{0}. Give another directory, or none")]
    Host(#[from] io::Error),
}

impl Journals {
    /// Journals in `dir`, for an engine whose records go to the directory
    /// `records`, which exists, and to so many readers.
    pub fn open(
        dir: &Path,
        records: &Path,
        origin: &Origin,
        shards: usize,
        readers: usize,
    ) -> Result<Journals, Refusal> {
        fs::create_dir_all(dir)?;
        let home = dir.join(name(records)?);
        make(&home)?;
        let lock = claim(&home.join(LOCK))?.map_err(|taken| Refusal::Taken(taken.pid))?;
        let mut journals = Journals {
            writers: Vec::new(),
            volumes: Vec::new(),
            left: leftovers(&home)?,
            lock,
        };
        if let Err(error) = journals.add(&home, origin, shards, readers) {
            journals.volumes.iter().for_each(|volume| volume.remove());
            return Err(Refusal::Unmade(shards * MIB, error));
        }
        Ok(journals)
    }

    fn add(
        &mut self,
        home: &Path,
        origin: &Origin,
        shards: usize,
        readers: usize,
    ) -> io::Result<()> {
        let seal = getrandom::u64().map_err(io::Error::other)?;
        for shard in 0..shards {
            let path = home.join(format!("{:016x}-{shard}", origin.boot));
            let journal = Journal::create(&path, RING, origin.clone(), seal, readers)
                // Half of one would take room for nothing.
                .inspect_err(|_| drop(fs::remove_file(&path)))?;
            self.volumes.push(Arc::new(Volume {
                path,
                marks: Arc::clone(journal.marks()),
                end: None,
            }));
            self.writers.push(journal);
        }
        Ok(())
    }
}

/// What the directory is called for one `--cdr` directory, by whichever way that
/// is reached.
fn name(records: &Path) -> io::Result<String> {
    let mut hasher = SipHasher13::new();
    hasher.write(records.canonicalize()?.as_os_str().as_bytes());
    Ok(format!("pinion-cdr-{:016x}", hasher.finish()))
}

/// Makes a directory that is this user's and nobody else's, unless it is there.
/// In a directory that all may write, others may have been first.
fn make(home: &Path) -> Result<(), Refusal> {
    match DirBuilder::new().mode(0o700).create(home) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return Ok(made?),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let user = geteuid().as_raw();
    let is_own = |about: fs::Metadata| about.uid() == user && about.mode() & 0o077 == 0;
    let opened = rustix::fs::open(home, flags, Mode::empty());
    if opened.is_ok_and(|home| File::from(home).metadata().is_ok_and(is_own)) {
        return Ok(());
    }
    Err(Refusal::NotAlone(home.display().to_string(), user))
}

/// What lies in a directory of journals that nobody writes any more.
fn leftovers(home: &Path) -> io::Result<Vec<Leftover>> {
    let mut left = Vec::new();
    for entry in fs::read_dir(home)? {
        let path = entry?.path();
        if path.ends_with(LOCK) {
            continue;
        }
        match journal::read(&path) {
            Ok(Some(found)) => left.extend(leftover(path, found)),
            // Its engine died as it made it.
            Ok(None) if path.metadata()?.len() == 0 => fs::remove_file(&path)?,
            Ok(None) => tracing::error!(
                "{}: records of calls that this version of pinion cannot read: start the one that left them, or remove it",
                path.display()
            ),
            Err(error) => tracing::error!("{}: {error}", path.display()),
        }
    }
    left.sort_by(|one, other| one.volume.path.cmp(&other.volume.path));
    Ok(left)
}

/// Nothing where every reader has everything.
fn leftover(path: PathBuf, found: Left) -> Option<Leftover> {
    if found.torn > 0 {
        let (path, torn) = (path.display(), found.torn);
        tracing::error!("{path}: {torn} records of calls are torn, and lost");
    }
    let end = found.records.last().map_or(0, |(end, _)| *end);
    let volume = Volume {
        path,
        marks: Arc::new(found.marks),
        end: Some(end),
    };
    if found.records.is_empty() {
        volume.remove();
        return None;
    }
    Some(Leftover {
        volume: Arc::new(volume),
        origin: found.origin,
        records: found.records,
    })
}
