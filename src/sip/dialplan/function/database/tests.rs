//! The AstDB, as a plan sees it: a store answers what is asked.

use super::super::super::fake::{Fake, call};
use super::super::super::*;
use crate::commons::Store;

/// Runs lines to their end against a store of `family/key=value`s.
fn run(values: &[(&str, &str)], lines: &[&str]) -> (Cursor, Fake, Store) {
    let mut store = Store::default();
    for (path, value) in values {
        store.put(path, value).unwrap();
    }
    let (mut cursor, mut fake, _) = call(lines, "s");
    let mut answered = 0;
    while let Some(inquiry) = fake.asked.get(answered).cloned() {
        let Inquiry::Entry(entry) = inquiry else {
            panic!("{inquiry:?} is not for the AstDB")
        };
        let reply = store.serve(&entry).1.map_or(Reply::Nothing, Reply::Text);
        let ticket = Ticket(answered as u32);
        cursor.handle(Event::Reply(ticket, reply), &mut fake);
        answered += 1;
    }
    (cursor, fake, store)
}

/// What `A` is after `Set(A=text)`.
fn value(values: &[(&str, &str)], text: &str) -> String {
    let line = format!("s,1,Set(A={text})");
    let (cursor, ..) = run(values, &[&line, "s,2,Wait(1)"]);
    cursor.variables().value("A").unwrap().into()
}

#[test]
fn db_reads_and_writes() {
    let lines = [
        "s,1,Set(DB(f/a/b)=x${DB(f/c)})",
        "s,2,Set(A=${DB_RESULT})",
        "s,3,Wait(1)",
    ];
    let (cursor, _, store) = run(&[("f/c", "y")], &lines);
    assert_eq!(store.value("f/a/b"), Some("xy"));
    assert_eq!(cursor.variables().value("A"), Some("y"));
    assert_eq!(value(&[], "${DB(f/c)}"), "");
}

#[test]
fn db_needs_a_family_and_a_key() {
    let (_, fake, _) = run(&[], &["s,1,Set(A=${DB(family)})"]);
    assert_eq!(fake.warnings.len(), 1, "{:?}", fake.warnings);
}

#[test]
fn db_exists_tells_and_leaves_the_value() {
    assert_eq!(
        value(&[("f/c", "y")], "${DB_EXISTS(f/c)}${DB_RESULT}"),
        "1y"
    );
    assert_eq!(value(&[], "${DB_EXISTS(f/c)}"), "0");
}

#[test]
fn db_delete_removes_what_it_yields() {
    let lines = [
        "s,1,Set(A=${DB_DELETE(f/c)})",
        "s,2,Set(DB_DELETE(f/d)=)",
        "s,3,Wait(1)",
    ];
    let (cursor, _, store) = run(&[("f/c", "y"), ("f/d", "z")], &lines);
    assert_eq!(cursor.variables().value("A"), Some("y"));
    assert!(store.is_empty());
}

#[test]
fn db_keys_lists_what_is_right_below() {
    let values = [("f/a/1", ""), ("f/a/2", ""), ("f/b", "")];
    assert_eq!(value(&values, "${DB_KEYS(/f/)}"), "a,b");
    assert_eq!(value(&values, "${DB_KEYS(f/a)}"), "1,2");
}

#[test]
fn blacklist_looks_for_number_and_name() {
    assert_eq!(value(&[("blacklist/42", "1")], "${BLACKLIST()}"), "1");
    assert_eq!(value(&[("blacklist/Ann", "1")], "${BLACKLIST()}"), "1");
    assert_eq!(value(&[("blacklist/43", "1")], "${BLACKLIST()}"), "0");
}

#[test]
fn dbdel_and_dbdeltree_remove() {
    let values = [("f/a/1", ""), ("f/a/2", ""), ("f/b", ""), ("g/c", "")];
    let lines = [
        "s,1,DBdel(f/b)",
        "s,2,DBdeltree(f/a)",
        "s,3,DBdel(g)",
        "s,4,Wait(1)",
    ];
    let (_, fake, store) = run(&values, &lines);
    assert_eq!(store.len(), 1);
    assert_eq!(fake.warnings.len(), 1, "{:?}", fake.warnings);
}

#[test]
fn dialgroup_is_a_list() {
    let lines = [
        "s,1,Set(DIALGROUP(sales)=SIP/1&SIP/2)",
        "s,2,Set(DIALGROUP(sales,add)=SIP/3)",
        "s,3,Set(DIALGROUP(sales,del)=SIP/1)",
        "s,4,Set(A=${DIALGROUP(sales)})",
        "s,5,Set(DIALGROUP(sales)=SIP/9)",
        "s,6,Wait(1)",
    ];
    let (cursor, _, store) = run(&[], &lines);
    assert_eq!(cursor.variables().value("A"), Some("SIP/2&SIP/3"));
    assert_eq!(store.value("dialgroup/sales"), Some("SIP/9"));
}

#[test]
fn device_state_of_custom_devices_is_set() {
    let lines = [
        "s,1,Set(A=${DEVICE_STATE(Custom:lamp)})",
        "s,2,Set(DEVICE_STATE(Custom:lamp)=inuse)",
        "s,3,Set(B=${DEVICE_STATE(Custom:lamp)})",
        "s,4,Set(DEVICE_STATE(SIP/100)=INUSE)",
        "s,5,Wait(1)",
    ];
    let (cursor, fake, store) = run(&[], &lines);
    assert_eq!(cursor.variables().value("A"), Some("UNKNOWN"));
    assert_eq!(cursor.variables().value("B"), Some("INUSE"));
    assert_eq!(store.value("CustomDevstate/lamp"), Some("inuse"));
    assert_eq!(fake.warnings.len(), 1, "{:?}", fake.warnings);
}
