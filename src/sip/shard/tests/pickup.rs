//! Calls that ring for one telephone and are answered by another, on one shard
//! and on two.

use super::channels::firsts;
use super::*;
use crate::base::{ShardId, shard_of};
use crate::config::{PickupGroups, Recording};
use crate::dialplan::{Action, Cause, Order, Whom};
use crate::machine::{
    Answer, Body, Cdr, Disposition, Envelope, Page, Query, Question, RECORDS, Span,
};

const CAROL: &str = "127.0.0.1:7003";
const DAVE: &str = "127.0.0.1:7004";

const PLAN: &[&str] = &[
    "default,1002,1,Set(GLOBAL(DIALLED)=)",
    "default,1002,2,Set(__PICKUPMARK=mine)",
    "default,1002,3,Dial(SIP/1002,20,g)",
    "default,1002,4,Set(GLOBAL(DIALLED)=${DIALSTATUS} ${DIALEDPEERNAME})",
    "default,77,1,Dial(Local/1002@inner)",
    "inner,1002,1,Dial(SIP/1002)",
    "default,8,1,Pickup(1002)",
    "default,8,2,Hangup(17)",
    "default,81,1,Pickup(1@office&mine@PICKUPMARK)",
    "default,82,1,Pickup()",
    "default,83,1,PickupChan(SIP/1002)",
    "default,84,1,PickupChan(SIP/100,p)",
    "default,85,1,Pickup(77)",
    "default,90,1,Pickup(1002@office)",
    "default,90,2,Hangup(17)",
    "default,91,1,Set(CHANNEL(pickupgroup)=5)",
    "default,91,2,Pickup()",
    "default,91,3,Hangup(17)",
    "default,66,1,Wait(3)",
];

const OFFER: &str = "v=0\r\ns=offer\r\nm=audio 4000 RTP/AVP 0\r\n";
const PICKERS: &str = "v=0\r\ns=picker\r\nm=audio 5000 RTP/AVP 0\r\n";

/// What a test sees: where to, and what.
type Sent = Vec<(SocketAddr, String)>;

/// Shards, and what is on its way between them.
struct House {
    shards: Vec<Shard>,
    outs: Vec<Outbox>,
    now: Instant,
    mesh: alloc::collections::VecDeque<Envelope>,
    /// Envelopes that are lost from now on, by what they hold.
    loses: fn(&Body) -> bool,
    records: Vec<Cdr>,
}

impl House {
    fn new(shards: u16) -> House {
        let peers = ["1001", "1002", "1003", "1004"].map(|name| {
            let mut peer = Peer::new(name, PeerKind::Friend);
            let mut groups = PickupGroups::default();
            if name != "1004" {
                groups.call.set_numbers("1,2");
                groups.pickup.set_numbers("2-3");
            }
            peer.pickup_groups = Some(Box::new(groups));
            peer.call_limit = 5;
            peer
        });
        let general = General {
            records: Recording {
                enable: true,
                ..Recording::default()
            },
            ..General::default()
        };
        let config = Arc::new(Config {
            general,
            peers: Peers::new(peers),
            plan: Arc::new(plan_of(PLAN)),
            realtime: None,
        });
        let mut house = House {
            shards: Vec::new(),
            outs: Vec::new(),
            now: Instant::START,
            mesh: Default::default(),
            loses: |_| false,
            records: Vec::new(),
        };
        for shard in 0..shards {
            house.shards.push(made(shard, shards, 0, &config));
            house.outs.push(Outbox::new(64));
        }
        for (user, address) in [("1002", BOB), ("1003", CAROL)] {
            let register = format!(
                "REGISTER sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {address};branch=z9hG4bKr{user}\n\
                 From: <sip:{user}@{ENGINE}>;tag=r\nTo: <sip:{user}@{ENGINE}>\nCall-ID: reg-{user}\n\
                 CSeq: 1 REGISTER\nContact: <sip:{user}@{address}>\nMax-Forwards: 70\n\
                 Expires: 3600\nContent-Length: 0\n\n"
            );
            assert_eq!(
                firsts(&house.receive(address, &register)),
                ["SIP/2.0 200 OK"]
            );
        }
        house
    }

    fn shards(&self) -> u16 {
        self.shards.len() as u16
    }

    /// Hands a message to the first shard, as the network might, and lets the
    /// mesh come to rest; what goes out.
    fn receive(&mut self, from: &str, message: &str) -> Sent {
        self.drop_in(from, message);
        self.settle()
    }

    /// Hands a message to the first shard.
    fn drop_in(&mut self, from: &str, message: &str) {
        let flow = Flow::udp(0, ENGINE.parse().unwrap(), from.parse().unwrap());
        let (head, body) = message.split_once("\n\n").unwrap();
        let bytes = [&head.replace('\n', "\r\n"), "\r\n\r\n", body].concat();
        let bytes = bytes.as_bytes();
        self.hand(0, Input::Datagram { bytes, flow });
    }

    fn hand(&mut self, shard: usize, input: Input<'_>) {
        let (now, out) = (self.now, &mut self.outs[shard]);
        self.shards[shard].handle(now, input, out);
        let envelopes: Vec<Envelope> = out.take_envelopes().collect();
        for envelope in envelopes {
            match envelope.body {
                Body::Record(cdr) if envelope.to == RECORDS => self.records.push(*cdr),
                body if (self.loses)(&body) => {}
                body => self.mesh.push_back(Envelope { body, ..envelope }),
            }
        }
    }

