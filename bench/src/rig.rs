//! A shard between two phones that know their lines. Every turn of the shard
//! goes through the rig's meter; nothing else does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::{Flow, Instant};
use pinion_sip::config::{Config, General, Peer, PeerKind, Peers, Secret};
use pinion_sip::dialplan::Plan;
use pinion_sip::machine::{Input, Machine, Outbox};
use pinion_sip::shard::{Setup, Shard};

use crate::form::{Blanks, Form};
use crate::meter::Meter;
use crate::phone::{CALLEE, CALLER, ENGINE, Forms, PASSWORD, Proof, answer, to_tag};
use crate::plan;

/// From one message to the next.
const STEP: Duration = Duration::from_micros(50);

/// Whether the phones, 1001 and 1002, have passwords.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Users {
    /// Nobody is challenged.
    Open,
    /// REGISTER and INVITE are challenged.
    Secured,
}

/// A shard, its phones, and the time.
pub struct Rig {
    shard: Shard,
    out: Outbox,
    now: Instant,
    meter: Meter,
    users: Users,
    forms: Forms,
    caller: SocketAddr,
    callee: SocketAddr,
    engine: SocketAddr,
    /// The datagram handed in last, or next.
    message: Vec<u8>,
    /// Where it came from.
    remote: SocketAddr,
    /// The last request that reached the callee.
    forked: Vec<u8>,
    /// The engine's tag in the caller's dialog.
    tag: Vec<u8>,
    /// The Authorization field of the next request.
    authorization: Vec<u8>,
    /// The callee's challenge, as long as it serves.
    proof: Option<Proof>,
    number: u64,
    cseq: u32,
}

impl Rig {
    /// A shard whose every extension is Dial to the phone of that number; the
    /// callee is registered.
    pub fn new(users: Users, meter: Meter) -> Rig {
        Rig::with_plan(users, plan::compile(plan::DIAL), meter)
    }

    /// The same with another plan; it dials the callee in the end.
    pub fn with_plan(users: Users, plan: Arc<Plan>, meter: Meter) -> Rig {
        let mut rig = Rig {
            shard: Shard::new(setup(users, plan)),
            out: Outbox::new(256),
            now: Instant::START,
            meter,
            users,
            forms: Forms::new(),
            caller: address(CALLER),
            callee: address(CALLEE),
            engine: address(ENGINE),
            message: Vec::with_capacity(2048),
            remote: address(CALLER),
            forked: Vec::with_capacity(2048),
            tag: Vec::with_capacity(128),
            authorization: Vec::with_capacity(512),
            proof: None,
            number: 0,
            cseq: 0,
        };
        rig.register_anew();
        rig
    }

    /// Measures with another meter from now on.
    pub fn set_meter(&mut self, meter: Meter) {
        self.meter = meter;
    }

    /// Lets time pass, so that what is due is done.
    pub fn rest(&mut self, duration: Duration) {
        self.now = self.now + duration;
        while self.shard.deadline().is_some_and(|due| due <= self.now) {
            self.turn(Input::Elapsed);
            self.out.clear_sends();
        }
    }

    fn turn(&mut self, input: Input<'_>) {
        let mut input = Some(input);
        let (shard, now, out) = (&mut self.shard, self.now, &mut self.out);
        (self.meter)(&mut || {
            if let Some(input) = input.take() {
                shard.handle(now, input, out);
            }
        });
    }

    /// Hands `message` in; what comes out stands in the outbox.
    fn deliver(&mut self, remote: SocketAddr) {
        self.now = self.now + STEP;
        self.remote = remote;
        self.out.clear_sends();
        let message = std::mem::take(&mut self.message);
        let flow = Flow::udp(0, self.engine, remote);
        self.turn(Input::Datagram {
            bytes: &message,
            flow,
        });
        self.message = message;
    }

    /// A request of the caller, or a REGISTER of the callee.
    fn send(&mut self, form: fn(&Forms) -> &Form) {
        let form = form(&self.forms);
        let remote = if std::ptr::eq(form, &self.forms.register) {
            self.callee
        } else {
            self.caller
        };
        let blanks = Blanks {
            number: self.number,
            cseq: self.cseq,
            tag: &self.tag,
            authorization: &self.authorization,
        };
        form.fill(blanks, &mut self.message);
        self.deliver(remote);
    }

    /// The callee's answer to the last request that reached it.
    fn answer(&mut self, status: &str, with_session: bool) {
        answer(&self.forked, status, with_session, &mut self.message);
        self.deliver(self.callee);
    }

    /// The first datagram to `remote` that begins so.
    fn sent(&self, remote: SocketAddr, start: &str) -> &[u8] {
        let mut sends = self.out.sends();
        let found = sends
            .find(|(flow, bytes)| flow.remote == remote && bytes.starts_with(start.as_bytes()));
        match found {
            Some((_, bytes)) => bytes,
            None => panic!("no {start} to {remote} came out, but {}", self.said()),
        }
    }

    /// Everything in the outbox, for a failure's message.
    fn said(&self) -> String {
        let sends = self.out.sends();
        sends
            .map(|(flow, bytes)| format!("to {}: {}", flow.remote, String::from_utf8_lossy(bytes)))
            .collect()
    }

    fn keep_forked(&mut self, start: &str) {
        let mut forked = std::mem::take(&mut self.forked);
        forked.clear();
        forked.extend_from_slice(self.sent(self.callee, start));
        self.forked = forked;
    }

