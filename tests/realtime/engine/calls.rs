//! Calls between those of the database, and those of sip.conf.

use super::house::{PATIENCE, add_users, engine, files, phone};
use super::phone::Phone;
use super::{Engine, Scratch};
use crate::address::free_address;
use crate::mariadb::shared;

#[test]
fn those_of_the_database_call_each_other() {
    let server = shared();
    let section = server.database("e_calls");
    add_users(&server, "e_calls", 1001, 1004);
    let engine = engine("calls", &section, "", &["--t1", "100"]);
    let (mut ann, mut bob) = (phone(&engine, 1001), phone(&engine, 1002));
    // Nobody is where nobody registered.
    let refusal = ann.call("1002").err().expect("it is not registered");
    assert_eq!(refusal.status, 503, "{}", refusal.text);
    let refusal = ann.call("1999").err().expect("there is none");
    assert!((400..600).contains(&refusal.status), "{}", refusal.text);
    bob.registers(3600);
    let bob = bob.answers();
    // Who calls need not be registered.
    let call = ann.calls("1002");
    ann.hangs_up(call);
    assert_eq!(bob.taken(), 1);
    // And back.
    ann.registers(3600);
    let (ann, mut bob) = (ann.answers(), bob.stop());
    let call = bob.calls("1001");
    bob.hangs_up(call);
    assert_eq!(ann.taken(), 1);
    engine.wait_until_empty(PATIENCE);
    assert_eq!(engine.counters().total("faults"), 0);
}

#[test]
fn those_of_the_database_and_those_of_sip_conf_call_each_other() {
    let server = shared();
    let section = server.database("e_mixed");
    add_users(&server, "e_mixed", 1001, 1001);
    let device = "[2001]\ntype=friend\nhost=dynamic\nsecret=secret-of-2001\n";
    let scratch: Scratch = files("mixed", Some(&section), "", device);
    let engine = Engine::start(scratch, free_address(), &["--shards", "2"]);
    let (mut ann, mut carl) = (phone(&engine, 1001), phone(&engine, 2001));
    ann.registers(3600);
    carl.registers(3600);
    let carl = carl.answers();
    let call = ann.calls("2001");
    ann.hangs_up(call);
    assert_eq!(carl.taken(), 1);
    let (ann, mut carl) = (ann.answers(), carl.stop());
    let call = carl.calls("1001");
    carl.hangs_up(call);
    assert_eq!(ann.taken(), 1);
    // Another's password opens nothing.
    let mut thief = Phone::new(engine.address, 2001, "secret-of-1001");
    let refusal = thief.call("1001").err().expect("a wrong password");
    assert_eq!(refusal.status, 403, "{}", refusal.text);
}