    /// Delivers what is between the shards; returns what they have sent.
    fn settle(&mut self) -> Sent {
        let mut delivered = 0;
        while let Some(envelope) = self.mesh.pop_front() {
            delivered += 1;
            assert!(delivered < 10_000, "no rest: {envelope:?}");
            self.hand(usize::from(envelope.to), Input::Envelope(envelope));
        }
        let mut all = Vec::new();
        for out in &mut self.outs {
            let sent = out.sends();
            all.extend(
                sent.map(|(flow, bytes)| (flow.remote, String::from_utf8_lossy(bytes).into())),
            );
            out.clear_sends();
        }
        all
    }

    fn wait(&mut self, duration: Duration) -> Sent {
        let until = self.now + duration;
        let mut all = Vec::new();
        let due = |house: &House| {
            let each = house.shards.iter().map(Machine::deadline);
            let earliest = each.flatten().min();
            earliest.filter(|&at| at <= until)
        };
        while let Some(at) = due(self) {
            self.now = at.max(self.now);
            for shard in 0..self.shards.len() {
                self.hand(shard, Input::Elapsed);
            }
            all.extend(self.settle());
        }
        self.now = until;
        all
    }

    /// A Call-ID whose home is that shard.
    fn call_id(&self, name: &str, home: ShardId) -> String {
        let shards = self.shards();
        let ids = (0..).map(|n| format!("{name}{n}"));
        let mut ids = ids.filter(|id| shard_of(id.as_bytes(), shards) == home % shards);
        ids.next().unwrap()
    }

    fn global(&self, name: &str) -> Option<&str> {
        self.shards[0].exchange.globals.value(name)
    }

    /// Replaces a shard as its pump does after a fault.
    fn replace(&mut self, shard: ShardId) {
        let config = Arc::clone(&self.shards[0].exchange.config);
        self.shards[usize::from(shard)] = made(shard, self.shards(), 1, &config);
        for to in (0..self.shards()).filter(|&to| to != shard) {
            let body = Body::Replaced { incarnation: 1 };
            self.mesh.push_back(Envelope {
                from: shard,
                to,
                body,
            });
        }
    }

    /// Orders the channel of that name on the first shard; how many obeyed.
    fn order(&mut self, name: &str, action: Action) -> u32 {
        let whom = Whom::of(name, false);
        let query = Query::Order(Order { whom, action }, Span::ALL);
        match self.shards[0].serve(self.now, query, &mut self.outs[0]) {
            Page::Obeyed(calls) => calls.rows.iter().sum(),
            page => panic!("{page:?}"),
        }
    }

    /// Long after the last call nothing is left.
    fn empties(mut self) {
        self.wait(Duration::from_secs(120));
        for shard in &self.shards {
            let left = shard.sizes().into_iter();
            let left = left.filter(|(name, size)| *name != "bindings" && *size > 0);
            assert_eq!(left.collect::<Vec<_>>(), []);
        }
    }
}

fn made(shard: ShardId, shards: u16, incarnation: u32, config: &Arc<Config>) -> Shard {
    Shard::new(Setup {
        shard,
        shards,
        incarnation,
        seed: [shard as u8 + 7 + incarnation as u8; 32],
        ..Setup::alone(Arc::clone(config), ENGINE.parse().unwrap())
    })
}

/// A telephone in a call of its own making.
struct Caller {
    user: &'static str,
    address: &'static str,
    exten: &'static str,
    call_id: String,
    offer: &'static str,
}

impl Caller {
    fn request(&self, method: &str, cseq: u32, to: &str, body: &str) -> String {
        let Caller {
            user,
            address,
            exten,
            call_id,
            ..
        } = self;
        let kind = match body {
            "" => "",
            _ => "Content-Type: application/sdp\n",
        };
        format!(
            "{method} sip:{exten}@{ENGINE} SIP/2.0\n\
             Via: SIP/2.0/UDP {address};branch=z9hG4bK{call_id}{cseq}\n\
             From: <sip:{user}@127.0.0.1>;tag={user}\nTo: {to}\nCall-ID: {call_id}\n\
             CSeq: {cseq} {method}\nContact: <sip:{user}@{address}>\nMax-Forwards: 70\n\
             {kind}Content-Length: {}\n\n{body}",
            body.len()
        )
    }

    /// The one before, which was challenged perhaps.
    fn earlier(&self) -> String {
        let to = format!("<sip:{}@127.0.0.1>", self.exten);
        self.request("INVITE", 0, &to, self.offer)
    }

    fn invite(&self) -> String {
        let to = format!("<sip:{}@127.0.0.1>", self.exten);
        self.request("INVITE", 1, &to, self.offer)
    }

    fn cancel(&self) -> String {
        let to = format!("<sip:{}@127.0.0.1>", self.exten);
        self.request("CANCEL", 1, &to, "")
    }

    /// The ACK of a 2xx.
    fn ack(&self, ok: &str, body: &str) -> String {
        let ack = self.request("ACK", 1, header(ok, "To"), body);
        ack.replace("branch=z9hG4bK", "branch=z9hG4bKack")
    }

