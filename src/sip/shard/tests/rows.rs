//! What operators are told of a shard, table by table.

use super::*;
use crate::base::Text;
use crate::config::{Host, Qualify};
use crate::machine::{ChannelState, DeviceRow, DialogRow, Page, Query, Rows, Span};
use crate::registrar::Reach;

fn device(rig: &mut Rig, name: &str) -> DeviceRow {
    let names = vec![name.into()];
    match rig
        .shard
        .serve(rig.now, Query::Devices(names), &mut rig.out)
    {
        Page::Devices(rows) if rows.len() == 1 => rows.into_iter().next().unwrap(),
        page => panic!("{page:?}"),
    }
}

fn dialogs(rig: &mut Rig, query: Query) -> Rows<DialogRow> {
    match rig.shard.serve(rig.now, query, &mut rig.out) {
        Page::Dialogs(rows) => rows,
        page => panic!("{page:?}"),
    }
}

fn done(rig: &mut Rig, query: Query) -> bool {
    match rig.shard.serve(rig.now, query, &mut rig.out) {
        Page::Done(done) => done > 0,
        page => panic!("{page:?}"),
    }
}

#[test]
fn a_device_is_told_with_its_contacts_and_calls() {
    let mut rig = Rig::with(|_, [_, bob]| bob.call_limit = 3);
    assert_eq!(device(&mut rig, "nobody").contacts.len(), 0);
    assert_eq!(device(&mut rig, "1002").contacts.len(), 0);
    call(&mut rig);
    rig.wait(Duration::from_secs(10));
    let row = device(&mut rig, "1002");
    assert_eq!((row.contacts.len(), row.calls), (1, 1));
    let contact = &row.contacts[0];
    assert_eq!(contact.binding.uri(), b"sip:1002@127.0.0.1:7002");
    assert_eq!(contact.binding.flow.remote, BOB.parse().unwrap());
    assert_eq!((contact.left_s, contact.reach), (3590, Reach::Unknown));
    assert!(row.known.is_none(), "it is sip.conf's");
}

#[test]
fn a_device_with_a_fixed_host_is_there_without_registering() {
    let mut rig = Rig::with(|_, [_, bob]| bob.host = Host::Fixed(BOB.parse().unwrap()));
    let row = device(&mut rig, "1002");
    assert_eq!(row.contacts[0].binding.flow.remote, BOB.parse().unwrap());
    assert_eq!(row.contacts[0].left_s, 0);
}

#[test]
fn whoever_is_unregistered_is_nowhere() {
    let mut rig = Rig::new();
    let bob = || Query::Unregister(Text::from("1002"));
    assert!(!done(&mut rig, bob()), "not registered");
    rig.register("1002", BOB);
    assert!(done(&mut rig, bob()));
    assert_eq!(device(&mut rig, "1002").contacts.len(), 0);
    assert_eq!((rig.size("bindings"), rig.size("pending")), (0, 0));
    assert!(!done(&mut rig, bob()));
}

#[test]
fn a_device_is_asked_at_once_and_its_answer_is_told() {
    let mut rig = Rig::with(|_, [_, bob]| bob.qualify = Qualify::Within(Duration::from_secs(1)));
    let ask = |name: &str| Query::Qualify(Text::from(name));
    rig.register("1002", BOB);
    let first = rig.wait(Duration::from_secs(1));
    rig.receive(BOB, &respond(&first[0].1, "200 OK", "", ""));
    assert!(matches!(
        device(&mut rig, "1002").contacts[0].reach,
        Reach::Reachable(_)
    ));
    assert!(done(&mut rig, ask("1002")));
    let asked = rig.wait(Duration::ZERO);
    assert!(asked[0].1.starts_with("OPTIONS sip:1002@"), "{asked:?}");
    assert!(done(&mut rig, ask("1002")), "it owes an answer already");
    assert!(rig.wait(Duration::ZERO).is_empty());
    rig.now = rig.now + Duration::from_millis(1500);
    rig.receive(BOB, &respond(&asked[0].1, "200 OK", "", ""));
    let lagged = Reach::Lagged(Duration::from_millis(1500));
    assert_eq!(device(&mut rig, "1002").contacts[0].reach, lagged);
    assert!(!done(&mut rig, ask("1001")), "it is not watched");
}

