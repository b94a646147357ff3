//! What happens within calls, and between them, when the other end asks for
//! more than an answer.

use std::sync::{Arc, Mutex};

use pinion_loadgen::run::Worker;
use pinion_loadgen::tally::{Again, Cause, Stage};
use pinion_sip::auth::{Secret, proves};
use pinion_sip::base::{Flow, Instant};
use pinion_sip::config::General;
use pinion_sip::machine::{Input, Machine, Outbox};
use pinion_sip::wire::{Fields, HeaderName, Message};

use crate::server::Proxy;
use crate::world::{CALM, SERVER, World, address, plan, shard_of};
use crate::{CALL, assert_agree, assert_clean, failures};

/// What a server between two ends does with a datagram before its proxy sees
/// it: nothing (`None`), or all there is to do, by messages of its own.
type Meddle = Box<dyn FnMut(&str, Flow) -> Option<Vec<(Flow, String)>>>;

/// A proxy that meddles.
struct Meddler {
    proxy: Proxy,
    meddle: Meddle,
}

impl Meddler {
    fn new(
        meddle: impl FnMut(&str, Flow) -> Option<Vec<(Flow, String)>> + 'static,
    ) -> Box<Meddler> {
        Box::new(Meddler {
            proxy: Proxy::new(address("10.0.0.1:8000")),
            meddle: Box::new(meddle),
        })
    }
}

impl Machine for Meddler {
    fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        let Input::Datagram { bytes, flow } = input else {
            return;
        };
        let Some(own) = (self.meddle)(std::str::from_utf8(bytes).unwrap(), flow) else {
            return self.proxy.handle(now, input, out);
        };
        for (flow, text) in own {
            out.send(&flow, |out| out.extend_from_slice(text.as_bytes()));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(name));
    line.unwrap_or_default()[name.len()..].trim_start_matches(": ")
}

fn to(remote: &str) -> Flow {
    Flow::udp(0, address(SERVER), address(remote))
}

#[test]
fn a_call_never_acknowledged_is_ended_by_the_callee() {
    let swallow = |text: &str, _| text.starts_with("ACK ").then(Vec::new);
    let flags =
        format!("{CALL} --no-register --rate 1 --calls 1 --duration 1s --hold 60s --t1 100");
    let mut world = World::new(plan(&flags), Meddler::new(swallow), CALM);
    world.run();
    let byes = world.heard["BYE sip:use"];
    let tally = world.caller.tally();
    assert_eq!(tally.failures[&Cause::Unacknowledged], 1);
    assert_eq!(tally.failures[&Cause::HungUp], 1);
    assert_eq!(failures(tally).len(), 2, "{:?}", failures(tally));
    // Timer G pressed until H; the BYE was sent once, and answered.
    assert!(tally.again[&Again::Silent("final response to INVITE")] > 5);
    assert_eq!((byes, tally.again.get(&Again::Silent("BYE"))), (1, None));
}

