//! What plans ask, answered by the shard that knows, and what their calls hold
//! there.

use alloc::sync::Arc;
use core::time::Duration;

use super::pending::Asked;
use super::realtime::NOBODY;
use super::shard::Shard;
use crate::base::{Instant, Level, ShardId, Text, lossy};
use crate::call::{Ask, Resume};
use crate::commons::Tried;
use crate::dialplan::{Count, Entry, Hold, Inquiry, Reply, device_name};
use crate::machine::{
    Answer, Body, Change, DATABASE, Envelope, Lease, Outbox, Question, QuestionId,
};

/// How long `LOCK` waits for a lock.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_secs(3);

impl Shard {
    /// Answers an inquiry whose key is at home here.
    pub(super) fn inquired(&mut self, now: Instant, inquiry: &Inquiry, out: &mut Outbox) -> Reply {
        match inquiry {
            Inquiry::Device(device) => {
                let name = Text::from(device_name(device));
                Reply::Text(self.device_state(now, &name).into())
            }
            Inquiry::Count(count) => Reply::Text(self.count(count).to_string()),
            Inquiry::Entry(entry) => self.entry(entry, out),
            Inquiry::Order(order, _) => {
                Reply::Text(self.order_channels(now, order, out).to_string())
            }
            Inquiry::Foreign(foreign) => self.channel_variable(now, foreign, out),
            // The call has made other questions of these.
            Inquiry::Message(_)
            | Inquiry::Take { .. }
            | Inquiry::Unlock(_)
            | Inquiry::Originate(_)
            | Inquiry::Pickup(..) => Reply::Failed,
            // No shard is home to these.
            Inquiry::Extension(_) | Inquiry::Rows(_) | Inquiry::Work(_) => Reply::Failed,
            Inquiry::Peer(peer) => {
                let (name, item) = &**peer;
                let name = Text::from(name.as_str());
                Reply::Text(self.peer_item(now, &name, item).unwrap_or_default())
            }
        }
    }

    /// What `SIPPEER` tells of the contact a device would be called at first.
    fn peer_item(&self, now: Instant, name: &Text, item: &str) -> Option<String> {
        let contact = || self.location.bindings(now, name).into_iter().next();
        match item {
            "ip" => Some(contact()?.flow.remote.ip().to_string()),
            "port" => Some(contact()?.flow.remote.port().to_string()),
            "expire" => Some(match contact() {
                Some(contact) => contact.expires.since(now).as_secs().to_string(),
                None => "-1".into(),
            }),
            "useragent" => Some(lossy(contact()?.user_agent()).into_owned()),
            "status" if self.reachable(now, name).is_empty() => Some("UNREACHABLE".into()),
            "status" => Some("OK".into()),
            "curcalls" => Some(self.occupancy.held(name).to_string()),
            _ => None,
        }
    }

