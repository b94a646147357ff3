//! The loop of one shard: receive a batch, let the machine handle it, send
//! what it wants sent, let more gather, sleep. Owns the shard's sockets and its
//! place at the mesh; never looks into a datagram, never blocks but in its
//! [`Park`] and for a pause that [`Gather`] allows.
//!
//! One turn costs a fixed number of system calls however many datagrams it
//! moves: one epoll_wait, one recvmmsg per readable socket, one sendmmsg per
//! run of datagrams to one socket, one write per sleeping shard posted to; one
//! recvmmsg more per socket that errors were reported to (ICMP).

mod streams;

use pinion_sip::base::{Flow, Instant, Level, Note, ShardId, Text};
use pinion_sip::machine::{Body, Envelope, Input, Machine, Outbox, Page, Query};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, nanoseconds};
use crate::counters::{Census, Counters};
use crate::desk::{self, Desks};
use crate::filing::Filing;
use crate::gather::Gather;
use crate::guard::{Fault, Guard};
use crate::mesh::{Control, Seat};
use crate::notes::Notes;
use crate::park::{self, Park, Ready};
use crate::stream::Streams;
use crate::sys::{Receiver, Sender};
use crate::tap::Tap;
use crate::udp::Port;
use crate::watch::Watch;

/// Envelopes taken in one turn, so that a busy mesh cannot starve the sockets.
const COLLECTED_PER_TURN: usize = 32;

/// Datagrams and envelopes the machine may queue in one turn.
const QUEUED_PER_TURN: usize = 16_384;

/// How soon a shard that could not be told of a replacement is told again.
const TELL_AGAIN: Duration = Duration::from_millis(10);

/// Everything one shard needs, in place.
pub(crate) struct Pump<M, F> {
    guard: Guard<M, F>,
    out: Outbox,
    clock: Clock,
    gather: Gather,
    park: Park,
    seat: Seat,
    filing: Filing,
    ports: Vec<Port>,
    streams: Streams,
    /// Bit n: socket n's room to send is watched.
    watched: u64,
    receiver: Receiver,
    sender: Sender,
    notes: Notes,
    watch: Watch,
    /// The version of its wishes that is gone by.
    heeded: u64,
    taps: Vec<Arc<Tap>>,
    counters: Counters,
    shards: ShardId,
    /// Shards that do not know yet that this one was replaced.
    untold: Vec<ShardId>,
    /// Errands a desk had no room for: answered in the next turn.
    refused: Vec<Envelope>,
    /// When the turn at hand began.
    began: Instant,
    stopped: bool,
}

/// What [`Pump::new`] puts together.
pub(crate) struct Parts<M, F> {
    pub(crate) guard: Guard<M, F>,
    pub(crate) clock: Clock,
    pub(crate) seat: Seat,
    pub(crate) filing: Filing,
    pub(crate) ports: Vec<Port>,
    pub(crate) streams: Streams,
    pub(crate) rings: Vec<OwnedFd>,
    pub(crate) shards: ShardId,
    pub(crate) batch: usize,
    pub(crate) gather: Gather,
    pub(crate) precise: bool,
    pub(crate) watch: Watch,
    pub(crate) sample: u32,
}

/// What follows a turn.
enum Next {
    /// Another one: more is known to wait.
    Turn,
    /// A pause, if the turn of that start and that many inputs calls for one,
    /// and then sleep.
    Gather { began: Instant, taken: u64 },
}

