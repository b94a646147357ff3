//! A MariaDB server of the tests' own, with the tables that operators are given.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::sleep;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder};
use pinion::realtime::mapping::{MysqlSection, Password, Requirements, Server, Tls};

use crate::engine::Scratch;

/// Who the server's clients are.
pub const USER: &str = "pinion";

/// Their password, which must never be seen.
pub const PASSWORD: &str = "hush-7f3a";

/// The DDL that operators are given.
const SCHEMA: &str = include_str!("../../examples/realtime-mysql/schema.sql");

/// Values by the names of their columns.
pub type Row = BTreeMap<String, Option<String>>;

/// A running server.
pub struct MariaDb {
    server: pinion_bench::MariaDb,
    _scratch: Scratch,
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
        let data = scratch.path().join("data");
        run(Command::new("cp").arg("-r").arg(template()).arg(&data));
        let server = pinion_bench::MariaDb::start(scratch.path(), arguments).expect("it starts");
        let server = MariaDb {
            server,
            _scratch: scratch,
        };
        server.exec(&format!(
            "CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'"
        ));
        server.exec(&format!("GRANT ALL ON *.* TO '{USER}'@'%'"));
        server.exec(&format!(
            "REVOKE SUPER, CONNECTION ADMIN ON *.* FROM '{USER}'@'%'"
        ));
        server
    }

    /// Freezes it (SIGSTOP).
    pub fn freeze(&self) {
        let id = self.server.signal("-STOP").expect("it runs");
        // A signal takes its time; then the state, after the name, is T.
        let stat = format!("/proc/{id}/stat");
        while !fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")) {
            sleep(Duration::from_millis(1));
        }
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.server.signal("-CONT").expect("it runs");
    }

    /// Kills it (SIGKILL).
    pub fn kill(&self) {
        self.server.kill();
    }

    /// Starts it again after [`MariaDb::kill`].
    pub fn restart(&self) {
        self.server.launch().expect("it starts again");
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.server.socket()
    }

    /// Its TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// A connection that may do everything.
    pub fn admin(&self) -> Conn {
        let socket = self.socket();
        let options = OptsBuilder::new()
            .socket(socket.to_str())
            .user(Some("root"))
            .prefer_socket(false);
        Conn::new(options).expect("the server answers")
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

    /// Columns of the device `name`, as an SQL list, by their names; NULL is
    /// `None`.
    pub fn row(&self, columns: &str, database: &str, name: &str) -> Row {
        let sql = format!("SELECT {columns} FROM {database}.sippeers WHERE name = ?");
        let found: Option<mysql::Row> = self.admin().exec_first(sql, (name,)).unwrap();
        let row = found.expect("the row is there");
        let columns = row.columns();
        let values = row.unwrap().into_iter().map(|value| match value {
            mysql::Value::NULL => None,
            mysql::Value::Int(number) => Some(number.to_string()),
            value => Some(mysql::from_value::<String>(value)),
        });
        let names = columns.iter().map(|column| column.name_str().into_owned());
        names.zip(values).collect()
    }

    /// A number of the server's status.
    pub fn status(&self, name: &str) -> u64 {
        let row: Option<(String, u64)> = self
            .admin()
            .query_first(format!("SHOW GLOBAL STATUS LIKE '{name}'"))
            .expect("the server answers");
        row.map_or(0, |(_, value)| value)
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
        pinion_bench::MariaDb::install(half.path()).expect("mariadb-server is installed");
        fs::rename(half.path(), &template).expect("cargo's directory can be written");
    }
    template
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
