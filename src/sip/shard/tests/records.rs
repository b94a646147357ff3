//! What record a call leaves: one for each way it may come out.

use super::channels::{answer, dial};
use super::*;
use crate::base::Text;
use crate::config::{AmaFlags, Recording};
use crate::dialplan::Cause;
use crate::machine::{Body, Cdr, CdrId, Disposition, Query, RECORDS, Span, UnixMicros};
use crate::modules::Module;

/// Microseconds since 1970 of so many milliseconds after the start.
fn at(millis: u64) -> UnixMicros {
    UnixMicros(1_700_000_000_000_000 + millis * 1000)
}

pub(super) fn rules(change: impl FnOnce(&mut Recording)) -> Recording {
    let mut rules = Recording {
        enable: true,
        ..Recording::default()
    };
    change(&mut rules);
    rules
}

/// A shard that follows that plan and keeps records by those rules; both
/// devices are registered.
pub(super) fn recording(lines: &[&str], rules: Recording) -> Rig {
    let mut rig = Rig::following(plan_of(lines), |general, peers| {
        general.records = rules;
        peers[0].accountcode = "sales".into();
        peers[0].amaflags = AmaFlags::Billing;
        peers[1].accountcode = "support".into();
    });
    rig.register("1001", ALICE);
    rig.register("1002", BOB);
    rig
}

/// The one that most tests go by.
fn usual() -> Rig {
    recording(&["default,_X.,1,Dial(SIP/1002,20)"], rules(|_| {}))
}

impl Rig {
    /// The records handed out since the last look.
    fn records(&mut self) -> Vec<Cdr> {
        let envelopes = self.out.take_envelopes();
        let records = envelopes.filter_map(|envelope| match envelope.body {
            Body::Record(cdr) if envelope.to == RECORDS => Some(*cdr),
            _ => None,
        });
        records.collect()
    }

    pub(super) fn only_record(&mut self) -> Cdr {
        let mut records = self.records();
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0)
    }
}

/// What all calls of Alice to 1002 have in common.
fn expected(invite: &str) -> Cdr {
    Cdr {
        id: CdrId {
            shard: 0,
            incarnation: 0,
            serial: 1,
        },
        accountcode: "sales".into(),
        src: "1001".into(),
        dst: "1002".into(),
        dcontext: "default".into(),
        clid: "\"Alice\" <1001>".into(),
        channel: "SIP/1001-00000000".into(),
        dstchannel: "SIP/1002-000000001".into(),
        lastapp: "Dial".into(),
        lastdata: "SIP/1002,20".into(),
        start: at(0),
        amaflags: AmaFlags::Billing,
        uniqueid: "1700000000.0".into(),
        linkedid: "1700000000.0".into(),
        peeraccount: "support".into(),
        call_id: Text::from("call-a"),
        callee_call_id: Text::from(header(invite, "Call-ID")),
        peer: "1001".into(),
        callee_peer: "1002".into(),
        cause: Cause::NORMAL_CLEARING,
        ..Cdr::default()
    }
}

/// Alice's INVITE; Bob rings 40 ms later. Returns Bob's INVITE.
fn ring(rig: &mut Rig) -> String {
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.now = rig.now + Duration::from_millis(40);
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    invite
}

/// The same, and Bob answers after 3 s. Returns Bob's INVITE and Alice's 200.
fn talk(rig: &mut Rig) -> (String, String) {
    let invite = ring(rig);
    rig.now = rig.now + Duration::from_millis(2960);
    let sent = rig.receive(BOB, &answer(&invite));
    let ok = sent[1].1.clone();
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    (invite, ok)
}

fn cancel(rig: &mut Rig) {
    let cancel = INVITE
        .replace("INVITE sip:1002", "CANCEL sip:1002")
        .replace("1 INVITE", "1 CANCEL");
    rig.receive(ALICE, &cancel);
}

#[test]
fn ended_from_outside() {
    let mut rig = usual();
    let (invite, _) = talk(&mut rig);
    rig.now = rig.now + Duration::from_millis(5500);
    let end = Query::End(Module::ChanSip, Span::FIRST);
    rig.shard.serve(rig.now, end, &mut rig.out);
    let cdr = rig.only_record();
    let golden = Cdr {
        answer: Some(at(3000)),
        end: at(8500),
        disposition: Disposition::Answered,
        pdd: Some(Duration::from_millis(40)),
        setup: Some(Duration::from_secs(3)),
        final_code: Some(200),
        ..expected(&invite)
    };
    assert_eq!(cdr, golden, "at once, whatever the telephones say");
}

