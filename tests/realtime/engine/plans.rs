//! Plans that ask a database, and the AstDB over a restart.

use std::time::Duration;

use super::house::{add_users, files, phone};
use super::{Engine, Scratch};
use crate::address::free_address;
use crate::mariadb::shared;

const DEVICES: &str = "[phone](!)\ntype=friend\nhost=dynamic\n[1](phone)\nsecret=secret-of-1\n\
                       [2](phone)\nsecret=secret-of-2\n";

fn end_status(engine: &Engine, callee: &str) -> u16 {
    let refusal = phone(engine, 1).call(callee);
    refusal.err().expect("the plan refuses").status
}

#[test]
fn a_plan_goes_by_the_rows_of_a_database() {
    let server = shared();
    let section = server.database("e_plans");
    add_users(&server, "e_plans", 1, 2);
    server.exec("CREATE TABLE e_plans.routes (number VARCHAR(40) PRIMARY KEY, cause VARCHAR(40))");
    server.exec("INSERT INTO e_plans.routes VALUES ('51', '17'), ('52', '1')");
    let scratch: Scratch = files("plans", Some(&section), "", "");
    scratch.write(
        "extconfig.conf",
        "[settings]\nsippeers => mysql,test,sippeers\nroutes => mysql,test,routes\n",
    );
    scratch.write(
        "extensions.conf",
        "[phones]\n\
         exten => _5X,1,Hangup(${REALTIME_FIELD(routes,number,${EXTEN},cause)})\n\
         exten => 60,1,Set(REALTIME(routes,number,51,cause)=22)\n\
         same => n,Hangup(20)\n",
    );
    let engine = Engine::start(scratch, free_address(), &["--shards", "2"]);
    assert_eq!(end_status(&engine, "51"), 486);
    assert_eq!(end_status(&engine, "52"), 404);
    assert_eq!(end_status(&engine, "60"), 480);
    assert_eq!(end_status(&engine, "51"), 410);
    assert_eq!(engine.counters().total("faults"), 0);
}

#[test]
fn the_astdb_outlives_the_process() {
    let scratch = files("astdb", None, "", DEVICES);
    let state = scratch.path().join("state").to_string_lossy().into_owned();
    scratch.write(
        "extensions.conf",
        "[phones]\n\
         exten => _7XX,1,Set(DB(cause/${EXTEN:0:2})=${EXTEN:1})\n\
         same => n,Hangup(20)\n\
         exten => _8X,1,Hangup(${DB(cause/7${EXTEN:1})})\n",
    );
    let flags = ["--shards", "2", "--state", &state];
    let mut engine = Engine::start(scratch, free_address(), &flags);
    assert_eq!(end_status(&engine, "701"), 480);
    assert_eq!(end_status(&engine, "80"), 404);
    assert_eq!(engine.end(Duration::from_secs(20)), Some(0));
    engine.restart();
    assert_eq!(end_status(&engine, "80"), 404);
    // 7 and two digits: the cause is the last two.
    assert_eq!(end_status(&engine, "722"), 480);
    assert_eq!(end_status(&engine, "82"), 410);
}
