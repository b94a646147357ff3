//! The machine of a flood: sends at even distances until the flood's end,
//! follows up on responses in the same rhythm, and asks OPTIONS beside it to
//! see whether the target lives.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use pinion_sip::base::{Flow, Instant};
use pinion_sip::machine::{Input, Machine, Outbox};
use pinion_sip::wire::Fields;

use super::Flood;
use super::draft::{Draft, Site};
use super::profile::Profile;
use super::response::Response;
use super::tally::Tally;

/// How long after a flood the target may take to answer OPTIONS.
pub const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// How often OPTIONS is asked.
const PROBE_EVERY: Duration = Duration::from_millis(100);

/// Messages that may wait for their turn; later ones are not followed up.
const MAX_FOLLOWING: usize = 4096;

/// Messages sent before the runtime has its turn again.
const BURST: u32 = 256;

/// Where the numbers of probes begin: far from those of the flood.
const PROBES: u64 = 1 << 62;

/// The machine. One per flood.
pub struct Flooder {
    profile: Profile,
    site: Site,
    flow: Flow,
    rate: u32,
    total: u64,
    duration: Duration,
    began: Option<Instant>,
    /// Turns taken, by fresh messages and following ones alike.
    turns: u64,
    /// Fresh messages sent.
    fresh: u64,
    following: VecDeque<Vec<u8>>,
    next_probe: Instant,
    /// The first probe sent after the flood.
    last_probes: Option<u64>,
    /// Nobody answered in time: no more is asked.
    given_up: bool,
    fields: Fields,
    tally: Tally,
}

impl Flooder {
    /// A flood from `local`, which begins when it is first driven.
    pub fn new(flood: &Flood, local: SocketAddr) -> Flooder {
        let target = flood.aim.target();
        let total = u128::from(flood.rate) * flood.duration.as_micros() / 1_000_000;
        Flooder {
            profile: flood.profile,
            site: Site {
                local,
                target,
                users: flood.users.clone(),
                callee: flood.callee.clone(),
                seed: flood.seed,
            },
            flow: Flow::udp(0, local, target),
            rate: flood.rate.max(1),
            total: u64::try_from(total).unwrap_or(u64::MAX),
            duration: flood.duration,
            began: None,
            turns: 0,
            fresh: 0,
            following: VecDeque::new(),
            next_probe: Instant::START,
            last_probes: None,
            given_up: false,
            fields: Fields::new(),
            tally: Tally::default(),
        }
    }

    /// When the next message is due; `None` when the flood is over.
    fn due(&self, began: Instant) -> Option<Instant> {
        let offset_us = u128::from(self.turns) * 1_000_000 / u128::from(self.rate);
        let offset = Duration::from_micros(u64::try_from(offset_us).unwrap_or(u64::MAX));
        (self.turns < self.total && offset < self.duration).then(|| began + offset)
    }

    /// Sends all that is due, up to a burst. What the flood's end overtakes is
    /// not sent: a flood that cannot keep its rate ends in time all the same.
    fn flood(&mut self, now: Instant, began: Instant, out: &mut Outbox) {
        if now.since(began) >= self.duration {
            self.turns = self.total;
        }
        for _ in 0..BURST {
            if self.due(began).is_none_or(|due| due > now) {
                return;
            }
            self.turns += 1;
            let bytes = match self.following.pop_front() {
                Some(bytes) => {
                    self.tally.followed += 1;
                    bytes
                }
                None => {
                    self.tally.sent += 1;
                    self.fresh += 1;
                    self.profile.fresh(&self.site, self.fresh - 1)
                }
            };
            out.send(&self.flow, |buffer| buffer.extend_from_slice(&bytes));
        }
    }

    fn probe(&mut self, now: Instant, out: &mut Outbox) {
        let number = PROBES + self.tally.probes;
        if self.is_over() {
            self.last_probes.get_or_insert(number);
        }
        let uri = format!("sip:{}", self.site.target);
        let mut draft = Draft::new(&self.site, number, "OPTIONS", "probe", &uri);
        draft.set("Call-ID", format!("probe-{number}-{:x}", self.site.seed));
        let bytes = draft.bytes();
        out.send(&self.flow, |buffer| buffer.extend_from_slice(&bytes));
        self.tally.probes += 1;
        self.next_probe = now + PROBE_EVERY;
    }

    /// Whether all of the flood is sent.
    fn is_over(&self) -> bool {
        self.began.is_some_and(|began| self.due(began).is_none())
    }

    /// Whether the last probe had its time.
    fn is_late(&self, now: Instant) -> bool {
        let limit = self.duration + PROBE_LIMIT;
        self.began.is_some_and(|began| now.since(began) > limit)
    }

    fn take(&mut self, datagram: &[u8]) {
        let Some(response) = Response::read(datagram, &mut self.fields) else {
            self.tally.answers[0] += 1;
            return;
        };
        if let Some(number) = response.number("probe-") {
            if response.status >= 200 {
                self.tally.probes_answered += 1;
                self.tally.survived |= self.last_probes.is_some_and(|first| number >= first);
            }
            return;
        }
        let class = usize::from(response.status / 100);
        if let Some(count) = self.tally.answers.get_mut(class) {
            *count += 1;
        }
        let Some(number) = response
            .number("flood-")
            .filter(|&number| number < self.fresh)
        else {
            return;
        };
        if self.following.len() < MAX_FOLLOWING {
            self.following
                .extend(self.profile.follow(&self.site, number, &response));
        }
    }
}

impl Machine for Flooder {
    fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        match input {
            Input::Datagram { bytes, .. } => self.take(bytes),
            Input::Elapsed if self.is_idle() => {}
            Input::Elapsed if self.is_late(now) => self.given_up = true,
            Input::Elapsed => {
                let began = *self.began.get_or_insert(now);
                self.flood(now, began, out);
                if self.next_probe <= now {
                    self.probe(now, out);
                }
            }
            // One shard and one configuration: there is nothing to hear.
            Input::Envelope(_)
            | Input::Drain
            | Input::Undrain
            | Input::Reload(_)
            | Input::Prune(_) => {}
            // It floods with datagrams alone.
            Input::Unsent { .. } | Input::Broken { .. } => {}
            // Nor does it wait for answers.
            Input::Unreachable { .. } => {}
        }
    }

    fn deadline(&self) -> Option<Instant> {
        if self.is_idle() {
            return None;
        }
        let due = self
            .began
            .map_or(Some(Instant::START), |began| self.due(began));
        Some(due.map_or(self.next_probe, |due| due.min(self.next_probe)))
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.tally.rows()
    }

    fn is_idle(&self) -> bool {
        self.tally.survived || self.given_up
    }
}

#[cfg(test)]
pub(super) mod tests;