    fn bye(&self, ok: &str) -> String {
        self.request("BYE", 2, header(ok, "To"), "")
    }
}

fn alice(house: &House) -> Caller {
    Caller {
        user: "1001",
        address: ALICE,
        exten: "1002",
        call_id: house.call_id("alice", 0),
        offer: OFFER,
    }
}

/// Carol's call, whose home is another shard than Alice's where there are two.
fn carol(house: &House, exten: &'static str) -> Caller {
    Caller {
        user: "1003",
        address: CAROL,
        exten,
        call_id: house.call_id("carol", 1),
        offer: PICKERS,
    }
}

/// A response that belongs to a telephone at that address.
fn from(address: &str, request: &str, status: &str, body: &str) -> String {
    let copied = ["Via", "From", "To", "Call-ID", "CSeq"]
        .map(|name| format!("{name}: {}\n", header(request, name)));
    let copied = match header(request, "To").contains(";tag=") {
        true => copied.concat(),
        false => copied
            .concat()
            .replace("\nCall-ID", &format!(";tag={}\nCall-ID", &address[10..])),
    };
    format!(
        "SIP/2.0 {status}\n{copied}Contact: <sip:x@{address}>\nContent-Type: application/sdp\n\
         Content-Length: {}\n\n{body}",
        body.len()
    )
}

/// The only message that goes to an address.
fn only<'s>(sent: &'s Sent, address: &str) -> &'s str {
    let there: Vec<&String> = sent
        .iter()
        .filter(|(to, _)| *to == address.parse().unwrap())
        .map(|(_, message)| message)
        .collect();
    assert_eq!(there.len(), 1, "to {address}: {sent:?}");
    there[0]
}

/// Alice's call rings at Bob; his INVITE.
fn rings(house: &mut House, alice: &Caller) -> String {
    let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
    let sent = house.receive(BOB, &from(BOB, &invite, "180 Ringing", ""));
    assert_eq!(firsts(&sent), ["SIP/2.0 180 Ringing"]);
    invite
}

/// Bob stops ringing: he answers the CANCEL and his INVITE.
fn bob_stops(house: &mut House, sent: &Sent, invite: &str) {
    let cancel = only(sent, BOB).to_string();
    assert!(cancel.starts_with("CANCEL sip:1002@"), "{cancel}");
    assert_eq!(
        header(&cancel, "Reason"),
        "SIP;cause=200;text=\"Call completed elsewhere\""
    );
    house.receive(BOB, &from(BOB, &cancel, "200 OK", ""));
    let sent = house.receive(BOB, &from(BOB, invite, "487 Request Terminated", ""));
    assert!(only(&sent, BOB).starts_with("ACK sip:1002@"), "{sent:?}");
}

/// Carol picks Alice's call up; the 200 to her INVITE and the re-INVITE that
/// brings Alice's offer.
fn picks_up(house: &mut House, carol: &Caller, invite: &str) -> (String, String) {
    let sent = house.receive(CAROL, &carol.invite());
    let ok = only(&sent, CAROL).to_string();
    assert!(ok.starts_with("SIP/2.0 200 OK\r\n"), "{ok}");
    assert!(ok.contains("a=inactive\r\n"), "silence: {ok}");
    bob_stops(house, &sent, invite);
    let sent = house.receive(CAROL, &carol.ack(&ok, ""));
    let again = only(&sent, CAROL).to_string();
    assert!(
        again.starts_with("INVITE sip:1003@127.0.0.1:7003"),
        "{again}"
    );
    (ok, again)
}

/// Carol answers the offer; Alice's 200.
fn answers(house: &mut House, reinvite: &str) -> String {
    let sent = house.receive(CAROL, &from(CAROL, reinvite, "200 OK", "answer"));
    let ack = only(&sent, CAROL);
    assert!(ack.starts_with("ACK sip:x@127.0.0.1:7003"), "{ack}");
    let ok = only(&sent, ALICE).to_string();
    assert!(ok.starts_with("SIP/2.0 200 OK\r\n"), "{ok}");
    assert!(ok.ends_with("\r\n\r\nanswer"), "{ok}");
    ok
}

/// Alice hangs up on Carol.
fn hangs_up(house: &mut House, alice: &Caller, ok: &str) {
    let sent = house.receive(ALICE, &alice.bye(ok));
    assert!(only(&sent, ALICE).starts_with("SIP/2.0 200 OK"));
    let bye = only(&sent, CAROL).to_string();
    assert!(bye.starts_with("BYE sip:x@127.0.0.1:7003"), "{bye}");
    house.receive(CAROL, &from(CAROL, &bye, "200 OK", ""));
}

