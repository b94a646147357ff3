//! A configuration taken while calls run: what stays, what goes, and what is
//! sent for it.

use super::*;
use crate::base::Transport;
use crate::config::{Host, Qualify, Transports};
use crate::machine::{Page, Query, Rows, Span};
use crate::modules::{Missing, Module, Modules};

impl Rig {
    /// Has the shard take the configuration it has, as `change` leaves it.
    fn reload(&mut self, change: impl FnOnce(&mut Config)) {
        let old = Arc::clone(&self.shard.exchange.config);
        let mut config = Config {
            general: old.general.clone(),
            peers: old.peers.clone(),
            plan: Arc::clone(&old.plan),
            realtime: None,
        };
        change(&mut config);
        let input = Input::Reload(Arc::new(config));
        self.shard.handle(self.now, input, &mut self.out);
    }

    fn missing(&mut self, missing: Missing) {
        self.reload(|config| {
            config.general.missing = missing;
            config.plan = Arc::new(config.plan.without(missing));
        });
    }

    fn ask(&mut self, query: Query) -> Page {
        self.shard.serve(self.now, query, &mut self.out)
    }
}

fn absent(module: Module) -> Missing {
    Missing {
        absent: Modules::default().with(module),
        ..Missing::default()
    }
}

fn leaving(module: Module) -> Missing {
    Missing {
        leaving: Modules::default().with(module),
        ..Missing::default()
    }
}

fn watched(name: &str, port: u16, every_s: u64) -> Peer {
    let mut peer = Peer::new(name, PeerKind::Peer);
    peer.host = Host::Fixed(SocketAddr::from(([127, 0, 0, 1], port)));
    peer.qualify = Qualify::Within(Duration::from_secs(2));
    peer.qualifyfreq = Duration::from_secs(every_s);
    peer
}

const REGISTER: &str = "REGISTER sip:127.0.0.1:5060 SIP/2.0\n\
    Via: SIP/2.0/UDP 127.0.0.1:7001;branch=z9hG4bKm\n\
    From: <sip:1001@127.0.0.1:5060>;tag=r\nTo: <sip:1001@127.0.0.1:5060>\nCall-ID: reg-m\n\
    CSeq: 1 REGISTER\nContact: <sip:1001@127.0.0.1:7001>\nMax-Forwards: 70\n\
    Content-Length: 0\n\n";

#[test]
fn a_reload_without_change_sends_nothing() {
    let devices: Vec<Peer> = (0..1000u16)
        .map(|number| watched(&number.to_string(), 10_000 + number, 60))
        .collect();
    let mut rig = Rig::new();
    rig.reload(|config| config.peers = Peers::new(devices.clone()));
    assert_eq!(rig.wait(Duration::from_millis(1)), []);
    assert_eq!(rig.size("watched"), 1000);
    for _ in 0..10 {
        let again = Peers::new(devices.clone());
        rig.reload(|config| config.peers = again.keeping(&config.peers));
        assert_eq!(rig.wait(Duration::ZERO), []);
    }
    let questions = rig.wait(Duration::from_secs(60)).len();
    // Each is asked once within its period, and again while it does not answer.
    let unanswered = |asked: usize| asked >= 1000;
    assert!(unanswered(questions), "{questions}");
}

#[test]
fn a_reload_asks_only_whom_it_begins_to_watch() {
    let mut rig = Rig::new();
    rig.reload(|config| config.peers = Peers::new([watched("a", 9001, 60)]));
    let first = rig.wait(Duration::from_secs(60));
    assert!(!first.is_empty());
    let answer = respond(&first[0].1, "200 OK", "", "");
    rig.receive("127.0.0.1:9001", &answer);
    rig.wait(Duration::from_secs(1));
    rig.reload(|config| {
        let both = Peers::new([watched("a", 9001, 60), watched("b", 9002, 60)]);
        config.peers = both.keeping(&config.peers);
    });
    assert_eq!(rig.wait(Duration::ZERO), []);
    assert_eq!(rig.size("watched"), 2);
    rig.reload(|config| config.peers = Peers::new([watched("b", 9002, 60)]));
    let asked = rig.wait(Duration::from_secs(130));
    let is_new = |text: &str| {
        let mut before = first.iter();
        !before.any(|(_, earlier)| header(earlier, "Call-ID") == header(text, "Call-ID"))
    };
    let new: Vec<u16> = asked
        .iter()
        .filter(|(_, text)| is_new(text))
        .map(|(to, _)| to.port())
        .collect();
    assert!(
        !new.is_empty() && new.iter().all(|port| *port == 9002),
        "{new:?}"
    );
    assert_eq!(rig.size("watched"), 1);
}

