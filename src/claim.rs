//! A place that one living process has: a file that it holds locked, with its
//! number in it. The lock goes with the process, however that ends.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A place that another process has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    /// Its number, as it wrote it.
    pub(crate) pid: String,
}

/// Takes the place that a file stands for, as long as what is returned lives.
pub(crate) fn claim(path: &Path) -> io::Result<Result<File, Taken>> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let mut lock = options.mode(0o600).open(path)?;
    match lock.try_lock() {
        Ok(()) => {
            lock.set_len(0)?;
            lock.write_all(std::process::id().to_string().as_bytes())?;
            Ok(Ok(lock))
        }
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = lock.read_to_string(&mut pid);
            Ok(Err(Taken { pid }))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}