impl<M: Machine, F: Fn(ShardId, u32) -> M> Pump<M, F> {
    pub(crate) fn new(parts: Parts<M, F>) -> io::Result<Pump<M, F>> {
        let Parts {
            guard,
            clock,
            seat,
            filing,
            ports,
            streams,
            rings,
            shards,
            batch,
            gather,
            precise,
            watch,
            sample,
        } = parts;
        let park = Park::new(rings, seat.as_fd(), precise)?;
        for (index, port) in ports.iter().enumerate() {
            park.add_socket(index, port.as_fd())?;
        }
        streams.watch(&park)?;
        let notes = Notes::new(guard.shard());
        let mut pump = Pump {
            guard,
            out: Outbox::new(QUEUED_PER_TURN),
            clock,
            gather,
            park,
            seat,
            filing,
            ports,
            streams,
            watched: 0,
            receiver: Receiver::new(batch),
            sender: Sender::new(batch),
            notes,
            watch,
            heeded: 0,
            taps: Vec::new(),
            counters: Counters::default(),
            shards,
            untold: Vec::new(),
            refused: Vec::new(),
            began: Instant::START,
            stopped: false,
        };
        pump.out.stopwatch.set(nanoseconds, sample);
        pump.heed();
        Ok(pump)
    }

    /// Goes by what the operator wants to hear now.
    #[cold]
    fn heed(&mut self) {
        self.heeded = self.watch.version();
        let wanted = self.watch.wanted();
        self.out.set_level(wanted.level);
        self.out.set_security(wanted.security);
        self.taps = wanted.taps;
    }

    /// Turns until told to stop; returns the final numbers.
    pub(crate) async fn run(mut self) -> Census {
        let mut ready = Ready::default();
        while !self.stopped {
            let next = self.turn(ready);
            if ready.rings {
                park::turn().await;
            }
            ready = self.sleep(next);
        }
        self.census()
    }