#[test]
fn pickup_answers_a_ringing_call_wherever_it_is() {
    for shards in [1, 2, 3] {
        let mut house = House::new(shards);
        let (alice, carol) = (alice(&house), carol(&house, "8"));
        let invite = rings(&mut house, &alice);
        let (picked, again) = picks_up(&mut house, &carol, &invite);
        assert!(again.ends_with(OFFER), "{again}");
        assert_eq!(header(&again, "CSeq"), "101 INVITE");
        assert_eq!(header(&again, "From"), header(&picked, "To"));
        let ok = answers(&mut house, &again);
        assert!(house.receive(ALICE, &alice.ack(&ok, "")).is_empty());
        // What she had asked before that is not for where her leg is.
        let before = house.shards[1 % house.shards.len()]
            .exchange
            .counters
            .calls_begun;
        house.receive(CAROL, &carol.earlier());
        let after = house.shards[1 % house.shards.len()]
            .exchange
            .counters
            .calls_begun;
        assert_eq!(after - before, 1);
        // A copy of what Carol has said is met as before, and so is a hold of hers.
        let copy = house.receive(CAROL, &from(CAROL, &again, "200 OK", "answer"));
        assert!(only(&copy, CAROL).starts_with("ACK "));
        let hold = carol.request("INVITE", 3, header(&picked, "To"), "hold");
        let sent = house.receive(CAROL, &hold);
        assert!(only(&sent, ALICE).ends_with("\r\n\r\nhold"), "{sent:?}");
        let held = from(ALICE, only(&sent, ALICE), "200 OK", "held");
        let sent = house.receive(ALICE, &held);
        assert!(only(&sent, CAROL).ends_with("\r\n\r\nheld"), "{sent:?}");
        let sent = house.receive(CAROL, &carol.request("BYE", 4, header(&picked, "To"), ""));
        assert!(only(&sent, CAROL).starts_with("SIP/2.0 200 OK"), "{sent:?}");
        let bye = only(&sent, ALICE).to_string();
        assert!(bye.starts_with("BYE sip:x@127.0.0.1:7001"), "{bye}");
        house.receive(ALICE, &from(ALICE, &bye, "200 OK", ""));
        let told = house.global("DIALLED").unwrap();
        assert!(told.starts_with("ANSWER SIP/1003-"), "{told}");
        let [record] = &house.records[..] else {
            panic!("{:?}", house.records)
        };
        assert_eq!(record.disposition, Disposition::Answered);
        assert!(record.dstchannel.starts_with("SIP/1003-"), "{record:?}");
        assert_eq!(record.callee_call_id, carol.call_id.as_str().into());
        assert_eq!(record.call_id, alice.call_id.as_str().into());
        house.empties();
    }
}

#[test]
fn pickup_finds_calls_by_mark_group_channel_and_behind_local() {
    for (dialled, exten) in [
        ("1002", "81"),
        ("1002", "82"),
        ("1002", "83"),
        ("1002", "84"),
        ("77", "85"),
        ("77", "8"),
    ] {
        let mut house = House::new(2);
        let alice = Caller {
            exten: dialled,
            ..alice(&house)
        };
        let carol = carol(&house, exten);
        let invite = rings(&mut house, &alice);
        if (dialled, exten) == ("77", "8") {
            // The extension behind the Local channel is of another context.
            let sent = house.receive(CAROL, &carol.invite());
            assert!(only(&sent, CAROL).starts_with("SIP/2.0 486"), "{sent:?}");
            house.receive(ALICE, &alice.cancel());
            continue;
        }
        let (_, again) = picks_up(&mut house, &carol, &invite);
        let ok = answers(&mut house, &again);
        house.receive(ALICE, &alice.ack(&ok, ""));
        hangs_up(&mut house, &alice, &ok);
        house.empties();
    }
}

#[test]
fn pickup_goes_on_where_nothing_fits() {
    for exten in ["8", "90", "91"] {
        let mut house = House::new(2);
        let (alice, carol) = (alice(&house), carol(&house, exten));
        if exten != "8" {
            rings(&mut house, &alice);
        }
        let sent = house.receive(CAROL, &carol.invite());
        assert_eq!(firsts(&sent), ["SIP/2.0 486 Busy Here"], "{exten}");
        let ack = carol.request("ACK", 1, header(&sent[0].1, "To"), "");
        house.receive(CAROL, &ack);
        if exten != "8" {
            house.receive(ALICE, &alice.cancel());
        }
        house.wait(Duration::from_secs(1));
    }
}

#[test]
fn one_of_two_pickers_gets_the_call() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let dave = Caller {
        user: "1004",
        address: DAVE,
        call_id: house.call_id("dave", 1),
        ..carol_like(&carol)
    };
    let invite = rings(&mut house, &alice);
    house.drop_in(CAROL, &carol.invite());
    house.drop_in(DAVE, &dave.invite());
    let sent = house.settle();
    let wins = |address| only(&sent, address).starts_with("SIP/2.0 200 OK");
    let (winner, loser) = match wins(CAROL) {
        true => (&carol, &dave),
        false => (&dave, &carol),
    };
    let refused = only(&sent, loser.address).to_string();
    assert!(refused.starts_with("SIP/2.0 486"), "{refused}");
    house.receive(
        loser.address,
        &loser.request("ACK", 1, header(&refused, "To"), ""),
    );
    bob_stops(&mut house, &sent, &invite);
    let picked = only(&sent, winner.address).to_string();
    let sent = house.receive(winner.address, &winner.ack(&picked, ""));
    let again = only(&sent, winner.address).to_string();
    let answer = from(winner.address, &again, "200 OK", "answer");
    let sent = house.receive(winner.address, &answer);
    let ok = only(&sent, ALICE).to_string();
    house.receive(ALICE, &alice.ack(&ok, ""));
    let sent = house.receive(ALICE, &alice.bye(&ok));
    let bye = only(&sent, winner.address).to_string();
    house.receive(winner.address, &from(winner.address, &bye, "200 OK", ""));
    house.empties();
}

