//! Who waits for a reader, and whose turn it is: those who ask for what was
//! found lately at once, strangers as the budget allows. It asks no database.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use super::super::reply::Reply;
use super::budget::Budget;

/// The most askers of one round.
const ASKERS: usize = 16_384;

/// From so many keys on, those that were not found lately are forgotten.
const FAMILIAR: usize = 1 << 17;

/// What is asked for in one round, in the order in which it was first asked
/// for, and who asked.
pub struct Round<K> {
    pub asked: Vec<(K, Vec<Reply>)>,
    index: HashMap<K, usize>,
    askers: usize,
    /// Whether none of it was found lately.
    strange: bool,
}

impl<K: Clone + Eq + Hash> Round<K> {
    fn new(strange: bool) -> Round<K> {
        Round {
            asked: Vec::new(),
            index: HashMap::new(),
            askers: 0,
            strange,
        }
    }

    /// What is asked for.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.asked.iter().map(|(key, _)| key)
    }

    fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    fn is_full(&self, most: usize) -> bool {
        self.asked.len() >= most || self.askers >= ASKERS
    }

    /// Who finds the room full of others is answered: dropped, that nothing is
    /// known.
    fn add(&mut self, key: K, reply: Reply, most: usize) {
        let place = self.index.get(&key).copied();
        if self.askers >= ASKERS || (place.is_none() && self.asked.len() >= most) {
            return;
        }
        self.askers += 1;
        let place = place.unwrap_or_else(|| {
            self.index.insert(key.clone(), self.asked.len());
            self.asked.push((key, Vec::new()));
            self.asked.len() - 1
        });
        if let Some((_, replies)) = self.asked.get_mut(place) {
            replies.push(reply);
        }
    }
}

/// All who wait for one kind of answer.
pub struct Lane<K> {
    familiar: Round<K>,
    strangers: Round<K>,
    found: Found<K>,
    budget: Arc<Budget>,
    /// The most keys of one round.
    most: usize,
}

impl<K: Clone + Eq + Hash> Lane<K> {
    /// Nobody waits.
    pub fn new(budget: Arc<Budget>, most: usize) -> Lane<K> {
        Lane {
            familiar: Round::new(false),
            strangers: Round::new(true),
            found: Found::new(FAMILIAR),
            budget,
            most,
        }
    }

    /// Someone more who waits. What is `welcome` never waits for strangers.
    pub fn add(&mut self, key: K, reply: Reply, welcome: bool) {
        let round = if welcome || self.found.contains(&key) {
            &mut self.familiar
        } else {
            &mut self.strangers
        };
        round.add(key, reply, self.most);
    }

    /// When the next round is due; `None` where nobody waits.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        if !self.familiar.is_empty() {
            Some(now)
        } else if !self.strangers.is_empty() {
            Some(self.budget.due())
        } else {
            None
        }
    }

    /// Whether a round that is due has no room left.
    pub fn is_full(&self, now: Instant) -> bool {
        self.familiar.is_full(self.most)
            || (self.strangers.is_full(self.most) && self.budget.due() <= now)
    }

    /// The rounds that are due; all, where that is `forced`.
    pub fn rounds(
        &mut self,
        now: Instant,
        forced: bool,
    ) -> impl Iterator<Item = Round<K>> + use<K> {
        let mut rounds = [None, None];
        if !self.familiar.is_empty() {
            rounds[0] = Some(std::mem::replace(&mut self.familiar, Round::new(false)));
        }
        if !self.strangers.is_empty() && (forced || self.budget.due() <= now) {
            rounds[1] = Some(std::mem::replace(&mut self.strangers, Round::new(true)));
        }
        rounds.into_iter().flatten()
    }

    /// What a round came to, after so many statements. Strangers pay where most
    /// of them are nobody.
    pub fn learn(&mut self, round: &Round<K>, statements: u32, is_found: impl Fn(&K) -> bool) {
        let mut found = 0;
        for key in round.keys() {
            if is_found(key) {
                found += 1;
                self.found.add(key);
            } else {
                self.found.remove(key);
            }
        }
        if 2 * found < round.asked.len() {
            self.charge(round, statements);
        }
    }

    /// A round came to nothing at all.
    pub fn charge(&self, round: &Round<K>, statements: u32) {
        if round.strange {
            self.budget.spend(statements);
        }
    }
}

