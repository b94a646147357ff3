//! What threads beside the shards go by, as it is now: they look each time they
//! need it. And what went before, until nobody uses it any more.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use pinion_sip::config::Config;
use pinion_sip::dialplan::Plan;

use crate::config::sip::RowReader;

/// The configuration the engine goes by.
pub struct Live {
    config: ArcSwap<Config>,
    rows: ArcSwap<RowReader>,
    retired: Mutex<Retired>,
}

/// Kept until they are used here alone, so that none is taken apart by a shard:
/// that of 100,000 devices takes longer than a call may wait.
#[derive(Default)]
struct Retired {
    configs: Vec<Arc<Config>>,
    /// Running calls hold on to the plan they began with.
    plans: Vec<Arc<Plan>>,
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
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&old.plan, &config.plan) {
            retired.plans.push(Arc::clone(&old.plan));
        }
        retired.configs.push(old);
    }

    /// Takes apart what nobody uses any more; how many are still used.
    pub fn tidy(&self) -> usize {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        // Who is the only one to hold something is the only one who could share it.
        retired
            .configs
            .retain(|config| Arc::strong_count(config) > 1);
        retired.plans.retain(|plan| Arc::strong_count(plan) > 1);
        retired.configs.len() + retired.plans.len()
    }
}
