//! What the journal holds and the database does not have yet, by name: written
//! by the journal's thread, emptied by the carrier, looked into by readers. The
//! journal's file holds the same, so nothing here is lost with the process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use pinion_sip::base::Text;
use pinion_sip::machine::realtime::Saving;

use super::changes::Change;
use super::shelf::Kept;

/// The map.
#[derive(Default)]
pub struct Pending {
    queue: Mutex<Queue>,
    bell: Condvar,
}

#[derive(Default)]
struct Queue {
    entries: HashMap<Text, Entry>,
    /// Names to be carried, longest waiting first.
    order: VecDeque<Text>,
    stopped: bool,
}

#[derive(Default)]
struct Entry {
    change: Change,
    /// Its number in the journal's file; 0 where it is not there.
    seq: u64,
    /// Counts changes, to tell whether one came while another was carried.
    version: u64,
    /// Whether the row may be newer.
    late: bool,
    /// Whether it is in `order`.
    listed: bool,
}

/// What the carrier carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Load {
    /// The device.
    pub name: Text,
    /// What shall become of its row.
    pub change: Change,
    /// Its number in the journal's file; 0 where it is not there.
    pub seq: u64,
    /// Whether the row may be newer: it comes from a process before this one, or
    /// the database has not taken it when it was new.
    pub late: bool,
    version: u64,
}

impl Pending {
    /// Takes over what an earlier process left.
    pub fn replay(&self, kept: Vec<Kept>) {
        self.add(kept, true);
    }

    /// Adds what the journal has just kept.
    pub fn put(&self, kept: Vec<Kept>) {
        self.add(kept, false);
    }

    fn add(&self, kept: Vec<Kept>, late: bool) {
        let mut queue = self.lock();
        for Kept { seq, saving } in kept {
            let name = saving.name.clone();
            let entry = queue.entry(name);
            entry.change.save(saving);
            entry.seq = seq;
            entry.late = late;
        }
        self.bell.notify_one();
    }

    /// A device answered after so long.
    pub fn lastms(&self, name: Text, ms: i32) {
        self.lock().entry(name).change.lastms = Some(ms);
        self.bell.notify_one();
    }

    /// The row was read, and what it holds has ended.
    pub fn ended(&self, name: &Text) {
        let mut queue = self.lock();
        if !queue.entries.contains_key(name) {
            queue.entry(name.clone()).change.ended = true;
            self.bell.notify_one();
        }
    }

    /// The contacts of a device that the database does not know yet.
    pub fn saving(&self, name: &Text) -> Option<Arc<Saving>> {
        self.lock().entries.get(name)?.change.saving.clone()
    }

    /// The same for several devices.
    pub fn savings<'n>(&self, names: impl Iterator<Item = &'n Text>) -> HashMap<Text, Arc<Saving>> {
        let queue = self.lock();
        let saving = |name: &Text| {
            Some((
                name.clone(),
                queue.entries.get(name)?.change.saving.clone()?,
            ))
        };
        names.filter_map(saving).collect()
    }

    /// How many names there are.
    pub fn count(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether the name is there.
    pub fn holds(&self, name: &Text) -> bool {
        self.lock().entries.contains_key(name)
    }

    /// Waits for something to carry; `None` when it is time to stop and nothing
    /// is left. What is taken stays, until [`Pending::arrived`].
    pub fn take(&self, most: usize) -> Option<Vec<Load>> {
        let mut queue = self.lock();
        while queue.order.is_empty() {
            if queue.stopped {
                return None;
            }
            queue = self
                .bell
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut loads = Vec::new();
        while loads.len() < most {
            let Some(name) = queue.order.pop_front() else {
                break;
            };
            let Some(entry) = queue.entries.get_mut(&name) else {
                continue;
            };
            entry.listed = false;
            loads.push(Load {
                name,
                change: entry.change.clone(),
                seq: entry.seq,
                late: entry.late,
                version: entry.version,
            });
        }
        Some(loads)
    }

    /// The database has these. What changed meanwhile will be carried again.
    pub fn arrived(&self, loads: &[Load]) {
        let mut queue = self.lock();
        for load in loads {
            let same = |entry: &Entry| entry.version == load.version;
            if queue.entries.get(&load.name).is_some_and(same) {
                queue.entries.remove(&load.name);
            }
        }
    }

    /// The database does not have these; they are next again.
    pub fn failed(&self, loads: Vec<Load>) {
        let mut queue = self.lock();
        for load in loads.into_iter().rev() {
            let Some(entry) = queue.entries.get_mut(&load.name) else {
                continue;
            };
            entry.late |= entry.seq == load.seq;
            if !entry.listed {
                entry.listed = true;
                queue.order.push_front(load.name);
            }
        }
    }

    /// Ends the carrier when nothing is left, or at its next failure.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.bell.notify_all();
    }

    /// Whether it is time to stop.
    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Waits, unless it is time to stop.
    pub fn rest(&self, pause: std::time::Duration) {
        let queue = self.lock();
        if !queue.stopped {
            // A change rings early; the carrier's breaker then paces it.
            drop(
                self.bell
                    .wait_timeout_while(queue, pause, |queue| !queue.stopped),
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// The entry of a name that is about to change.
    fn entry(&mut self, name: Text) -> &mut Entry {
        let entry = self.entries.entry(name.clone()).or_default();
        entry.version += 1;
        if !entry.listed {
            entry.listed = true;
            self.order.push_back(name);
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str, seq: u64) -> Kept {
        let saving = Arc::new(Saving {
            name: name.into(),
            contacts: Vec::new(),
            expired: false,
        });
        Kept { seq, saving }
    }

    #[test]
    fn what_arrived_is_gone_and_what_changed_meanwhile_is_not() {
        let pending = Pending::default();
        pending.put(vec![kept("a", 1), kept("b", 2)]);
        let loads = pending.take(10).unwrap();
        assert_eq!(loads.len(), 2);
        pending.put(vec![kept("b", 3)]);
        pending.arrived(&loads);
        assert!(!pending.holds(&"a".into()));
        let again = pending.take(10).unwrap();
        assert_eq!(again.len(), 1);
        assert_eq!((&again[0].name, again[0].seq), (&"b".into(), 3));
    }

    #[test]
    fn what_failed_is_next_again() {
        let pending = Pending::default();
        pending.put(vec![kept("a", 1), kept("b", 2)]);
        let first = pending.take(1).unwrap();
        pending.failed(first);
        let names = |loads: Vec<Load>| loads.into_iter().map(|load| load.name).collect::<Vec<_>>();
        let loads = pending.take(10).unwrap();
        assert!(loads[0].late && !loads[1].late);
        assert_eq!(names(loads), ["a".into(), "b".into()]);
    }

    #[test]
    fn a_later_save_voids_an_earlier_lastms_and_not_the_reverse() {
        let pending = Pending::default();
        pending.lastms("a".into(), 12);
        pending.put(vec![kept("a", 1)]);
        assert_eq!(pending.take(1).unwrap()[0].change.lastms, None);
        pending.lastms("a".into(), 13);
        let loads = pending.take(1).unwrap();
        assert_eq!(loads[0].change.lastms, Some(13));
        assert!(loads[0].change.saving.is_some());
    }

    #[test]
    fn the_carrier_ends_when_nothing_is_left() {
        let pending = Pending::default();
        pending.put(vec![kept("a", 1)]);
        pending.stop();
        assert!(pending.take(1).is_some());
        assert!(pending.take(1).is_none());
    }
}