    fn keep_tag(&mut self) {
        let mut tag = std::mem::take(&mut self.tag);
        tag.clear();
        tag.extend_from_slice(to_tag(self.sent(self.caller, "SIP/2.0 200")));
        self.tag = tag;
    }
}

/// What the phones do.
impl Rig {
    /// One OPTIONS and its 200.
    pub fn options(&mut self) {
        self.begin();
        self.send(|forms| &forms.options);
        self.sent(self.caller, "SIP/2.0 200");
    }

    /// One REGISTER and its 200; with passwords, 401 and a second REGISTER
    /// come before it.
    pub fn register_anew(&mut self) {
        self.proof = None;
        self.register();
    }

    /// One REGISTER and its 200, with the nonce in hand for as long as the
    /// engine takes it.
    pub fn register(&mut self) {
        self.number += 1;
        self.cseq += 1;
        self.authorization.clear();
        if let Some(proof) = &mut self.proof {
            let uri = format!("sip:{ENGINE}");
            proof.write("1002", "REGISTER", &uri, &mut self.authorization);
        }
        self.send(|forms| &forms.register);
        let (_, first) = self.out.sends().next().expect("an answer");
        if self.users == Users::Secured && first.starts_with(b"SIP/2.0 401") {
            self.proof = Some(Proof::new(first));
            return self.register();
        }
        self.sent(self.callee, "SIP/2.0 200");
        self.authorization.clear();
    }

    /// A call: INVITE (with passwords: 401, ACK, INVITE), 180, 200, ACK, BYE
    /// by the caller, 200.
    pub fn call(&mut self) {
        self.set_up();
        self.hang_up();
    }

    /// A call up to its ACK.
    pub fn set_up(&mut self) {
        self.invite();
        self.ring();
        self.pick_up();
        self.acknowledge();
    }

    /// The caller's INVITE, up to the one that reaches the callee.
    pub fn invite(&mut self) {
        self.begin();
        self.send(|forms| &forms.invite);
        if self.users == Users::Secured {
            let refusal = self.sent(self.caller, "SIP/2.0 401");
            let (mut proof, tag) = (Proof::new(refusal), to_tag(refusal).to_vec());
            self.tag = tag;
            self.send(|forms| &forms.ack_refusal);
            self.tag.clear();
            self.cseq += 1;
            let uri = format!("sip:1002@{ENGINE}");
            proof.write("1001", "INVITE", &uri, &mut self.authorization);
            self.send(|forms| &forms.invite);
            self.authorization.clear();
        }
        self.keep_forked("INVITE ");
    }

    /// The callee's 180.
    pub fn ring(&mut self) {
        self.answer("180 Ringing", false);
        self.sent(self.caller, "SIP/2.0 180");
    }

    /// The callee's 200 to INVITE.
    pub fn pick_up(&mut self) {
        self.answer("200 OK", true);
        self.keep_tag();
    }

    /// The caller's ACK.
    pub fn acknowledge(&mut self) {
        self.send(|forms| &forms.ack);
    }

    /// The caller's INVITE within the call, its 200 and its ACK.
    pub fn reinvite(&mut self) {
        self.cseq += 1;
        self.send(|forms| &forms.invite);
        self.keep_forked("INVITE ");
        self.pick_up();
        self.acknowledge();
    }

    /// The caller's INFO and its 200.
    pub fn info(&mut self) {
        self.cseq += 1;
        self.send(|forms| &forms.info);
        self.keep_forked("INFO ");
        self.answer("200 OK", false);
        self.sent(self.caller, "SIP/2.0 200");
    }

    /// The caller's BYE, and the callee's 200.
    pub fn hang_up(&mut self) {
        self.cseq += 1;
        self.send(|forms| &forms.bye);
        self.sent(self.caller, "SIP/2.0 200");
        self.keep_forked("BYE ");
        self.answer("200 OK", false);
        self.tag.clear();
    }

    /// The last datagram once more, and the engine's answer to the copy.
    pub fn repeat(&mut self) {
        self.deliver(self.remote);
        assert!(self.out.sends_len() > 0, "a copy is answered");
    }

    /// A new dialog of the caller.
    fn begin(&mut self) {
        self.number += 1;
        self.cseq += 1;
        self.tag.clear();
        self.authorization.clear();
    }
}

fn setup(users: Users, plan: Arc<Plan>) -> Setup {
    let peers = ["1001", "1002"].map(|name| {
        let mut peer = Peer::new(name, PeerKind::Friend);
        if users == Users::Secured {
            peer.secret = Secret::Plain(PASSWORD.into());
        }
        peer
    });
    let general = General::default();
    let config = Config {
        peers: Peers::for_realm(&general.realm, peers),
        general,
        plan,
        realtime: None,
    };
    Setup::alone(Arc::new(config), address(ENGINE))
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::plain;

    #[test]
    fn a_call_leaves_nothing_behind() {
        for users in [Users::Open, Users::Secured] {
            let mut rig = Rig::new(users, plain);
            rig.set_up();
            rig.reinvite();
            rig.info();
            rig.hang_up();
            rig.rest(Duration::from_secs(40));
            let sizes = rig.shard.sizes();
            for table in ["calls", "dialogs", "transactions"] {
                assert!(
                    sizes.contains(&(table, 0)),
                    "{table} after a call: {sizes:?}"
                );
            }
        }
    }

    #[test]
    fn a_nonce_too_old_is_replaced_by_the_next() {
        let mut rig = Rig::new(Users::Secured, plain);
        for _ in 0..3 {
            rig.register();
            rig.rest(Duration::from_secs(61));
            rig.options();
        }
    }
}
