//! Users in a database: the tables both servers know, their users, and what
//! the database was asked.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use pinion_bench::MariaDb;
use tempfile::TempDir;

use crate::users;

/// The tables the engine's operators are given.
const OURS: &str = include_str!("../../examples/realtime-mysql/schema.sql");

/// Where Debian puts Kamailio's.
const KAMAILIO: &str = "/usr/share/kamailio/mysql";

/// Who the servers are to the database.
const USER: &str = "bench";

/// Their password.
const PASSWORD: &str = "bench";

/// A MariaDB with the users of both servers.
pub struct Database {
    server: MariaDb,
    _directory: TempDir,
}

impl Database {
    /// Starts one and fills it. Every commit is on disk before it is told.
    pub fn start() -> Result<Database> {
        let directory = tempfile::tempdir()?;
        MariaDb::install(&directory.path().join("data"))?;
        let server = MariaDb::start(directory.path(), Vec::new())?;
        server.sql(None, &accounts())?;
        server.sql(Some("asterisk"), &our_tables())?;
        server.sql(Some("kamailio"), &kamailio_tables()?)?;
        Ok(Database {
            server,
            _directory: directory,
        })
    }

    /// Statements it has been asked so far.
    pub fn statements(&self) -> Result<u64> {
        let status = "SHOW GLOBAL STATUS LIKE 'Questions'";
        let said = self.server.sql(None, status)?;
        let number = said.split_whitespace().last().context("no answer")?;
        Ok(number.parse()?)
    }

    /// How the engine reaches it: the files beside sip.conf and extensions.conf.
    pub fn engine_files(&self) -> [(&'static str, String); 2] {
        let socket = self.server.socket();
        [
            (
                "extconfig.conf",
                "[settings]\nsippeers => mysql,asterisk,sippeers\n".into(),
            ),
            (
                "res_config_mysql.conf",
                format!(
                    "[asterisk]\ndbsock={}\ndbname=asterisk\ndbuser={USER}\ndbpass={PASSWORD}\n",
                    socket.display()
                ),
            ),
        ]
    }

    /// How Kamailio reaches it.
    pub fn kamailio_url(&self) -> String {
        let port = self.server.port();
        format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/kamailio")
    }
}

fn accounts() -> String {
    format!(
        "CREATE DATABASE asterisk; CREATE DATABASE kamailio;\n\
         CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO '{USER}'@'%';\n"
    )
}

/// Our tables and users. What an operator sets up for himself is left out.
fn our_tables() -> String {
    let lines = OURS.lines().filter(|line| !line.starts_with("--"));
    let text: Vec<&str> = lines.collect();
    let mut sql = String::new();
    for statement in text.join("\n").split(";\n").map(str::trim) {
        if ["CREATE TABLE", "CREATE INDEX"]
            .iter()
            .any(|start| statement.starts_with(start))
        {
            let _ = writeln!(sql, "{statement};");
        }
    }
    insert(
        &mut sql,
        "sippeers (name, type, host, context, secret)",
        |user| {
            format!(
                "('{user}','friend','dynamic','default','{}')",
                users::PASSWORD
            )
        },
    );
    sql
}

/// Kamailio's, as its package has them.
fn kamailio_tables() -> Result<String> {
    let mut sql = String::new();
    for name in ["standard", "usrloc", "auth_db"] {
        let path = format!("{KAMAILIO}/{name}-create.sql");
        sql += &fs::read_to_string(&path).with_context(|| path)?;
    }
    insert(
        &mut sql,
        "subscriber (username, domain, password)",
        |user| format!("('{user}','{}','{}')", users::REALM, users::PASSWORD),
    );
    Ok(sql)
}

/// Appends the users of the database, a thousand rows a statement.
fn insert(sql: &mut String, what: &str, row: impl Fn(u32) -> String) {
    let all: Vec<u32> = users::stored().collect();
    for some in all.chunks(1000) {
        let rows: Vec<String> = some.iter().map(|&user| row(user)).collect();
        let _ = writeln!(sql, "INSERT INTO {what} VALUES {};", rows.join(","));
    }
}