fn carol_like(carol: &Caller) -> Caller {
    Caller {
        call_id: carol.call_id.clone(),
        ..*carol
    }
}

#[test]
fn a_picker_who_offers_nothing_is_offered_the_callers() {
    let mut house = House::new(2);
    let alice = alice(&house);
    let carol = Caller {
        offer: "",
        ..carol(&house, "8")
    };
    let invite = rings(&mut house, &alice);
    let sent = house.receive(CAROL, &carol.invite());
    let picked = only(&sent, CAROL).to_string();
    assert!(picked.ends_with(OFFER), "{picked}");
    bob_stops(&mut house, &sent, &invite);
    let sent = house.receive(CAROL, &carol.ack(&picked, "answer"));
    let ok = only(&sent, ALICE).to_string();
    assert!(ok.ends_with("\r\n\r\nanswer"), "{ok}");
    house.receive(ALICE, &alice.ack(&ok, ""));
    let sent = house.receive(CAROL, &carol.bye(&picked));
    let bye = only(&sent, ALICE).to_string();
    house.receive(ALICE, &from(ALICE, &bye, "200 OK", ""));
    house.empties();
}

#[test]
fn a_caller_who_offers_nothing_answers_what_the_picker_offers() {
    for picker in [PICKERS, ""] {
        let mut house = House::new(2);
        let alice = Caller {
            offer: "",
            ..alice(&house)
        };
        let carol = Caller {
            offer: picker,
            ..carol(&house, "8")
        };
        let invite = rings(&mut house, &alice);
        let sent = house.receive(CAROL, &carol.invite());
        let picked = only(&sent, CAROL).to_string();
        assert!(picked.contains("c=IN IP4 0.0.0.0\r\n"), "{picked}");
        bob_stops(&mut house, &sent, &invite);
        let sent = house.receive(CAROL, &carol.ack(&picked, ""));
        let again = only(&sent, CAROL).to_string();
        assert!(again.ends_with("\r\n\r\n"), "no offer: {again}");
        let sent = house.receive(CAROL, &from(CAROL, &again, "200 OK", "carol's"));
        assert_eq!(sent.len(), 1, "its ACK waits for Alice's: {sent:?}");
        let ok = only(&sent, ALICE).to_string();
        assert!(ok.ends_with("\r\n\r\ncarol's"), "{ok}");
        let sent = house.receive(ALICE, &alice.ack(&ok, "alice's"));
        let ack = only(&sent, CAROL);
        assert!(
            ack.starts_with("ACK ") && ack.ends_with("\r\n\r\nalice's"),
            "{ack}"
        );
        hangs_up(&mut house, &alice, &ok);
        house.empties();
    }
}

#[test]
fn early_media_of_who_rang_is_followed_by_the_pickers_answer_under_another_tag() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
    let early = from(BOB, &invite, "183 Session Progress", "early");
    let progress = only(&house.receive(BOB, &early), ALICE).to_string();
    assert!(progress.ends_with("\r\n\r\nearly"), "{progress}");
    let (_, again) = picks_up(&mut house, &carol, &invite);
    let ok = answers(&mut house, &again);
    assert_ne!(header(&ok, "To"), header(&progress, "To"));
    house.receive(ALICE, &alice.ack(&ok, ""));
    hangs_up(&mut house, &alice, &ok);
    house.empties();
}

#[test]
fn a_picker_who_has_not_acknowledged_is_left_once_it_has() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = rings(&mut house, &alice);
    let sent = house.receive(CAROL, &carol.invite());
    let ok = only(&sent, CAROL).to_string();
    bob_stops(&mut house, &sent, &invite);
    let sent = house.receive(ALICE, &alice.cancel());
    assert!(
        sent.iter().all(|(to, _)| *to == ALICE.parse().unwrap()),
        "{sent:?}"
    );
    assert!(sent.iter().any(|(_, text)| text.starts_with("SIP/2.0 487")));
    let sent = house.receive(CAROL, &carol.ack(&ok, ""));
    let bye = only(&sent, CAROL).to_string();
    assert!(bye.starts_with("BYE sip:1003@"), "{bye}");
    house.receive(CAROL, &from(CAROL, &bye, "200 OK", ""));
    house.empties();
}

#[test]
fn a_picker_who_never_acknowledges_is_given_up() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = rings(&mut house, &alice);
    let sent = house.receive(CAROL, &carol.invite());
    bob_stops(&mut house, &sent, &invite);
    let sent = house.wait(Duration::from_secs(33));
    let to_carol = sent.iter().filter(|(to, _)| *to == CAROL.parse().unwrap());
    let lines = firsts(&to_carol.cloned().collect::<Vec<_>>());
    assert!(
        lines
            .iter()
            .filter(|line| line.starts_with("SIP/2.0 200"))
            .count()
            > 5
    );
    house.empties();
}

