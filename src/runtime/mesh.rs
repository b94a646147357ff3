//! The mesh: one bounded ring of envelopes per ordered pair of shards, and for
//! each shard one ring of answers from workers and one queue of orders from the
//! outside. Never blocks, never grows; a full ring gives the envelope back and
//! the sender counts it as lost.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc;

use crossbeam::queue::{ArrayQueue, SegQueue};
use pinion_sip::base::{ShardId, Text};
use pinion_sip::config::Config;
use pinion_sip::machine::{Envelope, Page, Query};

use crate::counters::Census;
use crate::desk::Desks;
use crate::doorbell::Doorbell;

/// An order from outside the shards.
pub enum Control {
    /// Take no new calls.
    Drain,
    /// Take new calls again.
    Undrain,
    /// Go by a new configuration.
    Reload(Arc<Config>),
    /// Forget a device of the database, or all.
    Prune(Option<Text>),
    /// Send your numbers.
    Census(mpsc::Sender<Census>),
    /// Answer this.
    Query(Box<Query>, mpsc::Sender<Page>),
    /// Flush and end.
    Stop,
}

/// All rings, orders and doorbells of one engine.
pub(crate) struct Mesh {
    /// The ring from `a` to `b` is number `a * shards + b`.
    rings: Vec<ArrayQueue<Envelope>>,
    /// What workers have answered, by shard.
    answers: Vec<ArrayQueue<Envelope>>,
    orders: Vec<SegQueue<Control>>,
    doorbells: Vec<Doorbell>,
}

impl Mesh {
    /// A mesh whose rings hold `depth` envelopes each.
    pub(crate) fn new(shards: usize, depth: usize) -> io::Result<Arc<Mesh>> {
        Ok(Arc::new(Mesh {
            rings: (0..shards * shards)
                .map(|_| ArrayQueue::new(depth.max(1)))
                .collect(),
            answers: (0..shards).map(|_| ArrayQueue::new(depth.max(1))).collect(),
            orders: (0..shards).map(|_| SegQueue::new()).collect(),
            doorbells: (0..shards)
                .map(|_| Doorbell::new())
                .collect::<io::Result<_>>()?,
        }))
    }

    /// Gives one shard an order and wakes it. An unknown shard hears nothing.
    pub(crate) fn order(&self, shard: usize, control: Control) {
        if let (Some(orders), Some(doorbell)) = (self.orders.get(shard), self.doorbells.get(shard))
        {
            orders.push(control);
            doorbell.ring();
        }
    }

    /// Puts what a worker answers into the ring of its receiver and wakes it.
    /// Gives it back when that is full or does not exist.
    pub(crate) fn answer(&self, envelope: Envelope) -> Result<(), Envelope> {
        let to = usize::from(envelope.to);
        let (Some(answers), Some(doorbell)) = (self.answers.get(to), self.doorbells.get(to)) else {
            return Err(envelope);
        };
        answers.push(envelope)?;
        doorbell.ring();
        Ok(())
    }

    pub(crate) fn shards(&self) -> usize {
        self.doorbells.len()
    }
}

/// One shard's place at the mesh.
pub(crate) struct Seat {
    mesh: Arc<Mesh>,
    own: usize,
    /// Where errands are left.
    desks: Desks,
    /// Shards posted to since the last ring.
    touched: Vec<bool>,
    /// Whose ring is looked at next, so that no sender starves another.
    next: usize,
}

impl Seat {
    pub(crate) fn new(mesh: Arc<Mesh>, shard: ShardId, desks: Desks) -> Seat {
        let touched = vec![false; mesh.shards()];
        Seat {
            mesh,
            own: usize::from(shard),
            desks,
            touched,
            next: 0,
        }
    }

    /// Puts an envelope into the ring of its receiver, who hears of it at the
    /// next [`Seat::ring`]. Gives it back when the ring is full or the receiver
    /// does not exist.
    pub(crate) fn post(&mut self, envelope: Envelope) -> Result<(), Envelope> {
        if Desks::take(&envelope) {
            return self.desks.leave(envelope);
        }
        let to = usize::from(envelope.to);
        let Some(touched) = self.touched.get_mut(to) else {
            return Err(envelope);
        };
        self.mesh.rings[self.own * self.mesh.shards() + to].push(envelope)?;
        *touched = true;
        Ok(())
    }

    /// Wakes the sleepers among those posted to; returns how many.
    pub(crate) fn ring(&mut self) -> u64 {
        let mut rung = 0;
        for (touched, doorbell) in self.touched.iter_mut().zip(&self.mesh.doorbells) {
            if std::mem::take(touched) {
                rung += u64::from(doorbell.ring());
            }
        }
        rung
    }

    /// Takes one envelope, from each sender in turn, workers first: what they
    /// answer somebody has waited for.
    pub(crate) fn collect(&mut self) -> Option<Envelope> {
        let shards = self.mesh.shards();
        if let Some(answer) = self.mesh.answers[self.own].pop() {
            return Some(answer);
        }
        for _ in 0..shards {
            let from = self.next;
            self.next = (self.next + 1) % shards;
            if let Some(envelope) = self.mesh.rings[from * shards + self.own].pop() {
                return Some(envelope);
            }
        }
        None
    }

    /// Takes one order.
    pub(crate) fn take_order(&self) -> Option<Control> {
        self.mesh.orders[self.own].pop()
    }