#[test]
fn the_dialogs_of_a_call_are_told_leg_by_leg() {
    let mut rig = Rig::new();
    let (invite, ok) = call(&mut rig);
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    rig.wait(Duration::from_secs(7));
    let rows = dialogs(&mut rig, Query::Dialogs(Span::FIRST));
    assert_eq!(rows.next, None);
    let told: Vec<_> = rows
        .rows
        .iter()
        .map(|row| (row.user.as_str(), row.remote.to_string(), row.last))
        .collect();
    assert_eq!(
        told,
        [
            ("1001", ALICE.to_string(), "Rx: ACK"),
            ("1002", BOB.to_string(), "Tx: ACK")
        ]
    );
    let answered = Some(Duration::from_secs(7));
    assert!(rows.rows.iter().all(|row| row.answered == answered));
    assert!(rows.rows.iter().all(|row| row.detail.is_none()));
    let call_id = header(&invite, "Call-ID");
    let begins = Text::from(&call_id[..8]);
    let rows = dialogs(&mut rig, Query::Dialog(Span::FIRST, begins));
    let [row] = rows.rows.as_slice() else {
        panic!("{rows:?}")
    };
    let detail = row.detail.as_ref().unwrap();
    assert_eq!(row.call_id, Text::from(call_id));
    assert!(!detail.incoming && !detail.over);
    assert_eq!(detail.remote_tag, Text::from("bob"));
    assert!(detail.channel.as_ref().unwrap().starts_with("SIP/1002-"));
}

#[test]
fn a_page_looks_at_no_more_places_than_it_may() {
    let mut rig = Rig::new();
    call(&mut rig);
    let empty = Span { from: 1, most: 1 };
    let rows = dialogs(&mut rig, Query::Dialogs(empty));
    assert_eq!((rows.rows.len(), rows.next), (0, None));
    let second = INVITE
        .replace("call-a", "call-b")
        .replace("z9hG4bKinvite", "z9hG4bKsecond");
    rig.receive(ALICE, &second);
    let one = Span { from: 0, most: 1 };
    let first = dialogs(&mut rig, Query::Dialogs(one));
    assert_eq!((first.rows.len(), first.next), (2, Some(1)));
    let rest = dialogs(&mut rig, Query::Dialogs(one).after(1));
    assert_eq!((rest.rows.len(), rest.next), (2, None));
    assert_eq!(rest.rows[0].last, "Rx: INVITE");
    assert_eq!(rest.rows[1].last, "Tx: INVITE");
}

#[test]
fn timers_are_told_by_what_they_are_for() {
    let mut rig = Rig::new();
    call(&mut rig);
    let page = rig.shard.serve(rig.now, Query::Timers, &mut rig.out);
    let Page::Timers(rows) = page else {
        panic!("{page:?}")
    };
    let registrations = rows.iter().find(|row| row.of == "registrations").unwrap();
    assert_eq!(registrations.count, 2);
    let b = Some(Duration::from_secs(32));
    let waiting = rows
        .iter()
        .find(|row| (row.of, row.duration) == ("transactions", b));
    assert!(waiting.is_some_and(|row| row.count > 0), "{rows:?}");
}

#[test]
fn a_channel_is_where_its_furthest_contact_is() {
    let mut rig = Rig::with(|_, [_, bob]| bob.max_contacts = 2);
    rig.register("1002", BOB);
    let other = "127.0.0.1:7003";
    let again = format!(
        "REGISTER sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {other};branch=z9hG4bKr2\n\
         From: <sip:1002@{ENGINE}>;tag=r\nTo: <sip:1002@{ENGINE}>\nCall-ID: reg-2\n\
         CSeq: 1 REGISTER\nContact: <sip:1002@{other}>\nMax-Forwards: 70\n\
         Expires: 3600\nContent-Length: 0\n\n"
    );
    rig.receive(other, &again);
    let invites = rig.receive(ALICE, INVITE);
    assert_eq!(invites.len(), 2);
    for (place, (to, invite)) in invites.iter().enumerate() {
        let said = ["486 Busy Here", "180 Ringing"][place];
        rig.receive(&to.to_string(), &respond(invite, said, "", ""));
    }
    let page = rig
        .shard
        .serve(rig.now, Query::Channels(Span::FIRST), &mut rig.out);
    let Page::Channels(page) = page else {
        panic!("{page:?}")
    };
    let states: Vec<_> = page.rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [ChannelState::Ring, ChannelState::Ringing]);
}
