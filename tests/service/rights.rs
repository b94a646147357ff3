//! What is left of root's rights, or of those a program was given, once the
//! engine serves: by the kernel's account of each of its threads.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;

use crate::address::free_address;
use crate::binary;
use crate::engine::{Engine, Scratch};

const STOP: Duration = Duration::from_secs(10);

/// A user and a group that every Debian has, beside root.
const USER: &str = "nobody";
const GROUP: &str = "daemon";

/// Becoming another user takes root.
fn is_root(what: &str) -> bool {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        eprintln!("NOT TESTED, for lack of root: {what}");
    }
    is_root
}

/// The number behind a name, in /etc/passwd or /etc/group.
fn number(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap();
    let fields = |line: &str| line.split(':').map(String::from).collect::<Vec<_>>();
    let mut lines = text.lines().map(fields);
    let line = lines.find(|fields| fields[0] == name).expect("the name");
    line[2].clone()
}

/// A line of /proc/PID/status for each thread: the words behind its name.
fn of_threads(pid: u32, name: &str) -> Vec<Vec<String>> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the engine runs");
    tasks
        .map(|task| {
            let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().skip(1).map(String::from).collect()
        })
        .collect()
}

/// No thread of the engine may do anything that its user may not.
fn assert_powerless(engine: &Engine) {
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        for held in of_threads(engine.pid(), set) {
            assert_eq!(held, ["0000000000000000"], "{set}");
        }
    }
}

/// A directory that any user can reach.
fn reachable() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// A command that the user runs.
const AS_USER: [&str; 6] = [
    "setpriv",
    "--reuid",
    USER,
    "--regid",
    GROUP,
    "--clear-groups",
];

/// A test's directory that belongs to the user, which has its engine's console;
/// `None` where that user reaches neither it nor the engine.
fn of_user(name: &str) -> Option<Scratch> {
    let scratch = Scratch::new(name);
    let [user, group] = [("/etc/passwd", USER), ("/etc/group", GROUP)]
        .map(|(file, name)| number(file, name).parse().ok());
    chown(scratch.path(), user, group).unwrap();
    let may = |test: &str, path: &Path| {
        let mut command = Command::new(AS_USER[0]);
        let command = command.args(&AS_USER[1..]).args(["test", test]).arg(path);
        command.status().expect("setpriv").success()
    };
    let (dir, engine) = (scratch.path(), binary());
    if may("-w", dir) && may("-x", &engine) {
        return Some(scratch);
    }
    let (dir, engine) = (dir.display(), engine.display());
    eprintln!("NOT TESTED, as {USER} does not reach {dir} and {engine}: rights of the engine");
    None
}

