//! DNS, as a plan sees it.

use super::super::super::fake::{Fake, call};
use super::super::super::*;

fn row(fields: &[(&str, &str)]) -> Row {
    let field = |&(name, value): &(&str, &str)| (name.into(), value.into());
    fields.iter().map(field).collect()
}

fn srv(priority: &str, weight: &str, host: &str) -> Row {
    row(&[
        ("priority", priority),
        ("weight", weight),
        ("port", "5060"),
        ("host", host),
    ])
}

fn naptr(order: &str, services: &str, regexp: &str) -> Row {
    row(&[
        ("order", order),
        ("preference", "10"),
        ("flags", "u"),
        ("services", services),
        ("regexp", regexp),
        ("replacement", ""),
    ])
}

/// What `A` and `B` are after these lines, where DNS has those rows.
fn run(rows: &[Row], lines: &[&str]) -> (String, String, Fake) {
    let (mut cursor, mut fake, _) = call(lines, "s");
    let reply = Reply::Rows(rows.to_vec());
    cursor.handle(Event::Reply(Ticket(0), reply), &mut fake);
    let value = |name| cursor.variables().value(name).unwrap_or_default().into();
    (value("A"), value("B"), fake)
}

fn asked(name: &str, records: Records) -> Inquiry {
    Inquiry::Work(Box::new(Work::Lookup {
        name: name.into(),
        records,
    }))
}

#[test]
fn srvquery_and_srvresult_yield_records_by_priority_and_weight() {
    let rows = [
        srv("20", "0", "c"),
        srv("10", "1", "b"),
        srv("10", "9", "a"),
    ];
    let lines = [
        "s,1,Set(ID=${SRVQUERY(_sip._udp.h)})",
        "s,2,Set(A=${SRVRESULT(${ID},getnum,host)}${SRVRESULT(${ID},1,host)}${SRVRESULT(${ID},2,host)})",
        "s,3,Set(B=${SRVRESULT(${ID},3,host)}${SRVRESULT(${ID},3,port)}${SRVRESULT(${ID},4,host)})",
        "s,4,Wait(1)",
    ];
    let (a, b, fake) = run(&rows, &lines);
    assert_eq!((a.as_str(), b.as_str()), ("3ab", "c5060"));
    assert_eq!(fake.asked, [asked("_sip._udp.h", Records::Srv)]);
}

#[test]
fn srvresult_asks_by_itself() {
    let lines = ["s,1,Set(A=${SRVRESULT(_sip._udp.h,1,host)})", "s,2,Wait(1)"];
    let (a, _, fake) = run(&[srv("1", "1", "a")], &lines);
    assert_eq!((a.as_str(), fake.asked.len()), ("a", 1));
}

#[test]
fn enumlookup_applies_the_rule_of_the_first_record() {
    let rows = [
        naptr("20", "E2U+sip", "!^.*$!sip:late@h!"),
        naptr("10", "E2U+sip", "!^\\+49(.*)$!sip:\\1@h!"),
        naptr("5", "E2U+mailto", "!^.*$!mailto:a@h!"),
    ];
    let lines = ["s,1,Set(A=${ENUMLOOKUP(+49-123)})", "s,2,Wait(1)"];
    let (a, _, fake) = run(&rows, &lines);
    assert_eq!(a, "123@h");
    assert_eq!(fake.asked, [asked("3.2.1.9.4.e164.arpa", Records::Naptr)]);
    for (arguments, expected) in [
        ("+49123,sip,u", "sip:123@h"),
        ("+49123,sip,,2", "late@h"),
        ("+49123,sip,c", "2"),
        ("+49123,ALL", "mailto:a@h"),
        ("+49123,mailto,,1,e164.example", "a@h"),
        ("+49123,tel", ""),
    ] {
        let line = format!("s,1,Set(A=${{ENUMLOOKUP({arguments})}})");
        assert_eq!(
            run(&rows, &[&line, "s,2,Wait(1)"]).0,
            expected,
            "{arguments}"
        );
    }
}

#[test]
fn enumquery_and_enumresult_yield_each_record() {
    let rows = [
        naptr("10", "E2U+sip", "!^.*$!sip:a@h!"),
        naptr("20", "sip+E2U", "!^.*$!sip:b@h!"),
    ];
    let lines = [
        "s,1,Set(ID=${ENUMQUERY(+49123)})",
        "s,2,Set(A=${ENUMRESULT(${ID},getnum)}${ENUMRESULT(${ID},1)})",
        "s,3,Set(B=${ENUMRESULT(${ID},2)}${ENUMRESULT(${ID},3)})",
        "s,4,Wait(1)",
    ];
    let (a, b, _) = run(&rows, &lines);
    assert_eq!((a.as_str(), b.as_str()), ("2a@h", "b@h"));
}
