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

/// When an alarm is due, and which of one microsecond comes first.
type Order = (Instant, u32);

struct Lane<K> {
    duration: Duration,
    /// The order of its first alarm, here so that looking for the next of all
    /// lanes stays out of their queues, most of which are cold.
    first: Option<Order>,
    queue: Queue<Entry<K>>,
}

impl<K> Lane<K> {
    fn push(&mut self, entry: Entry<K>) {
        self.first = self.first.or(Some(entry.order()));
        self.queue.push_back(entry);
    }

    fn pop(&mut self) -> Option<K> {
        let entry = self.queue.pop_front();
        self.first = self.queue.front().map(Entry::order);
        entry.map(|entry| entry.key)
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
    fn order(&self) -> Order {
        (self.at, self.sequence)
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
pub struct Lanes<K> {
    lanes: Vec<Lane<K>>,
    heap: BinaryHeap<Reverse<Entry<K>>>,
    sequence: u32,
    len: usize,
    /// Never later than the earliest alarm; exact when `Some`.
    earliest: Option<Instant>,
}

impl<K> Default for Lanes<K> {
    fn default() -> Self {
        Lanes {
            lanes: Vec::new(),
            heap: BinaryHeap::new(),
            sequence: 0,
            len: 0,
            earliest: None,
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

    /// Sets an alarm `duration` after `now`. `now` never runs backwards.
    pub fn set(&mut self, now: Instant, duration: Duration, key: K) {
        let at = now + duration;
        let entry = self.entry(at, key);
        let same = |lane: &&mut Lane<K>| lane.duration == duration;
        if let Some(lane) = self.lanes.iter_mut().find(same) {
            if lane.queue.back().is_none_or(|last| last.at <= at) {
                lane.push(entry);
            } else {
                self.heap.push(Reverse(entry));
            }
        } else if self.lanes.len() < LANES {
            self.lanes.push(Lane {
                duration,
                first: Some(entry.order()),
                queue: Queue::of(entry),
            });
        } else if let Some(idle) = self.lanes.iter_mut().find(|lane| lane.first.is_none()) {
            // A duration that went out of use leaves its lane to the next.
            idle.duration = duration;
            idle.push(entry);
        } else {
            self.heap.push(Reverse(entry));
        }
    }

    /// Sets an alarm at a point of time that no standard duration explains.
    pub fn set_at(&mut self, at: Instant, key: K) {
        let entry = self.entry(at, key);
        self.heap.push(Reverse(entry));
    }

    /// A new alarm, counted and about to be queued.
    fn entry(&mut self, at: Instant, key: K) -> Entry<K> {
        self.sequence = self.sequence.wrapping_add(1);
        self.len += 1;
        if self.earliest.is_none_or(|earliest| at < earliest) {
            self.earliest = Some(at);
        }
        Entry {
            at,
            sequence: self.sequence,
            key,
        }
    }

    /// When the next alarm is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.earliest
    }

    /// Takes the earliest alarm that is due at `now`.
    pub fn expire(&mut self, now: Instant) -> Option<K> {
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return None;
        }
        let firsts = self.lanes.iter_mut();
        let lane = firsts
            .filter_map(|lane| Some((lane.first?, lane)))
            .min_by_key(|(first, _)| *first);
        let odd = self.heap.peek().map(|Reverse(odd)| odd.order());
        let key = match (lane, odd) {
            (Some((first, lane)), odd) if odd.is_none_or(|odd| first < odd) => lane.pop(),
            _ => self.heap.pop().map(|Reverse(odd)| odd.key),
        };
        if key.is_some() {
            self.len -= 1;
        }
        self.earliest = self.find_earliest();
        key
    }

    fn find_earliest(&self) -> Option<Instant> {
        let lanes = self.lanes.iter().filter_map(|lane| lane.first);
        let odd = self.heap.peek().map(|Reverse(odd)| odd.order());
        lanes.chain(odd).min().map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
