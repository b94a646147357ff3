//! The phones of the loopback tests: users with passwords, the engine's files
//! that name them, and their registration by SIPp.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use crate::address::free_address;
use crate::engine::{Engine, Scratch};
use crate::sipp::{Outcome, Sipp};

/// Calls go to the registered contacts of the number dialled. With a leading 9
/// the caller is told the callee's cause of hanging up; with an 8 it rings for
/// two seconds only; with a 7 the caller answers a call to that number; with a 6
/// the callee calls 1003 once the caller is gone.
const EXTENSIONS: &str = "\
[phones]
exten => _X.,1,Dial(SIP/${EXTEN},20)
exten => _9X.,1,Dial(SIP/${EXTEN:1},20)
 same => n,Hangup(${HANGUPCAUSE})
exten => _8X.,1,Dial(SIP/${EXTEN:1},2)
exten => _7X.,1,Pickup(${EXTEN:1})
exten => _6X.,1,Dial(SIP/${EXTEN:1},20,F)
 same => n,Dial(SIP/1003,20)
";

/// An engine on a free port of 127.0.0.1 that knows `users`.
pub fn engine(name: &str, users: impl Iterator<Item = u32>, flags: &[&str]) -> Engine {
    let scratch = Scratch::new(name);
    write_files(&scratch, users);
    Engine::start(scratch, free_address(), flags)
}

/// The files of an engine that knows `users`.
pub fn write_files(scratch: &Scratch, users: impl Iterator<Item = u32>) {
    let mut sip = String::from(
        "[general]\ncontext=phones\n\n[phone](!)\ntype=friend\nhost=dynamic\ncontext=phones\ntransport=udp,tcp\n\n",
    );
    for user in users {
        writeln!(sip, "[{user}](phone)\nsecret={}", password(user)).expect("a String takes all");
    }
    scratch.write("sip.conf", &sip);
    scratch.write("extensions.conf", EXTENSIONS);
}

fn password(user: u32) -> String {
    format!("secret-of-{user}")
}

/// A line of an injection file: `user`, its credentials, and `third`, which
/// is the callee or the contact, as the scenario says.
pub fn line(user: u32, third: impl std::fmt::Display) -> String {
    credentials(user, &password(user), third)
}

/// The same with a password that is not the user's.
pub fn wrong_line(user: u32, third: impl std::fmt::Display) -> String {
    credentials(user, "wrong", third)
}

/// The same with the password given.
pub fn credentials(user: u32, password: &str, third: impl std::fmt::Display) -> String {
    format!("{user};[authentication username={user} password={password}];{third}")
}

/// Registers each user at the contact beside it, at `per_second`.
pub fn register(
    engine: &Engine,
    contacts: impl Iterator<Item = (u32, SocketAddr)>,
    per_second: u32,
) -> Outcome {
    let lines: Vec<String> = contacts
        .map(|(user, contact)| line(user, contact))
        .collect();
    register_lines(engine, &lines, per_second)
}

/// Registers by lines of an injection file.
pub fn register_lines(engine: &Engine, lines: &[String], per_second: u32) -> Outcome {
    let limit = Duration::from_secs(30 + lines.len() as u64 / u64::from(per_second));
    let outcome = Sipp::new(&engine.scratch, "register", lines.len(), limit)
        .calling(engine.address, per_second, lines)
        .key("expires", "3600")
        .run();
    outcome.expect(lines.len());
    outcome
}
