//! A running engine whose configuration changes: by the console, by SIGHUP, and
//! once a second under load.
//!
//! `tests/run` names an optimised binary by `PINION_BIN`; then the load runs at
//! its full rate, and no message may be sent again that would not be without
//! reloads. Without, cargo's own build is driven at a tenth of that. Latencies
//! are printed and not judged: they are the machine's as much as the engine's.

#[path = "../engine/address.rs"]
mod address;
#[path = "../engine/mod.rs"]
#[expect(dead_code, reason = "these tests kill no engine and start none again")]
mod engine;

mod console;
mod load;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{env, fs};

use address::free_address;
use engine::{Engine, Scratch};

/// Whether the engine under test is an optimised one.
fn optimised() -> bool {
    env::var_os("PINION_BIN").is_some()
}

/// The tests measure; each has the machine alone.
fn take_machine() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn binary() -> PathBuf {
    env::var_os("PINION_BIN").map_or_else(|| env!("CARGO_BIN_EXE_pinion").into(), PathBuf::from)
}

/// The CPUs of the engine's shards, and that of the generator: one of its own
/// where there are two, as otherwise each would wait for the other.
fn cpus() -> (String, String) {
    let mut shards = pinion_runtime::allowed_cpus().expect("the host says");
    let generator = shards[shards.len() - 1].to_string();
    if shards.len() > 1 {
        shards.pop();
    }
    let shards: Vec<String> = shards.iter().map(usize::to_string).collect();
    (shards.join(","), generator)
}

/// Calls go to the registered contacts of the name dialled; `mark` makes one
/// plan differ from another.
fn extensions(mark: &str) -> String {
    format!(
        "[default]\nexten => _[a-z]!,1,Dial(SIP/${{EXTEN}},20)\n\
         exten => 100,1,NoOp({mark})\nexten => 101,1,Busy()\n"
    )
}

/// Ten callers and ten callees with passwords, and `more` that do not call;
/// `mark` makes one file differ from another.
fn sip(more: u32, mark: &str) -> String {
    let mut text = format!(
        "[general]\nudpbindaddr=127.0.0.1\ncontext=default\n\
         [phone](!)\ntype=friend\nhost=dynamic\nmax_contacts=1\ncallerid={mark}\n"
    );
    for kind in ["user", "callee"] {
        for number in 0..10 {
            let _ = writeln!(
                text,
                "[{kind}{number}](phone)\nsecret=secret-of-{kind}{number}"
            );
        }
    }
    for number in 0..more {
        let _ = writeln!(text, "[desk{number}](phone)\nsecret=secret-of-desk{number}");
    }
    text
}

/// An engine of these files; its console lies beside them.
fn engine(name: &str, more: u32) -> Engine {
    let scratch = Scratch::new(name);
    scratch.write("sip.conf", &sip(more, "one"));
    scratch.write("extensions.conf", &extensions("one"));
    Engine::start(scratch, free_address(), &["--cpus", &cpus().0])
}

/// The exit status of a command to the engine of a directory, and what it said.
fn execute(dir: &Path, command: &str) -> (Option<i32>, String) {
    let output = Command::new(binary())
        .arg("--console")
        .arg(dir.join("console"))
        .args(["-x", command])
        .output()
        .expect("the engine's own binary");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), said)
}

/// Writes a file of the configuration anew.
fn change(dir: &Path, name: &str, text: &str) {
    fs::write(dir.join(name), text).expect("a file of ours");
}
