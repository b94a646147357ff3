//! Two threads of scenarios and the network between them, in virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::{Flow, Instant, Random};
use pinion_sip::machine::{Input, Machine as _, Outbox};

use crate::quota::Quota;
use crate::scenario::{Load, Program, ScenarioCaller, Seat, Settings, Table};

/// How long a datagram takes.
const LATENCY: Duration = Duration::from_micros(500);

/// A scenario with what it is run with.
pub fn program(xml: &str, settings: Settings, tables: &[&str]) -> Program {
    let tables: Vec<_> = tables
        .iter()
        .enumerate()
        .map(|(n, text)| Arc::new(Table::parse(&format!("{n}.csv"), text).unwrap()))
        .collect();
    let loaded = crate::scenario::compile("test.xml", xml, Path::new("."), &settings, &tables);
    let (scenario, _) = loaded.unwrap_or_else(|problems| panic!("{problems:#?}"));
    Program {
        scenario,
        settings,
        tables,
    }
}

/// One side: a thread and what it has sent.
pub struct Side {
    pub caller: ScenarioCaller,
    out: Outbox,
    address: SocketAddr,
}

impl Side {
    /// Users make six calls; other loads say how many.
    pub fn new(program: Program, port: u16, remote: Option<u16>, load: Load) -> Side {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let seat = Seat {
            thread: 0,
            threads: 1,
            local: at(port),
            remote: remote.map(at),
            most_at_once: 1000,
            duration: Duration::from_secs(3600),
            quota: Quota::new(matches!(load, Load::Users(_)).then_some(6)),
        };
        let random = Random::from_u64(u64::from(port));
        Side {
            caller: ScenarioCaller::new(Arc::new(program), seat, load, random),
            out: Outbox::new(1000),
            address: at(port),
        }
    }
}

/// The two sides, the datagrams under way, and every datagram ever sent.
pub struct Stage {
    pub sides: [Side; 2],
    now: Instant,
    wire: VecDeque<(Instant, usize, Vec<u8>)>,
    /// One of so many is lost; none with 0.
    loss: u64,
    random: Random,
    pub ladder: Vec<String>,
}

impl Stage {
    /// `client` makes `calls` calls to `server`.
    pub fn new(client: Program, server: Program, calls: usize) -> Stage {
        let at_once = Load::Times(Box::new(std::iter::repeat_n(Duration::ZERO, calls)));
        let sides = [
            Side::new(client, 5001, Some(5002), at_once),
            Side::new(server, 5002, None, Load::Server),
        ];
        Stage {
            sides,
            now: Instant::from_micros(1_000_000),
            wire: VecDeque::new(),
            loss: 0,
            random: Random::from_u64(3),
            ladder: Vec::new(),
        }
    }

    pub fn losing_one_of(mut self, loss: u64) -> Stage {
        self.loss = loss;
        self
    }

    /// These reach both sides while the first call begins.
    pub fn inject(&mut self, messages: Vec<Vec<u8>>) {
        for (n, message) in messages.into_iter().enumerate() {
            let at = self.now + LATENCY * n as u32;
            for side in [0, 1] {
                self.wire.push_back((at, side, message.clone()));
            }
        }
    }

    /// Runs until the client is done, or for an hour.
    pub fn run(&mut self) {
        let end = self.now + Duration::from_secs(3600);
        for side in &mut self.sides {
            side.caller.begin(self.now);
        }
        while self.now < end {
            self.turn();
            let settled = self.wire.is_empty() && self.sides[0].caller.is_done();
            if settled && self.sides[1].caller.score().open() == 0 {
                return;
            }
            let deadlines = self.sides.iter().filter_map(|side| side.caller.deadline());
            let next = deadlines.chain(self.wire.front().map(|(at, ..)| *at)).min();
            match next {
                Some(next) => self.now = next.max(self.now),
                None => return,
            }
        }
    }

    fn turn(&mut self) {
        for side in &mut self.sides {
            side.caller.handle(self.now, Input::Elapsed, &mut side.out);
        }
        while let Some((_, to, bytes)) = self.wire.pop_front_if(|(at, ..)| *at <= self.now) {
            let [a, b] = &mut self.sides;
            let (side, other) = if to == 0 { (a, b) } else { (b, a) };
            let flow = Flow::udp(0, side.address, other.address);
            let bytes = &bytes[..];
            side.caller
                .handle(self.now, Input::Datagram { bytes, flow }, &mut side.out);
        }
        for (from, side) in self.sides.iter_mut().enumerate() {
            for (_, bytes) in side.out.sends() {
                let text = String::from_utf8_lossy(bytes);
                let arrow = ["->", "<-"][from];
                let is_lost = self.loss > 0 && self.random.below(self.loss) == 0;
                let mark = if is_lost { " (lost)" } else { "" };
                self.ladder.push(format!("{arrow}{mark} {text}"));
                if !is_lost {
                    self.wire
                        .push_back((self.now + LATENCY, 1 - from, bytes.to_vec()));
                }
            }
            side.out.clear_sends();
        }
    }

    /// (succeeded, failed) of both sides.
    pub fn outcome(&self) -> [(u64, u64); 2] {
        [0, 1].map(|side| {
            let score = self.sides[side].caller.score();
            (score.tally.completed, score.tally.failed)
        })
    }

    /// Why calls of a side failed.
    pub fn causes(&self, side: usize) -> Vec<String> {
        let failures = &self.sides[side].caller.score().tally.failures;
        failures.keys().map(ToString::to_string).collect()
    }

    /// The first words of every message, in order.
    pub fn lines(&self) -> Vec<&str> {
        let lines = self.ladder.iter();
        lines.filter_map(|text| text.lines().next()).collect()
    }

    /// Time passed since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.now.since(Instant::from_micros(1_000_000))
    }
}
