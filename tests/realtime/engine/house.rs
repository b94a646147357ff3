//! What the tests of this directory set up: tables with users, the engine's
//! files that name them, and phones.

use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use pinion::realtime::mapping::{MysqlSection, Server};

use super::phone::Phone;
use super::{Engine, Scratch};
use crate::address::free_address;
use crate::mariadb::{MariaDb, PASSWORD};

/// Longer than anything takes that works, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Calls go to the registered contacts of the number dialled.
const EXTENSIONS: &str = "\
[phones]
exten => _X,1,Dial(SIP/${EXTEN},20)
exten => _X.,1,Dial(SIP/${EXTEN},20)
";

/// A user's password.
pub fn password(user: u32) -> String {
    format!("secret-of-{user}")
}

/// Puts users into the table.
pub fn add_users(server: &MariaDb, database: &str, first: u32, last: u32) {
    server.exec(&format!(
        "INSERT INTO {database}.sippeers (name, type, host, context, secret) \
         SELECT seq, 'friend', 'dynamic', 'phones', CONCAT('secret-of-', seq) \
         FROM {database}.seq_{first}_to_{last}"
    ));
}

/// The engine's files for users in that database; `general` and `devices` are
/// lines of sip.conf.
pub fn files(name: &str, section: Option<&MysqlSection>, general: &str, devices: &str) -> Scratch {
    let scratch = Scratch::new(name);
    scratch.write(
        "sip.conf",
        &format!(
            "[general]\ncontext=phones\nminexpiry=1\nrtcachefriends=yes\n{general}\n{devices}\n"
        ),
    );
    scratch.write("extensions.conf", EXTENSIONS);
    if let Some(section) = section {
        let way = match &section.server {
            Server::Socket(path) => format!("dbsock={}", path.display()),
            Server::Tcp(host, port) => format!("dbhost={host}\ndbport={port}"),
        };
        scratch.write(
            "res_config_mysql.conf",
            &format!(
                "[test]\n{way}\ndbname={}\ndbuser={}\ndbpass={PASSWORD}\n",
                section.dbname, section.dbuser
            ),
        );
        scratch.write(
            "extconfig.conf",
            "[settings]\nsippeers => mysql,test,sippeers\n",
        );
    }
    scratch
}

/// An engine over that database.
pub fn engine(name: &str, section: &MysqlSection, general: &str, flags: &[&str]) -> Engine {
    let scratch = files(name, Some(section), general, "");
    let shards: &[&str] = match flags.contains(&"--shards") {
        true => &[],
        false => &["--shards", "2"],
    };
    Engine::start(scratch, free_address(), &[shards, flags].concat())
}

/// A user's phone.
pub fn phone(engine: &Engine, user: u32) -> Phone {
    Phone::new(engine.address, user, &password(user))
}

/// Waits until a query has one row of one number that is as expected.
pub fn count_becomes(server: &MariaDb, sql: &str, expected: u64) {
    within(PATIENCE, sql, || {
        server.admin().query_first(sql).expect(sql) == Some(expected)
    });
}

/// Waits until something holds.
pub fn within(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < until, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
