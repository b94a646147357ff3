//! Intervals: within what bounds the truth lies behind a figure of one run.
//!
//! Every interval here holds with [`CONFIDENCE`] ≈ 97.47 %, so that two
//! independent ones hold together with 95 %, and so does the interval of the
//! ratio made of their ends. They tell what the sampling inside a run leaves
//! open, with samples taken as independent; what changes between runs (a warm
//! cache, a neighbour) only repeated runs can tell.

use hdrhistogram::Histogram;

/// √0.95.
pub const CONFIDENCE: f64 = 0.974_679_434_480_896_4;

/// The two-sided normal quantile of [`CONFIDENCE`].
const Z: f64 = 2.236_477;

/// Expected samples beyond a quantile from which on their number is taken as
/// normal; below, its distribution is summed up exactly.
const NORMAL_FROM: f64 = 50.0;

/// Both ends, included. Where nothing bounds it, `high` is infinite.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Both ends times `factor`, which is positive.
    pub fn scaled(self, factor: f64) -> Interval {
        Interval {
            low: self.low * factor,
            high: self.high * factor,
        }
    }

    /// The interval of this one's ratio to `base`, both positive; unbounded
    /// where the base may be zero.
    pub fn over(self, base: Interval) -> Interval {
        let ratio = |above: f64, below: f64| {
            if above.is_infinite() || below <= 0.0 {
                f64::INFINITY
            } else {
                above / below
            }
        };
        Interval {
            low: if base.high.is_infinite() {
                0.0
            } else {
                ratio(self.low, base.high)
            },
            high: ratio(self.high, base.low),
        }
    }
}

/// The interval of the `quantile` (0.5 or above) that `samples` come from, by
/// order statistics: of n independent samples, Binomial(n, 1 − quantile) lie
/// beyond it, whatever their distribution, so two of the sorted samples bound
/// it. With too few samples beyond it there is no upper bound. `None` without
/// any sample.
pub fn of_quantile(samples: &Histogram<u64>, quantile: f64) -> Option<Interval> {
    let count = samples.len();
    if count == 0 {
        return None;
    }
    let (fewest, most) = beyond(count, 1.0 - quantile);
    // The half keeps a rank from being rounded up to the next.
    let at = |rank: u64| samples.value_at_quantile((rank as f64 - 0.5) / count as f64);
    let low = match count.saturating_sub(most) {
        0 => 0,
        rank => samples.lowest_equivalent(at(rank)),
    };
    let high = match fewest {
        0 => f64::INFINITY,
        // Samples are whole microseconds, cut off.
        fewest => (at(count - fewest + 1) + 1) as f64,
    };
    Some(Interval {
        low: low as f64,
        high,
    })
}

/// Within what bounds the number of `count` samples that lie beyond a quantile
/// stays, each with the probability `tail`.
fn beyond(count: u64, tail: f64) -> (u64, u64) {
    let expected = count as f64 * tail;
    if expected >= NORMAL_FROM {
        let spread = Z * (expected * (1.0 - tail)).sqrt();
        let fewest = (expected - spread).floor().max(0.0);
        return (fewest as u64, (expected + spread).ceil() as u64);
    }
    let outside = (1.0 - CONFIDENCE) / 2.0;
    let mut probability = (count as f64 * (-tail).ln_1p()).exp();
    let mut below = 0.0;
    let mut fewest = 0;
    for number in 0..count {
        if below <= outside {
            fewest = number;
        }
        below += probability;
        if 1.0 - below <= outside {
            return (fewest, number);
        }
        probability *= (count - number) as f64 / (number + 1) as f64 * tail / (1.0 - tail);
    }
    (fewest, count)
}

/// The interval of a share of which `part` of `whole` were seen (Wilson's
/// score interval).
pub fn of_share(part: u64, whole: u64) -> Option<Interval> {
    if whole == 0 {
        return None;
    }
    let (count, share) = (whole as f64, part as f64 / whole as f64);
    let square = Z * Z / count;
    let centre = share + square / 2.0;
    let spread = (square * share * (1.0 - share) + square * square / 4.0).sqrt();
    Some(Interval {
        low: ((centre - spread) / (1.0 + square)).max(0.0),
        high: ((centre + spread) / (1.0 + square)).min(1.0),
    })
}

