//! How often something took how long, in buckets of fixed bounds: eight to each
//! power of two, so that what is read from them is at most an eighth off.

use core::time::Duration;

/// Buckets of each power of two.
const STEPS: u32 = 8;

/// The shortest time told apart: 2^7 = 128 ns.
const FIRST_POWER: u32 = 7;

/// From 2^35 ns = 34 s on, all is one.
const LAST_POWER: u32 = 35;

const BUCKETS: usize = ((LAST_POWER - FIRST_POWER) * STEPS) as usize + 1;

/// Times taken. Copies merge: what several have counted is their sum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    sum_ns: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram {
            counts: [0; BUCKETS],
            sum_ns: 0,
        }
    }
}

impl Histogram {
    /// Counts one time.
    pub fn record(&mut self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns = self.sum_ns.saturating_add(ns);
        if let Some(count) = self.counts.get_mut(bucket(ns)) {
            *count += 1;
        }
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Histogram) {
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        for (own, other) in self.counts.iter_mut().zip(&other.counts) {
            *own += other;
        }
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns)
    }

    /// The time that this part of all (0 to 1) did not exceed; zero if there is
    /// none.
    pub fn quantile(&self, part: f64) -> Duration {
        let wanted = (self.count() as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (count, ns) in self.counts.iter().zip(bounds()) {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(ns);
            }
        }
        Duration::ZERO
    }

    /// The buckets that are not empty: their upper bounds, and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let each = bounds().zip(&self.counts);
        each.filter(|(_, count)| **count > 0)
            .map(|(ns, count)| (Duration::from_nanos(ns), *count))
    }

    /// For each power of two, how many took less.
    pub fn powers(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut seen = 0;
        let each = self.counts.chunks(STEPS as usize).zip(FIRST_POWER + 1..);
        each.filter(|&(_, power)| power <= LAST_POWER)
            .map(move |(counts, power)| {
                seen += counts.iter().sum::<u64>();
                (Duration::from_nanos(1 << power), seen)
            })
    }
}

/// Where a time is counted.
fn bucket(ns: u64) -> usize {
    let power = ns.max(1).ilog2();
    if power < FIRST_POWER {
        return 0;
    }
    let step = (ns >> (power - 3)) as u32 & (STEPS - 1);
    (((power - FIRST_POWER) * STEPS + step) as usize).min(BUCKETS - 1)
}

/// The upper bounds of all buckets, in ns.
fn bounds() -> impl Iterator<Item = u64> {
    (0..BUCKETS as u32).map(|bucket| {
        let (power, step) = (FIRST_POWER + bucket / STEPS, bucket % STEPS);
        u64::from(STEPS + step + 1) << (power - 3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_to_an_eighth() {
        for ns in (128_u64..3_000_000)
            .step_by(997)
            .chain([127, 128, 4_294_967_296])
        {
            let mut histogram = Histogram::default();
            histogram.record(Duration::from_nanos(ns));
            let told = histogram.quantile(0.5).as_nanos() as f64;
            let most = (ns as f64 * 1.125).max(144.0);
            assert!(told > ns as f64 && told <= most, "{ns} ns read as {told}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_counted_at_them() {
        let mut histogram = Histogram::default();
        for time in [Duration::ZERO, Duration::from_secs(100_000), Duration::MAX] {
            histogram.record(time);
        }
        assert_eq!(histogram.count(), 3);
        let last = histogram.powers().last().unwrap();
        assert_eq!(last, (Duration::from_nanos(1 << LAST_POWER), 1));
    }

    #[test]
    fn powers_count_what_took_less() {
        let mut histogram = Histogram::default();
        for us in [1, 100, 100, 5_000] {
            histogram.record(Duration::from_micros(us));
        }
        let below = |ns: u64| {
            let bound = Duration::from_nanos(ns);
            histogram.powers().find(|(at, _)| *at == bound).unwrap().1
        };
        assert_eq!((below(1 << 8), below(1 << 10), below(1 << 17)), (0, 1, 3));
        assert_eq!((below(1 << 22), below(1 << 23)), (3, 4));
        let bounds: Vec<_> = histogram.powers().collect();
        assert!(bounds.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1));
    }

    #[test]
    fn copies_merge() {
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        for ms in 1..=90 {
            one.record(Duration::from_millis(ms));
        }
        for ms in 91..=100 {
            other.record(Duration::from_millis(ms));
        }
        one.merge(&other);
        assert_eq!((one.count(), one.sum()), (100, Duration::from_millis(5050)));
        let near = |part, ms: f64| {
            let told = one.quantile(part).as_secs_f64() * 1e3;
            assert!(told >= ms && told <= ms * 1.125, "{told} for {ms}");
        };
        near(0.5, 50.0);
        near(0.99, 99.0);
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }
}