#[test]
fn devices_are_looked_at_in_turns() {
    let mut rig = Rig::new();
    let devices = (0..1000u16).map(|number| watched(&number.to_string(), number + 1, 60));
    let devices = Peers::new(devices);
    rig.reload(|config| config.peers = devices);
    assert!(rig.size("watched") < 1000, "not all between two messages");
    assert_eq!(rig.shard.deadline(), Some(Instant::START), "and on at once");
}

#[test]
fn a_running_call_keeps_its_plan_and_a_new_one_has_the_new() {
    let mut rig = Rig::running(&[("Wait", "5"), ("Busy", "")]);
    rig.register("1001", ALICE);
    rig.receive(ALICE, INVITE);
    rig.reload(|config| config.plan = Arc::new(plan(&[("Congestion", "")])));
    let sent = rig.wait(Duration::from_secs(6));
    let answers = |code| sent.iter().any(|(_, text)| text.starts_with(code));
    assert!(answers("SIP/2.0 486 "), "{sent:?}");
    let sent = rig.receive(
        ALICE,
        &INVITE
            .replace("call-a", "call-b")
            .replace("bKinvite", "bKb"),
    );
    assert!(sent[0].1.starts_with("SIP/2.0 503 "), "{sent:?}");
}

#[test]
fn who_left_sip_conf_is_unregistered_and_who_is_there_is_not() {
    let mut rig = Rig::new();
    rig.register("1001", ALICE);
    rig.register("1002", BOB);
    rig.reload(|config| config.peers = Peers::new([Peer::new("1002", PeerKind::Friend)]));
    let names: Arc<[_]> = ["1001", "1002"].map(Into::into).into();
    assert_eq!(rig.ask(Query::Removed(names)), Page::Done(1));
    assert_eq!(rig.size("bindings"), 1);
    rig.reload(|config| config.peers = Peers::new([watched("1002", 9001, 60)]));
    let names: Arc<[_]> = ["1002".into()].into();
    assert_eq!(rig.ask(Query::Removed(names)), Page::Done(1));
    assert_eq!(rig.size("bindings"), 0);
}

#[test]
fn without_the_registrar_nobody_registers_and_who_has_is_called() {
    let mut rig = Rig::new();
    rig.register("1002", BOB);
    rig.missing(leaving(Module::Registrar));
    let sent = rig.receive(ALICE, REGISTER);
    assert!(sent[0].1.starts_with("SIP/2.0 503 "), "{sent:?}");
    rig.missing(absent(Module::Registrar));
    let sent = rig.receive(ALICE, REGISTER);
    assert!(sent[0].1.starts_with("SIP/2.0 405 "), "{sent:?}");
    let allow = header(&sent[0].1, "Allow");
    assert!(allow.contains("INVITE") && !allow.contains("REGISTER"));
    let sent = rig.receive(ALICE, INVITE);
    assert_eq!(sent[0].0, BOB.parse().unwrap(), "{sent:?}");
    rig.missing(Missing::default());
    let sent = rig.receive(ALICE, REGISTER);
    assert!(sent[0].1.starts_with("SIP/2.0 200 "), "{sent:?}");
}

#[test]
fn while_chan_sip_leaves_new_calls_get_503_and_running_ones_end_by_themselves() {
    for module in [Module::ChanSip, Module::PbxConfig] {
        let mut rig = Rig::new();
        let (_, ok) = call(&mut rig);
        rig.missing(leaving(module));
        let invite = INVITE
            .replace("call-a", "call-b")
            .replace("bKinvite", "bKb");
        let sent = rig.receive(ALICE, &invite);
        assert!(sent[0].1.starts_with("SIP/2.0 503 "), "{sent:?}");
        assert_eq!(header(&sent[0].1, "Retry-After"), "10");
        let bye = format!(
            "BYE sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bKbye\n\
             From: {}\nTo: {}\nCall-ID: call-a\nCSeq: 2 BYE\nMax-Forwards: 70\n\
             Content-Length: 0\n\n",
            header(&ok, "From"),
            header(&ok, "To"),
        );
        let sent = rig.receive(ALICE, &bye);
        assert!(
            sent.iter()
                .any(|(_, text)| text.starts_with("SIP/2.0 200 "))
        );
        assert!(sent.iter().any(|(_, text)| text.starts_with("BYE ")));
        assert_eq!(rig.size("calls"), 0);
    }
}

