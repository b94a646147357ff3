//! Dialogs whose Call-ID is at home here and that live on another shard: those
//! of pickers. Knows the way there, holds what comes while it is not settled
//! yet, and judges no message.

use hashbrown::HashMap;

use crate::base::{Flow, Hasher, ShardId};
use crate::call::MovedName;

/// Most datagrams held for one dialog; more are lost, as on the network.
const MOST_HELD: usize = 16;

/// A datagram, and the path it came by.
pub type Held = (Box<[u8]>, Flow);

/// Where a dialog is.
enum Place {
    /// A shard is asked whether it takes it; what has come since.
    Offered(Vec<Held>),
    /// On that shard.
    On(ShardId),
    /// It was on that shard, and is over; copies of its messages go there still.
    Over(ShardId),
}

/// A dialog, and the CSeq number of the INVITE that moved; 0: not known.
struct Entry {
    since: u32,
    place: Place,
}

/// From when on a Call-ID is of a dialog that has moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Since {
    /// The CSeq number of its INVITE; 0 where that is not known. Requests with
    /// smaller ones are from before it.
    pub cseq: u32,
    /// Whether it is known where it lives.
    pub settled: bool,
}

/// Where a datagram of some dialog goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// It is for this shard.
    Here,
    /// That is not settled yet: it was held.
    Held,
    /// It is for that shard.
    To(ShardId),
}

/// The dialogs, by their names: no bytes of a Call-ID are kept.
pub struct Moved {
    dialogs: HashMap<MovedName, Entry, Hasher>,
    hasher: Hasher,
    most: usize,
}

impl Moved {
    /// None has moved; at most so many may.
    pub fn new(hasher: Hasher, most: u32) -> Moved {
        Moved {
            dialogs: HashMap::with_hasher(hasher.clone()),
            hasher,
            most: most as usize,
        }
    }

    /// Whether every dialog is where its home is.
    pub fn is_empty(&self) -> bool {
        self.dialogs.is_empty()
    }

    /// Dialogs that are not, or were not lately.
    pub fn len(&self) -> usize {
        self.dialogs.len()
    }

    fn key(&self, call_id: &[u8]) -> MovedName {
        let hash = self.hasher.hash_one(call_id);
        [(hash >> 32) as u32, hash as u32]
    }

    fn enter(&mut self, key: MovedName, since: u32, place: Place) -> bool {
        let room = self.dialogs.len() < self.most && !self.dialogs.contains_key(&key);
        if room {
            self.dialogs.insert(key, Entry { since, place });
        }
        room
    }

    /// A shard is about to be asked whether it takes a dialog whose INVITE has
    /// that CSeq number; false if there is no room to hold what comes meanwhile.
    pub fn offer(&mut self, call_id: &[u8], since: u32) -> bool {
        let key = self.key(call_id);
        self.enter(key, since, Place::Offered(Vec::new()))
    }

    /// It has answered: the dialog lives on `shard`, or here as before. Returns
    /// what has come since.
    pub fn settle(&mut self, call_id: &[u8], shard: Option<ShardId>) -> Vec<Held> {
        let key = self.key(call_id);
        let before = match (self.dialogs.get_mut(&key), shard) {
            (Some(entry), Some(shard)) => {
                Some(core::mem::replace(&mut entry.place, Place::On(shard)))
            }
            (Some(_), None) => self.dialogs.remove(&key).map(|entry| entry.place),
            (None, _) => None,
        };
        match before {
            Some(Place::Offered(held)) => held,
            _ => Vec::new(),
        }
    }

    /// Since when that Call-ID is of a dialog that has moved, if it is.
    pub fn since(&self, call_id: &[u8]) -> Option<Since> {
        let entry = self.dialogs.get(&self.key(call_id))?;
        let settled = !matches!(entry.place, Place::Offered(_));
        let cseq = entry.since;
        Some(Since { cseq, settled })
    }

    /// Where a datagram of such a dialog goes.
    pub fn way(&mut self, call_id: &[u8], bytes: &[u8], flow: Flow) -> Way {
        let key = self.key(call_id);
        match self.dialogs.get_mut(&key).map(|entry| &mut entry.place) {
            None => Way::Here,
            Some(&mut (Place::On(shard) | Place::Over(shard))) => Way::To(shard),
            Some(Place::Offered(held)) => {
                if held.len() < MOST_HELD {
                    held.push((bytes.into(), flow));
                }
                Way::Held
            }
        }
    }