#[test]
fn a_re_invite_gets_the_session_there_is() {
    let answers = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&answers);
    let mut acked = false;
    let meddle = move |text: &str, _: Flow| {
        let first = text.lines().next().unwrap();
        let ours = field(text, "Via").contains("-re-");
        if first.starts_with("SIP/2.0") && ours {
            heard.lock().unwrap().push(text.to_owned());
            // The callee's is acknowledged once it has been sent three times.
            let called = text.contains("-re-callee");
            let copies = heard
                .lock()
                .unwrap()
                .iter()
                .filter(|text| text.contains("-re-callee"))
                .count();
            let ack = called && copies == 3;
            return Some(if ack {
                vec![(
                    to("10.0.0.1:8000"),
                    request(text, "ACK", "callee", ("From", "To"), 2),
                )]
            } else {
                Vec::new()
            });
        }
        if first.starts_with("ACK ") && !std::mem::replace(&mut acked, true) {
            let passed = text.replace(&format!("Route: <sip:{SERVER};lr;ftag=x>\r\n"), "");
            return Some(vec![
                (to("10.0.0.1:8000"), passed),
                (
                    to("10.0.0.1:8000"),
                    request(text, "INVITE", "callee", ("From", "To"), 2),
                ),
                (
                    to("10.0.0.1:7000"),
                    request(text, "INVITE", "caller", ("To", "From"), 1),
                ),
            ]);
        }
        None
    };
    let flags = format!("{CALL} --no-register --rate 1 --calls 1 --duration 1s --hold 10s");
    let mut world = World::new(plan(&flags), Meddler::new(meddle), CALM);
    let tally = world.run();
    assert_clean(tally, 1);
    assert_agree(tally, 1);
    assert_eq!(tally.stage(Stage::Ack).unwrap().len(), 1);
    let answers = answers.lock().unwrap();
    let of = |side: &str| answers.iter().filter(|text| text.contains(side)).count();
    assert_eq!((of("-re-caller"), of("-re-callee")), (1, 3));
    for answer in answers.iter() {
        assert!(answer.starts_with("SIP/2.0 200 OK\r\n"), "{answer}");
        let (header, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(field(header, "Content-Length"), body.len().to_string());
        assert!(field(header, "Contact").contains("10.0.0.1:"), "{header}");
        assert!(body.starts_with("v=0\r\n"), "{body}");
        // The caller's mark is still that of its first offer.
        let marked = body.contains("o=load 00000000000000000000 ");
        assert_eq!(marked, header.contains("-re-caller"), "{body}");
    }
}

/// A request of the dialog that `text` is of.
fn request(text: &str, method: &str, side: &str, (from, to): (&str, &str), cseq: u32) -> String {
    format!(
        "{method} sip:x@10.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP {SERVER};branch=z9hG4bK-re-{side}-{method}\r\n\
         From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
        field(text, from),
        field(text, to),
        field(text, "Call-ID"),
    )
}

#[test]
fn a_challenged_bye_is_repeated_with_credentials() {
    let proven = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&proven);
    let meddle = move |text: &str, flow: Flow| {
        if !text.starts_with("BYE ") {
            return None;
        }
        let mut fields = Fields::new();
        let message = Message::parse(text.as_bytes(), &mut fields).unwrap();
        if let Some(params) = message.credentials(HeaderName::ProxyAuthorization).next() {
            let uri = message.request_uri() == params.uri().unwrap_or_default();
            let secret = Secret::Plain(b"secret-of-user0");
            let proof = proves(&params, b"BYE", b"user0", secret);
            let cseq = message.cseq().unwrap().number;
            seen.lock().unwrap().push((uri, proof, cseq));
            return None;
        }
        let copied = ["Via", "From", "To", "Call-ID", "CSeq"];
        let head = copied.map(|name| format!("{name}: {}\r\n", field(text, name)));
        let challenge = "Proxy-Authenticate: Digest realm=\"pinion\", nonce=\"n\", algorithm=MD5";
        let end = "Content-Length: 0\r\n\r\n";
        let reply = format!("SIP/2.0 407 Who\r\n{}{challenge}\r\n{end}", head.concat());
        Some(vec![(flow, reply)])
    };
    let flags = "call --uas local --users user{0..0} --callees callee{0..9} --seed 7 --no-register \
                 --password secret-of-{user} --rate 1 --calls 1 --duration 1s --hold 1s";
    let mut world = World::new(plan(flags), Meddler::new(meddle), CALM);
    let tally = world.run();
    assert_clean(tally, 1);
    assert_agree(tally, 1);
    assert_eq!(*proven.lock().unwrap(), [(true, true, 3)]);
}

#[test]
fn those_called_stay_registered_however_long_it_takes() {
    let general = General {
        maxexpiry_s: 60,
        ..General::default()
    };
    let flags = format!("{CALL} --rate 5 --duration 300s --hold 1s --expires 3600");
    let mut world = World::new(plan(&flags), shard_of(false, general), CALM);
    let tally = world.run();
    assert_clean(tally, 1500);
    assert_agree(tally, 1500);
    // Ten users, a first time and then every 24 s.
    let registered = world.heard["SIP/2.0 200"] - 3000;
    assert!((120..=140).contains(&registered), "{registered}");
}
