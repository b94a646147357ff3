//! Timers: one FIFO per duration, a heap for the odd ones.
//!
//! Protocol timers use few durations (T1·2ⁿ, 64·T1, T4 …). The same duration
//! in means the same order out, so insert and expire cost O(1). There is no
//! cancel: whoever set an alarm checks on expiry whether it still cares.

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;
use core::time::Duration;

use super::Instant;
use super::queue::Queue;

/// Durations beyond this many share the heap.
const LANES: usize = 24;

/// The heap's place; the lanes' begin at 0.
const HEAP: usize = LANES;

/// When an alarm is due, which of one microsecond comes first, and the place
/// it waits in: one number, so that the first of all places is but the least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct First(u128);

impl First {
    /// Of a place where no alarm waits.
    const NONE: First = First(u128::MAX);

    fn new(at: Instant, sequence: u32, place: usize) -> First {
        First(u128::from(at.as_micros()) << 64 | u128::from(sequence) << 32 | place as u128)
    }

    fn at(self) -> Instant {
        Instant::from_micros((self.0 >> 64) as u64)
    }

    fn place(self) -> usize {
        self.0 as u32 as usize
    }
}

/// An alarm. Most in a shard are void and wait for their time all the same, so
/// it is small.
struct Entry<K> {
    at: Instant,
    /// Tells which of two alarms of one microsecond was set first, but for once
    /// in 2³² settings.
    sequence: u32,
    key: K,
}

impl<K> Entry<K> {
    fn order(&self) -> (Instant, u32) {
        (self.at, self.sequence)
    }

    fn first(&self, place: usize) -> First {
        First::new(self.at, self.sequence, place)
    }
}

impl<K> PartialEq for Entry<K> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}
impl<K> Eq for Entry<K> {}
impl<K> PartialOrd for Entry<K> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Entry<K> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// Alarms with keys `K`, in order of time and then of setting.
///
/// What is looked through for each alarm stands apart from the queues, most of
/// which are cold.
pub struct Lanes<K> {
    /// The duration of each lane, in microseconds.
    durations_us: Vec<u64>,
    /// The first alarm of each lane.
    firsts: Vec<First>,
    queues: Vec<Queue<Entry<K>>>,
    heap: BinaryHeap<Reverse<Entry<K>>>,
    /// The first of all, the heap's too.
    next: First,
    sequence: u32,
    len: usize,
}

impl<K> Default for Lanes<K> {
    fn default() -> Self {
        Lanes {
            durations_us: Vec::new(),
            firsts: Vec::new(),
            queues: Vec::new(),
            heap: BinaryHeap::new(),
            next: First::NONE,
            sequence: 0,
            len: 0,
        }
    }
}

impl<K> Lanes<K> {
    /// No alarms.
    pub fn new() -> Lanes<K> {
        Lanes::default()
    }

    /// Alarms set and not yet expired, cancelled ones included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no alarm is set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sets an alarm `duration` after `now`, which never runs backwards; when
    /// it is due.
    pub fn set(&mut self, now: Instant, duration: Duration, key: K) -> Instant {
        let at = now + duration;
        let entry = self.entry(at, key);
        let lane = self.lane(at.as_micros().wrapping_sub(now.as_micros()));
        match self.queues.get_mut(lane) {
            Some(queue) => {
                let alarm = entry.first(lane);
                queue.push_back(entry);
                if let Some(first) = self.firsts.get_mut(lane) {
                    *first = alarm.min(*first);
                }
                self.next = alarm.min(self.next);
            }
            None => self.set_odd(entry),
        }
        at
    }

    /// Sets an alarm at a point of time that no standard duration explains.
    pub fn set_at(&mut self, at: Instant, key: K) {
        let entry = self.entry(at, key);
        self.set_odd(entry);
    }

    fn set_odd(&mut self, entry: Entry<K>) {
        self.next = entry.first(HEAP).min(self.next);
        self.heap.push(Reverse(entry));
    }

    /// A new alarm, counted and about to be queued.
    fn entry(&mut self, at: Instant, key: K) -> Entry<K> {
        self.sequence = self.sequence.wrapping_add(1);
        self.len += 1;
        Entry {
            at,
            sequence: self.sequence,
            key,
        }
    }

    /// The lane of a duration; `HEAP` if there is none for it.
    fn lane(&mut self, duration_us: u64) -> usize {
        let mut lanes = self.durations_us.iter();
        let known = lanes.position(|&other_us| other_us == duration_us);
        known.unwrap_or_else(|| self.new_lane(duration_us))
    }