#[test]
fn answered() {
    let mut rig = usual();
    let (invite, ok) = talk(&mut rig);
    assert_eq!(rig.records(), [], "it lasts");
    rig.now = rig.now + Duration::from_millis(5500);
    rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    let cdr = rig.only_record();
    let golden = Cdr {
        answer: Some(at(3000)),
        end: at(8500),
        disposition: Disposition::Answered,
        pdd: Some(Duration::from_millis(40)),
        setup: Some(Duration::from_secs(3)),
        final_code: Some(200),
        ..expected(&invite)
    };
    assert_eq!(cdr, golden);
    assert_eq!((cdr.duration().as_secs(), cdr.billed().as_secs()), (8, 5));
    rig.wait(Duration::from_secs(40));
    assert_eq!((rig.records(), rig.size("calls")), (vec![], 0));
}

#[test]
fn busy() {
    let mut rig = usual();
    let invite = ring(&mut rig);
    rig.receive(BOB, &respond(&invite, "486 Busy Here", "", ""));
    let golden = Cdr {
        end: at(40),
        disposition: Disposition::Busy,
        pdd: Some(Duration::from_millis(40)),
        final_code: Some(486),
        cause: Cause::USER_BUSY,
        ..expected(&invite)
    };
    assert_eq!(rig.only_record(), golden);
}

#[test]
fn failed_and_congested() {
    for (congestion, disposition) in [
        (false, Disposition::Failed),
        (true, Disposition::Congestion),
    ] {
        let rules = rules(|rules| rules.congestion = congestion);
        let mut rig = recording(&["default,_X.,1,Dial(SIP/1002,20)"], rules);
        let invite = ring(&mut rig);
        rig.receive(BOB, &respond(&invite, "503 Service Unavailable", "", ""));
        let golden = Cdr {
            end: at(40),
            disposition,
            pdd: Some(Duration::from_millis(40)),
            final_code: Some(503),
            cause: Cause::NORMAL_CIRCUIT_CONGESTION,
            ..expected(&invite)
        };
        assert_eq!(rig.only_record(), golden);
    }
}

#[test]
fn silent() {
    let mut rig = recording(&["default,_X.,1,Dial(SIP/1002)"], rules(|_| {}));
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.wait(Duration::from_secs(33));
    let golden = Cdr {
        lastdata: "SIP/1002".into(),
        end: at(32_000),
        disposition: Disposition::Failed,
        final_code: Some(408),
        cause: Cause::NO_USER_RESPONSE,
        retransmissions: 6,
        ..expected(&invite)
    };
    assert_eq!(rig.only_record(), golden);
}

#[test]
fn cancelled() {
    let mut rig = usual();
    let invite = ring(&mut rig);
    rig.now = rig.now + Duration::from_secs(2);
    cancel(&mut rig);
    let golden = Cdr {
        end: at(2040),
        disposition: Disposition::NoAnswer,
        pdd: Some(Duration::from_millis(40)),
        final_code: Some(487),
        ..expected(&invite)
    };
    assert_eq!(rig.only_record(), golden);
}

#[test]
fn not_answered_in_time() {
    let mut rig = usual();
    let invite = ring(&mut rig);
    rig.wait(Duration::from_secs(21));
    let golden = Cdr {
        end: at(20_000),
        disposition: Disposition::NoAnswer,
        pdd: Some(Duration::from_millis(40)),
        final_code: Some(487),
        ..expected(&invite)
    };
    assert_eq!(rig.only_record(), golden);
}