    /// One turn; all it brings happens at the moment it began.
    fn turn(&mut self, ready: Ready) -> Next {
        let now = self.clock.now();
        self.began = now;
        let taken = self.counters.taken();
        self.counters.turns += 1;
        if self.watch.version() != self.heeded {
            self.heed();
        }
        if ready.doorbell {
            self.seat.silence();
        }
        let mut busy = false;
        // First, as the next call would be told of them.
        let mut errors = ready.errors;
        while errors != 0 {
            self.receive_errors(now, errors.trailing_zeros() as usize);
            errors &= errors - 1;
        }
        let mut sockets = ready.sockets;
        while sockets != 0 {
            busy |= self.receive(now, sockets.trailing_zeros() as usize);
            sockets &= sockets - 1;
        }
        if ready.streams {
            self.serve_streams(now);
        }
        busy |= self.collect(now);
        self.refuse(now);
        self.lose(now);
        self.obey(now);
        if self
            .guard
            .machine()
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.feed(now, Input::Elapsed);
        }
        if self
            .streams
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.streams.expire(now, &self.park, &mut self.counters);
        }
        self.flush(now);
        if busy || !self.refused.is_empty() || self.streams.has_losses() {
            return Next::Turn;
        }
        Next::Gather {
            began: now,
            taken: self.counters.taken() - taken,
        }
    }

    fn obey(&mut self, now: Instant) {
        while let Some(control) = self.seat.take_order() {
            match control {
                Control::Drain => self.feed(now, Input::Drain),
                Control::Undrain => self.feed(now, Input::Undrain),
                Control::Reload(config) => self.feed(now, Input::Reload(config)),
                Control::Prune(name) => self.feed(now, Input::Prune(name)),
                Control::Stop => self.stopped = true,
                // Whoever asked may have stopped waiting.
                Control::Census(answer) => drop(answer.send(self.census())),
                Control::Query(query, answer) => {
                    if let Query::Connections(span) = *query {
                        drop(answer.send(Page::Connections(self.streams.rows(span))));
                        continue;
                    }
                    match self.guard.serve(now, *query, &mut self.out) {
                        Ok(page) => drop(answer.send(page)),
                        Err(fault) => self.recover(now, fault),
                    }
                }
            }
        }
    }

    /// Takes one batch from a socket; a full one means that more may wait.
    fn receive(&mut self, now: Instant, index: usize) -> bool {
        let Some(port) = self.ports.get_mut(index) else {
            return false;
        };
        let received = port.receive(&mut self.receiver, &mut self.counters);
        if !self.taps.is_empty() {
            self.see_received(now, index, received);
        }
        for number in 0..received {
            let datagram = self
                .ports
                .get(index)
                .and_then(|port| port.datagram(&self.receiver, number));
            let Some((bytes, flow)) = datagram else {
                continue;
            };
            if self.out.stopwatch.is_due() {
                self.out.stopwatch.start(self.clock.now().since(now));
            }
            let fed = self
                .guard
                .feed(now, Input::Datagram { bytes, flow }, &mut self.out);
            self.out.stopwatch.stop();
            if let Err(fault) = fed {
                self.recover(now, fault);
            }
        }
        received == self.receiver.batch()
    }

    /// Takes one batch of errors from a socket: what reached nobody, the machine
    /// is told. More of them, wanted or forged, wait for the next turn.
    #[cold]
    fn receive_errors(&mut self, now: Instant, index: usize) {
        let Some(port) = self.ports.get(index) else {
            return;
        };
        let received = port.receive_errors(&mut self.receiver, &mut self.counters);
        for number in 0..received {
            let unreachable = self
                .ports
                .get(index)
                .and_then(|port| port.unreachable(&self.receiver, number));
            let Some((bytes, remote)) = unreachable else {
                continue;
            };
            let input = Input::Unreachable { bytes, remote };
            if let Err(fault) = self.guard.feed(now, input, &mut self.out) {
                self.recover(now, fault);
            }
        }
    }

    /// Shows a batch to whoever listens in.
    #[cold]
    fn see_received(&self, now: Instant, index: usize, received: usize) {
        let Some(port) = self.ports.get(index) else {
            return;
        };
        for (bytes, flow) in
            (0..received).filter_map(|number| port.datagram(&self.receiver, number))
        {
            self.see(now, false, &flow, bytes);
        }
    }

    /// Shows a message to whoever listens in.
    fn see(&self, now: Instant, sent: bool, flow: &Flow, bytes: &[u8]) {
        let unix_us = self.clock.unix_us(now);
        for tap in &self.taps {
            tap.see(unix_us, self.guard.shard(), sent, flow, bytes);
        }
    }

    /// Takes envelopes, a bounded number.
    fn collect(&mut self, now: Instant) -> bool {
        for _ in 0..COLLECTED_PER_TURN {
            let Some(envelope) = self.seat.collect() else {
                return false;
            };
            self.counters.collected += 1;
            if self.out.stopwatch.is_due() {
                self.out.stopwatch.start(self.clock.now().since(now));
            }
            self.open(now, envelope);
            self.out.stopwatch.stop();
        }
        true
    }

    /// Answers what the desk had no room for: whoever asked need not wait for
    /// its deadline.
    fn refuse(&mut self, now: Instant) {
        for envelope in std::mem::take(&mut self.refused) {
            self.counters.errands_refused += 1;
            if let Some(answer) = desk::refused(envelope) {
                self.feed(now, Input::Envelope(answer));
            }
        }
    }

    fn feed(&mut self, now: Instant, input: Input<'_>) {
        if let Err(fault) = self.guard.feed(now, input, &mut self.out) {
            self.recover(now, fault);
        }
    }

    /// The machine has been replaced: say so, here and to the other shards.
    fn recover(&mut self, now: Instant, fault: Fault) {
        self.counters.faults += 1;
        let text = format!(
            "the shard's state was lost to a fault and it starts afresh, incarnation {}: {}",
            self.guard.incarnation(),
            fault.message
        );
        self.notes.tell(
            self.clock.unix_us(now),
            &Note {
                level: Level::Error,
                cause: "fault",
                call_id: Text::new(),
                text,
            },
        );
        let own = self.guard.shard();
        self.untold = (0..self.shards).filter(|&shard| shard != own).collect();
    }

    /// Does what the machine wanted: other shards first, as they work while
    /// this one sends; and records before anybody hears that a call is over.
    fn flush(&mut self, now: Instant) {
        for envelope in self.out.take_envelopes() {
            if let Body::Record(cdr) = envelope.body {
                self.counters.file(self.filing.file(cdr));
                continue;
            }
            match self.seat.post(envelope) {
                Ok(()) => self.counters.posted += 1,
                Err(errand) if Desks::take(&errand) => self.refused.push(errand),
                Err(_full) => self.counters.mesh_drops += 1,
            }
        }
        if self.out.has_streams() {
            self.send_streams(now);
        }
        self.streams.flush(&self.park, &mut self.counters);
        self.tell_of_replacement();
        self.counters.rings += self.seat.ring();
        if !self.taps.is_empty() {
            for (flow, bytes) in self.out.sends() {
                self.see(now, true, flow, bytes);
            }
        }
        self.send();
        let unix_us = self.clock.unix_us(now);
        for note in self.out.take_notes() {
            self.notes.tell(unix_us, &note);
        }
        for event in self.out.take_events() {
            self.notes.warn_of(unix_us, &event);
        }
    }

    /// Unlike other envelopes this one is not sent again by any protocol, so
    /// it waits here for room in a full ring.
    fn tell_of_replacement(&mut self) {
        let (from, incarnation, seat) =
            (self.guard.shard(), self.guard.incarnation(), &mut self.seat);
        self.untold.retain(|&to| {
            seat.post(Envelope {
                from,
                to,
                body: Body::Replaced { incarnation },
            })
            .is_err()
        });
    }

    fn send(&mut self) {
        for port in self.ports.iter_mut().filter(|port| port.is_waiting()) {
            port.retry(&mut self.sender, &mut self.counters);
        }
        let datagrams = |(flow, _): &(&Flow, _)| !flow.transport.is_reliable();
        let mut rest = self.out.sends().filter(datagrams);
        while let Some((&first, _)) = rest.clone().next() {
            let run = rest
                .clone()
                .take_while(move |(flow, _)| flow.socket == first.socket);
            let dealt_with = match self.ports.get_mut(usize::from(first.socket)) {
                Some(port) => port.send(&mut self.sender, run, &mut self.counters),
                None => {
                    self.counters.send_errors += 1;
                    1
                }
            };
            rest.nth(dealt_with - 1);
        }
        drop(rest);
        self.out.clear_sends();
        self.out.stopwatch.sent();
        self.watch_room();
    }

    /// Watches for room exactly where datagrams wait for it.
    fn watch_room(&mut self) {
        for (index, port) in self.ports.iter().enumerate() {
            let waiting = port.is_waiting();
            if waiting != (self.watched >> index & 1 == 1)
                && self.park.want_room(index, port.as_fd(), waiting).is_ok()
            {
                self.watched ^= 1 << index;
            }
        }
    }

    /// Lets more gather, then sleeps until something is ready, the machine's
    /// deadline, or an order; only looks around when more is known to wait.
    fn sleep(&mut self, next: Next) -> Ready {
        let mut now = self.clock.now();
        self.counters.busy_us += now.as_micros().saturating_sub(self.began.as_micros());
        let mut wait = Some(Duration::ZERO);
        if let Next::Gather { began, taken } = next {
            let pause = self.gather.pause(taken, began, now);
            if !pause.is_zero() && !self.stopped {
                // Nothing has announced sleep: a neighbour's envelope finds
                // this shard awake and costs it no ring.
                std::thread::sleep(pause);
                now = self.clock.now();
            }
            if !self.stopped && self.seat.may_sleep() {
                wait = self.wait(now);
            }
        }
        let ready = self
            .park
            .sleep(wait)
            .expect("epoll_wait fails only on a descriptor that is not ours");
        self.seat.awake();
        ready
    }

    /// How long nothing is due.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let due = self
            .guard
            .machine()
            .deadline()
            .into_iter()
            .chain(self.streams.deadline())
            .min()
            .map(|deadline| deadline.since(now));
        if self.untold.is_empty() {
            due
        } else {
            Some(due.map_or(TELL_AGAIN, |due| due.min(TELL_AGAIN)))
        }
    }

    fn census(&self) -> Census {
        let machine = self.guard.machine();
        let mut counters = self.counters.rows(self.out.dropped(), self.streams.len());
        counters.extend(machine.counters());
        Census {
            shard: self.guard.shard(),
            idle: machine.is_idle(),
            counters,
        }
    }
}