/// The interval of the mean that `batches` scatter around, each the figure of
/// one second; `None` with fewer than eight, too few to know their scatter.
pub fn of_mean(batches: impl ExactSizeIterator<Item = u64> + Clone) -> Option<Interval> {
    let count = batches.len() as f64;
    if count < 8.0 {
        return None;
    }
    let mean = batches.clone().map(|batch| batch as f64).sum::<f64>() / count;
    let squares = batches.map(|batch| (batch as f64 - mean).powi(2));
    let spread = Z * (squares.sum::<f64>() / (count - 1.0) / count).sqrt();
    Some(Interval {
        low: (mean - spread).max(0.0),
        high: mean + spread,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{histogram, value_at};
    use super::*;
    use pinion_sip::base::Random;

    /// How often, of 400 runs, the interval holds the truth.
    fn held(quantile: f64, count: u64) -> usize {
        let mut random = Random::from_u64(7);
        let truth = value_at(quantile, 1000);
        (0..400)
            .filter(|_| {
                let interval = of_quantile(&histogram(&mut random, count, 1000), quantile);
                let Interval { low, high } = interval.unwrap();
                // A histogram knows a sample to a part in a thousand.
                low <= truth * 1.001 && truth * 0.999 <= high
            })
            .count()
    }

    #[test]
    fn an_interval_of_a_quantile_holds_it_as_often_as_it_says() {
        for (quantile, count) in [(0.5, 2000), (0.99, 2000), (0.99, 500), (0.999, 500)] {
            let held = held(quantile, count);
            assert!(held >= 380, "p{quantile} of {count}: {held} of 400");
        }
    }

    #[test]
    fn too_few_samples_bound_nothing_from_above() {
        let mut random = Random::from_u64(1);
        let few = histogram(&mut random, 100, 1000);
        assert_eq!(of_quantile(&few, 0.9999).unwrap().high, f64::INFINITY);
        assert!(of_quantile(&few, 0.5).unwrap().high.is_finite());
        assert_eq!(of_quantile(&Histogram::new(3).unwrap(), 0.5), None);
    }

    #[test]
    fn more_samples_narrow_it() {
        let mut random = Random::from_u64(2);
        let width = |count, random: &mut Random| {
            let interval = of_quantile(&histogram(random, count, 1000), 0.9).unwrap();
            interval.high - interval.low
        };
        let few = width(1000, &mut random);
        assert!(width(100_000, &mut random) < few / 4.0);
    }

    #[test]
    fn exact_and_normal_bounds_meet() {
        let tail = 0.01;
        let (exact, normal) = (beyond(4990, tail), beyond(5010, tail));
        assert!(exact.0.abs_diff(normal.0) <= 3, "{exact:?} {normal:?}");
        assert!(exact.1.abs_diff(normal.1) <= 3, "{exact:?} {normal:?}");
    }

    #[test]
    fn no_failure_in_many_is_still_not_a_share_of_nothing() {
        let none = of_share(0, 10_000).unwrap();
        assert_eq!(none.low, 0.0);
        assert!((0.000_3..0.000_6).contains(&none.high), "{none:?}");
        let half = of_share(50, 100).unwrap();
        assert!(half.low > 0.35 && half.high < 0.65, "{half:?}");
        assert_eq!(of_share(0, 0), None);
    }

    #[test]
    fn a_mean_needs_seconds_enough() {
        assert_eq!(of_mean([5u64; 7].into_iter()), None);
        let even = of_mean([5u64; 8].into_iter()).unwrap();
        assert_eq!((even.low, even.high), (5.0, 5.0));
        let odd = of_mean([4u64, 6, 4, 6, 4, 6, 4, 6].into_iter()).unwrap();
        assert!(odd.low < 4.5 && odd.high > 5.5, "{odd:?}");
    }

    #[test]
    fn a_ratio_spans_the_ends() {
        let span = |low, high| Interval { low, high };
        assert_eq!(span(2.0, 4.0).over(span(1.0, 2.0)), span(1.0, 4.0));
        assert_eq!(
            span(2.0, f64::INFINITY).over(span(1.0, f64::INFINITY)),
            span(0.0, f64::INFINITY)
        );
        assert_eq!(span(1.0, 2.0).over(span(0.0, 1.0)).high, f64::INFINITY);
    }
}
