//! What a call's channels hold outside of it, and what they share within it:
//! groups, locks, and the variables of `SHARED`.
//!
//! Most calls have none of it. What is held is given back when its channel
//! ends; the home shard knows it by the lease.

use smol_str::SmolStr;

use super::call::Call;
use super::exchange::Turn;
use super::resume::Resume;
use crate::dialplan::{ChannelId, Full, Hold, Variables, shared_key};
use crate::machine::{Lease, Question};

/// Most groups and locks of one call.
const MOST_HELD: usize = 64;

/// One thing held.
struct Held {
    /// The channel; `None` for the caller's.
    channel: Option<ChannelId>,
    hold: Hold,
    lease: Lease,
}

/// All of it.
#[derive(Default)]
pub struct Holdings {
    held: Vec<Held>,
    shared: Variables,
}

impl Call {
    /// What to ask so that a channel holds something, by the lease it may hold
    /// it by already. `None`: it holds too much.
    pub(super) fn take(
        &mut self,
        turn: &mut Turn<'_>,
        channel: Option<ChannelId>,
        hold: Hold,
        wait: bool,
    ) -> Option<Question> {
        let holdings = self.holdings.get_or_insert_default();
        let known = holdings
            .held
            .iter()
            .position(|held| held.channel == channel && is_in_place_of(&held.hold, &hold));
        if let Hold::Group { group, .. } = &hold
            && group.is_empty()
        {
            let held = holdings.held.swap_remove(known?);
            return Some(Question::GiveBack {
                hold: held.hold,
                lease: held.lease,
            });
        }
        if let Some(held) = known.and_then(|at| holdings.held.get_mut(at)) {
            held.hold = hold.clone();
            let lease = held.lease;
            return Some(Question::Take { hold, lease, wait });
        }
        if holdings.held.len() >= MOST_HELD {
            return None;
        }
        let lease = turn.exchange.lease();
        holdings.held.push(Held {
            channel,
            hold: hold.clone(),
            lease,
        });
        Some(Question::Take { hold, lease, wait })
    }

    /// What to ask to undo the taking of a lock; `None` if it was never taken.
    pub(super) fn unlock(&self, channel: Option<ChannelId>, name: SmolStr) -> Option<Question> {
        let hold = Hold::Lock(name.clone());
        let held = &self.holdings.as_ref()?.held;
        let held = held
            .iter()
            .find(|held| held.channel == channel && held.hold == hold)?;
        Some(Question::Unlock {
            name,
            lease: held.lease,
        })
    }

    /// The groups a channel is in: name and category, in the order it joined.
    pub(super) fn groups(&self, channel: Option<ChannelId>) -> Vec<(SmolStr, SmolStr)> {
        let held = self.holdings.iter().flat_map(|holdings| &holdings.held);
        let group = |held: &Held| match &held.hold {
            Hold::Group { group, category } if held.channel == channel => {
                Some((group.clone(), category.clone()))
            }
            _ => None,
        };
        held.filter_map(group).collect()
    }

    /// Puts an outbound channel into a group; nobody waits for it.
    pub(super) fn enlist(&mut self, turn: &mut Turn<'_>, channel: ChannelId, hold: Hold) {
        if let Some(question) = self.take(turn, Some(channel), hold, false) {
            turn.ask(question, Resume::Enlisted(self.handle));
        }
    }

    /// What a channel of that name takes along to a call of its own, where it is
    /// the caller's.
    pub(super) fn take_along(&mut self, channel: ChannelId, name: &str) -> Option<Box<Holdings>> {
        let holdings = self.holdings.as_mut()?;
        let theirs = |held: &mut Held| held.channel == Some(channel);
        let held = holdings.held.extract_if(.., theirs);
        let as_callers = |held| Held {
            channel: None,
            ..held
        };
        let mut taken = Holdings {
            held: held.map(as_callers).collect(),
            shared: Variables::default(),
        };
        let own = shared_key("", name);
        for (key, value) in holdings.shared.iter() {
            if key.ends_with(&*own) {
                // There is room: it had them all.
                let _ = taken.shared.set(key, value);
            }
        }
        Some(Box::new(taken))
    }

    /// Whether it holds something by that lease.
    pub fn holds(&self, lease: Lease) -> bool {
        let mut held = self.holdings.iter().flat_map(|holdings| &holdings.held);
        held.any(|held| held.lease == lease)
    }

    /// A channel is gone: what it held is given back.
    pub(super) fn give_back_of(&mut self, turn: &mut Turn<'_>, channel: ChannelId) {
        self.give_back_if(turn, |held| held.channel == Some(channel));
    }

    /// The call is gone.
    pub fn give_back_all(&mut self, turn: &mut Turn<'_>) {
        self.give_back_if(turn, |_| true);
    }

    fn give_back_if(&mut self, turn: &mut Turn<'_>, mut goes: impl FnMut(&Held) -> bool) {
        let Some(holdings) = &mut self.holdings else {
            return;
        };
        for held in holdings.held.extract_if(.., |held| goes(held)) {
            let question = Question::GiveBack {
                hold: held.hold,
                lease: held.lease,
            };
            turn.ask(question, Resume::Release);
        }
    }

    /// A variable of `SHARED`.
    pub(super) fn shared(&self, name: &str) -> Option<&str> {
        self.holdings.as_ref()?.shared.value(name)
    }

    /// Sets a variable of `SHARED`.
    pub(super) fn share(&mut self, name: &str, value: &str) -> Result<(), Full> {
        let holdings = self.holdings.get_or_insert_default();
        holdings.shared.set(name, value)
    }
}

/// Whether both are one place: a lock, or a category's.
fn is_in_place_of(one: &Hold, other: &Hold) -> bool {
    match (one, other) {
        (Hold::Lock(one), Hold::Lock(other)) => one == other,
        (
            Hold::Group { category: one, .. },
            Hold::Group {
                category: other, ..
            },
        ) => one.eq_ignore_ascii_case(other),
        _ => false,
    }
}
