//! The pump between its streams, its machine and the other shards.

use pinion_sip::base::{Flow, Instant, ShardId};
use pinion_sip::machine::{Body, Envelope, Input, Machine};

use super::Pump;
use crate::stream::{Heard, Loss};

impl<M: Machine, F: Fn(ShardId, u32) -> M> Pump<M, F> {
    /// What is for a connection of this shard's is for no machine.
    pub(super) fn open(&mut self, now: Instant, envelope: Envelope) {
        match envelope.body {
            Body::Send { bytes, flow } => {
                let (park, counters) = (&self.park, &mut self.counters);
                self.streams
                    .send(now, envelope.from, &flow, &bytes, park, counters);
            }
            Body::Proven(proven) => self.streams.prove(&proven),
            _ => self.feed(now, Input::Envelope(envelope)),
        }
    }

    /// Does what streams are ready for.
    pub(super) fn serve_streams(&mut self, now: Instant) {
        let (shard, unix_us) = (self.guard.shard(), self.clock.unix_us(now));
        let clock = self.clock;
        while let Some(token) = self.park.next_stream() {
            let (guard, out, mut fault) = (&mut self.guard, &mut self.out, None);
            let taps = &self.taps;
            let mut deliver = |heard: Heard<'_>, flow: Flow| {
                let see = |sent: bool, bytes: &[u8]| {
                    for tap in taps {
                        tap.see(unix_us, shard, sent, &flow, bytes);
                    }
                };
                let bytes = match heard {
                    Heard::Message(bytes) => bytes,
                    Heard::Unframed { header, answer } => {
                        see(false, header);
                        if !answer.is_empty() {
                            see(true, answer);
                        }
                        return;
                    }
                };
                see(false, bytes);
                if out.stopwatch.is_due() {
                    out.stopwatch.start(clock.now().since(now));
                }
                if let Err(broken) = guard.feed(now, Input::Datagram { bytes, flow }, out) {
                    fault = Some(broken);
                }
                out.stopwatch.stop();
            };
            let (park, counters) = (&self.park, &mut self.counters);
            self.streams.ready(now, token, park, counters, &mut deliver);
            if let Some(fault) = fault {
                self.recover(now, fault);
            }
            // Over streams nothing that finds no room is sent again.
            if self.out.is_crowded() {
                self.flush(now);
            }
        }
    }

    /// Tells whose it was of what could not be sent.
    pub(super) fn lose(&mut self, now: Instant) {
        if !self.streams.has_losses() {
            return;
        }
        let from = self.guard.shard();
        for loss in self.streams.take_losses() {
            match loss {
                Loss::Unsent { to, bytes, flow } if to == from => {
                    self.feed(
                        now,
                        Input::Unsent {
                            bytes: &bytes,
                            flow,
                        },
                    );
                }
                Loss::Broken { to, flow } if to == from => self.feed(now, Input::Broken { flow }),
                Loss::Unsent { to, bytes, flow } => {
                    let body = Body::Unsent { bytes, flow };
                    self.post(Envelope { from, to, body });
                }
                Loss::Broken { to, flow } => {
                    let body = Body::Broken { flow };
                    self.post(Envelope { from, to, body });
                }
            }
        }
    }

    /// Leaves an envelope for another shard; with a full ring it is lost.
    fn post(&mut self, envelope: Envelope) {
        match self.seat.post(envelope) {
            Ok(()) => self.counters.posted += 1,
            Err(_full) => self.counters.mesh_drops += 1,
        }
    }

    /// Brings messages to their connections, or to the shards that own them.
    pub(super) fn send_streams(&mut self, now: Instant) {
        let own = self.guard.shard();
        for proven in self.out.take_proven() {
            if proven.flow.owner == own {
                self.streams.prove(&proven);
                continue;
            }
            // Lost, it is told again with the next request.
            let _ = self.seat.post(Envelope {
                from: own,
                to: proven.flow.owner,
                body: Body::Proven(proven),
            });
        }
        for (flow, bytes) in self.out.sends() {
            if !flow.transport.is_reliable() {
                continue;
            }
            if flow.owner == own {
                let (park, counters) = (&self.park, &mut self.counters);
                self.streams.send(now, own, flow, bytes, park, counters);
                continue;
            }
            let posted = self.seat.post(Envelope {
                from: own,
                to: flow.owner,
                body: Body::Send {
                    bytes: bytes.into(),
                    flow: *flow,
                },
            });
            match posted {
                Ok(()) => self.counters.posted += 1,
                Err(_full) => {
                    self.counters.mesh_drops += 1;
                    self.streams.give_back(own, flow, bytes);
                }
            }
        }
    }
}
