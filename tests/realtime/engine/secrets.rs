//! Passwords appear in nothing that the engine says, whatever happens.

use super::Engine;
use super::house::{PATIENCE, engine, files, phone, within};
use super::phone::Phone;
use crate::address::free_address;
use crate::mariadb::{MariaDb, PASSWORD, USER};

/// What must never be seen, beside the database's own password.
const SECRETS: [&str; 4] = [
    "secret-of-1",
    "secret-of-2",
    "b1946ac92492d2347c6235b4d2611184",
    "remote-secret",
];

fn check(engine: &Engine) {
    let log = engine.log();
    for secret in SECRETS.iter().chain([&PASSWORD]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is told");
    }
}

#[test]
fn no_password_is_told_at_any_level() {
    let server = MariaDb::start("e-secrets");
    let section = server.database("users");
    server.exec(
        "INSERT INTO users.sippeers (name, type, host, context, secret, md5secret, remotesecret, deny, qualify) VALUES \
         ('1', 'friend', 'dynamic', 'phones', 'secret-of-1', NULL, NULL, NULL, NULL), \
         ('2', 'friend', 'dynamic', 'phones', 'secret-of-2', 'b1946ac92492d2347c6235b4d2611184', 'remote-secret', \
          NULL, 'yes'), \
         ('3', 'friend', 'dynamic', 'phones', 'secret-of-1', 'secret-of-2', NULL, NULL, NULL), \
         ('4', 'friend', 'dynamic', 'phones', 'secret-of-1', 'b1946ac92492d2347c6235b4d2611184', 'remote-secret', \
          'no address', 'secret?')",
    );
    let flags = ["--log", "trace", "--rt-ttl", "1", "--db-timeout", "500"];
    let engine = engine("secrets", &section, "", &flags);
    phone(&engine, 1).registers(60);
    Phone::new(engine.address, 1, "wrong")
        .register(60)
        .expect(403);
    // Rows that are wrong in one way or another.
    for user in 2..=4 {
        let _ = phone(&engine, user).register(60);
        let _ = phone(&engine, 1).call(&user.to_string());
    }
    // A server that refuses, and one that is not there.
    server.exec(&format!("ALTER USER '{USER}'@'%' IDENTIFIED BY 'another'"));
    server.kill();
    phone(&engine, 1).register(60).expect(503);
    server.restart();
    phone(&engine, 1).register(60).expect(503);
    server.exec(&format!(
        "ALTER USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'"
    ));
    within(PATIENCE, "it registers again", || {
        phone(&engine, 1).register(60).status == 200
    });
    // A table that went away, and one that has no room.
    server.exec("UPDATE users.sippeers SET fullcontact = NULL");
    server.exec("ALTER TABLE users.sippeers MODIFY fullcontact VARCHAR(5)");
    let _ = phone(&engine, 1).register(60);
    server.exec("DROP TABLE users.sippeers");
    let _ = phone(&engine, 2).register(60);
    for told in ["Dial(", "a row is not used", "fails", "too narrow"] {
        assert!(engine.log().contains(told), "{told}: {}", engine.log());
    }
    check(&engine);
}

#[test]
fn no_password_is_told_when_a_file_is_wrong() {
    let server = MariaDb::start("e-refused");
    let mut section = server.database("users");
    section.dbname = "nowhere".into();
    let device = "[9]\ntype=friend\nhost=dynamic\nsecret=secret-of-1\nremotesecret=secret-of-2\n";
    section.dbuser = "mallory".into();
    let scratch = files("refused", Some(&section), "", device);
    let engine = Engine::start(scratch, free_address(), &["--log", "trace"]);
    phone(&engine, 1).register(60).expect(503);
    assert!(engine.log().contains("access denied"), "{}", engine.log());
    check(&engine);
}
