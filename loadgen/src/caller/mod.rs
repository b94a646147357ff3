//! The load generator's machine: one thread's callers and callees, driven by
//! inputs and time like the server's shard, on the wire and in a simulation
//! alike. Reads no clock, opens no socket, logs nothing.
//!
//! ```text
//!   Caller ── Client   units it begins: calls, registrations, OPTIONS, MESSAGE
//!        └─── Callee   calls it takes, on a socket of its own
//! ```
//!
//! Both keep one entry and at most one alarm per call, and what a finished
//! call still owes — the ACK of a late copy, the 200 of a copied BYE — is
//! written from the copy alone, so nothing lingers.

mod callee;
mod client;
mod dialog;
mod glance;
mod lines;
mod lots;
mod pool;
mod site;
mod template;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::{Instant, Lanes, Random};
use pinion_sip::machine::{Input, Machine, Outbox};

use crate::plan::Plan;
use crate::quota::{LOOK_AGAIN, Quota};
use crate::run::Worker;
use crate::tally::Tally;
use callee::Callee;
use client::Client;
use glance::{First, Glance, Room};
use site::Site;

/// A timer this late may have fired while the answer waited unread.
const LATE: Duration = Duration::from_millis(50);

/// The addresses of one thread's sockets, in the order of their indices: those
/// that send first, then the one that takes calls.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Sockets that send.
    pub callers: Vec<SocketAddr>,
    /// The socket that takes calls.
    pub callee: Option<SocketAddr>,
}

/// An alarm: of which side's slot, and the how manieth it is.
#[derive(Clone, Copy, Debug)]
struct Alarm {
    callee: bool,
    slot: u32,
    serial: u32,
}

/// What a side works with for the length of one input.
struct Desk<'a> {
    now: Instant,
    site: &'a Site,
    tally: &'a mut Tally,
    lanes: &'a mut Lanes<Alarm>,
    out: &'a mut Outbox,
}

/// One thread's load.
pub struct Caller {
    site: Site,
    tally: Tally,
    lanes: Lanes<Alarm>,
    client: Client,
    callee: Option<Callee>,
    /// When the load ends by itself, where only calls are taken.
    ends: Option<Instant>,
    /// Until when calls taken may still end, once no side begins any.
    closing: Option<Instant>,
    /// When to look again whether the other threads have used up the quota.
    look: Instant,
    quota: Quota,
    over: bool,
    /// Calls that were taken have ended, too.
    closed: bool,
}

impl Caller {
    /// The machine of `thread`, which has the sockets at `places`. All threads
    /// of a run have one `quota`, for calls that are taken and not made.
    pub fn new(plan: &Arc<Plan>, places: &Places, thread: u16, quota: &Quota) -> Caller {
        let site = Site::new(plan, places, thread);
        let mut seeds = Random::from_u64(plan.seed);
        // Each thread has a stream of its own, whatever the others draw.
        let seeds = (0..=thread).map(|_| seeds.seed()).last();
        let mut random = Random::from_seed(seeds.unwrap_or_default());
        Caller {
            tally: Tally::new(plan.duration),
            lanes: Lanes::new(),
            client: Client::new(&site, &mut random),
            callee: places
                .callee
                .is_some()
                .then(|| Callee::new(plan, &site, &mut random, quota)),
            site,
            ends: None,
            closing: None,
            look: Instant::START,
            quota: quota.clone(),
            over: false,
            closed: false,
        }
    }

