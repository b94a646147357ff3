//! The console's socket: where it lies, who may reach it, and how many may at
//! once. What they say is `session`'s matter.
//!
//! An engine holds a lock beside its socket as long as it lives, so that a
//! socket left by a dead one is replaced and that of a living one never is.

use std::env;
use std::fmt;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{Shutdown, shutdown};
use nix::unistd::{Group, User};
use std::os::fd::AsRawFd;

use super::house::House;
use super::session::{Desk, Line};
use crate::claim::claim;
use crate::config::Access;

/// Where an engine of the system has its socket.
const SYSTEM: &str = "/run/pinion/pinion.sock";

/// How long an engine that ends lets a command finish.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where consoles are, unless that is told: of the user, of the system.
pub fn places() -> Vec<PathBuf> {
    let own = env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty());
    let own = own.map(|dir| PathBuf::from(dir).join("pinion.sock"));
    own.into_iter().chain([SYSTEM.into()]).collect()
}

/// The directory of the system's.
pub fn system_dir() -> &'static Path {
    Path::new(SYSTEM).parent().unwrap_or(Path::new("/"))
}

/// A socket nobody is answered on yet.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    lock: File,
}

impl Socket {
    /// Makes it at `path`, or at the first of [`places`] that may be written, the
    /// system's first. One sentence says why that cannot be.
    pub fn bind(path: Option<&Path>, access: &Access) -> Result<Socket, String> {
        if let Some(path) = path {
            let made = Socket::bind_at(path, access);
            return made.map_err(|failure| format!("no console at {}: {failure}", path.display()));
        }
        let mut places = places();
        places.reverse();
        let made = Socket::bind_first(&places, access);
        made.map_err(|failure| format!("{failure}; --console PATH names another place"))
    }

    /// Makes it at the first of these places that may be written. One that
    /// another engine has is the end of it: whoever looks for that one's console
    /// must not find this one's.
    fn bind_first(places: &[PathBuf], access: &Access) -> Result<Socket, String> {
        let mut last = String::new();
        for path in places {
            if let Some(dir) = path.parent() {
                // Where that fails, so does what follows, and says why.
                let _ = DirBuilder::new().mode(0o755).create(dir);
            }
            let failure = match Socket::bind_at(path, access) {
                Ok(socket) => return Ok(socket),
                Err(failure) => failure,
            };
            last = format!("no console at {}: {failure}", path.display());
            if matches!(failure, Refusal::Taken(_)) {
                break;
            }
        }
        Err(last)
    }

