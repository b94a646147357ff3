//! Judges what an engine puts on the wire, step by step, against the RFCs.
//!
//! Owns what it needs to remember of the wire; sees datagrams, never the
//! engine. `responses` and `requests` hold the rules of each; this file the
//! rules about bodies, legs and the end.

mod form;
mod records;
mod requests;
mod responses;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use pinion_sip::base::Instant;

use crate::message::Msg;
use records::Records;
use requests::{Dialog, Owed, Told};
use responses::Asked;

/// How the only bodies of an engine's own begin.
const SILENCE: &[u8] = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\n";

/// A broken rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The rule in a few words, with its RFC section.
    pub rule: &'static str,
    /// What was seen.
    pub seen: String,
    /// The leg it was seen on.
    pub call_id: Option<String>,
}

impl Failure {
    /// A broken rule on the leg of `message`.
    pub fn of(rule: &'static str, message: &Msg, seen: impl Into<String>) -> Failure {
        Failure {
            rule,
            seen: seen.into(),
            call_id: Some(message.call_id().into()),
        }
    }
}

/// What a rule says.
pub type Verdict = Result<(), Failure>;

/// One side of the wire: engine and shard.
pub type Place = (usize, u16);

struct Origin {
    call_id: String,
    /// Of the request that carried the body.
    max_forwards: Option<u32>,
}

/// The judge of one world.
#[derive(Default)]
pub struct Oracle {
    /// Every phone's mark by its address.
    pub phones: BTreeMap<SocketAddr, String>,
    /// The engines' addresses.
    pub engines: BTreeSet<SocketAddr>,
    /// Phones that stand for proxies: route sets name others to them.
    pub proxies: BTreeSet<SocketAddr>,
    /// User → password.
    pub passwords: BTreeMap<String, String>,
    /// Whether a full table may make a 503 of a first copy.
    pub tiny: bool,
    /// Whether devices are in a database: a copy of what was refused without a
    /// trace may have to wait for it, in vain.
    pub stored: bool,
    /// When an engine began to drain: a first copy may have been challenged,
    /// statelessly, where a later one is refused.
    pub drained: Option<Instant>,
    /// Anything begun before this may have been forgotten with a shard.
    voided: Option<Instant>,
    asked: BTreeMap<(String, String), Asked>,
    told: BTreeMap<(String, String), Told>,
    dialogs: BTreeMap<(String, String), Dialog>,
    bodies: BTreeMap<Vec<u8>, Origin>,
    /// Callees' To tags above 100, by the offer of the INVITE they answer.
    forks: BTreeMap<Vec<u8>, BTreeSet<String>>,
    /// Engines have begun calls themselves.
    pub originated: bool,
    /// Callers pick up each other's calls.
    pub picking: bool,
    /// Callees go on in the plan without their callers.
    pub parting: bool,
    /// The records of calls.
    pub records: Records,
    /// The highest CSeq of each dialog's requests that came home.
    orders: BTreeMap<(String, String, String), u32>,
    nonces: BTreeSet<String>,
    /// INVITEs whose 2xx has been acknowledged: (Call-ID, their tag, our tag, CSeq).
    settled: BTreeSet<(String, String, String, u32)>,
    /// Non-2xx finals the home shard has just been given: (branch, to tag).
    owed_acks: Vec<(String, String)>,
    /// 2xx the home shard was given: (Call-ID, our tag, their tag, CSeq).
    owed_answers: BTreeMap<(String, String, String, u32), Owed>,
}

impl Oracle {
    /// A shard was replaced: its memory is gone.
    pub fn shard_lost(&mut self, now: Instant) {
        self.voided = Some(now);
        self.owed_acks.clear();
    }

    /// Whether what began then may have been forgotten with a shard.
    pub fn forgotten(&self, since: Instant) -> bool {
        self.voided.is_some_and(|voided| since <= voided)
    }

    /// A datagram was handed to some shard of an engine.
    pub fn arrived(&mut self, now: Instant, from: SocketAddr, message: &Msg) {
        if !message.body.is_empty() {
            let max_forwards = message
                .get("Max-Forwards")
                .and_then(|value| value.parse().ok());
            self.bodies.entry(message.body.clone()).or_insert(Origin {
                call_id: message.call_id().into(),
                max_forwards,
            });
        }
        if message.is_request() {
            self.request_arrived(now, from, message);
        } else {
            self.response_arrived(now, message);
        }
    }

    /// The home shard of its Call-ID has it now, directly or handed over.
    pub fn came_home(&mut self, now: Instant, message: &Msg) {
        if message.method() == "ACK" && message.is_request() {
            self.settled.insert(invite_of(message));
        } else if message.is_request() {
            self.request_came_home(message);
        } else {
            self.response_came_home(now, message);
        }
    }

