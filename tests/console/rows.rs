//! Rows of a database and the devices made of them, by `realtime …` and
//! `sip prune realtime`.

use rusqlite::Connection;

use crate::address::free_address;
use crate::asked::{ask, ask_json, fixture};
use crate::engine::{Engine, Scratch};
use crate::phones;

fn example(name: &str) -> String {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/realtime-sqlite/");
    std::fs::read_to_string(format!("{dir}{name}")).expect("an example")
}

#[test]
fn rows_are_loaded_updated_stored_and_destroyed_and_devices_forgotten() {
    let scratch = Scratch::new("console-rows");
    for name in [
        "extconfig.conf",
        "extensions.conf",
        "res_config_sqlite3.conf",
        "sip.conf",
    ] {
        scratch.write(name, &example(name));
    }
    let file = Connection::open(scratch.path().join("realtime.sqlite3")).expect("a file");
    for name in ["schema.sql", "users.sql"] {
        file.execute_batch(&example(name))
            .expect("a schema and its rows");
    }
    drop(file);
    let engine = Engine::start(scratch, free_address(), &["--shards", "2"]);
    let row = ask(&engine, "realtime load sippeers name 1001").done();
    let titles = format!("  {:>30}  {:<30}", "Column Name", "Column Value");
    assert_eq!(row.lines().next(), Some(&*titles));
    assert_eq!(
        ask_json(&engine, "realtime load sippeers name 1001")["row"]["name"],
        "1001"
    );
    let none = ask(&engine, "realtime load sippeers name nobody").failed();
    assert_eq!(none, "No rows found matching search criteria.\n");
    ask(&engine, "realtime load nofamily name 1001").failed();
    ask(&engine, "realtime load sippeers name").failed();
    let updated = ask(&engine, "realtime update sippeers name 1001 language de").done();
    assert_eq!(updated, "Updated 1 RealTime record.\n");
    let row = ask_json(&engine, "realtime load sippeers name 1001");
    assert_eq!(row["row"]["language"], "de");
    let stored = ask(
        &engine,
        "realtime store sippeers name 2001 type friend host dynamic",
    )
    .done();
    assert_eq!(stored, "Stored RealTime record.\n");
    ask(&engine, "realtime load sippeers name 2001").done();
    let gone = ask(&engine, "realtime destroy sippeers name 2001").done();
    assert_eq!(gone, "Removed 1 RealTime record.\n");
    ask(&engine, "realtime load sippeers name 2001").failed();
    let status = ask(&engine, "realtime mysql status").done();
    assert!(status.starts_with("asterisk connected to "), "{status}");
    assert!(status.ends_with(": it answers\n"), "{status}");

    assert_eq!(
        ask(&engine, "sip prune realtime all").done().trim_end(),
        fixture("prune_all").trim_end()
    );
    let line = phones::credentials(1001, "change-me-1001", free_address());
    phones::register_lines(&engine, &[line], 10);
    ask(&engine, "sip prune realtime nobody").failed();
    assert_eq!(
        ask(&engine, "sip prune realtime peer 1001").done(),
        "Peer '1001' pruned.\n"
    );
    assert_eq!(ask_json(&engine, "sip prune realtime like ^1")["pruned"], 0);
}