/// What was found lately: the most recent `most` for certain, and no more than
/// twice as much.
struct Found<K> {
    recent: HashSet<K>,
    earlier: HashSet<K>,
    most: usize,
}

impl<K: Clone + Eq + Hash> Found<K> {
    fn new(most: usize) -> Found<K> {
        Found {
            recent: HashSet::new(),
            earlier: HashSet::new(),
            most,
        }
    }

    fn contains(&self, key: &K) -> bool {
        self.recent.contains(key) || self.earlier.contains(key)
    }

    fn add(&mut self, key: &K) {
        if self.recent.contains(key) {
            return;
        }
        if self.recent.len() >= self.most {
            self.earlier = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key.clone());
    }

    fn remove(&mut self, key: &K) {
        self.recent.remove(key);
        self.earlier.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use pinion_sip::base::Handle;
    use pinion_sip::machine::realtime::Outcome;

    use super::super::super::reply::{Desk, Ticket};
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Replies, and who was answered.
    struct Post {
        desk: Arc<Desk>,
        heard: Arc<Mutex<Vec<u32>>>,
    }

    impl Post {
        fn new() -> Post {
            let heard: Arc<Mutex<Vec<u32>>> = Arc::default();
            let hear = Arc::clone(&heard);
            let answer =
                move |ticket: Ticket, _: Outcome| hear.lock().unwrap().push(ticket.id.slot);
            let desk = Desk {
                answer: Arc::new(answer),
                tally: Arc::default(),
            };
            Post {
                desk: Arc::new(desk),
                heard,
            }
        }

        fn reply(&self, slot: u32) -> Reply {
            let id = Handle {
                slot,
                generation: 0,
            };
            Reply::new(Ticket { shard: 0, id }, &self.desk)
        }
    }

    fn lane() -> Lane<&'static str> {
        Lane::new(Arc::new(Budget::new(HOUR, Duration::ZERO)), 8)
    }

    fn keys(round: &Round<&'static str>) -> Vec<&'static str> {
        round.keys().copied().collect()
    }

    #[test]
    fn the_first_stranger_of_a_calm_time_goes_at_once_and_found_ones_always_do() {
        let (post, mut lane) = (Post::new(), lane());
        let mut run = |key, nobody: &[&str]| {
            lane.add(key, post.reply(0), false);
            let rounds: Vec<_> = lane.rounds(Instant::now(), false).collect();
            for round in &rounds {
                lane.learn(round, 1, |key| !nobody.contains(key));
            }
            rounds.iter().flat_map(keys).collect::<Vec<_>>()
        };
        assert_eq!(run("a", &[]), ["a"]);
        assert_eq!(run("b", &[]), ["b"], "who is found costs nothing");
        assert_eq!(run("x", &["x"]), ["x"]);
        assert_eq!(run("y", &["y"]), [""; 0]);
        assert_eq!(run("a", &[]), ["a"], "a familiar name waits for nobody");
        assert_eq!(run("b", &["b"]), ["b"]);
        assert_eq!(run("b", &["b"]), [""; 0], "it is familiar no more");
    }

    #[test]
    fn answers_are_given_in_the_order_of_asking() {
        let (post, mut lane) = (Post::new(), lane());
        for (slot, key) in ["c", "a", "b"].into_iter().enumerate() {
            lane.add(key, post.reply(slot as u32), false);
        }
        for round in lane.rounds(Instant::now(), true) {
            assert_eq!(keys(&round), ["c", "a", "b"]);
            round.asked.into_iter().for_each(drop);
        }
        assert_eq!(*post.heard.lock().unwrap(), [0, 1, 2]);
    }

    #[test]
    fn a_round_is_bounded() {
        let (post, mut lane) = (Post::new(), lane());
        for slot in 0..2 * ASKERS as u32 {
            lane.add("a", post.reply(slot), true);
        }
        assert!(lane.is_full(Instant::now()));
        assert_eq!(post.heard.lock().unwrap().len(), ASKERS, "the others");
        let mut found = Found::new(4);
        (0..100).for_each(|key| found.add(&key));
        assert!(found.contains(&99) && found.contains(&96) && !found.contains(&0));
        assert!(found.recent.len() + found.earlier.len() <= 8);
    }
}
