//! What threads beside the shards go by, as it is now: they look each time they
//! need it. And what went before, until nobody uses it any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use pinion_sip::config::{Config, Peers};
use pinion_sip::dialplan::Plan;

use crate::config::sip::RowReader;

/// The configuration the engine goes by.
pub struct Live {
    config: ArcSwap<Config>,
    rows: ArcSwap<RowReader>,
    retired: Mutex<Retired>,
}

/// Kept until they are used here alone, so that none is taken apart by a shard,
/// or by whoever answers an operator: that of 100,000 devices takes longer than a
/// call may wait.
#[derive(Default)]
struct Retired {
    configs: Vec<Arc<Config>>,
    /// Running calls hold on to the plan they began with.
    plans: Vec<Arc<Plan>>,
    /// Operators are told what differs between them.
    peers: Vec<Peers>,
}

impl Live {
    /// The configuration of the start.
    pub fn new(config: Arc<Config>, rows: Arc<RowReader>) -> Live {
        Live {
            config: ArcSwap::new(config),
            rows: ArcSwap::new(rows),
            retired: Mutex::default(),
        }
    }

    /// The configuration.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// What makes devices of rows.
    pub fn rows(&self) -> Arc<RowReader> {
        self.rows.load_full()
    }

    /// What makes devices of rows from now on.
    pub fn set_rows(&self, rows: Arc<RowReader>) {
        self.rows.store(rows);
    }

    /// The configuration from now on. The earlier one is kept for who uses it.
    pub fn adopt(&self, config: Arc<Config>) {
        let old = self.config.swap(Arc::clone(&config));
        let mut retired = self.lock();
        if !Arc::ptr_eq(&old.plan, &config.plan) {
            retired.plans.push(Arc::clone(&old.plan));
        }
        retired.configs.push(old);
    }

    /// Keeps devices for who uses them.
    pub fn keep(&self, peers: Peers) {
        self.lock().peers.push(peers);
    }

    /// Takes apart what nobody uses any more; how many are still used.
    pub fn tidy(&self) -> usize {
        let mut retired = self.lock();
        // Who is the only one to hold something is the only one who could share it.
        let configs = unused(&mut retired.configs, |config| Arc::strong_count(config) > 1);
        let plans = unused(&mut retired.plans, |plan| Arc::strong_count(plan) > 1);
        let peers = unused(&mut retired.peers, Peers::is_shared);
        let left = retired.configs.len() + retired.plans.len() + retired.peers.len();
        // Whoever adopts another meanwhile does not wait for this.
        drop(retired);
        drop((configs, plans, peers));
        left
    }

    /// Whether there is nothing to be taken apart.
    pub fn is_tidy(&self) -> bool {
        let retired = self.lock();
        retired.configs.is_empty() && retired.plans.is_empty() && retired.peers.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Retired> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unused<T>(kept: &mut Vec<T>, is_used: impl Fn(&T) -> bool) -> Vec<T> {
    kept.extract_if(.., |one| !is_used(one)).collect()
}