#[test]
fn a_picker_may_leave_or_refuse_before_it_has_answered() {
    for leaves in [true, false] {
        let mut house = House::new(2);
        let (alice, carol) = (alice(&house), carol(&house, "8"));
        let invite = rings(&mut house, &alice);
        let (ok, again) = picks_up(&mut house, &carol, &invite);
        let sent = match leaves {
            true => house.receive(CAROL, &carol.bye(&ok)),
            false => house.receive(CAROL, &from(CAROL, &again, "488 Not Acceptable Here", "")),
        };
        let refused = only(&sent, ALICE).to_string();
        assert!(!refused.starts_with("SIP/2.0 2"), "{refused}");
        house.receive(ALICE, &alice.request("ACK", 1, header(&refused, "To"), ""));
        let lines = firsts(&sent).join("\n");
        match leaves {
            true => assert!(lines.contains("SIP/2.0 200 OK"), "{lines}"),
            false => assert!(lines.contains("BYE sip:1003@"), "{lines}"),
        }
        house.empties();
    }
}

#[test]
fn an_offer_that_crosses_one_of_the_pickers_is_made_again() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = rings(&mut house, &alice);
    let (picked, again) = picks_up(&mut house, &carol, &invite);
    let own = carol.request("INVITE", 2, header(&picked, "To"), "own");
    let sent = house.receive(CAROL, &own);
    let pending = only(&sent, CAROL).to_string();
    assert!(pending.starts_with("SIP/2.0 491"), "{pending}");
    house.receive(CAROL, &carol.request("ACK", 2, header(&picked, "To"), ""));
    house.receive(CAROL, &from(CAROL, &again, "491 Request Pending", ""));
    let sent = house.wait(Duration::from_millis(2_100));
    // Copies of it may have followed.
    let again = sent[0].1.clone();
    assert!(
        again.starts_with("INVITE ") && again.ends_with(OFFER),
        "{again}"
    );
    assert_eq!(header(&again, "CSeq"), "102 INVITE");
    let ok = answers(&mut house, &again);
    house.receive(ALICE, &alice.ack(&ok, ""));
    hangs_up(&mut house, &alice, &ok);
    house.empties();
}

fn is_question(body: &Body) -> bool {
    matches!(
        body,
        Body::Ask {
            question: Question::PickUp(_),
            ..
        }
    )
}

fn is_answer(body: &Body) -> bool {
    matches!(
        body,
        Body::Answer {
            answer: Answer::PickedUp(_),
            ..
        }
    )
}

#[test]
fn a_lost_envelope_delays_a_pickup_and_does_no_harm() {
    for loses in [is_question, is_answer] {
        let mut house = House::new(2);
        let (alice, carol) = (alice(&house), carol(&house, "8"));
        let invite = rings(&mut house, &alice);
        house.loses = loses;
        let mut sent = house.receive(CAROL, &carol.invite());
        house.loses = |_| false;
        // Copies of the INVITE wait with it, and are no second call.
        assert!(house.receive(CAROL, &carol.invite()).is_empty());
        sent.extend(house.wait(Duration::from_millis(600)));
        let oks: Sent = sent
            .iter()
            .filter(|(to, _)| *to == CAROL.parse().unwrap())
            .cloned()
            .collect();
        assert!(
            firsts(&oks).iter().all(|line| line == "SIP/2.0 200 OK"),
            "{oks:?}"
        );
        let ok = oks[0].1.clone();
        assert!(
            oks.iter().all(|(_, again)| *again == ok),
            "one answer: {oks:?}"
        );
        let cancels: Sent = sent
            .into_iter()
            .filter(|(_, text)| text.starts_with("CANCEL"))
            .take(1)
            .collect();
        bob_stops(&mut house, &cancels, &invite);
        let again = house.receive(CAROL, &carol.ack(&ok, ""));
        let ok = answers(&mut house, only(&again, CAROL));
        house.receive(ALICE, &alice.ack(&ok, ""));
        hangs_up(&mut house, &alice, &ok);
        house.empties();
    }
}

#[test]
fn a_picker_that_cancels_while_it_is_asked_for_has_one_final_response() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    rings(&mut house, &alice);
    house.loses = is_question;
    let sent = house.receive(CAROL, &carol.invite());
    assert!(sent.is_empty(), "{sent:?}");
    assert!(house.receive(CAROL, &carol.cancel()).is_empty(), "held");
    // Nobody ever answers: the plan goes on, and then comes the CANCEL.
    let sent = house.wait(Duration::from_secs(5));
    let to_carol: Sent = sent
        .into_iter()
        .filter(|(to, text)| *to == CAROL.parse().unwrap() && !text.contains(" 100 "))
        .collect();
    assert_eq!(firsts(&to_carol)[0], "SIP/2.0 486 Busy Here");
    assert!(
        house.global("DIALLED").is_some_and(str::is_empty),
        "it rings still"
    );
    house.loses = |_| false;
    house.receive(
        CAROL,
        &carol.request("ACK", 1, header(&to_carol[0].1, "To"), ""),
    );
    house.receive(ALICE, &alice.cancel());
    house.wait(Duration::from_secs(60));
    assert!(house.shards.iter().all(|shard| shard.moved.is_empty()));
}

