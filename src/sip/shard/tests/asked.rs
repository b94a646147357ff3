//! What operators see of channels, and what they ask and set as a plan might.

use super::channels::{answer, dial, firsts, rig};
use super::*;
use crate::dialplan::{Entry, Inquiry, Reply, Verb};
use crate::machine::{ChannelRow, ChannelState, Page, Query, Span, TableRow};

fn channels(rig: &mut Rig, query: Query) -> Vec<ChannelRow> {
    match rig.shard.serve(rig.now, query, &mut rig.out) {
        Page::Channels(rows) => rows.rows,
        page => panic!("{page:?}"),
    }
}

fn all(rig: &mut Rig) -> Vec<ChannelRow> {
    channels(rig, Query::Channels(Span::FIRST))
}

fn reply(rig: &mut Rig, inquiry: Inquiry) -> Reply {
    let asked = Query::Inquire(Box::new(inquiry));
    let Page::Inquired(number) = rig.shard.serve(rig.now, asked, &mut rig.out) else {
        panic!("an inquiry is taken");
    };
    let page = rig.shard.serve(rig.now, Query::Reply(number), &mut rig.out);
    let again = rig.shard.serve(rig.now, Query::Reply(number), &mut rig.out);
    assert_eq!(again, Page::Replied(None), "it is fetched once");
    match page {
        Page::Replied(Some(reply)) => reply,
        page => panic!("{page:?}"),
    }
}

#[test]
fn a_channel_is_told_with_its_place_and_what_it_was_given() {
    let mut rig = rig(&[
        "default,_X.,1,Set(WAIT=20)",
        "default,_X.,2,Dial(SIP/${EXTEN},${WAIT})",
    ]);
    assert_eq!(all(&mut rig), []);
    let sent = dial(&mut rig, "1002");
    let rows = all(&mut rig);
    let [caller, callee] = &rows[..] else {
        panic!("{rows:?}")
    };
    assert_eq!(
        (caller.state, callee.state),
        (ChannelState::Ring, ChannelState::Down)
    );
    assert_eq!((caller.calls, callee.calls), (true, false));
    let place = (&*caller.context, &*caller.exten, caller.priority);
    assert_eq!(place, ("default", "1002", 2));
    assert_eq!(
        (&*caller.application, &*caller.arguments),
        ("Dial", "SIP/1002,20")
    );
    assert_eq!(
        (&*callee.application, &*callee.arguments),
        ("AppDial", "(Outgoing Line)")
    );
    assert_eq!((&*caller.number, &*callee.number), ("1001", "1002"));
    assert_eq!((caller.bridge, callee.bridge), (None, None));
    assert!(caller.unique_id != callee.unique_id && caller.detail.is_none());
    let (_, invite) = sent
        .iter()
        .find(|(_, text)| text.starts_with("INVITE"))
        .unwrap();
    rig.receive(BOB, &respond(invite, "180 Ringing", "", ""));
    assert_eq!(all(&mut rig)[1].state, ChannelState::Ringing);
    rig.receive(BOB, &answer(invite));
    rig.wait(Duration::from_secs(5));
    let rows = all(&mut rig);
    assert!(rows.iter().all(|row| row.state == ChannelState::Up));
    assert!(rows[0].bridge.is_some() && rows[0].bridge == rows[1].bridge);
    assert!(rows.iter().all(|row| row.age.as_secs() == 5), "{rows:?}");
}

#[test]
fn what_a_channel_does_not_know_stays_as_the_plan_has_it() {
    let mut rig = rig(&["default,_X.,1,Dial(SIP/${EXTEN},${IF($[1]?20:30)})"]);
    dial(&mut rig, "1002");
    assert_eq!(all(&mut rig)[0].arguments, "SIP/${EXTEN},${IF($[1]?20:30)}");
}

#[test]
fn one_channel_is_told_whole_and_no_other() {
    let mut rig = rig(&[
        "default,_X.,1,Set(COLOUR=blue)",
        "default,_X.,2,Dial(SIP/1002)",
    ]);
    dial(&mut rig, "1002");
    let name = all(&mut rig)[0].name.clone();
    let rows = channels(&mut rig, Query::Channel(Span::FIRST, name.clone()));
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(row.name, name);
    let detail = row.detail.as_ref().unwrap();
    assert!(detail.variables.contains(&("COLOUR".into(), "blue".into())));
    assert_eq!(detail.linked_id, row.unique_id);
    assert!(!detail.call_id.is_empty());
    let nobody = Query::Channel(Span::FIRST, "SIP/nobody-00000000".into());
    assert_eq!(channels(&mut rig, nobody), []);
}

