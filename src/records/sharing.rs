//! How records are shared out: each gets its name, and goes to every place that
//! is loaded. The other end of these ways is here, too: what a place takes, and how
//! far it has come. What an earlier engine has left goes the same ways, and is not
//! known here.

use std::sync::Arc;
use std::time::Instant;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use pinion_runtime::{Errands, Filed};
use pinion_sip::machine::CdrId;
use smol_str::SmolStr;

use super::entry::{Entry, Spot};
use super::journals::Volume;
use super::tally::Tally;
use crate::modules::{Beside, Switches};

/// A record on its way to a place.
#[derive(Debug)]
pub struct Handed {
    /// The record.
    pub(super) entry: Arc<Entry>,
    /// False where the place is not loaded, which then goes by.
    pub(super) wanted: bool,
}

/// The way to one place. Its number is that of its mark in every journal.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) module: Beside,
    pub(super) sender: Sender<Handed>,
    pub(super) tally: Arc<Tally>,
}

/// The one thread that shares out what the shards leave.
pub(super) struct Sharing {
    pub(super) errands: Errands<Filed>,
    pub(super) ways: Vec<Way>,
    pub(super) switches: Arc<Switches>,
    pub(super) boot: u64,
    pub(super) node: SmolStr,
    /// The shards' journals, in their order.
    pub(super) volumes: Vec<Arc<Volume>>,
}

impl Sharing {
    /// Shares out what comes.
    pub(super) fn serve(&self) {
        while let Some(filed) = self.errands.take() {
            self.share(filed);
        }
        while let Some(filed) = self.errands.take_waiting() {
            self.share(filed);
        }
    }

    /// A record of one of our shards. Nobody waits: a place whose queue is full
    /// goes without.
    fn share(&self, filed: Filed) {
        let volume = self.volumes.get(usize::from(filed.cdr.id.shard));
        let spot = filed.end.zip(volume).map(|(end, volume)| Spot {
            volume: Arc::clone(volume),
            end,
        });
        let entry = Arc::new(Entry {
            id: id(self.boot, filed.cdr.id),
            node: self.node.clone(),
            cdr: filed.cdr,
            spot,
            again: false,
        });
        for way in &self.ways {
            let wanted = self.switches.is_on(way.module);
            if !wanted && entry.spot.is_none() {
                continue;
            }
            let handed = Handed {
                entry: Arc::clone(&entry),
                wanted,
            };
            if way.sender.try_send(handed).is_err() && wanted {
                way.tally.dropped.add(1);
            }
        }
    }
}

/// What a record is called for ever.
pub(super) fn id(boot: u64, id: CdrId) -> String {
    format!("{boot:016x}-{id}")
}

/// Where a place takes its records from.
#[derive(Debug)]
pub struct Inlet {
    entries: Receiver<Handed>,
    /// Which mark is this place's.
    reader: usize,
    /// How far it has come with what it is doing.
    taken: Vec<Spot>,
}

impl Inlet {
    /// The inlet of a place with that number.
    pub fn new(entries: Receiver<Handed>, reader: usize) -> Inlet {
        Inlet {
            entries,
            reader,
            taken: Vec::new(),
        }
    }

    /// What waits; only to be looked at.
    pub fn queue(&self) -> Receiver<Handed> {
        self.entries.clone()
    }

    /// The next record, for which it waits until then; `None` for one that is not
    /// for this place.
    pub fn take(&mut self, until: Option<Instant>) -> Result<Option<Arc<Entry>>, RecvTimeoutError> {
        let handed = match until {
            Some(until) => self.entries.recv_deadline(until)?,
            None => self.entries.recv()?,
        };
        Ok(self.open(handed))
    }

    /// The next record if there is one already; as for [`Inlet::take`].
    pub fn take_waiting(&mut self) -> Option<Option<Arc<Entry>>> {
        let handed = self.entries.try_recv().ok()?;
        Some(self.open(handed))
    }

    fn open(&mut self, handed: Handed) -> Option<Arc<Entry>> {
        if let Some(spot) = &handed.entry.spot {
            let mut taken = self.taken.iter_mut();
            match taken.find(|taken| Arc::ptr_eq(&taken.volume, &spot.volume)) {
                Some(taken) => taken.end = spot.end,
                None => self.taken.push(spot.clone()),
            }
        }
        handed.wanted.then_some(handed.entry)
    }

    /// All that was taken is where this place puts it, or is lost.
    pub fn done(&mut self) {
        for spot in self.taken.drain(..) {
            spot.volume.pass(self.reader, spot.end);
        }
    }
}