#[test]
fn the_home_of_a_picker_that_was_replaced_is_told_where_it_lives() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = rings(&mut house, &alice);
    let (picked, again) = picks_up(&mut house, &carol, &invite);
    let ok = answers(&mut house, &again);
    house.receive(ALICE, &alice.ack(&ok, ""));
    house.replace(1);
    house.settle();
    let sent = house.receive(CAROL, &carol.bye(&picked));
    assert!(only(&sent, CAROL).starts_with("SIP/2.0 200 OK"), "{sent:?}");
    let bye = only(&sent, ALICE).to_string();
    house.receive(ALICE, &from(ALICE, &bye, "200 OK", ""));
    house.empties();
}

#[test]
fn a_picker_whose_new_shard_was_replaced_is_told_that_its_dialog_is_gone() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = rings(&mut house, &alice);
    let (picked, _) = picks_up(&mut house, &carol, &invite);
    house.replace(0);
    house.settle();
    let sent = house.receive(CAROL, &carol.bye(&picked));
    assert!(only(&sent, CAROL).starts_with("SIP/2.0 481"), "{sent:?}");
    house.wait(Duration::from_secs(120));
    assert!(house.shards[1].moved.is_empty());
}

/// Carol, who is in a call that she has picked up on the first shard, begins
/// another by the same Call-ID.
fn calls_again(house: &mut House, carol: &Caller) -> Sent {
    let to = format!("<sip:{}@127.0.0.1>", carol.exten);
    house.receive(CAROL, &carol.request("INVITE", 5, &to, OFFER))
}

/// A call of Dave's rings at Bob, on that shard.
fn rings_on(house: &mut House, shard: ShardId, carol: &Caller) -> Caller {
    let dave = Caller {
        user: "1004",
        address: DAVE,
        exten: "1002",
        call_id: house.call_id("dave", shard),
        ..carol_like(carol)
    };
    let invite = only(&house.receive(DAVE, &dave.invite()), BOB).to_string();
    let sent = house.receive(BOB, &from(BOB, &invite, "180 Ringing", ""));
    assert_eq!(firsts(&sent), ["SIP/2.0 180 Ringing"]);
    dave
}

#[test]
fn a_picker_that_calls_again_by_its_call_id_is_met_at_home() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = rings(&mut house, &alice);
    let (_, again) = picks_up(&mut house, &carol, &invite);
    let ok = answers(&mut house, &again);
    house.receive(ALICE, &alice.ack(&ok, ""));
    let begun = |house: &House| {
        let each = house.shards.iter();
        each.map(|shard| shard.exchange.counters.calls_begun)
            .collect::<Vec<_>>()
    };
    let before = begun(&house);
    let sent = calls_again(&mut house, &carol);
    let refused = only(&sent, CAROL).to_string();
    assert!(refused.starts_with("SIP/2.0 486"), "{refused}");
    assert_eq!(begun(&house), [before[0], before[1] + 1]);
    // Its ACK is for the home, too.
    let ack = carol.request("ACK", 5, header(&refused, "To"), "");
    assert!(house.receive(CAROL, &ack).is_empty());
    let copies = house.wait(Duration::from_secs(2));
    assert!(copies.is_empty(), "{copies:?}");
    hangs_up(&mut house, &alice, &ok);
    house.empties();
}

#[test]
fn a_picker_that_picks_up_once_more_by_its_call_id_has_two_dialogs() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = rings(&mut house, &alice);
    let (picked, again) = picks_up(&mut house, &carol, &invite);
    let ok = answers(&mut house, &again);
    house.receive(ALICE, &alice.ack(&ok, ""));
    let dave = rings_on(&mut house, 1, &carol);
    let sent = calls_again(&mut house, &carol);
    let second = only(&sent, CAROL).to_string();
    assert!(second.starts_with("SIP/2.0 200 OK"), "{second}");
    // Each dialog's messages get to where it lives.
    let ack = carol.request("ACK", 5, header(&second, "To"), "");
    let sent = house.receive(CAROL, &ack.replace("=z9hG4bK", "=z9hG4bKack"));
    let again = only(&sent, CAROL).to_string();
    assert!(again.starts_with("INVITE "), "{again}");
    let sent = house.receive(CAROL, &from(CAROL, &again, "200 OK", "answer"));
    let daves = only(&sent, DAVE).to_string();
    assert!(daves.ends_with("\r\n\r\nanswer"), "{daves}");
    house.receive(DAVE, &dave.ack(&daves, ""));
    for (cseq, answer, address) in [(6, &second, DAVE), (7, &picked, ALICE)] {
        let bye = carol.request("BYE", cseq, header(answer, "To"), "");
        let sent = house.receive(CAROL, &bye);
        assert!(only(&sent, CAROL).starts_with("SIP/2.0 200 OK"), "{sent:?}");
        let bye = only(&sent, address).to_string();
        house.receive(address, &from(address, &bye, "200 OK", ""));
    }
    house.wait(Duration::from_secs(120));
    assert!(house.shards.iter().all(|shard| shard.moved.is_empty()));
}