#[test]
fn both_ends_of_a_local_channel_are_told() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(Local/${EXTEN}@inner)",
        "inner,_X.,1,Dial(SIP/${EXTEN})",
    ]);
    let sent = dial(&mut rig, "1002");
    assert!(firsts(&sent).iter().any(|line| line.starts_with("INVITE")));
    let rows = all(&mut rig);
    let names: Vec<&str> = rows.iter().map(|row| &*row.name).collect();
    let far = rows.iter().find(|row| row.name.ends_with(";2"));
    let far = far.unwrap_or_else(|| panic!("{names:?}"));
    assert!(names.iter().any(|name| name.ends_with(";1")), "{names:?}");
    assert_eq!((&*far.context, &*far.arguments), ("inner", "SIP/1002"));
    assert_eq!(rows.iter().filter(|row| row.calls).count(), 1);
    let whole = channels(&mut rig, Query::Channel(Span::FIRST, far.name.clone()));
    assert!(whole[0].detail.is_some());
}

#[test]
fn operators_read_and_set_what_plans_do() {
    let mut rig = rig(&[
        "default,_X.,1,Set(SEEN=${DB(f/k)} ${G})",
        "default,_X.,2,Wait(9)",
    ]);
    let entry = |verb| {
        let path = "f/k".into();
        Inquiry::Entry(Box::new(Entry { path, verb }))
    };
    assert_eq!(reply(&mut rig, entry(Verb::Read)), Reply::Nothing);
    reply(&mut rig, entry(Verb::Write("value".into())));
    assert_eq!(
        reply(&mut rig, entry(Verb::Read)),
        Reply::Text("value".into())
    );
    let set = Query::SetGlobal("G".into(), "global".into());
    let page = rig.shard.serve(rig.now, set, &mut rig.out);
    assert_eq!(page, Page::Done(1));
    let globals = rig.shard.serve(rig.now, Query::Globals, &mut rig.out);
    assert_eq!(globals, Page::Globals(vec![("G".into(), "global".into())]));
    dial(&mut rig, "77");
    let name = all(&mut rig)[0].name.clone();
    let rows = channels(&mut rig, Query::Channel(Span::FIRST, name));
    let seen = ("SEEN".into(), "value global".into());
    assert!(
        rows[0].detail.as_ref().unwrap().variables.contains(&seen),
        "{rows:?}"
    );
}

#[test]
fn a_database_that_is_not_there_has_no_rows() {
    use crate::dialplan::{Deed, Rows};
    let mut rig = rig(&[]);
    let rows = Rows {
        family: "sippeers".into(),
        matches: Vec::new(),
        deed: Deed::Read,
    };
    assert_eq!(
        reply(&mut rig, Inquiry::Rows(Box::new(rows))),
        Reply::Failed
    );
}

#[test]
fn entries_are_told_a_few_at_a_time() {
    let mut rig = rig(&[]);
    for number in 0..600 {
        let path = format!("f/{number:03}").into();
        let verb = Verb::Write("v".into());
        reply(&mut rig, Inquiry::Entry(Box::new(Entry { path, verb })));
    }
    let (mut last, mut told) = (Box::from(""), Vec::new());
    loop {
        let query = Query::Entries("f".into(), last);
        let Page::Entries(entries) = rig.shard.serve(rig.now, query, &mut rig.out) else {
            panic!("entries are told");
        };
        assert!(entries.len() <= 256);
        let Some((path, _)) = entries.last() else {
            break;
        };
        last = path.clone();
        told.extend(entries.into_iter().map(|(path, _)| path));
    }
    assert_eq!(told.len(), 600);
    assert!(told.is_sorted());
}

#[test]
fn tables_are_told_with_their_bounds() {
    let mut rig = rig(&["default,_X.,1,Dial(SIP/1002)"]);
    dial(&mut rig, "1002");
    let Page::Memory(rows) = rig.shard.serve(rig.now, Query::Memory, &mut rig.out) else {
        panic!("tables are told");
    };
    let row = |name| {
        *rows
            .iter()
            .find(|row: &&TableRow| row.name == name)
            .unwrap()
    };
    let calls = row("calls");
    assert_eq!(calls.entries, 1);
    assert!(calls.bytes > 0 && calls.capacity.is_some_and(|most| most > 1));
    assert_eq!(row("bindings").entries, 2);
    let sizes = rig.shard.sizes();
    for (name, entries) in [
        ("dialogs", row("dialogs")),
        ("transactions", row("transactions")),
    ] {
        let size = sizes.iter().find(|(known, _)| *known == name).unwrap().1;
        assert_eq!(entries.entries, size, "{name}");
    }
}

#[test]
fn a_drain_may_be_taken_back() {
    let mut rig = rig(&["default,_X.,1,Dial(SIP/1002)"]);
    rig.shard.handle(rig.now, Input::Drain, &mut rig.out);
    let refused = dial(&mut rig, "1002");
    assert!(
        firsts(&refused)[0].starts_with("SIP/2.0 503"),
        "{refused:?}"
    );
    rig.shard.handle(rig.now, Input::Undrain, &mut rig.out);
    let again = INVITE.replace("Call-ID: ", "Call-ID: again-");
    let taken = rig.receive(
        ALICE,
        &again.replace("branch=z9hG4bK", "branch=z9hG4bKagain"),
    );
    assert!(!firsts(&taken)[0].starts_with("SIP/2.0 503"), "{taken:?}");
}
