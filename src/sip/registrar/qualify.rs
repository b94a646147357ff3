//! Whether contacts answer: `qualify` (sip.conf C.4); and whose NAT must be
//! reminded of them: `keepalive` (C.3).
//!
//! Keeps, for each contact that is to be watched, when it was last asked and
//! how it answered. Sends nothing: whoever drives it is told whom to ask.

use alloc::collections::VecDeque;
use core::time::Duration;

use hashbrown::{Equivalent, HashMap};

use crate::base::{Flow, Handle, Hasher, Instant, Lanes, Random, Slab, Text};

/// How soon a contact that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(10);

/// What is known of a contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Not asked yet, or not answered the first time: taken for reachable.
    Unknown,
    /// Answered in time; its round trip.
    Reachable(Duration),
    /// Answered, but later than `qualify` allows.
    Lagged(Duration),
    /// Did not answer within twice the time allowed.
    Unreachable,
}

/// A contact to be watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watch {
    /// The peer's name.
    pub aor: Text,
    /// The contact's URI.
    pub uri: Text,
    /// Where it is.
    pub flow: Flow,
    /// `qualify`: the slowest answer that counts as reachable. `None` for a
    /// contact that owes no answer and is only kept alive.
    pub within: Option<Duration>,
    /// How often.
    pub every: Duration,
}

struct Watched {
    watch: Watch,
    reach: Reach,
    /// When the OPTIONS that waits for an answer was sent.
    asked: Option<Instant>,
    /// The alarm that counts.
    alarm: u32,
}

/// A contact's peer and URI, as it is looked up.
#[derive(Hash)]
struct Named<'a>(&'a [u8], &'a [u8]);

impl Equivalent<(Text, Text)> for Named<'_> {
    fn equivalent(&self, (aor, uri): &(Text, Text)) -> bool {
        *self.0 == **aor && *self.1 == **uri
    }
}

/// The watched contacts of one shard, bounded like its bindings.
pub struct Qualifier {
    watched: Slab<Watched>,
    contacts: HashMap<(Text, Text), Handle, Hasher>,
    alarms: Lanes<(Handle, u32)>,
    /// What `take_turn` has not told yet.
    turns: VecDeque<(Text, i32)>,
}

impl Qualifier {
    /// Watches nobody; at most `capacity` contacts.
    pub fn new(capacity: u32, hasher: Hasher) -> Qualifier {
        Qualifier {
            watched: Slab::new(capacity),
            contacts: HashMap::with_hasher(hasher),
            alarms: Lanes::new(),
            turns: VecDeque::new(),
        }
    }

    /// Watches a contact from now on, first asked within `spread` from now. One
    /// watched already keeps what is known of it and follows its new flow.
    pub fn watch(&mut self, now: Instant, watch: Watch, spread: Duration, random: &mut Random) {
        let known = self.contacts.get(&Named(&watch.aor, &watch.uri));
        if let Some(watched) = known.and_then(|&id| self.watched.get_mut(id)) {
            watched.watch = watch;
            return;
        }
        let key = (watch.aor.clone(), watch.uri.clone());
        let watched = Watched {
            watch,
            reach: Reach::Unknown,
            asked: None,
            alarm: 0,
        };
        if let Ok(id) = self.watched.insert(watched) {
            self.contacts.insert(key, id);
            let spread_us = u64::try_from(spread.as_micros()).unwrap_or(u64::MAX);
            self.alarms.set_at(
                now + Duration::from_micros(random.below(spread_us)),
                (id, 0),
            );
        }
    }

    /// Forgets one contact.
    pub fn forget(&mut self, aor: &[u8], uri: &[u8]) {
        if let Some(id) = self.contacts.remove(&Named(aor, uri)) {
            self.watched.remove(id);
        }
    }

    /// What is known of a contact.
    pub fn reach(&self, aor: &[u8], uri: &[u8]) -> Reach {
        let id = self.contacts.get(&Named(aor, uri));
        id.and_then(|&id| self.watched.get(id))
            .map_or(Reach::Unknown, |watched| watched.reach)
    }

    /// Makes a contact due now, unless it owes an answer already. False for one
    /// that is never asked.
    pub fn ask_now(&mut self, now: Instant, aor: &[u8], uri: &[u8]) -> bool {
        let id = self.contacts.get(&Named(aor, uri)).copied();
        let watched = id.and_then(|id| Some((id, self.watched.get_mut(id)?)));
        let Some((id, watched)) = watched.filter(|(_, watched)| watched.watch.within.is_some())
        else {
            return false;
        };
        if watched.asked.is_none() {
            watched.alarm = watched.alarm.wrapping_add(1);
            self.alarms.set_at(now, (id, watched.alarm));
        }
        true
    }

