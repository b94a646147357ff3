//! Who has asked what of the engine, for the record: an event of the target
//! `audit` for each command. Secrets are left out of it.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::{Uid, User};

use super::words::masked;

/// Who is at the other end of the socket, as the kernel says.
pub struct Operator {
    user: String,
    uid: u32,
    pid: i32,
    terminal: String,
}

impl Operator {
    /// Whoever has connected.
    pub fn of(stream: &UnixStream) -> Operator {
        let (uid, pid) = match getsockopt(stream, PeerCredentials) {
            Ok(peer) => (peer.uid(), peer.pid()),
            Err(_) => (u32::MAX, 0),
        };
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        Operator {
            user: user.map_or_else(|| "unknown".into(), |user| user.name),
            uid,
            pid,
            terminal: terminal(pid).unwrap_or_else(|| "none".into()),
        }
    }

    /// Puts a command and what came of it on record.
    pub fn record(&self, command: &str, done: &io::Result<bool>) {
        let outcome = match done {
            Ok(true) => "done",
            Ok(false) => "failed",
            Err(_) => "done, and nobody read the answer",
        };
        let Operator {
            user,
            uid,
            pid,
            terminal,
        } = self;
        let command = masked(command);
        tracing::info!(
            target: "audit",
            user, uid, pid, terminal, command, outcome,
            "console"
        );
    }
}

/// The terminal a process reads from, where this one may know.
fn terminal(pid: i32) -> Option<String> {
    let input = fs::read_link(format!("/proc/{pid}/fd/0")).ok()?;
    let input = input.to_str()?;
    let is_terminal = input.starts_with("/dev/pts/") || input.starts_with("/dev/tty");
    is_terminal.then(|| input.to_owned())
}