#[test]
fn without_chan_sip_nothing_is_heard_and_nobody_is_asked() {
    let mut rig = Rig::new();
    rig.reload(|config| config.peers = Peers::new([watched("a", 9001, 60)]));
    rig.missing(absent(Module::ChanSip));
    assert_eq!(rig.receive(ALICE, INVITE), []);
    assert_eq!(rig.wait(Duration::from_secs(120)), []);
    assert_eq!(rig.size("watched"), 0);
    let counters = rig.shard.counters();
    assert!(counters.contains(&("unheard", 1)));
    rig.missing(Missing::default());
    assert!(!rig.wait(Duration::from_secs(60)).is_empty());
}

#[test]
fn without_one_transport_the_other_is_heard() {
    let mut rig = Rig::made(&[("Busy", "")], |_, peers| {
        let both = Transports::of([Transport::Udp, Transport::Tcp]).unwrap();
        peers.iter_mut().for_each(|peer| peer.transports = both);
    });
    let answer = |rig: &mut Rig, transport: Transport, call: &str| {
        let via = format!("SIP/2.0/{}", transport.name());
        let invite = INVITE.replace("call-a", call).replace("bKinvite", call);
        let bytes = invite.replace("SIP/2.0/UDP", &via).replace('\n', "\r\n");
        let (local, remote) = (ENGINE.parse().unwrap(), ALICE.parse().unwrap());
        let flow = Flow {
            transport,
            ..Flow::udp(0, local, remote)
        };
        let bytes = bytes.as_bytes();
        let input = Input::Datagram { bytes, flow };
        rig.shard.handle(rig.now, input, &mut rig.out);
        let sent = rig.sent();
        sent.last()
            .and_then(|(_, text)| text.get(8..11)?.parse().ok())
    };
    rig.missing(leaving(Module::Udp));
    assert_eq!(answer(&mut rig, Transport::Udp, "bK1"), Some(503));
    assert_eq!(answer(&mut rig, Transport::Tcp, "bK2"), Some(486));
    rig.missing(absent(Module::Udp));
    assert_eq!(answer(&mut rig, Transport::Udp, "bK3"), None);
    assert_eq!(answer(&mut rig, Transport::Tcp, "bK4"), Some(486));
}

#[test]
fn what_would_go_by_an_unloaded_transport_fails_at_once() {
    let both = Transports::of([Transport::Tcp, Transport::Udp]).unwrap();
    let mut rig = Rig::with(|_, peers| {
        peers.iter_mut().for_each(|peer| peer.transports = both);
    });
    rig.register("1002", BOB);
    rig.missing(absent(Module::Udp));
    let tcp = Flow {
        transport: Transport::Tcp,
        ..Flow::udp(1, ENGINE.parse().unwrap(), ALICE.parse().unwrap())
    };
    let bytes = INVITE
        .replace("SIP/2.0/UDP", "SIP/2.0/TCP")
        .replace('\n', "\r\n");
    let input = Input::Datagram {
        bytes: bytes.as_bytes(),
        flow: tcp,
    };
    rig.shard.handle(rig.now, input, &mut rig.out);
    assert_eq!(rig.sent(), []);
    for envelope in rig.out.take_envelopes().collect::<Vec<_>>() {
        let input = Input::Envelope(envelope);
        rig.shard.handle(rig.now, input, &mut rig.out);
    }
    let sent = rig.sent();
    assert!(sent[0].1.starts_with("SIP/2.0 503 "), "{sent:?}");
    assert_eq!((sent.len(), rig.size("calls")), (1, 0));
}

#[test]
fn calls_end_that_a_transport_carries() {
    let mut rig = Rig::new();
    call(&mut rig);
    let ended = |rows: &[u32]| {
        let (rows, next) = (rows.to_vec(), None);
        Page::Obeyed(Rows { rows, next })
    };
    let end = |module| Query::End(module, Span::FIRST);
    assert_eq!(rig.ask(end(Module::Tcp)), ended(&[]));
    assert_eq!(rig.ask(end(Module::Udp)), ended(&[1]));
    let bye =
        |(to, text): &(SocketAddr, String)| *to == BOB.parse().unwrap() && text.starts_with("BYE ");
    assert!(rig.sent().iter().any(bye));
}

#[test]
fn what_calls_use_is_told() {
    let mut rig = Rig::new();
    call(&mut rig);
    let uses = rig.ask(Query::Uses(Span::FIRST));
    let channel = [Module::ChanSip, Module::Udp];
    let expected = [
        &[Module::PbxConfig][..],
        &channel,
        &channel,
        &[Module::AppDial],
    ]
    .concat();
    let rows = Rows {
        rows: expected,
        next: None,
    };
    assert_eq!(uses, Page::Uses(rows));
}