#[test]
fn forwarded_there_are_three_records_of_one_call() {
    let mut rig = recording(
        &[
            "default,1002,1,Dial(SIP/1002,20)",
            "default,5,1,Dial(SIP/1001,30)",
        ],
        rules(|_| {}),
    );
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    let moved = respond(&invite, "302 Moved", "", "").replace("sip:1002@127.0.0.1:7002", "sip:5@h");
    let sent = rig.receive(BOB, &moved);
    let onward = sent.iter().find(|(_, text)| text.starts_with("INVITE"));
    let onward = onward.expect("the other place rings").1.clone();
    let first = rig.records();
    rig.now = rig.now + Duration::from_secs(1);
    let sent = rig.receive(ALICE, &answer(&onward));
    let ok = sent
        .iter()
        .find(|(_, text)| text.starts_with("SIP/2.0 200"));
    let ok = ok.expect("the caller's 200").1.clone();
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    rig.now = rig.now + Duration::from_secs(4);
    rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    let records: Vec<Cdr> = first.into_iter().chain(rig.records()).collect();
    let told: Vec<String> = records
        .iter()
        .map(|cdr| {
            let Cdr {
                channel,
                dstchannel,
                disposition,
                lastdata,
                linkedid,
                dst,
                ..
            } = cdr;
            let (disposition, billed) = (disposition.as_str(), cdr.billed().as_secs());
            format!(
                "{dst} {channel} > {dstchannel} {disposition} {billed} {lastdata} {linkedid} {}",
                cdr.final_code.unwrap_or(0)
            )
        })
        .collect();
    let here = "1700000000.0";
    let mut goldens = [
        format!("1002 SIP/1001-00000000 > SIP/1002-000000001 NO ANSWER 0 SIP/1002,20 {here} 302"),
        format!(
            "1002 SIP/1001-00000000 > Local/5@default-000000002;1 ANSWERED 4 SIP/1002,20 {here} 200"
        ),
        format!(
            "5 Local/5@default-000000002;2 > SIP/1001-000000003 ANSWERED 4 SIP/1001,30 {here} 200"
        ),
    ];
    let mut told = told;
    told.sort();
    goldens.sort();
    assert_eq!(told, goldens);
    let mut names: Vec<&str> = records.iter().map(|cdr| &*cdr.uniqueid).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names.len(),
        2,
        "the far side has a name of its own: {names:?}"
    );
}

#[test]
fn of_several_callees_each_has_a_record() {
    let mut rig = recording(
        &["default,_X.,1,Dial(SIP/1001&SIP/1002&SIP/nobody,20)"],
        rules(|_| {}),
    );
    let sent = dial(&mut rig, "77");
    rig.now = rig.now + Duration::from_secs(1);
    let bob = &sent.iter().find(|(to, _)| *to == BOB.parse().unwrap());
    let invite = bob.expect("Bob rings").1.clone();
    let sent = rig.receive(BOB, &answer(&invite));
    let ok = sent
        .iter()
        .find(|(_, text)| text.starts_with("SIP/2.0 200"));
    let ok = ok.expect("the caller's 200").1.clone();
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    rig.now = rig.now + Duration::from_secs(1);
    let bye = in_dialog(&ok, "BYE", 2);
    rig.receive(ALICE, &bye.replace("sip:1002@", "sip:77@"));
    let outcomes: Vec<(String, Disposition, UnixMicros)> = rig
        .records()
        .into_iter()
        .map(|cdr| (cdr.dstchannel.into(), cdr.disposition, cdr.end))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("SIP/1001-000000001".into(), Disposition::NoAnswer, at(1000)),
            ("SIP/1002-000000002".into(), Disposition::Answered, at(2000)),
        ]
    );
}

#[test]
fn who_rings_nobody_has_a_record_where_it_is_asked_for() {
    for (unanswered, count) in [(false, 0), (true, 1)] {
        let rules = rules(|rules| rules.unanswered = unanswered);
        let mut rig = recording(&["default,_X.,1,Busy()"], rules);
        rig.receive(ALICE, INVITE);
        let records = rig.records();
        assert_eq!(records.len(), count);
        if let Some(cdr) = records.first() {
            assert_eq!((&*cdr.dstchannel, &*cdr.lastapp), ("", "Busy"));
            assert_eq!(cdr.disposition, Disposition::Busy);
        }
        // So is one whose callee is nowhere to be rung.
        let mut rig = recording(&["default,_X.,1,Dial(SIP/1002,20)"], rules);
        let away = "REGISTER sip:127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:7002;branch=z9hG4bKx\n\
             From: <sip:1002@127.0.0.1:5060>;tag=r\nTo: <sip:1002@127.0.0.1:5060>\nCall-ID: reg-1002\n\
             CSeq: 2 REGISTER\nContact: *\nMax-Forwards: 70\nExpires: 0\nContent-Length: 0\n\n";
        rig.receive(BOB, away);
        rig.receive(ALICE, INVITE);
        let records = rig.records();
        assert_eq!(records.len(), count);
        if let Some(cdr) = records.first() {
            assert_eq!((&*cdr.dstchannel, &*cdr.lastapp), ("", "Dial"));
            assert_eq!(cdr.disposition, Disposition::Failed);
        }
    }
}

