//! How long the stages take: by a clock that moves 10 µs at each look, and the
//! shard's own time.

use core::cell::Cell;

use super::*;
use crate::config::Realtime;
use crate::machine::realtime::{Errand, Known, Outcome};
use crate::machine::{Answer, Body, DATABASE, Envelope, Page, Query, Question, Stages};

std::thread_local! {
    static NOW_NS: Cell<u64> = const { Cell::new(0) };
}

fn clock() -> u64 {
    NOW_NS.set(NOW_NS.get() + 10_000);
    NOW_NS.get()
}

/// A shard that finds its devices in a database.
fn rig() -> Rig {
    let mut rig = Rig::new();
    let second = Duration::from_secs(1);
    let realtime = Realtime {
        devices: true,
        cached: true,
        ttl: second,
        autoclear: None,
        stale: second,
        timeout: second,
        update: true,
        rows_have_contacts: true,
        rows_lag: false,
        ignoreregexpire: false,
        keeps_static: false,
        node: None,
    };
    let config = Config {
        general: General::default(),
        peers: Peers::new([]),
        plan: Arc::new(plan(&[("Dial", "SIP/${EXTEN},20")])),
        realtime: Some(realtime),
    };
    let input = Input::Reload(Arc::new(config));
    rig.shard.handle(rig.now, input, &mut rig.out);
    rig.out.stopwatch.set(clock, 1);
    rig
}

/// Does `work` as a driver does what it times.
fn timed<T>(rig: &mut Rig, work: impl FnOnce(&mut Rig) -> T) -> T {
    assert!(rig.out.stopwatch.is_due());
    rig.out.stopwatch.start(Duration::from_micros(1));
    let done = work(rig);
    rig.out.stopwatch.stop();
    rig.out.stopwatch.sent();
    done
}

/// The database answers, for as long as something is asked of it, after `wait`.
fn answer(rig: &mut Rig, wait: Duration) -> u32 {
    let mut answered = 0;
    loop {
        let asked: Vec<Envelope> = rig.out.take_envelopes().collect();
        if asked.is_empty() {
            return answered;
        }
        rig.wait(wait);
        for envelope in asked {
            let Body::Ask {
                id,
                question: Question::Errand(errand),
            } = envelope.body
            else {
                panic!("another question");
            };
            let outcome = match errand {
                Errand::Peer(name) => {
                    let peer = Peer::new(&name.lossy(), PeerKind::Friend);
                    let contacts = Vec::new();
                    let peer = Arc::new(peer);
                    Outcome::Peer(Some(Arc::new(Known { peer, contacts })))
                }
                Errand::PeersAt(_) => Outcome::Peers(Vec::new()),
                _ => Outcome::Saved,
            };
            let answer = Body::Answer {
                id,
                answer: Answer::Outcome(outcome),
            };
            let envelope = Envelope {
                from: DATABASE,
                to: 0,
                body: answer,
            };
            let input = Input::Envelope(envelope);
            rig.shard.handle(rig.now, input, &mut rig.out);
            answered += 1;
        }
    }
}

fn stages(rig: &mut Rig) -> Stages {
    match rig.shard.serve(rig.now, Query::Stages, &mut rig.out) {
        Page::Stages(stages) => *stages,
        page => panic!("{page:?}"),
    }
}

#[test]
fn what_the_database_takes_shows_in_its_stage_alone() {
    let mut rig = rig();
    timed(&mut rig, |rig| rig.receive(ALICE, INVITE));
    let answered = answer(&mut rig, Duration::from_millis(5));
    assert!(answered > 0);
    for (stage, histogram) in stages(&mut rig).each() {
        let (count, longest) = (histogram.count(), histogram.quantile(1.0));
        match stage.name() {
            "database" => {
                assert_eq!(count, answered.into());
                let shortest = histogram.quantile(0.0);
                assert!(shortest >= Duration::from_millis(5), "{shortest:?}");
                assert!(longest <= Duration::from_millis(6), "{longest:?}");
            }
            "ringing" | "answer" | "outside" => assert_eq!(count, 0, "{}", stage.name()),
            name => {
                assert_eq!(count, 1, "{name}");
                assert!(longest < Duration::from_micros(12), "{name} {longest:?}");
            }
        }
    }
}

#[test]
fn a_call_is_timed_as_its_caller_sees_it() {
    let mut rig = Rig::new();
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.wait(Duration::from_millis(100));
    for status in ["180 Ringing", "183 Session Progress", "180 Ringing"] {
        rig.receive(BOB, &respond(&invite, status, "", ""));
    }
    rig.wait(Duration::from_millis(300));
    rig.receive(BOB, &respond(&invite, "200 OK", "", ""));
    for (stage, histogram) in stages(&mut rig).each() {
        let expected = match stage.name() {
            "ringing" => Some(100),
            "answer" => Some(400),
            _ => None,
        };
        assert_eq!(
            histogram.count(),
            expected.map_or(0, |_| 1),
            "{}",
            stage.name()
        );
        assert_eq!(
            histogram.sum(),
            Duration::from_millis(expected.unwrap_or(0))
        );
    }
}
