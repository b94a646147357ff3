//! What scenarios plan: calls, registrations, and everything that goes wrong.
//!
//! Owns how a fault is made; when it comes is the scenario's.

use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::ShardId;
use pinion_sip::dialplan::{Action, Goal, Order, Origination, PATIENCE};
use pinion_sip::machine::{Body, Envelope, Input, Page, Query, Span};

use super::{Event, World};
use crate::database::{Database, Mood};
use crate::network::Weather;
use crate::noise::STRANGER;
use crate::phone::Plan;

/// Something the scenario planned.
#[derive(Clone, Debug)]
pub enum Task {
    /// A phone registers its contact.
    Register { phone: usize, expires_s: u32 },
    /// A phone calls a user.
    Call {
        phone: usize,
        target: String,
        plan: Plan,
    },
    /// A shard dies.
    Panic { engine: usize, shard: ShardId },
    /// An engine takes no new calls.
    Drain { engine: usize },
    /// An engine is given its configuration anew.
    Reload { engine: usize },
    /// An operator wants something of an engine's channels.
    Order { engine: usize, order: Order },
    /// A shard rings a user, who then calls another.
    Originate {
        engine: usize,
        shard: ShardId,
        user: String,
        target: String,
    },
    /// A phone's cable is out.
    Unplug { phone: usize, lasting: Duration },
    /// An engine is gone for good, and the others know.
    Kill { engine: usize },
    /// A stranger sends something.
    Noise { engine: usize, bytes: Vec<u8> },
    /// The database changes its mood.
    Database { mood: Mood },
    /// The network behaves from now on, and the database.
    Clear,
}

impl World {
    pub(super) fn perform(&mut self, task: Task) {
        match task {
            Task::Register { phone, expires_s } => {
                self.phone(phone, |phone, now, out| phone.register(now, expires_s, out));
            }
            Task::Call {
                phone,
                target,
                plan,
            } => {
                self.phone(phone, |phone, now, out| {
                    phone.invite(now, &target, plan, out)
                });
            }
            Task::Panic { engine, shard } => self.panic_shard(engine, shard),
            Task::Drain { engine } => {
                self.note(engine, 0, "drain".into());
                self.oracle.drained = Some(self.now);
                for shard in 0..self.engines[engine].blueprint.shards {
                    self.feed(engine, shard, Input::Drain);
                }
            }
            Task::Reload { engine } => {
                self.note(engine, 0, "reload".into());
                for shard in 0..self.engines[engine].blueprint.shards {
                    let config = Arc::clone(&self.engines[engine].blueprint.config);
                    self.feed(engine, shard, Input::Reload(config));
                }
            }
            Task::Order { engine, order } => {
                self.note(engine, 0, format!("is ordered: {order:?}"));
                let before = self.oracle.records.redirected;
                let redirects = matches!(order.action, Action::Redirect(_));
                // What is sent in obeying is judged at once.
                self.oracle.records.redirected |= redirects;
                let mut obeyed = false;
                for shard in 0..self.engines[engine].blueprint.shards {
                    let query = Query::Order(order.clone(), Span::ALL);
                    let page = self.turn(engine, shard, None, |machine, now, out| {
                        machine.serve(now, query, out)
                    });
                    let nobody = |rows: &[u32]| rows.iter().sum::<u32>() == 0;
                    obeyed |= !matches!(page, Some(Page::Obeyed(calls)) if nobody(&calls.rows));
                }
                self.oracle.records.redirected = before || redirects && obeyed;
            }
            Task::Originate {
                engine,
                shard,
                user,
                target,
            } => {
                self.note(engine, shard, format!("rings {user} for {target}"));
                let goal = Goal::Plan {
                    context: "default".into(),
                    exten: target.into(),
                    priority: 1,
                };
                let origination = Origination {
                    tech: "SIP".into(),
                    resource: user.into(),
                    goal,
                    caller: Default::default(),
                    variables: Vec::new(),
                    patience: PATIENCE,
                };
                let query = Query::Originate(Box::new(origination));
                let page = self.turn(engine, shard, None, |machine, now, out| {
                    machine.serve(now, query, out)
                });
                self.oracle.originated |= !matches!(page, Some(Page::Done(0)));
            }
            Task::Unplug { phone, lasting } => {
                let (name, until) = (format!("phone {phone}"), self.now + lasting);
                self.ladder
                    .event(self.now, name, format!("unplugged until {until:?}"));
                self.unplugged.insert(self.phones[phone].addr, until);
            }
            Task::Kill { engine } => {
                self.note(engine, 0, "is killed".into());
                let blueprint = &self.engines[engine].blueprint;
                let gone = blueprint.config.realtime.as_ref();
                let gone = gone.and_then(|rules| rules.node.as_ref());
                self.database.nodes.retain(|node| Some(node) != gone);
                let forever = self.now + Duration::from_secs(1 << 20);
                self.unplugged.insert(blueprint.addr, forever);
            }
            Task::Noise { engine, bytes } => {
                let (from, to) = (STRANGER.into(), self.engines[engine].blueprint.addr);
                self.push(self.now, Event::Datagram { from, to, bytes });
            }
            Task::Database { mood } => {
                let line = format!("the database is {mood:?}");
                self.ladder.event(self.now, "database".into(), line);
                self.database.mood = mood;
            }
            Task::Clear => {
                self.weather = Weather::calm();
                self.database.mood = Database::default().mood;
            }
        }
    }

    pub(super) fn note(&mut self, engine: usize, shard: ShardId, line: String) {
        self.ladder
            .event(self.now, format!("engine {engine} shard {shard}"), line);
    }

    /// What a pump does about a panic: a new shard, and word to the others.
    fn panic_shard(&mut self, engine: usize, shard: ShardId) {
        self.note(engine, shard, "panics and is replaced".into());
        let incarnation = self.engines[engine].replace(shard);
        self.oracle.shard_lost(self.now);
        for other in (0..self.engines[engine].blueprint.shards).filter(|&other| other != shard) {
            let envelope = Envelope {
                from: shard,
                to: other,
                body: Body::Replaced { incarnation },
            };
            self.push_envelope(engine, envelope);
        }
        self.arm(engine, shard);
    }
}