    /// A SIP device's state (`ast_devstate_str`). Calls count for peers whose
    /// calls are limited.
    fn device_state(&self, now: Instant, name: &Text) -> &'static str {
        if self.exchange.device(name).is_none() {
            "INVALID"
        } else if self.reachable(now, name).is_empty() {
            "UNAVAILABLE"
        } else if self.occupancy.held(name) > 0 {
            "INUSE"
        } else {
            "NOT_INUSE"
        }
    }

    fn count(&self, count: &Count) -> u32 {
        let groups = &self.commons.groups;
        match count.patterns {
            true => groups.matching(&count.group, &count.category),
            false => groups.count(&count.group, &count.category),
        }
    }

    /// What changes outlives the process where there is a place for it.
    fn entry(&mut self, entry: &Entry, out: &mut Outbox) -> Reply {
        let store = &mut self.commons.store;
        let (changed, value) = store.serve(entry);
        let rules = self.exchange.config.realtime.as_ref();
        if !changed.is_empty() && rules.is_some_and(|rules| rules.keeps_static) {
            let values = changed.into_iter().map(|path| {
                let value = store.value(&path).map(Box::from);
                (path, value)
            });
            let question = Question::Entries(values.collect());
            self.forward_question(DATABASE, NOBODY, question, out);
        }
        value.map_or(Reply::Nothing, Reply::Text)
    }

    /// A channel takes something whose home this is. `None`: it has to wait,
    /// and `waiter` hears of it.
    pub(super) fn take(
        &mut self,
        hold: &Hold,
        lease: Lease,
        waiter: Option<QuestionId>,
    ) -> Option<Reply> {
        match hold {
            Hold::Group { group, category } => {
                self.commons.groups.join(lease, group, category);
                Some(yes())
            }
            Hold::Lock(name) => match self.commons.locks.take(name, lease, waiter) {
                Tried::Held => Some(yes()),
                Tried::Refused => Some(no()),
                Tried::Waits => None,
            },
        }
    }

    /// Waits for something whose home is this very shard.
    pub(super) fn wait_here(
        &mut self,
        now: Instant,
        question: Question,
        resume: Resume,
        out: &mut Outbox,
    ) {
        let ask = Ask {
            question: question.clone(),
            resume,
        };
        match self.pending.park(now, ask, LOCK_PATIENCE) {
            Ok(id) => {
                if let Some(answer) = self.decide(now, &question, Some(id), out) {
                    self.heard(now, id, answer, out);
                }
            }
            Err(ask) => {
                self.exchange.counters.questions_refused += 1;
                self.resume(now, Asked { ask, asked: now }, None, out);
            }
        }
    }

    /// Undoes one taking of a lock.
    pub(super) fn unlock(
        &mut self,
        now: Instant,
        name: &str,
        lease: Lease,
        out: &mut Outbox,
    ) -> Reply {
        match self.commons.locks.unlock(name, lease) {
            Ok(next) => {
                self.tell_holders(now, next, out);
                yes()
            }
            Err(_) => no(),
        }
    }

    /// Takes back what a channel held.
    pub(super) fn take_back(&mut self, now: Instant, hold: &Hold, lease: Lease, out: &mut Outbox) {
        match hold {
            Hold::Group { .. } => self.commons.groups.leave(lease),
            Hold::Lock(name) => {
                let next = self.commons.locks.give_back(name, lease);
                self.tell_holders(now, next, out);
            }
        }
    }

    /// Tells those who waited that they hold their locks now.
    fn tell_holders(
        &mut self,
        now: Instant,
        holders: impl IntoIterator<Item = (Lease, QuestionId)>,
        out: &mut Outbox,
    ) {
        for (lease, id) in holders {
            let answer = Answer::Reply(yes());
            if lease.shard == self.exchange.shard {
                self.heard(now, id, answer, out);
            } else {
                out.forward(Envelope {
                    from: self.exchange.shard,
                    to: lease.shard,
                    body: Body::Answer { id, answer },
                });
            }
        }
    }

    /// An answer has come to a question of this shard.
    pub(super) fn heard(&mut self, now: Instant, id: QuestionId, answer: Answer, out: &mut Outbox) {
        let asked = match answer {
            Answer::PickedUp(false) => self.pending.declined(id),
            _ => self.pending.answered(id),
        };
        if let Some(asked) = asked {
            self.resume(now, asked, Some(answer), out);
        }
    }

    /// Takes note of globals that other shards have set.
    pub(super) fn hear_of(&mut self, changes: &[Change], out: &mut Outbox) {
        let globals = &mut self.exchange.globals;
        let lost = changes
            .iter()
            .filter(|change| !globals.apply(change))
            .count();
        if lost > 0 {
            out.note(Level::Warn, "globals-full", || {
                "there is no room for a global that another shard has set".into()
            });
        }
    }

    /// A shard was replaced: what it held of others is void, and it has to hear
    /// of the globals again.
    pub(super) fn void_what_held(
        &mut self,
        now: Instant,
        shard: ShardId,
        incarnation: u32,
        out: &mut Outbox,
    ) {
        self.occupancy.replaced(shard, incarnation);
        self.commons.groups.replaced(shard, incarnation);
        let free = self.commons.locks.replaced(shard, incarnation);
        self.tell_holders(now, free, out);
        self.tell_of_pickers(shard, out);
        let all = self.exchange.globals.all();
        if !all.is_empty() {
            self.exchange.tell_globals(shard, Arc::from(all));
        }
    }
}

fn yes() -> Reply {
    Reply::Text("1".into())
}

fn no() -> Reply {
    Reply::Text("0".into())
}
