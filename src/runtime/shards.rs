//! A hold on running shards for any thread: orders to all, questions to one.
//! Owns no thread; after the shards have ended, orders go nowhere and
//! questions have no answer.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use pinion_sip::base::{ShardId, Text};
use pinion_sip::config::Config;
use pinion_sip::machine::{Page, Query};

use crate::counters::Census;
use crate::mesh::{Control, Mesh};

/// How long a shard may take to answer before it is left out.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// The shards of one engine. Clones reach the same.
#[derive(Clone)]
pub struct Shards {
    mesh: Arc<Mesh>,
}

impl Shards {
    pub(crate) fn new(mesh: Arc<Mesh>) -> Shards {
        Shards { mesh }
    }

    /// How many there are.
    pub fn count(&self) -> ShardId {
        self.mesh.shards() as ShardId
    }

    /// Tells all to take no new calls.
    pub fn drain(&self) {
        self.order(|| Control::Drain);
    }

    /// Tells all to take new calls again.
    pub fn undrain(&self) {
        self.order(|| Control::Undrain);
    }

    /// Gives all a new configuration.
    pub fn reload(&self, config: &Arc<Config>) {
        self.order(|| Control::Reload(Arc::clone(config)));
    }

    /// Has all forget a device of the database, or all of them.
    pub fn prune(&self, name: Option<&Text>) {
        self.order(|| Control::Prune(name.cloned()));
    }

    /// Tells all to flush and end.
    pub fn stop(&self) {
        self.order(|| Control::Stop);
    }

    /// Asks all for their numbers. In the order of the shards; one that does
    /// not answer within a second is missing.
    pub fn census(&self) -> Vec<Census> {
        let (answer, answers) = mpsc::channel();
        self.order(|| Control::Census(answer.clone()));
        drop(answer);
        let mut gathered = Vec::with_capacity(usize::from(self.count()));
        while let Ok(census) = answers.recv_timeout(ANSWER_LIMIT) {
            gathered.push(census);
        }
        gathered.sort_by_key(|census| census.shard);
        gathered
    }

    /// Asks one shard, which answers between two messages. `None` if it does
    /// not within a second, or there is no such shard.
    pub fn ask(&self, shard: ShardId, query: Query) -> Option<Page> {
        self.put(shard, query).recv_timeout(ANSWER_LIMIT).ok()
    }

    /// Asks all the same, and at once: several that do not answer take no longer
    /// than one. In the order of the shards; `None` for those that do not answer
    /// within a second.
    pub fn ask_all(&self, query: &Query) -> Vec<(ShardId, Option<Page>)> {
        let put = |shard| (shard, self.put(shard, query.clone()));
        let asked: Vec<_> = (0..self.count()).map(put).collect();
        let end = Instant::now() + ANSWER_LIMIT;
        let answer = |(shard, answer): (ShardId, Receiver<Page>)| {
            let left = end.saturating_duration_since(Instant::now());
            (shard, answer.recv_timeout(left).ok())
        };
        asked.into_iter().map(answer).collect()
    }

    /// Puts a question to a shard; where its answer comes.
    fn put(&self, shard: ShardId, query: Query) -> Receiver<Page> {
        let (answer, answers) = mpsc::channel();
        let control = Control::Query(Box::new(query), answer);
        self.mesh.order(usize::from(shard), control);
        answers
    }

    /// All pages of a table, shard by shard; `None` in place of the rest of one
    /// that does not answer. No shard is asked for a page before the one before
    /// it is wanted, and none waits for another.
    pub fn pages(&self, query: Query) -> impl Iterator<Item = (ShardId, Option<Page>)> + '_ {
        let mut next = (self.count() > 0).then(|| (0, query.clone()));
        std::iter::from_fn(move || {
            let (shard, asked) = next.take()?;
            let page = self.ask(shard, asked);
            next = match page.as_ref().and_then(Page::next) {
                Some(from) => Some((shard, query.clone().after(from))),
                None => (shard + 1 < self.count()).then(|| (shard + 1, query.clone())),
            };
            Some((shard, page))
        })
    }

    fn order(&self, control: impl Fn() -> Control) {
        for shard in 0..self.mesh.shards() {
            self.mesh.order(shard, control());
        }
    }
}
