//! Who the server runs as, and the rights that its sockets take. Whoever starts
//! it as root for another user, or with capabilities, gives it those for its
//! sockets alone: one thread keeps them, opens what takes them, and ends. No
//! other thread has them from then on, and so no file, plan or peer reaches
//! them. Opens nothing itself.

use std::fmt;
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::Path;
use std::str::FromStr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use privdrop::PrivDrop;
use privdrop::reexports::nix::unistd::{Group, User};
use rustix::fs::Access;
use rustix::process::geteuid;
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::Failure;
use crate::config;
use crate::control::socket;
use crate::flags::Flags;

/// What opening takes at most: ports below 1024, the steering program, and
/// `cos_sip=7`.
const FOR_SOCKETS: CapabilitySet = CapabilitySet::NET_BIND_SERVICE
    .union(CapabilitySet::BPF)
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::NET_ADMIN);

const NOTHING: CapabilitySets = CapabilitySets {
    effective: CapabilitySet::empty(),
    permitted: CapabilitySet::empty(),
    inheritable: CapabilitySet::empty(),
};

/// A user by name, and the group instead of the user's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// The user.
    pub user: String,
    /// The group; the user's own without.
    pub group: Option<String>,
}

impl FromStr for Account {
    type Err = String;
    fn from_str(text: &str) -> Result<Account, String> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        if user.is_empty() || group.is_some_and(str::is_empty) {
            return Err("a user is wanted, or USER:GROUP".into());
        }
        Ok(Account {
            user: user.into(),
            group: group.map(String::from),
        })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => write!(f, "{}:{group}", self.user),
            None => f.write_str(&self.user),
        }
    }
}

/// What is done with the rights.
type Opening = Box<dyn FnOnce() + Send>;

/// The rights to open sockets, until they are used.
pub(crate) struct Rights {
    /// The thread that has them; `None` where every thread has the same.
    keeper: Option<(Sender<Opening>, JoinHandle<()>)>,
    /// What the operator should know of it.
    pub(crate) remark: Option<String>,
}

impl Rights {
    /// Becomes the user that `--user` or asterisk.conf names, and gives up every
    /// capability but for what sockets take, which the [`Rights`] have. A root
    /// that is to be nobody else stays what it is. To be asked before any other
    /// thread is made: threads keep what they were born with.
    pub(crate) fn set_apart(flags: &Flags) -> Result<Rights, Failure> {
        let (account, source) = account(flags)?;
        let unchanged = |remark| Rights {
            keeper: None,
            remark,
        };
        let Some(account) = account else {
            return match geteuid().is_root() {
                true => Ok(unchanged(None)),
                false => Rights::of_capabilities(),
            };
        };
        let ids = Ids::of(&account, source);
        if !geteuid().is_root() {
            return Rights::of_nobody_else(flags, &account, source, ids);
        }
        let ids = ids?;
        let journals = flags.cdr_journal_dir();
        for dir in directories(flags).map(|(_, dir)| dir).chain(journals) {
            ids.make(dir, 0o700).map_err(|error| {
                Failure::Host(format!("{} cannot be made: {error}", dir.display()))
            })?;
        }
        if flags.console.socket.is_none() {
            // A server without its place has its console elsewhere, or none.
            let _ = ids.make(socket::system_dir(), 0o755);
        }
        let keeper = keep(true)?;
        become_user(&account, source)?;
        for (flag, dir) in directories(flags) {
            demand_writable(flag, dir, &account)?;
        }
        if let Some(file) = &flags.log_file {
            demand_appendable("--log-file", file, &account)?;
        }
        Ok(Rights {
            keeper: Some(keeper),
            remark: None,
        })
    }

    /// For who is not root, and so is the account already, or cannot be.
    fn of_nobody_else(
        flags: &Flags,
        account: &Account,
        source: &str,
        ids: Result<Ids, Failure>,
    ) -> Result<Rights, Failure> {
        let own = geteuid().as_raw();
        if ids.as_ref().is_ok_and(|ids| ids.user == own) {
            return Rights::of_capabilities();
        }
        let sentence = format!(
            "{source} {account} takes root, and this process runs as user {own}: start it as root, \
             or as {} without that",
            account.user
        );
        // Who asks for it by flag relies on it; a file serves other starts, too.
        match flags.user {
            Some(_) => Err(ids.err().unwrap_or(Failure::Host(sentence))),
            None => Ok(Rights {
                remark: Some(sentence),
                ..Rights::of_capabilities()?
            }),
        }
    }

