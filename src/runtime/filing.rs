//! The way of a call's record out of its shard: into the shard's journal, and to
//! the desk. It is there for the next process before the shard sends what the turn
//! at hand has to say. Who writes records, and where, is not known here.

use std::sync::{Arc, Mutex, PoisonError};

use pinion_sip::base::ShardId;
use pinion_sip::machine::Cdr;

use crate::desk::{Desk, Errands};
use crate::journal::Journal;

/// A record, as it comes from its shard.
#[derive(Debug)]
pub struct Filed {
    /// The record.
    pub cdr: Box<Cdr>,
    /// The position behind it in its shard's journal; `None` where it is in none.
    pub end: Option<u64>,
}

/// Where shards leave records. Clones lead to the same queue.
#[derive(Clone, Debug)]
pub struct RecordDesk {
    desk: Desk<Filed>,
    /// The journals of shards that have not taken theirs yet.
    journals: Arc<Mutex<Vec<Option<Journal>>>>,
}

impl RecordDesk {
    /// A desk with room for `depth` records, and the journal of each shard, in
    /// their order; shards beyond them have none.
    pub fn new(depth: usize, journals: Vec<Journal>) -> (RecordDesk, Errands<Filed>) {
        let (desk, errands) = Desk::new(depth);
        let journals = journals.into_iter().map(Some).collect();
        let journals = Arc::new(Mutex::new(journals));
        (RecordDesk { desk, journals }, errands)
    }

    /// The way of one shard's records. The journal goes to whoever asks first.
    pub fn filing(&self, shard: ShardId) -> Filing {
        let mut journals = self.journals.lock().unwrap_or_else(PoisonError::into_inner);
        Filing {
            desk: Some(self.desk.clone()),
            journal: journals.get_mut(usize::from(shard)).and_then(Option::take),
        }
    }
}

/// The way of one shard's records; without a desk, nowhere.
#[derive(Default, Debug)]
pub struct Filing {
    desk: Option<Desk<Filed>>,
    journal: Option<Journal>,
}

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fate {
    /// Whether its journal had no room for it.
    pub unjournaled: bool,
    /// Whether the desk had no room for it.
    pub dropped: bool,
}

impl Filing {
    /// Files a record.
    pub fn file(&mut self, cdr: Box<Cdr>) -> Fate {
        let Some(desk) = &self.desk else {
            return Fate {
                unjournaled: false,
                dropped: true,
            };
        };
        let journal = self.journal.as_mut();
        let end = journal.and_then(|journal| journal.append(&cdr));
        Fate {
            unjournaled: self.journal.is_some() && end.is_none(),
            dropped: desk.leave(Filed { cdr, end }).is_err(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Origin;

    #[test]
    fn a_record_without_room_in_its_journal_goes_its_way_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let origin = Origin {
            boot: 1,
            node: String::new(),
        };
        let journal = Journal::create(&dir.path().join("0"), 128, origin, 1, 1).unwrap();
        let marks = Arc::clone(journal.marks());
        let (desk, errands) = RecordDesk::new(3, vec![journal]);
        let fate = |unjournaled, dropped| Fate {
            unjournaled,
            dropped,
        };
        let mut filing = desk.filing(0);
        assert_eq!(filing.file(Box::default()), fate(false, false));
        let mut big = Box::<Cdr>::default();
        big.lastdata = "x".repeat(128).into();
        assert_eq!(filing.file(big), fate(true, false));
        // The journal goes to one; who has none misses none.
        assert_eq!(desk.filing(0).file(Box::default()), fate(false, false));
        assert_eq!(filing.file(Box::default()), fate(false, true));
        assert_eq!(Filing::default().file(Box::default()), fate(false, true));
        let ends: Vec<Option<u64>> = std::iter::from_fn(|| errands.take_waiting())
            .map(|filed| filed.end)
            .collect();
        assert!(matches!(ends[..], [Some(1..), None, None]), "{ends:?}");
        assert!(!marks.is_past(0, 1), "nobody has passed it");
    }
}
