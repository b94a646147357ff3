//! What an earlier engine has left, on its way to the places that lack it: on a
//! thread of its own, and never so fast that what comes meanwhile finds no room.

use std::sync::Arc;
use std::time::Duration;

use pinion_runtime::journal::READERS;
use smol_str::SmolStr;

use super::entry::{Entry, Spot};
use super::journals::Leftover;
use super::sharing::{Handed, Way, id};
use crate::modules::Switches;

/// How often it is looked whether a place has room.
const LOOK: Duration = Duration::from_millis(1);

/// The one thread that hands on what was left.
pub(super) struct Arrears {
    pub(super) ways: Vec<Way>,
    pub(super) switches: Arc<Switches>,
}

impl Arrears {
    /// Hands on what was left, and says so.
    pub(super) fn serve(&self, left: Vec<Leftover>) {
        self.tell_of(&left);
        left.into_iter().for_each(|left| self.hand_on(left));
    }

    /// One line for all of them.
    fn tell_of(&self, left: &[Leftover]) {
        let ways = self.ways.iter().enumerate();
        let counts: Vec<String> = ways
            .map(|(reader, way)| {
                let lacks = |left: &Leftover| {
                    let ends = left.records.iter().map(|(end, _)| *end);
                    ends.filter(|end| !left.volume.is_past(reader, *end))
                        .count()
                };
                let lacking: usize = left.iter().map(lacks).sum();
                format!("{} {lacking}", way.name)
            })
            .collect();
        tracing::warn!(
            "an earlier engine ended before it had written all records of calls; they are written now: {}",
            counts.join(", ")
        );
    }

    /// Each place gets the records of a journal that it had not come to, by the
    /// names they had.
    fn hand_on(&self, left: Leftover) {
        for (end, cdr) in left.records {
            let entry = Arc::new(Entry {
                id: id(left.origin.boot, cdr.id),
                node: SmolStr::new(&left.origin.node),
                cdr,
                spot: Some(Spot {
                    volume: Arc::clone(&left.volume),
                    end,
                }),
                again: true,
            });
            for (reader, way) in self.ways.iter().enumerate() {
                if !left.volume.is_past(reader, end) {
                    self.hand(way, Arc::clone(&entry));
                }
            }
        }
        // A place that there is no more.
        for reader in self.ways.len()..READERS {
            left.volume.pass(reader, u64::MAX);
        }
    }

    /// Half of a place's room is for what comes.
    fn hand(&self, way: &Way, entry: Arc<Entry>) {
        let room = way.sender.capacity().unwrap_or(usize::MAX) / 2;
        while way.sender.len() >= room {
            std::thread::sleep(LOOK);
        }
        let wanted = self.switches.is_on(way.module);
        if way.sender.send(Handed { entry, wanted }).is_err() && wanted {
            way.tally.dropped.add(1);
        }
    }
}