    /// What an ordinary user was given by the program's file or by systemd.
    fn of_capabilities() -> Result<Rights, Failure> {
        let held = rustix::thread::capabilities(None).map_err(unchangeable)?;
        let keeper = match held.permitted.is_empty() {
            true => None,
            false => Some(keep(false)?),
        };
        rustix::thread::set_capabilities(None, NOTHING).map_err(unchangeable)?;
        Ok(Rights {
            keeper,
            remark: None,
        })
    }

    /// Opens what takes rights, once; then nobody has them.
    pub(crate) fn exercise<T: Send + 'static>(
        self,
        open: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let Some((openings, thread)) = self.keeper else {
            return open();
        };
        let (opened, result) = mpsc::channel();
        let opening = Box::new(move || drop(opened.send(open())));
        // A keeper that is gone shows below.
        drop(openings.send(opening));
        let ended = thread.join();
        match (result.try_recv(), ended) {
            (Ok(result), _) => result,
            (Err(_), Err(panic)) => std::panic::resume_unwind(panic),
            (Err(_), Ok(())) => unreachable!("a keeper ends when it has opened"),
        }
    }
}

/// `--user`, or asterisk.conf's `runuser` and `rungroup`; and which of these.
fn account(flags: &Flags) -> Result<(Option<Account>, &'static str), Failure> {
    if flags.user.is_some() {
        return Ok((flags.user.clone(), "--user"));
    }
    let named = match &flags.config {
        Some(dir) => config::run_as(dir).map_err(|error| Failure::Settings(error.to_string()))?,
        None => None,
    };
    Ok((named, "runuser of asterisk.conf:"))
}

/// What the server writes into, and the flags that name it.
fn directories(flags: &Flags) -> impl Iterator<Item = (&'static str, &Path)> {
    let state = flags.state.as_deref().map(|dir| ("--state", dir));
    let records = flags.cdr.as_deref().map(|dir| ("--cdr", dir));
    state.into_iter().chain(records)
}

/// Numbers of a user and a group of this host.
struct Ids {
    user: u32,
    group: u32,
}

impl Ids {
    fn of(account: &Account, source: &str) -> Result<Ids, Failure> {
        let unknown = |what: &str, name: &str, make: &str| {
            Failure::Settings(format!(
                "{source} {account}: this host has no {what} {name}; make one with: {make} --system {name}"
            ))
        };
        let user = User::from_name(&account.user).map_err(unchangeable)?;
        let user = user.ok_or_else(|| unknown("user", &account.user, "adduser --group"))?;
        let group = match &account.group {
            Some(name) => {
                Group::from_name(name)
                    .map_err(unchangeable)?
                    .ok_or_else(|| unknown("group", name, "addgroup"))?
                    .gid
            }
            None => user.gid,
        };
        Ok(Ids {
            user: user.uid.as_raw(),
            group: group.as_raw(),
        })
    }

    /// Makes a directory of this user's that is not there.
    fn make(&self, dir: &Path, mode: u32) -> io::Result<()> {
        if dir.exists() {
            return Ok(());
        }
        if let Some(parent) = dir.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::DirBuilder::new().mode(mode).create(dir)?;
        chown(dir, Some(self.user), Some(self.group))
    }
}

/// A thread that keeps the rights of the caller. With `through_change` it keeps
/// them even when the process becomes another user, as far as sockets take them.
fn keep(through_change: bool) -> Result<(Sender<Opening>, JoinHandle<()>), Failure> {
    let (openings, waiting) = mpsc::channel();
    let (standing, stands) = mpsc::channel();
    let keeper = move || {
        // Whoever waits for it is told by the channel's end otherwise.
        let _ = standing.send(rustix::thread::set_keep_capabilities(through_change));
        open_first(&waiting);
    };
    let thread = std::thread::Builder::new().name("sockets".into());
    let thread = thread.spawn(keeper).map_err(unchangeable)?;
    match stands.recv() {
        Ok(Ok(())) => Ok((openings, thread)),
        Ok(Err(error)) => Err(unchangeable(error)),
        Err(_) => Err(unchangeable("its thread ended")),
    }
}