/// One that does not start; what it says.
fn refused(arguments: &[&str]) -> Output {
    let address = free_address().to_string();
    let mut command = Command::new(binary());
    let output = command.args(["--listen", &address]).args(arguments);
    output.output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn root_is_left_behind_once_the_sockets_stand() {
    if !is_root("--user") {
        return;
    }
    let dir = reachable();
    let state = dir.path().join("state");
    let state = state.to_str().unwrap();
    let account = format!("{USER}:{GROUP}");
    // A port that takes root, but for the one host that says otherwise.
    let address = SocketAddr::new(free_address().ip(), 560);
    let flags = ["--user", &account, "--shards", "2", "--state", state];
    let Some(scratch) = of_user("rights") else {
        return;
    };
    let engine = Engine::start(scratch, address, &flags);
    let (user, group) = (number("/etc/passwd", USER), number("/etc/group", GROUP));
    for ids in of_threads(engine.pid(), "Uid:") {
        assert_eq!(ids, vec![user.clone(); 4]);
    }
    for ids in of_threads(engine.pid(), "Gid:") {
        assert_eq!(ids, vec![group.clone(); 4]);
    }
    for groups in of_threads(engine.pid(), "Groups:") {
        assert_eq!(groups.join(" "), group);
    }
    assert_powerless(&engine);
    // The kernel steers by a program that only root could load.
    assert!(engine.log().contains("steering ebpf"), "{}", engine.log());
    let made = fs::metadata(state).unwrap();
    assert_eq!(made.uid().to_string(), user);
    assert_eq!(made.mode() & 0o777, 0o700);
    assert_eq!(engine.stop(STOP), Some(0));
}

#[test]
fn given_rights_are_left_behind_as_well() {
    if !is_root("capabilities of an ordinary user") {
        return;
    }
    let rights = "+bpf,+perfmon,+net_bind_service";
    let given = ["--inh-caps", rights, "--ambient-caps", rights];
    let by = [&AS_USER[..], &given].concat();
    let Some(scratch) = of_user("given") else {
        return;
    };
    let address = SocketAddr::new(free_address().ip(), 561);
    let engine = Engine::start_by(&by, scratch, address, &["--shards", "2"]);
    assert_powerless(&engine);
    assert!(engine.log().contains("steering ebpf"), "{}", engine.log());
    assert_eq!(engine.stop(STOP), Some(0));
}

#[test]
fn asterisk_conf_names_the_user_too() {
    if !is_root("runuser") {
        return;
    }
    let dir = reachable();
    write_configuration(dir.path());
    let options = format!("[options]\nrunuser = {USER}\nrungroup = {GROUP}\n");
    fs::write(dir.path().join("asterisk.conf"), options).unwrap();
    let config = dir.path().to_str().unwrap();
    let Some(scratch) = of_user("runuser") else {
        return;
    };
    let engine = Engine::start(scratch, free_address(), &["--config", config]);
    let user = number("/etc/passwd", USER);
    assert_eq!(of_threads(engine.pid(), "Uid:")[0], vec![user; 4]);
    assert_powerless(&engine);
    assert_eq!(engine.stop(STOP), Some(0));
}

/// Copied from a host that has it, and started here by an ordinary user.
#[test]
fn who_is_not_root_runs_on_as_who_it_is() {
    if !is_root("runuser of an ordinary user") {
        return;
    }
    let Some(scratch) = of_user("ordinary") else {
        return;
    };
    let dir = reachable();
    write_configuration(dir.path());
    let options = "[options]\nrunuser = no-such-user\n";
    fs::write(dir.path().join("asterisk.conf"), options).unwrap();
    let flags = ["--config", dir.path().to_str().unwrap()];
    let engine = Engine::start_by(&AS_USER, scratch, free_address(), &flags);
    let said = engine.log();
    assert!(
        said.contains("runuser of asterisk.conf: no-such-user takes root"),
        "{said}"
    );
    assert_eq!(engine.stop(STOP), Some(0));
}

/// The samples, that everybody may read.
fn write_configuration(dir: &Path) {
    for name in ["sip.conf", "extensions.conf"] {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(name);
        fs::copy(sample, dir.join(name)).unwrap();
    }
}

#[test]
fn a_directory_the_user_cannot_write_ends_the_start() {
    if !is_root("--state of another user") {
        return;
    }
    let dir = reachable();
    let state = dir.path().to_str().unwrap();
    let output = refused(&["--user", USER, "--state", state]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "pinion: --state: {state} cannot be written by {USER}: Permission denied (os error 13); \
         mend that with: chown -R {USER}: {state}\n"
    );
    assert_eq!(said(&output), expected);
    // One file of root's is enough.
    let [user, group] = [("/etc/passwd", USER), ("/etc/group", "nogroup")]
        .map(|(file, name)| number(file, name).parse().ok());
    chown(dir.path(), user, group).unwrap();
    let file = dir.path().join("registrations.sqlite");
    fs::write(&file, "").unwrap();
    let output = refused(&["--user", USER, "--state", state]);
    let named = format!("{} cannot be written by {USER}", file.display());
    assert!(said(&output).contains(&named), "{}", said(&output));
}

#[test]
fn a_log_the_user_cannot_write_ends_the_start() {
    if !is_root("--log-file of another user") {
        return;
    }
    let dir = reachable();
    let file = dir.path().join("pinion.log");
    let log = file.to_str().unwrap();
    let refusal = |path: &Path| {
        let output = refused(&["--user", USER, "--log-file", log]);
        assert_eq!(output.status.code(), Some(1));
        let named = format!("pinion: --log-file: {} cannot be written", path.display());
        assert!(said(&output).contains(&named), "{}", said(&output));
    };
    refusal(dir.path());
    fs::write(&file, "").unwrap();
    refusal(&file);
}

#[test]
fn a_configuration_the_user_cannot_read_ends_the_start() {
    if !is_root("--config of another user") {
        return;
    }
    let dir = reachable();
    write_configuration(dir.path());
    let file = dir.path().join("sip.conf");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let output = refused(&["--user", USER, "--config", dir.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("sip.conf") && said(&output).contains("Permission denied"),
        "{}",
        said(&output)
    );
}

#[test]
fn an_unknown_user_ends_the_start() {
    let output = refused(&["--user", "no-such-user"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("this host has no user no-such-user"),
        "{}",
        said(&output)
    );
}
