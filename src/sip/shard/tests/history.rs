//! What the flight recorder tells of calls: while they last, and once they have
//! failed.

use super::*;
use crate::base::Limits;
use crate::base::{Level, Text};
use crate::machine::{FailureRow, HistoryRow, Page, Query, Span};

/// What is known of the calls whose Call-ID begins so, in words.
fn history(rig: &mut Rig, call_id: &str) -> Vec<HistoryRow> {
    let mut rows = Vec::new();
    let mut span = Span { from: 0, most: 1 };
    loop {
        let query = Query::History(Text::from(call_id), span);
        let Page::History(page) = rig.shard.serve(rig.now, query, &mut rig.out) else {
            panic!("another page");
        };
        rows.extend(page.rows);
        let Some(next) = page.next else { return rows };
        span = span.after(next);
    }
}

fn failures(rig: &mut Rig) -> Vec<FailureRow> {
    match rig.shard.serve(rig.now, Query::Failures, &mut rig.out) {
        Page::Failures(page) => page.rows,
        page => panic!("{page:?}"),
    }
}

fn words(row: &HistoryRow) -> Vec<String> {
    let moments = row.moments.iter();
    moments.map(|moment| moment.what.to_string()).collect()
}

#[test]
fn a_call_tells_what_happened_to_it() {
    let mut rig = Rig::new();
    let (invite, ok) = call(&mut rig);
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    let expected = [
        "Rx       leg 0  INVITE (CSeq 1)",
        "Plan     priority 1: Dial",
        "Heard    bindings after 0 ms",
        "Tx       leg 1  INVITE (CSeq 102)",
        "Rx       leg 1  180 Ringing (CSeq 102 INVITE)",
        "Tx       leg 0  180 Ringing (CSeq 1 INVITE)",
        "Rx       leg 1  200 OK (CSeq 102 INVITE)",
        "Tx       leg 1  ACK (CSeq 102)",
        "Tx       leg 0  200 OK (CSeq 1 INVITE)",
        "Rx       leg 0  ACK (CSeq 1)",
    ];
    for call_id in ["call-a", "call", header(&invite, "Call-ID")] {
        let rows = history(&mut rig, call_id);
        assert_eq!(rows.len(), 1, "{call_id}");
        assert_eq!(words(&rows[0]), expected);
        assert_eq!((rows[0].forgotten, rows[0].ended), (0, None));
        assert_eq!(rows[0].channel, "SIP/1001-00000000");
    }
    assert!(history(&mut rig, "call-b").is_empty());
    rig.now = rig.now + Duration::from_millis(1_500);
    rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    assert!(history(&mut rig, "call-a").is_empty(), "it did not fail");
    assert!(failures(&mut rig).is_empty());
}

/// A call that the callee refuses by 500, and the caller is told 503 of.
fn fail(rig: &mut Rig, call_id: &str) {
    let sent = rig.receive(
        ALICE,
        &INVITE
            .replace("call-a", call_id)
            .replace("9hG4bKinvite", call_id),
    );
    let invite = &sent.last().expect("the callee's INVITE").1;
    let sent = rig.receive(BOB, &respond(invite, "500 Broken", "", ""));
    assert!(
        sent.last().unwrap().1.starts_with("SIP/2.0 503"),
        "{sent:?}"
    );
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn a_call_that_failed_is_kept_and_told_to_the_log() {
    let mut rig = Rig::new();
    rig.out.set_level(Some(Level::Warn));
    rig.register("1002", BOB);
    fail(&mut rig, "lost-1");
    rig.now = rig.now + Duration::from_secs(3);
    let row = &history(&mut rig, "lost-1")[0];
    let words = words(row);
    assert!(
        words.contains(&"Rx       leg 1  500 Server Internal Error (CSeq 102 INVITE)".into()),
        "{words:?}"
    );
    assert!(words.contains(&"Tx       leg 0  503 Service Unavailable (CSeq 1 INVITE)".into()));
    assert_eq!(row.ended, Some(Duration::from_secs(3)));
    assert_eq!(row.failed.map(|status| status.code()), Some(503));
    let notes: Vec<String> = rig.out.take_notes().map(|note| note.text).collect();
    let [note] = &notes[..] else {
        panic!("{notes:?}")
    };
    assert!(
        note.starts_with("the call lost-1 of SIP/1001-00000000 failed with 503\n"),
        "{note}"
    );
    assert!(
        note.contains("\n      0.000 s  Rx       leg 0  INVITE (CSeq 1)\n"),
        "{note}"
    );
}

#[test]
fn the_last_failures_are_kept_and_the_log_is_not_filled() {
    let mut rig = Rig::new();
    rig.out.set_level(Some(Level::Warn));
    rig.register("1002", BOB);
    let most = usize::from(Limits::default().failures);
    for number in 0..most + 10 {
        fail(&mut rig, &format!("lost-{number}"));
    }
    let kept = failures(&mut rig);
    assert_eq!(kept.len(), most);
    assert_eq!(kept[0].call_id.as_bytes(), b"lost-10", "the oldest went");
    assert_eq!(rig.out.take_notes().count(), 1, "all within one second");
    rig.wait(Duration::from_secs(1));
    fail(&mut rig, "lost-last");
    let note = rig.out.take_notes().next().unwrap().text;
    let untold = format!("; {} others before it are not told\n", most + 9);
    assert!(note.contains(&untold), "{note}");
}

#[test]
fn a_caller_who_hears_busy_is_no_failure() {
    let mut rig = Rig::new();
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    let sent = rig.receive(BOB, &respond(&invite, "486 Busy Here", "", ""));
    assert!(
        sent.last().unwrap().1.starts_with("SIP/2.0 486"),
        "{sent:?}"
    );
    assert!(failures(&mut rig).is_empty());
}