    /// Announces sleep, unless something has arrived.
    pub(crate) fn may_sleep(&self) -> bool {
        self.doorbell().may_sleep(|| self.is_empty())
    }

    /// Ends the announcement.
    pub(crate) fn awake(&self) {
        self.doorbell().awake();
    }

    /// Silences the bell after it was heard.
    pub(crate) fn silence(&self) {
        self.doorbell().silence();
    }

    fn is_empty(&self) -> bool {
        let shards = self.mesh.shards();
        let rings = &self.mesh.rings;
        (0..shards).all(|from| rings[from * shards + self.own].is_empty())
            && self.mesh.answers[self.own].is_empty()
            && self.mesh.orders[self.own].is_empty()
    }

    fn doorbell(&self) -> &Doorbell {
        &self.mesh.doorbells[self.own]
    }
}

impl AsFd for Seat {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.doorbell().as_fd()
    }
}

#[cfg(test)]
mod tests {
    use pinion_sip::machine::Body;

    use super::*;
    use crate::park::Park;

    fn envelope(from: ShardId, to: ShardId, number: u32) -> Envelope {
        Envelope {
            from,
            to,
            body: Body::Replaced {
                incarnation: number,
            },
        }
    }

    fn number(envelope: &Envelope) -> u32 {
        match envelope.body {
            Body::Replaced { incarnation } => incarnation,
            _ => panic!("no other body is posted here"),
        }
    }

    #[test]
    fn a_full_ring_gives_the_envelope_back_and_others_have_room() {
        let mesh = Mesh::new(3, 2).unwrap();
        let mut zero = Seat::new(Arc::clone(&mesh), 0, Desks::default());
        let mut one = Seat::new(mesh, 1, Desks::default());
        assert!(zero.post(envelope(0, 1, 1)).is_ok());
        assert!(zero.post(envelope(0, 1, 2)).is_ok());
        assert_eq!(number(&zero.post(envelope(0, 1, 3)).unwrap_err()), 3);
        assert!(zero.post(envelope(0, 2, 4)).is_ok());
        assert!(zero.post(envelope(0, 9, 5)).is_err(), "no such shard");
        assert_eq!(one.collect().map(|e| number(&e)), Some(1));
        assert!(zero.post(envelope(0, 1, 6)).is_ok());
        assert_eq!(one.collect().map(|e| number(&e)), Some(2));
        assert_eq!(one.collect().map(|e| number(&e)), Some(6));
        assert!(one.collect().is_none());
    }

    #[test]
    fn a_place_in_a_ring_stays_within_what_tuning_promises() {
        assert!(size_of::<Envelope>() + size_of::<usize>() <= 200);
    }

    #[test]
    fn senders_take_turns() {
        let mesh = Mesh::new(3, 8).unwrap();
        let mut seats: Vec<Seat> = (0..3)
            .map(|shard| Seat::new(Arc::clone(&mesh), shard, Desks::default()))
            .collect();
        for n in 0..2 {
            for from in [0, 1, 2] {
                seats[usize::from(from)].post(envelope(from, 2, n)).unwrap();
            }
        }
        let senders: Vec<ShardId> = std::iter::from_fn(|| seats[2].collect())
            .map(|e| e.from)
            .collect();
        assert_eq!(senders, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn one_ring_per_batch_and_only_for_sleepers() {
        let mesh = Mesh::new(2, 8).unwrap();
        let mut zero = Seat::new(Arc::clone(&mesh), 0, Desks::default());
        let one = Seat::new(Arc::clone(&mesh), 1, Desks::default());
        zero.post(envelope(0, 1, 1)).unwrap();
        assert_eq!(zero.ring(), 0, "awake");
        assert!(!one.may_sleep(), "an envelope waits");
        let mut one = one;
        one.collect().unwrap();
        assert!(one.may_sleep());
        zero.post(envelope(0, 1, 2)).unwrap();
        zero.post(envelope(0, 1, 3)).unwrap();
        assert_eq!(zero.ring(), 1);
        assert_eq!(zero.ring(), 0);
        one.awake();
        while one.collect().is_some() {}
        mesh.order(1, Control::Drain);
        assert!(!one.may_sleep(), "an order waits");
        assert!(matches!(one.take_order(), Some(Control::Drain)));
    }

    /// Two shards pass one token to and fro and sleep without a deadline in
    /// between: one lost wake-up and the test hangs.
    #[test]
    fn no_wake_up_is_lost() {
        const ROUNDS: u32 = 20_000;
        let mesh = Mesh::new(2, 1).unwrap();
        let player = |own: ShardId| {
            let mut seat = Seat::new(Arc::clone(&mesh), own, Desks::default());
            move || {
                let mut park = Park::new(Vec::new(), seat.as_fd(), false).unwrap();
                if own == 0 {
                    seat.post(envelope(0, 1, 0)).unwrap();
                    seat.ring();
                }
                loop {
                    while let Some(token) = seat.collect() {
                        let next = number(&token) + 1;
                        seat.post(envelope(own, 1 - own, next)).unwrap();
                        seat.ring();
                        if next >= ROUNDS {
                            return next;
                        }
                    }
                    if seat.may_sleep() && park.sleep(None).unwrap().doorbell {
                        seat.silence();
                    }
                    seat.awake();
                }
            }
        };
        let players = [player(0), player(1)].map(std::thread::spawn);
        let last = players.map(|player| player.join().unwrap());
        assert_eq!(last.iter().max(), Some(&(ROUNDS + 1)));
    }
}