    #[cold]
    fn new_lane(&mut self, duration_us: u64) -> usize {
        if self.durations_us.len() < LANES {
            self.durations_us.push(duration_us);
            self.firsts.push(First::NONE);
            self.queues.push(Queue::default());
            return self.durations_us.len() - 1;
        }
        // A duration that went out of use leaves its lane to the next.
        let idle = self.firsts.iter().position(|&first| first == First::NONE);
        if let Some(lane) = idle
            && let Some(other_us) = self.durations_us.get_mut(lane)
        {
            *other_us = duration_us;
            return lane;
        }
        HEAP
    }

    /// When the next alarm is due.
    pub fn deadline(&self) -> Option<Instant> {
        Some(self.next.at()).filter(|&at| at < First::NONE.at())
    }

    /// How many alarms are set, by their duration; the odd ones last.
    pub fn by_duration(&self) -> impl Iterator<Item = (Option<Duration>, usize)> + '_ {
        let lanes = self.durations_us.iter().zip(&self.queues);
        let lanes = lanes.map(|(&us, queue)| (Some(Duration::from_micros(us)), queue.len()));
        let odd = core::iter::once((None, self.heap.len()));
        lanes.chain(odd).filter(|&(_, count)| count > 0)
    }

    /// Takes the earliest alarm that is due at `now`.
    pub fn expire(&mut self, now: Instant) -> Option<K> {
        if self.next.at() > now {
            return None;
        }
        let place = self.next.place();
        let entry = match self.queues.get_mut(place) {
            Some(queue) => {
                let entry = queue.pop_front();
                let left = queue.front().map(|entry| entry.first(place));
                if let Some(first) = self.firsts.get_mut(place) {
                    *first = left.unwrap_or(First::NONE);
                }
                entry
            }
            None => self.heap.pop().map(|Reverse(odd)| odd),
        };
        self.len -= usize::from(entry.is_some());
        let odd = self.heap.peek().map(|Reverse(odd)| odd.first(HEAP));
        let lanes = self.firsts.iter().copied();
        self.next = lanes.fold(odd.unwrap_or(First::NONE), First::min);
        entry.map(|entry| entry.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn alarms_expire_in_order_of_time_then_of_setting() {
        let mut lanes = Lanes::new();
        lanes.set(at(0), Duration::from_micros(50), 'c');
        lanes.set(at(0), Duration::from_micros(10), 'a');
        lanes.set_at(at(10), 'b');
        lanes.set(at(5), Duration::from_micros(50), 'd');
        assert_eq!(lanes.deadline(), Some(at(10)));
        assert_eq!(lanes.expire(at(9)), None);
        let order: Vec<char> = core::iter::from_fn(|| lanes.expire(at(100))).collect();
        assert_eq!(order, ['a', 'b', 'c', 'd']);
        assert!(lanes.is_empty());
        assert_eq!(lanes.deadline(), None);
    }

    #[test]
    fn more_durations_than_lanes_still_keep_order() {
        let mut lanes = Lanes::new();
        for n in (0..100_u64).rev() {
            lanes.set(at(0), Duration::from_micros(n + 1), n);
        }
        let order: Vec<u64> = core::iter::from_fn(|| lanes.expire(at(1_000))).collect();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_sorted_list(steps in prop::collection::vec((0_u64..40, 0_u64..30, 0..4), 0..600)) {
            let mut lanes = Lanes::new();
            let mut model: Vec<(Instant, usize)> = Vec::new();
            let mut now = 0;
            for (number, (micros, passed, action)) in steps.into_iter().enumerate() {
                match action {
                    0 | 1 => {
                        let due = lanes.set(at(now), Duration::from_micros(micros), number);
                        prop_assert_eq!(due, at(now + micros));
                        model.push((due, number));
                    }
                    2 => {
                        lanes.set_at(at(now + micros), number);
                        model.push((at(now + micros), number));
                    }
                    _ => {
                        now += passed;
                        model.sort_unstable();
                        let due = model.extract_if(.., |(due, _)| *due <= at(now));
                        let due: Vec<usize> = due.map(|(_, number)| number).collect();
                        let rang: Vec<usize> =
                            core::iter::from_fn(|| lanes.expire(at(now))).collect();
                        prop_assert_eq!(rang, due);
                    }
                }
                let first = model.iter().map(|&(due, _)| due).min();
                prop_assert_eq!(lanes.deadline(), first);
                prop_assert_eq!(lanes.len(), model.len());
            }
        }
    }
}