#[test]
fn no_leg_moves_from_where_its_call_id_is_not_at_home() {
    for rings_at in [0, 1] {
        let mut house = House::new(2);
        let (alice, carol) = (alice(&house), carol(&house, "8"));
        let invite = rings(&mut house, &alice);
        let (_, again) = picks_up(&mut house, &carol, &invite);
        let ok = answers(&mut house, &again);
        house.receive(ALICE, &alice.ack(&ok, ""));
        // A home that was replaced knows no CSeq number, and passes all on.
        house.replace(1);
        house.settle();
        rings_on(&mut house, rings_at, &carol);
        let sent = calls_again(&mut house, &carol);
        assert!(only(&sent, CAROL).starts_with("SIP/2.0 486"), "{sent:?}");
        assert!(house.shards[0].moved.is_empty());
        // She is where she was.
        hangs_up(&mut house, &alice, &ok);
    }
}

#[test]
fn a_late_no_does_not_let_a_picker_have_two_owners() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    house.drop_in(CAROL, &carol.invite());
    while !house.mesh.iter().any(|envelope| is_answer(&envelope.body)) {
        let envelope = house.mesh.pop_front().unwrap();
        house.hand(usize::from(envelope.to), Input::Envelope(envelope));
    }
    let no = house.mesh.pop_front().unwrap();
    // Her home comes to itself so late that it asks again before it hears.
    house.now = house.now + Duration::from_millis(600);
    house.hand(1, Input::Elapsed);
    let again = house.mesh.pop_front().unwrap();
    assert!(is_question(&again.body), "{again:?}");
    house.hand(1, Input::Envelope(no));
    let refused = house.settle();
    let invite = rings(&mut house, &alice);
    house.mesh.push_back(again);
    let mut sent = house.settle();
    let cancel: Sent = vec![(BOB.parse().unwrap(), only(&sent, BOB).into())];
    bob_stops(&mut house, &cancel, &invite);
    sent.extend(refused);
    let finals = firsts(&sent).into_iter();
    let finals = finals.filter(|line| line.starts_with("SIP/2.0 ") && !line.contains(" 100 "));
    assert_eq!(finals.collect::<Vec<_>>(), ["SIP/2.0 200 OK"]);
    let sent = house.receive(CAROL, &carol.ack(only(&sent, CAROL), ""));
    let ok = answers(&mut house, only(&sent, CAROL));
    house.receive(ALICE, &alice.ack(&ok, ""));
    hangs_up(&mut house, &alice, &ok);
    house.empties();
}

#[test]
fn a_picker_is_sent_nowhere_before_it_has_joined() {
    for acknowledges in [true, false] {
        let mut house = House::new(2);
        let (alice, carol) = (alice(&house), carol(&house, "8"));
        let invite = rings(&mut house, &alice);
        let sent = house.receive(CAROL, &carol.invite());
        let picked = only(&sent, CAROL).to_string();
        bob_stops(&mut house, &sent, &invite);
        let callee = "SIP/1003-000000001";
        let elsewhere = || Action::Redirect("default,66,1".into());
        if !acknowledges {
            assert_eq!(house.order(callee, elsewhere()), 0);
        }
        let sent = house.receive(CAROL, &carol.ack(&picked, ""));
        assert_eq!(house.order(callee, elsewhere()), 0);
        let ok = answers(&mut house, only(&sent, CAROL));
        house.receive(ALICE, &alice.ack(&ok, ""));
        if acknowledges {
            hangs_up(&mut house, &alice, &ok);
            house.empties();
            continue;
        }
        assert_eq!(house.order(callee, elsewhere()), 1);
        let sent = house.settle();
        let line = format!("BYE sip:1001@{ALICE} SIP/2.0");
        assert!(firsts(&sent).contains(&line), "{sent:?}");
    }
}

#[test]
fn a_picker_that_is_hung_up_before_it_has_joined_has_not_answered() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = rings(&mut house, &alice);
    picks_up(&mut house, &carol, &invite);
    let action = Action::HangUp(Cause::NORMAL_CLEARING);
    assert_eq!(house.order("SIP/1003-000000001", action), 1);
    let sent = house.settle();
    assert!(only(&sent, ALICE).starts_with("SIP/2.0 603"), "{sent:?}");
    let lines = firsts(&sent);
    assert!(
        lines.iter().any(|line| line.starts_with("BYE sip:1003@")),
        "{lines:?}"
    );
}

#[test]
fn what_a_picker_acknowledges_an_answer_with_is_no_answer() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = rings(&mut house, &alice);
    let sent = house.receive(CAROL, &carol.invite());
    let picked = only(&sent, CAROL).to_string();
    bob_stops(&mut house, &sent, &invite);
    let sent = house.receive(CAROL, &carol.ack(&picked, "gossip"));
    let again = only(&sent, CAROL).to_string();
    assert!(again.ends_with(OFFER), "{again}");
    let ok = answers(&mut house, &again);
    house.receive(ALICE, &alice.ack(&ok, ""));
    hangs_up(&mut house, &alice, &ok);
    house.empties();
}

#[test]
fn a_picker_whose_offer_cannot_be_answered_picks_nothing_up() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    rings(&mut house, &alice);
    let invite = carol.invite().replace("application/sdp", "multipart/mixed");
    let sent = house.receive(CAROL, &invite);
    assert!(only(&sent, CAROL).starts_with("SIP/2.0 486"), "{sent:?}");
}