    /// How many alarms are set, by their duration; the odd ones last.
    pub fn alarms(&self) -> impl Iterator<Item = (Option<Duration>, usize)> + '_ {
        self.alarms.by_duration()
    }

    /// When somebody is next to be asked, or given up.
    pub fn deadline(&self) -> Option<Instant> {
        self.alarms.deadline()
    }

    /// The next contact to ask now, if any is due. One that owed an answer
    /// until now counts as unreachable.
    pub fn due(&mut self, now: Instant) -> Option<(Handle, Watch)> {
        while let Some((id, alarm)) = self.alarms.expire(now) {
            let Some(watched) = self
                .watched
                .get_mut(id)
                .filter(|watched| watched.alarm == alarm)
            else {
                continue;
            };
            watched.alarm = watched.alarm.wrapping_add(1);
            if watched.asked.take().is_some() {
                if watched.reach != Reach::Unreachable {
                    self.turns.push_back((watched.watch.aor.clone(), -1));
                }
                watched.reach = Reach::Unreachable;
                self.alarms.set(now, RETRY, (id, watched.alarm));
                continue;
            }
            let next = match watched.watch.within {
                Some(within) => {
                    watched.asked = Some(now);
                    within * 2
                }
                None => watched.watch.every,
            };
            self.alarms.set(now, next, (id, watched.alarm));
            return Some((id, watched.watch.clone()));
        }
        None
    }

    /// A contact answered; any final response will do.
    pub fn answered(&mut self, now: Instant, id: Handle) {
        let Some(watched) = self.watched.get_mut(id) else {
            return;
        };
        let Some(asked) = watched.asked.take() else {
            return;
        };
        let trip = now.since(asked);
        let in_time = |within| trip <= within;
        let reach = if watched.watch.within.is_none_or(in_time) {
            Reach::Reachable(trip)
        } else {
            Reach::Lagged(trip)
        };
        if core::mem::discriminant(&reach) != core::mem::discriminant(&watched.reach) {
            let ms = i32::try_from(trip.as_millis()).unwrap_or(i32::MAX);
            self.turns.push_back((watched.watch.aor.clone(), ms.max(1)));
        }
        watched.reach = reach;
        watched.alarm = watched.alarm.wrapping_add(1);
        self.alarms
            .set(now, watched.watch.every, (id, watched.alarm));
    }

    /// A device whose contact has begun or ceased to answer, or to answer in
    /// time, and after how many milliseconds it did; -1: not at all.
    pub fn take_turn(&mut self) -> Option<(Text, i32)> {
        self.turns.pop_front()
    }

    /// Bytes of the slots let so far.
    pub fn used_bytes(&self) -> usize {
        self.watched.used_bytes()
    }

    /// Contacts watched.
    pub fn len(&self) -> u32 {
        self.watched.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// Contacts that do not answer.
    pub fn unreachable(&self) -> usize {
        self.watched
            .iter()
            .filter(|(_, watched)| watched.reach == Reach::Unreachable)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(2);
    const EVERY: Duration = Duration::from_secs(60);

    fn watch() -> Watch {
        let address = "127.0.0.1:5060".parse().unwrap();
        Watch {
            aor: Text::from("1001"),
            uri: Text::from("sip:1001@127.0.0.1:5062"),
            flow: Flow::udp(0, address, address),
            within: Some(WITHIN),
            every: EVERY,
        }
    }

    fn qualifier() -> Qualifier {
        let mut qualifier = Qualifier::new(4, Hasher::with_seeds(1, 2, 3, 4));
        qualifier.watch(
            Instant::START,
            watch(),
            Duration::ZERO,
            &mut Random::from_u64(1),
        );
        qualifier
    }

    fn reach(qualifier: &Qualifier) -> Reach {
        qualifier.reach(&watch().aor, &watch().uri)
    }

    #[test]
    fn an_answer_in_time_is_reachable_and_asked_again_after_qualifyfreq() {
        let mut qualifier = qualifier();
        let (id, _) = qualifier.due(Instant::START).unwrap();
        assert_eq!(reach(&qualifier), Reach::Unknown);
        let trip = Duration::from_millis(30);
        qualifier.answered(Instant::START + trip, id);
        assert_eq!(reach(&qualifier), Reach::Reachable(trip));
        let next = Instant::START + trip + EVERY;
        assert!(qualifier.due(next - Duration::from_micros(1)).is_none());
        assert!(qualifier.due(next).is_some());
    }

    #[test]
    fn a_late_answer_lags() {
        let mut qualifier = qualifier();
        let (id, _) = qualifier.due(Instant::START).unwrap();
        let trip = Duration::from_millis(2500);
        qualifier.answered(Instant::START + trip, id);
        assert_eq!(reach(&qualifier), Reach::Lagged(trip));
    }

    #[test]
    fn silence_is_unreachable_and_asked_again_after_ten_seconds() {
        let mut qualifier = qualifier();
        qualifier.due(Instant::START).unwrap();
        let given_up = Instant::START + WITHIN * 2;
        assert!(qualifier.due(given_up).is_none());
        assert_eq!(reach(&qualifier), Reach::Unreachable);
        assert_eq!(qualifier.unreachable(), 1);
        assert!(qualifier.due(given_up + RETRY).is_some());
        assert_eq!(reach(&qualifier), Reach::Unreachable, "until it answers");
    }

    #[test]
    fn a_contact_kept_alive_owes_no_answer() {
        let mut qualifier = qualifier();
        let watch = Watch {
            within: None,
            ..watch()
        };
        qualifier.watch(
            Instant::START,
            watch,
            Duration::ZERO,
            &mut Random::from_u64(1),
        );
        for period in 0..3 {
            let due = Instant::START + EVERY * period;
            assert!(qualifier.due(due).is_some());
            assert!(qualifier.due(due).is_none());
            assert_eq!(reach(&qualifier), Reach::Unknown);
        }
    }

    #[test]
    fn a_forgotten_contact_is_not_asked() {
        let mut qualifier = qualifier();
        qualifier.forget(&watch().aor, &watch().uri);
        assert!(qualifier.due(Instant::START + EVERY).is_none());
        assert!(qualifier.is_empty());
    }
}