    /// An engine sent a datagram.
    pub fn sent(&mut self, now: Instant, place: Place, to: SocketAddr, bytes: &[u8]) -> Verdict {
        if !self.phones.contains_key(&to) && !self.engines.contains(&to) {
            // What was garbage on the way in may be echoed as garbage.
            return Msg::parse(bytes).map_or(Ok(()), |message| judge_stranger(to, &message));
        }
        let message = Msg::parse(bytes).map_err(|fault| Failure {
            rule: "what is sent can be read (RFC 3261 §7)",
            seen: format!("{fault}: {:?}", String::from_utf8_lossy(bytes)),
            call_id: None,
        })?;
        for name in ["From", "To", "Call-ID", "CSeq"] {
            if message.count(name) != 1 {
                return Err(Failure::of(
                    "one From, To, Call-ID, CSeq each (§20)",
                    &message,
                    format!("{name}: {}", message.head()),
                ));
            }
        }
        self.judge_leaks(to, &message)?;
        self.judge_body(to, &message)?;
        if message.is_request() {
            self.request_sent(now, to, &message, bytes)
        } else {
            self.response_sent(place, to, &message)
        }
    }

    /// The step is over: what was due at once has been sent.
    pub fn step_ended(&mut self) -> Verdict {
        for (branch, tag) in std::mem::take(&mut self.owed_acks) {
            let invite = &self.told[&(branch.clone(), "INVITE".into())];
            if !self.told.contains_key(&(branch, "ACK".into())) {
                let seen = format!("no ACK for the final with To tag {tag}");
                return Err(Failure::of(
                    "every final to an INVITE is acknowledged (§17.1.1.3)",
                    &invite.message,
                    seen,
                ));
            }
        }
        Ok(())
    }

    /// Topology: neither addresses nor identifiers of another phone's leg.
    fn judge_leaks(&self, to: SocketAddr, message: &Msg) -> Verdict {
        let own = self.phones.get(&to);
        if self.proxies.contains(&to) || message.method() == "REGISTER" {
            return Ok(());
        }
        // A response repeats the Record-Route its own request brought.
        let head = message.clone().without("Record-Route").head();
        for (address, mark) in &self.phones {
            if Some(mark) == own {
                continue;
            }
            let (ip, ip_port) = (format!("@{}>", address.ip()), address.to_string());
            if head.contains(mark.as_str()) || head.contains(&ip) || head.contains(&ip_port) {
                let seen = format!("{mark}/{address} shows towards {to}:\n{head}");
                return Err(Failure::of(
                    "a leg shows nothing of the other (topology)",
                    message,
                    seen,
                ));
            }
        }
        Ok(())
    }

    /// Bodies pass byte for byte and not back on their own leg. A request that
    /// opens something counts Max-Forwards down; one inside a dialog cannot loop.
    fn judge_body(&self, to: SocketAddr, message: &Msg) -> Verdict {
        // What is answered to an offer that nobody takes (RFC 3725 §4.3).
        let may = self.originated || self.picking || self.parting || self.records.redirected;
        let silence = may && message.body.starts_with(SILENCE);
        if message.body.is_empty() || silence || !self.phones.contains_key(&to) {
            return Ok(());
        }
        let Some(origin) = self.bodies.get(&message.body) else {
            let seen = String::from_utf8_lossy(&message.body).into_owned();
            return Err(Failure::of("a body passes byte for byte", message, seen));
        };
        if origin.call_id == message.call_id() {
            return Err(Failure::of(
                "a body does not come back to its sender",
                message,
                message.start.clone(),
            ));
        }
        let left: Option<u32> = message
            .get("Max-Forwards")
            .and_then(|value| value.parse().ok());
        if let (true, Some(left), Some(given)) = (
            message.is_request() && message.tag("To").is_none(),
            left,
            origin.max_forwards,
        ) && left >= given
        {
            let seen = format!("{given} came in, {left} goes out");
            return Err(Failure::of(
                "Max-Forwards counts down (§16.6)",
                message,
                seen,
            ));
        }
        Ok(())
    }

    /// Nothing more will happen: what is still owed?
    pub fn settle(&self, now: Instant) -> Verdict {
        self.settle_responses(now)?;
        for ((call_id, ours, theirs, cseq), owed) in &self.owed_answers {
            if !owed.paid && !self.forgotten(owed.since) {
                return Err(Failure {
                    rule: "every 2xx to an INVITE is acknowledged (§13.2.2.4)",
                    seen: format!("{cseq} INVITE, local tag {ours}, remote tag {theirs}"),
                    call_id: Some(call_id.clone()),
                });
            }
        }
        Ok(())
    }
}

/// What names a dialog in one direction.
fn dialog_of(message: &Msg) -> (String, String, String) {
    let tag = |name: &str| message.tag(name).unwrap_or_default();
    (message.call_id().into(), tag("From"), tag("To"))
}

/// What names an INVITE of a caller: the same for its responses and its ACK.
fn invite_of(message: &Msg) -> (String, String, String, u32) {
    let (call_id, from, to) = dialog_of(message);
    (call_id, from, to, message.cseq().0)
}

/// Somebody no engine knows is told no, if anything.
fn judge_stranger(to: SocketAddr, message: &Msg) -> Verdict {
    let starts_something = matches!(message.method().as_str(), "INVITE" | "REGISTER" | "MESSAGE");
    if message.is_request() || (starts_something && (200..300).contains(&message.status())) {
        let seen = format!("to {to}: {}", message.head());
        return Err(Failure::of(
            "strangers are sent nothing but refusals",
            message,
            seen,
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
