//! How often the database is asked for what it most likely does not have: so
//! many statements in a time, for all readers together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shared by all readers. It knows neither names nor addresses.
pub struct Budget {
    /// What a statement costs.
    each: Duration,
    /// How much may be owed before anybody waits.
    credit: Duration,
    /// When all statements so far are paid for.
    paid: Mutex<Instant>,
}

impl Budget {
    /// A statement each `each`, and a few at once after a calm time: as many as
    /// cost `credit`, and one.
    pub fn new(each: Duration, credit: Duration) -> Budget {
        Budget {
            each,
            credit,
            paid: Mutex::new(Instant::now()),
        }
    }

    /// When the next statement may be sent; what has passed means now.
    pub fn due(&self) -> Instant {
        let paid = *self.paid();
        paid.checked_sub(self.credit).unwrap_or(paid)
    }

    /// So many have been sent.
    pub fn spend(&self, statements: u32) {
        let mut paid = self.paid();
        *paid = (*paid).max(Instant::now()) + self.each * statements;
    }

    fn paid(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_calm_time_allows_a_few_at_once() {
        let budget = Budget::new(HOUR, 2 * HOUR);
        for _ in 0..3 {
            assert!(budget.due() <= Instant::now());
            budget.spend(1);
        }
        assert!(budget.due() > Instant::now());
    }

    #[test]
    fn what_costs_more_is_waited_for_longer() {
        let budget = Budget::new(HOUR, 2 * HOUR);
        budget.spend(4);
        let wait = budget.due() - Instant::now();
        assert!(wait > HOUR && wait <= 2 * HOUR, "{wait:?}");
    }
}
