//! Shards with what is on its way between them, and telephones in calls of their
//! own making: Alice calls Bob, and Carol and Dave answer in his place.

use super::super::channels::firsts;
use super::super::*;
use crate::base::{ShardId, shard_of};
use crate::config::{PickupGroups, Recording};
use crate::dialplan::{Action, Order, Whom};
use crate::machine::{Body, Cdr, Envelope, Page, Query, RECORDS, Span};

pub const CAROL: &str = "127.0.0.1:7003";
pub const DAVE: &str = "127.0.0.1:7004";

pub const PLAN: &[&str] = &[
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

pub const OFFER: &str = "v=0\r\ns=offer\r\nm=audio 4000 RTP/AVP 0\r\n";
pub const PICKERS: &str = "v=0\r\ns=picker\r\nm=audio 5000 RTP/AVP 0\r\n";

/// What a test sees: where to, and what.
pub type Sent = Vec<(SocketAddr, String)>;

/// Shards, and what is on its way between them.
pub struct House {
    pub shards: Vec<Shard>,
    pub outs: Vec<Outbox>,
    pub now: Instant,
    pub mesh: alloc::collections::VecDeque<Envelope>,
    /// Envelopes that are lost from now on, by what they hold.
    pub loses: fn(&Body) -> bool,
    pub records: Vec<Cdr>,
}

impl House {
    pub fn new(shards: u16) -> House {
        House::following(shards, PLAN)
    }

    pub fn following(shards: u16, plan: &[&str]) -> House {
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
            plan: Arc::new(plan_of(plan)),
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
            house.register(user, address);
        }
        house
    }

    pub fn register(&mut self, user: &str, address: &str) {
        let register = format!(
            "REGISTER sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {address};branch=z9hG4bKr{user}\n\
             From: <sip:{user}@{ENGINE}>;tag=r\nTo: <sip:{user}@{ENGINE}>\nCall-ID: reg-{user}\n\
             CSeq: 1 REGISTER\nContact: <sip:{user}@{address}>\nMax-Forwards: 70\n\
             Expires: 3600\nContent-Length: 0\n\n"
        );
        assert_eq!(
            firsts(&self.receive(address, &register)),
            ["SIP/2.0 200 OK"]
        );
    }

    pub fn shards(&self) -> u16 {
        self.shards.len() as u16
    }

    /// Hands a message to the first shard, as the network might, and lets the
    /// mesh come to rest; what goes out.
    pub fn receive(&mut self, from: &str, message: &str) -> Sent {
        self.drop_in(from, message);
        self.settle()
    }

    /// Hands a message to the first shard.
    pub fn drop_in(&mut self, from: &str, message: &str) {
        let flow = Flow::udp(0, ENGINE.parse().unwrap(), from.parse().unwrap());
        let (head, body) = message.split_once("\n\n").unwrap();
        let bytes = [&head.replace('\n', "\r\n"), "\r\n\r\n", body].concat();
        let bytes = bytes.as_bytes();
        self.hand(0, Input::Datagram { bytes, flow });
    }

    pub fn hand(&mut self, shard: usize, input: Input<'_>) {
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
    pub fn settle(&mut self) -> Sent {
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

    pub fn wait(&mut self, duration: Duration) -> Sent {
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
    pub fn call_id(&self, name: &str, home: ShardId) -> String {
        let shards = self.shards();
        let ids = (0..).map(|n| format!("{name}{n}"));
        let mut ids = ids.filter(|id| shard_of(id.as_bytes(), shards) == home % shards);
        ids.next().unwrap()
    }

    pub fn global(&self, name: &str) -> Option<&str> {
        self.shards[0].exchange.globals.value(name)
    }

    /// Calls that each shard has begun.
    pub fn begun(&self) -> Vec<u64> {
        let each = self.shards.iter();
        each.map(|shard| shard.exchange.counters.calls_begun)
            .collect()
    }

    /// Replaces a shard as its pump does after a fault.
    pub fn replace(&mut self, shard: ShardId) {
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
    pub fn order(&mut self, name: &str, action: Action) -> u32 {
        let whom = Whom::of(name, false);
        let query = Query::Order(Order { whom, action }, Span::ALL);
        match self.shards[0].serve(self.now, query, &mut self.outs[0]) {
            Page::Obeyed(calls) => calls.rows.iter().sum(),
            page => panic!("{page:?}"),
        }
    }

    pub fn nothing_moved(&self) -> bool {
        self.shards.iter().all(|shard| shard.moved.is_empty())
    }

    /// Long after the last call nothing is left.
    pub fn empties(mut self) {
        self.wait(Duration::from_secs(120));
        for shard in &self.shards {
            let left = shard.sizes().into_iter();
            let left = left.filter(|(name, size)| *name != "bindings" && *size > 0);
            assert_eq!(left.collect::<Vec<_>>(), []);
            let exchange = &shard.exchange;
            let left = (exchange.calls, exchange.departures.len());
            assert_eq!((left, exchange.departed.len()), ((0, 0), 0));
        }
    }
}

pub fn made(shard: ShardId, shards: u16, incarnation: u32, config: &Arc<Config>) -> Shard {
    Shard::new(Setup {
        shard,
        shards,
        incarnation,
        seed: [shard as u8 + 7 + incarnation as u8; 32],
        ..Setup::alone(Arc::clone(config), ENGINE.parse().unwrap())
    })
}

/// A telephone in a call of its own making.
pub struct Caller {
    pub user: &'static str,
    pub address: &'static str,
    pub exten: &'static str,
    pub call_id: String,
    pub offer: &'static str,
}

impl Caller {
    pub fn request(&self, method: &str, cseq: u32, to: &str, body: &str) -> String {
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

    /// A request outside of any dialog.
    pub fn ask(&self, method: &str, cseq: u32, body: &str) -> String {
        let to = format!("<sip:{}@127.0.0.1>", self.exten);
        self.request(method, cseq, &to, body)
    }

    /// The one before, which was challenged perhaps.
    pub fn earlier(&self) -> String {
        self.ask("INVITE", 0, self.offer)
    }

    pub fn invite(&self) -> String {
        self.ask("INVITE", 1, self.offer)
    }

    pub fn cancel(&self) -> String {
        self.ask("CANCEL", 1, "")
    }

    /// The ACK of a 2xx.
    pub fn ack(&self, ok: &str, body: &str) -> String {
        let ack = self.request("ACK", 1, header(ok, "To"), body);
        ack.replace("branch=z9hG4bK", "branch=z9hG4bKack")
    }

    pub fn bye(&self, ok: &str) -> String {
        self.request("BYE", 2, header(ok, "To"), "")
    }
}

pub fn alice(house: &House) -> Caller {
    Caller {
        user: "1001",
        address: ALICE,
        exten: "1002",
        call_id: house.call_id("alice", 0),
        offer: OFFER,
    }
}

/// Carol's call, whose home is another shard than Alice's where there are two.
pub fn carol(house: &House, exten: &'static str) -> Caller {
    Caller {
        user: "1003",
        address: CAROL,
        exten,
        call_id: house.call_id("carol", 1),
        offer: PICKERS,
    }
}

/// A response that belongs to a telephone at that address.
pub fn from(address: &str, request: &str, status: &str, body: &str) -> String {
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
pub fn only<'s>(sent: &'s Sent, address: &str) -> &'s str {
    let there: Vec<&String> = sent
        .iter()
        .filter(|(to, _)| *to == address.parse().unwrap())
        .map(|(_, message)| message)
        .collect();
    assert_eq!(there.len(), 1, "to {address}: {sent:?}");
    there[0]
}

/// A call rings at Bob; his INVITE.
pub fn rings(house: &mut House, caller: &Caller) -> String {
    let invite = only(&house.receive(caller.address, &caller.invite()), BOB).to_string();
    let sent = house.receive(BOB, &from(BOB, &invite, "180 Ringing", ""));
    assert_eq!(firsts(&sent), ["SIP/2.0 180 Ringing"]);
    invite
}

/// Two shards, Alice's call that rings at Bob, by this INVITE, and Carol, who is
/// about to dial 8.
pub fn ringing() -> (House, Caller, Caller, String) {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = rings(&mut house, &alice);
    (house, alice, carol, invite)
}

/// Bob stops ringing: he answers the CANCEL and his INVITE.
pub fn bob_stops(house: &mut House, sent: &Sent, invite: &str) {
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

/// Carol picks Alice's call up, and Bob stops ringing; the 200 to her INVITE.
pub fn takes(house: &mut House, carol: &Caller, invite: &str) -> String {
    let sent = house.receive(CAROL, &carol.invite());
    let ok = only(&sent, CAROL).to_string();
    assert!(ok.starts_with("SIP/2.0 200 OK\r\n"), "{ok}");
    bob_stops(house, &sent, invite);
    ok
}

/// The same, up to the re-INVITE that brings Alice's offer, which is returned,
/// too.
pub fn picks_up(house: &mut House, carol: &Caller, invite: &str) -> (String, String) {
    let ok = takes(house, carol, invite);
    assert!(ok.contains("a=inactive\r\n"), "silence: {ok}");
    let sent = house.receive(CAROL, &carol.ack(&ok, ""));
    let again = only(&sent, CAROL).to_string();
    assert!(
        again.starts_with("INVITE sip:1003@127.0.0.1:7003"),
        "{again}"
    );
    (ok, again)
}

/// Carol answers the offer; Alice's 200.
pub fn answers(house: &mut House, reinvite: &str) -> String {
    let sent = house.receive(CAROL, &from(CAROL, reinvite, "200 OK", "answer"));
    let ack = only(&sent, CAROL);
    assert!(ack.starts_with("ACK sip:x@127.0.0.1:7003"), "{ack}");
    let ok = only(&sent, ALICE).to_string();
    assert!(ok.starts_with("SIP/2.0 200 OK\r\n"), "{ok}");
    assert!(ok.ends_with("\r\n\r\nanswer"), "{ok}");
    ok
}

/// Carol answers the offer, and Alice talks to her; Alice's 200.
pub fn talks(house: &mut House, alice: &Caller, reinvite: &str) -> String {
    let ok = answers(house, reinvite);
    house.receive(ALICE, &alice.ack(&ok, ""));
    ok
}

/// Alice hangs up on Carol.
pub fn hangs_up(house: &mut House, alice: &Caller, ok: &str) {
    let sent = house.receive(ALICE, &alice.bye(ok));
    assert!(only(&sent, ALICE).starts_with("SIP/2.0 200 OK"));
    let bye = only(&sent, CAROL).to_string();
    assert!(bye.starts_with("BYE sip:x@127.0.0.1:7003"), "{bye}");
    house.receive(CAROL, &from(CAROL, &bye, "200 OK", ""));
}

/// Alice hangs up on Carol, and nothing is left.
pub fn ends(mut house: House, alice: &Caller, ok: &str) {
    hangs_up(&mut house, alice, ok);
    house.empties();
}

/// Carol hangs up on Alice.
pub fn leaves(house: &mut House, carol: &Caller, picked: &str) {
    let sent = house.receive(CAROL, &carol.bye(picked));
    assert!(only(&sent, CAROL).starts_with("SIP/2.0 200 OK"), "{sent:?}");
    let bye = only(&sent, ALICE).to_string();
    house.receive(ALICE, &from(ALICE, &bye, "200 OK", ""));
}

pub fn carol_like(carol: &Caller) -> Caller {
    Caller {
        call_id: carol.call_id.clone(),
        ..*carol
    }
}
