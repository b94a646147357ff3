//! A MariaDB server of the tests' own: a directory, a socket and a port that
//! nobody else uses; ended by its process id.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder};
use pinion::realtime::mapping::{MysqlSection, Password, Requirements, Server, Tls};

use crate::engine::Scratch;

/// The longest a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who the server's clients are.
pub const USER: &str = "pinion";

/// Their password, which must never be seen.
pub const PASSWORD: &str = "hush-7f3a";

/// The DDL that operators are given.
const SCHEMA: &str = include_str!("../../examples/realtime-mysql/schema.sql");

/// A running server.
pub struct MariaDb {
    scratch: Scratch,
    /// What its command line says besides.
    arguments: Vec<String>,
    server: Mutex<Option<Child>>,
    port: u16,
    admin: String,
}

/// The server that tests share which do it no harm.
pub fn shared() -> Arc<MariaDb> {
    static SHARED: Mutex<Weak<MariaDb>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(MariaDb::start("shared"));
    *shared = Arc::downgrade(&server);
    server
}

impl MariaDb {
    /// Starts one; it may be stopped, killed and started again.
    pub fn start(name: &str) -> MariaDb {
        MariaDb::start_with(name, Vec::new())
    }

    /// Starts one with more arguments.
    pub fn start_with(name: &str, arguments: Vec<String>) -> MariaDb {
        let scratch = Scratch::new(&format!("mariadb-{name}"));
        let directory = scratch.path().join("d");
        run(Command::new("cp").arg("-r").arg(template()).arg(&directory));
        let user = Command::new("id").arg("-un").output().expect("id runs");
        let server = MariaDb {
            scratch,
            arguments,
            server: Mutex::new(None),
            port: free_port(),
            admin: String::from_utf8_lossy(&user.stdout).trim().to_owned(),
        };
        server.launch();
        server.exec(&format!(
            "CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'"
        ));
        server.exec(&format!("GRANT ALL ON *.* TO '{USER}'@'%'"));
        server.exec(&format!(
            "REVOKE SUPER, CONNECTION ADMIN ON *.* FROM '{USER}'@'%'"
        ));
        server
    }

    fn launch(&self) {
        let log = fs::File::create(self.scratch.path().join("log")).expect("a log");
        let child = Command::new("mariadbd")
            .arg("--no-defaults")
            .arg(format!("--user={}", self.admin))
            .arg(format!(
                "--datadir={}",
                self.scratch.path().join("d").display()
            ))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--port={}", self.port))
            .args([
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--skip-log-bin",
            ])
            .args([
                "--innodb-buffer-pool-size=64M",
                "--innodb-log-file-size=16M",
            ])
            .args(["--pid-file=pid", "--performance-schema=OFF"])
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("mariadbd is installed (package mariadb-server)");
        *self.server() = Some(child);
        let until = Instant::now() + PATIENCE;
        while self.try_admin().is_err() {
            assert!(
                Instant::now() < until,
                "mariadbd does not come up: {}",
                self.log()
            );
            sleep(Duration::from_millis(50));
        }
    }

    /// Freezes it (SIGSTOP).
    pub fn freeze(&self) {
        let id = self.signal("-STOP");
        // A signal takes its time; then the state, after the name, is T.
        let stat = format!("/proc/{id}/stat");
        while !fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")) {
            sleep(Duration::from_millis(1));
        }
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Kills it (SIGKILL).
    pub fn kill(&self) {
        if let Some(mut child) = self.server().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again after [`MariaDb::kill`].
    pub fn restart(&self) {
        self.launch();
    }

    fn signal(&self, signal: &str) -> u32 {
        let id = self.server().as_ref().map(Child::id).expect("it runs");
        run(Command::new("kill").arg(signal).arg(id.to_string()));
        id
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        // Paths of sockets are short; cargo's directories may not be.
        PathBuf::from(format!("/tmp/pinion-mariadb-{}.sock", self.port))
    }

    /// Its TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default()
    }

    fn try_admin(&self) -> Result<Conn, mysql::Error> {
        let socket = self.socket();
        Conn::new(
            OptsBuilder::new()
                .socket(socket.to_str())
                .user(Some("root"))
                .prefer_socket(false),
        )
    }

    /// A connection that may do everything.
    pub fn admin(&self) -> Conn {
        self.try_admin().expect("the server answers")
    }

    /// Runs a statement as the administrator.
    pub fn exec(&self, sql: &str) {
        self.admin()
            .query_drop(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// A database of that name with the tables operators are given, empty, and
    /// how the engine reaches it.
    pub fn database(&self, name: &str) -> MysqlSection {
        self.exec(&format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
        let mut admin = self.admin();
        admin.query_drop(format!("USE {name}")).expect("it exists");
        let lines = SCHEMA.lines().filter(|line| !line.starts_with("--"));
        let text: Vec<&str> = lines.collect();
        for statement in text.join("\n").split(";\n") {
            let statement = statement.trim();
            if statement.starts_with("CREATE TABLE") || statement.starts_with("CREATE INDEX") {
                admin
                    .query_drop(statement)
                    .unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
        }
        self.section(name)
    }

    /// How the engine reaches a database over the socket.
    pub fn section(&self, database: &str) -> MysqlSection {
        MysqlSection {
            name: "test".into(),
            server: Server::Socket(self.socket()),
            dbname: database.into(),
            dbuser: USER.into(),
            dbpass: Password::new(PASSWORD),
            dbcharset: None,
            requirements: Requirements::Warn,
            tls: Tls::No,
        }
    }

    /// A number of the server's status.
    pub fn status(&self, name: &str) -> u64 {
        let row: Option<(String, u64)> = self
            .admin()
            .query_first(format!("SHOW GLOBAL STATUS LIKE '{name}'"))
            .expect("the server answers");
        row.map_or(0, |(_, value)| value)
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.kill();
        drop(fs::remove_file(self.socket()));
    }
}

/// An empty data directory to be copied. Making one takes long: it stays for
/// the next run.
fn template() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let template = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mariadb-template");
    if !template.exists() {
        let half = Scratch::new("mariadb-template");
        install(half.path());
        fs::rename(half.path(), &template).expect("cargo's directory can be written");
    }
    template
}

fn install(directory: &Path) {
    run(Command::new("mariadb-install-db")
        .arg("--no-defaults")
        .arg(format!("--datadir={}", directory.display()))
        .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
        .arg("--innodb-log-file-size=16M")
        .stdout(Stdio::null())
        .stderr(Stdio::null()));
}

/// Runs a command that must succeed.
pub fn run(command: &mut Command) {
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("{command:?}: {error} (packages mariadb-server, openssl)"));
    assert!(status.success(), "{command:?}: {status}");
}

/// A port nobody listens on just now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}