    fn bind_at(path: &Path, access: &Access) -> Result<Socket, Refusal> {
        let lock = claim(&beside(path, ".lock"))?;
        let lock = lock.map_err(|taken| Refusal::Taken(taken.pid))?;
        if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            let removed = fs::remove_file(path);
            removed.map_err(|error| {
                Refusal::Host(format!("what a dead engine has left stays: {error}"))
            })?;
        } else if path.exists() {
            return Err(Refusal::Host("there is something that is no socket".into()));
        }
        // Nobody reaches it before it has its permissions and its name.
        let new = beside(path, ".new");
        let _ = fs::remove_file(&new);
        let listener = UnixListener::bind(&new)?;
        let placed = permit(&new, access)
            .and_then(|()| fs::rename(&new, path).map_err(|error| error.to_string()));
        if let Err(failure) = placed {
            let _ = fs::remove_file(&new);
            return Err(Refusal::Host(failure));
        }
        Ok(Socket {
            listener,
            path: path.into(),
            lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins to answer.
    pub fn open(self, house: Arc<House>) -> io::Result<Console> {
        let Socket {
            listener,
            path,
            lock,
        } = self;
        let console = Console {
            desk: Arc::new(Desk::new(house)),
            listener: listener.try_clone()?,
            closing: Arc::new(AtomicBool::new(false)),
            path,
            _lock: lock,
        };
        let (desk, closing) = (Arc::clone(&console.desk), Arc::clone(&console.closing));
        let accept = move || {
            while !closing.load(Ordering::Acquire) {
                match listener.accept() {
                    Ok((stream, _)) => desk.seat(Line::new(stream)),
                    // No descriptors, most likely: they come back.
                    Err(_) => thread::sleep(Duration::from_millis(50)),
                }
            }
        };
        thread::Builder::new()
            .name("console".into())
            .spawn(accept)?;
        Ok(console)
    }
}

/// A socket that is answered.
pub struct Console {
    desk: Arc<Desk>,
    listener: UnixListener,
    closing: Arc<AtomicBool>,
    path: PathBuf,
    _lock: File,
}

impl Console {
    /// Takes no more sessions, lets commands finish for a second at most, and
    /// ends the sessions there are.
    pub fn close(self) {
        self.closing.store(true, Ordering::Release);
        // The thread that accepts wakes up with an error; where it does not,
        // it ends with the engine.
        let _ = shutdown(self.listener.as_raw_fd(), Shutdown::Both);
        let _ = fs::remove_file(&self.path);
        self.desk.close(LAST_WORDS);
    }
}

/// Why there is no socket.
enum Refusal {
    /// The engine of that process has it.
    Taken(String),
    /// The host says so.
    Host(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::Host(error.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Taken(pid) => write!(f, "another engine has it, process {pid}"),
            Refusal::Host(sentence) => f.write_str(sentence),
        }
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Gives a file the owner, the group and the mode of `access`.
fn permit(path: &Path, access: &Access) -> Result<(), String> {
    let owner = match &access.owner {
        Some(name) => match User::from_name(name) {
            Ok(Some(user)) => Some(user.uid.as_raw()),
            _ => {
                return Err(format!(
                    "astctlowner of asterisk.conf: no user is called {name}"
                ));
            }
        },
        None => None,
    };
    let group = match &access.group {
        Some(name) => match Group::from_name(name) {
            Ok(Some(group)) => Some(group.gid.as_raw()),
            _ => {
                return Err(format!(
                    "astctlgroup of asterisk.conf: no group is called {name}"
                ));
            }
        },
        None => None,
    };
    let given = match (owner, group) {
        (None, None) => Ok(()),
        (owner, group) => chown(path, owner, group),
    };
    given
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(access.mode)))
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_dead_engines_socket_is_replaced_and_a_living_ones_never() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pinion.sock");
        let access = Access::default();
        let living = Socket::bind(Some(&path), &access).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let refused = Socket::bind(Some(&path), &access).unwrap_err();
        let expected = format!(
            "no console at {}: another engine has it, process {}",
            path.display(),
            std::process::id()
        );
        assert_eq!(refused, expected);
        assert!(UnixStream::connect(&path).is_ok());
        drop(living);
        assert!(UnixStream::connect(&path).is_err(), "dead");
        let access = Access {
            mode: 0o600,
            ..access
        };
        let _next = Socket::bind(Some(&path), &access).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_next_place_is_for_where_one_may_not_write_not_for_where_another_is() {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::default();
        let places = |first: &str| [dir.path().join(first), dir.path().join("second")];
        let first = Socket::bind_first(&places("first"), &access).unwrap();
        assert_eq!(first.path(), dir.path().join("first"));
        let refused = Socket::bind_first(&places("first"), &access).unwrap_err();
        assert!(refused.contains("another engine has it"), "{refused}");
        assert!(!dir.path().join("second").exists());
        let next = Socket::bind_first(&places("a/b/c"), &access).unwrap();
        assert_eq!(next.path(), dir.path().join("second"));
    }

    #[test]
    fn what_cannot_be_made_is_told_in_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "precious").unwrap();
        let refusal = |path: &Path, access: &Access| {
            let sentence = Socket::bind(Some(path), access).unwrap_err();
            sentence.split_once(": ").unwrap().1.to_string()
        };
        let access = Access::default();
        assert_eq!(
            refusal(&path, &access),
            "there is something that is no socket"
        );
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert_eq!(
            refusal(&dir.path().join("no/such"), &access),
            "No such file or directory (os error 2)"
        );
        let access = Access {
            group: Some("no-such-group".into()),
            ..access
        };
        let path = dir.path().join("sock");
        assert_eq!(
            refusal(&path, &access),
            "astctlgroup of asterisk.conf: no group is called no-such-group"
        );
        assert!(!path.exists());
    }
}
