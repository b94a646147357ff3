//! One question to an engine by `-x`, and what came of it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::engine::Engine;

/// What came of it.
pub struct Asked {
    /// The exit status.
    pub status: Option<i32>,
    /// What was said on stdout.
    pub text: String,
    /// On stderr.
    pub errors: String,
}

impl Asked {
    /// What was said, which must have been done.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.status, Some(0), "{}{}", self.text, self.errors);
        self.text
    }

    /// What was said of what could not be done.
    #[track_caller]
    pub fn failed(self) -> String {
        assert_eq!(self.status, Some(1), "{}{}", self.text, self.errors);
        self.text
    }
}

/// The program's file.
pub fn program() -> PathBuf {
    let named = std::env::var_os("PINION_BIN");
    named
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_pinion").into())
        .into()
}

/// Where an engine's socket is.
pub fn socket(engine: &Engine) -> PathBuf {
    engine.scratch.path().join("console")
}

/// The program, about to reach an engine.
pub fn client(engine: &Engine) -> Command {
    let mut command = Command::new(program());
    command.arg("--console").arg(socket(engine));
    command.stdin(Stdio::null());
    command
}

/// Runs the program.
pub fn run(mut command: Command) -> Asked {
    let output = command.output().expect("the program runs");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Asked {
        status: output.status.code(),
        text: text(&output.stdout),
        errors: text(&output.stderr),
    }
}

/// Asks by `-x`.
pub fn ask(engine: &Engine, command: &str) -> Asked {
    let mut client = client(engine);
    client.args(["-x", command]);
    run(client)
}

/// Asks by `-x --json`, and reads the answer.
#[track_caller]
pub fn ask_json(engine: &Engine, command: &str) -> Value {
    let mut client = client(engine);
    client.args(["-x", command, "--json"]);
    let text = run(client).text;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"))
}

/// What a real Asterisk answered.
pub fn fixture(name: &str) -> String {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/console/");
    let path = format!("{dir}{name}.txt");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