    /// Another shard says that a dialog lives there. False while one is asked.
    pub fn lives(&mut self, call_id: &[u8], shard: ShardId) -> bool {
        let key = self.key(call_id);
        let place = self.dialogs.get(&key).map(|entry| &entry.place);
        let asked = matches!(place, Some(Place::Offered(_)));
        if !asked {
            self.enter(key, 0, Place::On(shard));
        }
        !asked
    }

    /// The shard where a dialog lived says that it is over. False while it is
    /// asked: it has to say so again. The name is of a dialog to be forgotten
    /// later.
    pub fn over(&mut self, call_id: &[u8]) -> (bool, Option<MovedName>) {
        let key = self.key(call_id);
        let Some(entry) = self.dialogs.get_mut(&key) else {
            return (true, None);
        };
        match entry.place {
            Place::Offered(_) => (false, None),
            Place::Over(_) => (true, None),
            Place::On(shard) => {
                entry.place = Place::Over(shard);
                (true, Some(key))
            }
        }
    }

    /// Forgets a dialog that is over.
    pub fn forget(&mut self, name: MovedName) {
        let place = self.dialogs.get(&name).map(|entry| &entry.place);
        if let Some(Place::Over(_)) = place {
            self.dialogs.remove(&name);
        }
    }

    /// A shard was replaced: it knows of no dialog any more.
    pub fn replaced(&mut self, shard: ShardId) {
        self.dialogs.retain(|_, entry| match entry.place {
            Place::Offered(_) => true,
            Place::On(on) | Place::Over(on) => on != shard,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        let at = |text: &str| text.parse().unwrap();
        Flow::udp(0, at("127.0.0.1:5060"), at("127.0.0.1:7001"))
    }

    fn moved(most: u32) -> Moved {
        Moved::new(Hasher::with_seeds(1, 2, 3, 4), most)
    }

    #[test]
    fn what_comes_meanwhile_is_held_and_given_back_in_order() {
        let mut moved = moved(1);
        assert_eq!(moved.way(b"a", b"0", flow()), Way::Here);
        assert!(moved.offer(b"a", 2));
        for number in 0..MOST_HELD as u8 + 3 {
            assert_eq!(moved.way(b"a", &[number], flow()), Way::Held);
        }
        assert_eq!(moved.way(b"b", b"0", flow()), Way::Here);
        let since = |settled| Some(Since { cseq: 2, settled });
        assert_eq!((moved.since(b"a"), moved.since(b"b")), (since(false), None));
        let held = moved.settle(b"a", Some(3));
        assert_eq!(moved.since(b"a"), since(true));
        let numbers: Vec<u8> = held.iter().map(|(bytes, _)| bytes[0]).collect();
        assert_eq!(numbers, (0..MOST_HELD as u8).collect::<Vec<_>>());
        assert_eq!(moved.way(b"a", b"0", flow()), Way::To(3));
    }

    #[test]
    fn a_dialog_that_stays_leaves_nothing() {
        let mut moved = moved(1);
        assert!(moved.offer(b"a", 2));
        assert!(!moved.offer(b"b", 2), "full");
        assert!(moved.settle(b"a", None).is_empty());
        assert!(moved.is_empty());
        assert!(moved.offer(b"b", 2));
    }

    #[test]
    fn copies_go_on_after_the_end_until_it_is_forgotten() {
        let mut moved = moved(9);
        moved.offer(b"a", 2);
        assert_eq!(moved.over(b"a"), (false, None), "not settled yet");
        moved.settle(b"a", Some(2));
        let (known, key) = moved.over(b"a");
        assert!(known);
        assert_eq!(moved.over(b"a"), (true, None), "told again");
        assert_eq!(moved.way(b"a", b"0", flow()), Way::To(2));
        moved.forget(key.unwrap());
        assert!(moved.is_empty());
        assert_eq!(moved.over(b"a"), (true, None), "told after that");
    }

    #[test]
    fn a_shard_that_was_replaced_has_no_dialogs() {
        let mut moved = moved(9);
        assert!(moved.lives(b"a", 2), "told by a shard that has it");
        moved.offer(b"b", 2);
        assert!(!moved.lives(b"b", 2));
        moved.replaced(1);
        assert_eq!(moved.len(), 2);
        moved.replaced(2);
        assert_eq!(moved.way(b"a", b"0", flow()), Way::Here);
        assert_eq!(moved.len(), 1);
    }
}