/// The keeper's life: waits for what to open, and opens that.
fn open_first(waiting: &Receiver<Opening>) {
    let Ok(open) = waiting.recv() else { return };
    let granted = rustix::thread::capabilities(None).map(|held| {
        let kept = held.permitted & FOR_SOCKETS;
        rustix::thread::set_capabilities(
            None,
            CapabilitySets {
                effective: kept,
                permitted: kept,
                ..NOTHING
            },
        )
    });
    if let Err(error) = granted.flatten() {
        tracing::warn!("the rights to open sockets cannot be used: {error}");
    }
    open();
}

/// User, group and no other groups, for every thread of the process.
fn become_user(account: &Account, source: &str) -> Result<(), Failure> {
    let change = PrivDrop::default().user(&account.user);
    let change = match &account.group {
        Some(group) => change.group(group),
        None => change,
    };
    change
        .apply()
        .map_err(|error| Failure::Host(format!("{source} {account}: {error}")))
}

/// What a directory takes to make and to find files in it.
const OF_DIRECTORY: Access = Access::READ_OK
    .union(Access::WRITE_OK)
    .union(Access::EXEC_OK);

/// Files that an earlier start as root has left are as useless as a directory
/// that cannot be written.
fn demand_writable(flag: &str, dir: &Path, account: &Account) -> Result<(), Failure> {
    demand(flag, dir, OF_DIRECTORY, account)?;
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let allowed = Access::READ_OK | Access::WRITE_OK;
        demand(flag, &entry.path(), allowed, account)?;
    }
    Ok(())
}

/// A file that is opened anew when it was moved away takes its directory, too.
fn demand_appendable(flag: &str, file: &Path, account: &Account) -> Result<(), Failure> {
    if file.exists() {
        demand(flag, file, Access::WRITE_OK, account)?;
    }
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty());
    demand(flag, dir.unwrap_or(Path::new(".")), OF_DIRECTORY, account)
}

/// One sentence with a way out where the account may not do that.
fn demand(flag: &str, path: &Path, what: Access, account: &Account) -> Result<(), Failure> {
    let owner = match &account.group {
        Some(_) => account.to_string(),
        None => format!("{account}:"),
    };
    rustix::fs::access(path, what).map_err(|error| {
        Failure::Host(format!(
            "{flag}: {path} cannot be written by {}: {error}; mend that with: chown -R {owner} {path}",
            account.user,
            path = path.display(),
        ))
    })
}

fn unchangeable(error: impl fmt::Display) -> Failure {
    Failure::Host(format!("this process cannot change its rights: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_reads_what_it_writes() {
        for text in ["pinion", "pinion:voip"] {
            assert_eq!(text.parse::<Account>().unwrap().to_string(), text);
        }
        for wrong in ["", ":", "pinion:", ":voip"] {
            assert!(wrong.parse::<Account>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_user_is_told_with_a_way_out() {
        let account: Account = "no-such-user".parse().unwrap();
        let Err(Failure::Settings(sentence)) = Ids::of(&account, "--user").map(|_| ()) else {
            panic!("there is such a user");
        };
        assert_eq!(
            sentence,
            "--user no-such-user: this host has no user no-such-user; \
             make one with: adduser --group --system no-such-user"
        );
        let account: Account = "root:no-such-group".parse().unwrap();
        assert!(Ids::of(&account, "--user").is_err());
    }

    /// Whatever the thread may that runs the tests.
    #[test]
    fn what_is_opened_is_opened_once_by_whoever_keeps_the_rights() {
        let keeper = Some(keep(false).unwrap());
        let rights = Rights {
            keeper,
            remark: None,
        };
        let name = rights.exercise(|| std::thread::current().name().map(String::from));
        assert_eq!(name.as_deref(), Some("sockets"));
    }

    #[test]
    #[should_panic(expected = "the socket is a teapot")]
    fn what_fails_while_opening_fails_here() {
        let keeper = Some(keep(false).unwrap());
        let rights = Rights {
            keeper,
            remark: None,
        };
        rights.exercise(|| panic!("the socket is a teapot"));
    }
}