    /// Both sides, and what they work with for one input.
    fn open<'a>(
        &'a mut self,
        now: Instant,
        out: &'a mut Outbox,
    ) -> (Desk<'a>, &'a mut Client, Option<&'a mut Callee>) {
        let desk = Desk {
            now,
            site: &self.site,
            tally: &mut self.tally,
            lanes: &mut self.lanes,
            out,
        };
        (desk, &mut self.client, self.callee.as_mut())
    }

    /// Whether it begins no unit, and those it takes are what it counts.
    fn takes_only(&self) -> bool {
        self.site.plan.units.is_empty()
    }

    /// Runs every alarm that is due.
    fn ring(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(due) = self.lanes.deadline().filter(|due| *due <= now) {
            let Some(alarm) = self.lanes.expire(now) else {
                return;
            };
            let (mut desk, client, callee) = self.open(now, out);
            match callee.filter(|_| alarm.callee) {
                Some(callee) => callee.ring(&mut desk, alarm, due),
                None => client.ring(&mut desk, alarm, due),
            }
        }
    }

    /// A message of ours that no connection takes. One that is lost on its way
    /// to the caller is waited for there.
    fn unsent(&mut self, now: Instant, bytes: &[u8], out: &mut Outbox) {
        let mut room = Room::new();
        if let Some(message) = Glance::read(bytes, &mut room)
            && let First::Request(method) = message.first
        {
            let (mut desk, client, _) = self.open(now, out);
            client.unsent(&mut desk, &message, method);
        }
    }

    fn receive(
        &mut self,
        now: Instant,
        bytes: &[u8],
        flow: pinion_sip::base::Flow,
        out: &mut Outbox,
    ) {
        let mut room = Room::new();
        let Some(message) = Glance::read(bytes, &mut room) else {
            self.tally.strays += 1;
            return;
        };
        let (mut desk, client, callee) = self.open(now, out);
        let called = flow.socket == desk.site.callee_socket();
        let callee = callee.filter(|_| called);
        match (message.first, callee) {
            (First::Request(method), Some(callee)) => {
                callee.request(&mut desk, &message, method, flow);
            }
            (First::Request(method), None) => {
                client.request_came(&mut desk, &message, method, flow);
            }
            (First::Response(status), callee) => {
                // Registrations too are sent where calls are taken.
                let taken =
                    callee.is_some_and(|callee| callee.response(&mut desk, &message, status));
                if !taken {
                    client.response(&mut desk, &message, status, flow);
                }
            }
        }
    }

    /// Ends it all, once no side begins calls any more and those that were taken
    /// are over.
    fn settle(&mut self, now: Instant) {
        if let Some(until) = self.closing {
            let left = self.callee.as_ref().is_some_and(|callee| callee.len() > 0);
            if !left || until <= now {
                self.closing = None;
                self.closed = true;
                self.client.leave();
            }
        }
    }

    /// Whether the called side alone is done: its time is over, or all threads
    /// together have had as many calls as they were to take.
    fn taken_enough(&self, now: Instant) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
            || self.callee.as_ref().is_some_and(Callee::is_spent)
    }
}

impl Machine for Caller {
    fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        match input {
            Input::Datagram { bytes, flow } => self.receive(now, bytes, flow, out),
            Input::Elapsed => {}
            Input::Drain => {
                self.over = true;
                self.client.stop(&self.site);
                // While units still run here, calls come in for them.
                let takes_only = self.takes_only();
                if let Some(callee) = self.callee.as_mut().filter(|_| takes_only) {
                    callee.stop();
                }
            }
            // One thread's load needs no other, and has no configuration.
            Input::Envelope(_) | Input::Undrain | Input::Reload(_) | Input::Prune(_) => {}
            Input::Unsent { bytes, .. } => self.unsent(now, bytes, out),
            // What is lost its unit waits for in vain, known or not.
            Input::Broken { .. } | Input::Unreachable { .. } => {}
        }
        self.ring(now, out);
        let (mut desk, client, _) = self.open(now, out);
        client.begin_due(&mut desk);
        if self.takes_only() && !self.over {
            self.over = self.taken_enough(now);
            self.look = now + LOOK_AGAIN;
        }
        self.settle(now);
    }

    fn deadline(&self) -> Option<Instant> {
        let ends = self.ends.filter(|_| !self.over);
        let counts = self.takes_only() && self.quota.is_bounded();
        [
            self.lanes.deadline(),
            self.client.deadline(),
            ends,
            self.closing,
            (counts && !self.over).then_some(self.look),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let running = self.client.running() + self.callee.as_ref().map_or(0, Callee::len);
        vec![
            ("begun", self.tally.begun),
            ("completed", self.tally.completed),
            ("failed", self.tally.failed),
            ("running", running as u64),
        ]
    }

    fn is_idle(&self) -> bool {
        self.client.is_gone()
    }
}

impl Worker for Caller {
    fn is_ready(&self) -> bool {
        self.client.is_enrolled()
    }

    fn begin(&mut self, at: Instant) {
        let plan = &self.site.plan;
        let rings = plan
            .callee
            .as_ref()
            .map_or(Duration::ZERO, |callee| callee.ring);
        let lasts = (!plan.units.is_empty()).then_some(plan.hold + rings);
        self.tally.start(at, lasts);
        self.client.begin(&self.site, at);
        let ends = self.takes_only() && plan.duration != Duration::MAX;
        self.ends = ends.then(|| at + plan.duration);
    }

    fn is_spent(&self) -> bool {
        if self.takes_only() {
            self.over
        } else {
            self.client.is_spent()
        }
    }

    fn close(&mut self, now: Instant) {
        self.closing = Some(now + self.site.plan.timers.timer_b);
        self.settle(now);
    }

    fn is_over(&self) -> bool {
        self.closed
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn refusal(&self) -> Option<String> {
        self.client.refusal()
    }
}