#[test]
fn the_plan_has_its_say_until_the_end() {
    let lines = [
        "default,_X.,1,Set(CDR(userfield)=early)",
        "default,_X.,2,Set(CDR(Floor)=3)",
        "default,_X.,3,Set(CHANNEL(accountcode)=mine)",
        "default,_X.,4,Set(CDR(amaflags)=omit)",
        "default,_X.,5,Dial(SIP/1002,20)",
        "default,h,1,Set(CDR(userfield)=late)",
        "default,h,2,NoOp(bye)",
    ];
    for (endbeforehexten, userfield) in [(false, "late"), (true, "early")] {
        let rules = rules(|rules| rules.endbeforehexten = endbeforehexten);
        let mut rig = recording(&lines, rules);
        let (_, ok) = talk(&mut rig);
        rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
        let cdr = rig.only_record();
        assert_eq!(cdr.userfield, userfield);
        assert_eq!((&*cdr.lastapp, &*cdr.lastdata), ("Dial", "SIP/1002,20"));
        assert_eq!(cdr.accountcode, "mine");
        assert_eq!(cdr.amaflags, AmaFlags::Omit);
        assert_eq!(cdr.fields, [("floor".into(), "3".into())]);
    }
}

#[test]
fn no_cdr_leaves_none_and_reset_cdr_begins_anew() {
    let mut rig = recording(
        &["default,_X.,1,NoCDR()", "default,_X.,2,Dial(SIP/1002,20)"],
        rules(|_| {}),
    );
    let (_, ok) = talk(&mut rig);
    rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    assert_eq!(rig.records(), []);
    let mut rig = recording(
        &[
            "default,_X.,1,Wait(2)",
            "default,_X.,2,ResetCDR()",
            "default,_X.,3,Dial(SIP/1002,20)",
        ],
        rules(|_| {}),
    );
    rig.receive(ALICE, INVITE);
    let sent = rig.wait(Duration::from_millis(2010));
    let invite = sent.iter().find(|(_, text)| text.starts_with("INVITE"));
    let invite = invite.expect("Bob rings").1.clone();
    rig.receive(BOB, &respond(&invite, "486 Busy Here", "", ""));
    assert_eq!(rig.only_record().start, at(2000));
}

#[test]
fn fork_cdr_leaves_another() {
    let mut rig = recording(
        &[
            "default,_X.,1,Set(CDR(userfield)=first)",
            "default,_X.,2,Wait(1)",
            "default,_X.,3,ForkCDR(r)",
            "default,_X.,4,Set(CDR(userfield)=second)",
            "default,_X.,5,Dial(SIP/1002,20)",
        ],
        rules(|_| {}),
    );
    rig.receive(ALICE, INVITE);
    let sent = rig.wait(Duration::from_millis(1010));
    let invite = sent.iter().find(|(_, text)| text.starts_with("INVITE"));
    let invite = invite.expect("Bob rings").1.clone();
    rig.receive(BOB, &respond(&invite, "486 Busy Here", "", ""));
    let told: Vec<_> = rig
        .records()
        .into_iter()
        .map(|cdr| (cdr.userfield.to_string(), cdr.start, cdr.id.serial))
        .collect();
    assert_eq!(
        told,
        [("first".into(), at(0), 1), ("second".into(), at(1000), 2)]
    );
}

#[test]
fn without_a_place_to_write_to_there_is_no_record() {
    let mut rig = recording(&["default,_X.,1,Dial(SIP/1002,20)"], Recording::default());
    let (_, ok) = talk(&mut rig);
    rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    assert_eq!(rig.records(), []);
}

#[test]
fn names_are_unique_though_slots_are_used_again() {
    let mut rig = usual();
    let mut names = Vec::new();
    for _ in 0..3 {
        let invite = ring(&mut rig);
        rig.receive(BOB, &respond(&invite, "486 Busy Here", "", ""));
        names.push(rig.only_record().uniqueid);
        let ack = INVITE
            .replace("INVITE sip", "ACK sip")
            .replace("1 INVITE", "1 ACK");
        rig.receive(ALICE, &ack);
        rig.wait(Duration::from_secs(40));
    }
    let numbers: Vec<&str> = names
        .iter()
        .filter_map(|name| name.split('.').nth(1))
        .collect();
    assert_eq!(numbers.len(), 3);
    assert!(
        numbers[0] != numbers[1] && numbers[1] != numbers[2],
        "{names:?}"
    );
}
