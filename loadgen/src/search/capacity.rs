//! The order in which rates are tried, as a state machine without a clock:
//! outcomes in, the next rate out.
//!
//! Rates double from the first until one misses (or halve until one is met),
//! then the middle of the gap is tried until it is narrow enough, then the
//! rate met is offered three times more. What fails then was not held: the
//! search falls back a step and confirms afresh.
//!
//! One hiccup of the machine must not cost half of the capacity, so outside of
//! confirmation a miss counts once it is repeated at the same rate. The same
//! goes for a run in which the generator was the limit, at any time. Below such
//! a rate the search goes on: a server far beyond its capacity answers so late
//! and so often again that no generator keeps up, and its capacity is lower.

use std::fmt;

/// Times a rate must be met again before it is the answer.
pub const CONFIRMATIONS: u32 = 3;

/// How wide the gap between met and missed may stay, and how long a step
/// back is: 2 %.
const STEP: f64 = 1.02;

/// Steps back in a row after which what was met is no longer believed.
const MAX_STEPS_BACK: u32 = 10;

/// Rates to search, in units per second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Range {
    /// Tried first.
    pub first: f64,
    /// Below which nothing is tried.
    pub least: f64,
    /// Above which nothing is tried.
    pub most: f64,
}

impl Default for Range {
    fn default() -> Range {
        Range {
            first: 100.0,
            least: 1.0,
            most: 1e6,
        }
    }
}

/// How a run at the rate offered went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The objective was kept.
    Met,
    /// It was not, and why.
    Missed(String),
    /// The generator was the limit, and why: nothing is known of the server.
    Invalid(String),
}

/// What to do after an outcome.
#[derive(Clone, PartialEq, Debug)]
pub enum Next {
    /// Make a run at that rate.
    Offer(f64),
    /// No more runs.
    Done(Found),
}

/// What a search came to.
#[derive(Clone, PartialEq, Debug)]
pub enum Found {
    /// The highest rate that was met and confirmed.
    Rate {
        /// Units per second.
        rate: f64,
        /// The lowest rate that was missed; `None` when the whole range is met.
        missed: Option<f64>,
        /// Runs made.
        runs: u32,
    },
    /// Beyond `met` the generator is the limit, not the server.
    GeneratorLimit {
        /// The rate at which it was, units per second.
        rate: f64,
        /// The highest rate met, if any; not confirmed.
        met: Option<f64>,
        /// Why.
        reason: String,
    },
    /// Even the least rate was missed.
    Nothing {
        /// That rate.
        rate: f64,
        /// Why.
        reason: String,
    },
}

/// A search under way.
pub struct Search {
    range: Range,
    offered: f64,
    met: Option<f64>,
    missed: Option<f64>,
    /// The lowest rate at which the generator was the limit, and why.
    beyond: Option<(f64, String)>,
    /// How often `met` was confirmed; `None` before that.
    confirmed: Option<u32>,
    /// The rate offered was not met the last time.
    repeated: bool,
    steps_back: u32,
    runs: u32,
}

impl Search {
    /// A search that begins with [`Search::first`].
    pub fn new(range: Range) -> Search {
        Search {
            range,
            offered: range.first.clamp(range.least, range.most),
            met: None,
            missed: None,
            beyond: None,
            confirmed: None,
            repeated: false,
            steps_back: 0,
            runs: 0,
        }
    }

    /// The rate of the first run.
    pub fn first(&self) -> f64 {
        self.offered
    }

    /// What follows the outcome of the run just made.
    pub fn next(&mut self, outcome: Outcome) -> Next {
        self.runs += 1;
        let confirming = self.confirmed.is_some();
        match outcome {
            Outcome::Met => self.met(),
            Outcome::Missed(reason) if self.repeated || confirming => self.missed(reason),
            Outcome::Invalid(reason) if self.repeated => {
                self.beyond = Some((self.offered, reason));
                let least = self.offered <= self.range.least;
                if confirming || least {
                    self.at_the_limit()
                } else {
                    self.narrow()
                }
            }
            Outcome::Missed(_) | Outcome::Invalid(_) => {
                self.repeated = true;
                Next::Offer(self.offered)
            }
        }
    }

    /// No rate between what was met and the generator's limit is left.
    fn at_the_limit(&mut self) -> Next {
        let (rate, reason) = self.beyond.take().unwrap_or_default();
        Next::Done(Found::GeneratorLimit {
            rate,
            met: self.met,
            reason,
        })
    }

    fn met(&mut self) -> Next {
        self.met = Some(self.offered);
        if let Some(confirmed) = &mut self.confirmed {
            *confirmed += 1;
        }
        self.narrow()
    }

    fn missed(&mut self, reason: String) -> Next {
        if self.offered <= self.range.least {
            return Next::Done(Found::Nothing {
                rate: self.offered,
                reason,
            });
        }
        self.missed = Some(self.offered);
        if self.confirmed.is_some() {
            self.step_back();
        }
        self.narrow()
    }

    /// The rate could not be confirmed: the one a step below it is the next to
    /// be. After too many steps the search looks for firm ground from there.
    fn step_back(&mut self) {
        self.steps_back += 1;
        if self.steps_back > MAX_STEPS_BACK {
            self.steps_back = 0;
            self.met = None;
            self.confirmed = None;
        } else {
            self.met = Some((self.offered / STEP).max(self.range.least));
            self.confirmed = Some(0);
        }
    }

    /// The next rate, from what is known to be met and missed.
    fn narrow(&mut self) -> Next {
        if self.confirmed.is_none() {
            let beyond = self.beyond.as_ref().map(|(rate, _)| *rate);
            let missed = self.missed.unwrap_or(f64::INFINITY);
            let ceiling = beyond.unwrap_or(f64::INFINITY).min(missed);
            let next = match self.met {
                Some(met) if ceiling.is_infinite() => Some(met * 2.0),
                Some(met) => (ceiling > met * STEP).then(|| (met * ceiling).sqrt()),
                None => Some(ceiling / 2.0),
            };
            let whole = ceiling.is_infinite() && self.met >= Some(self.range.most);
            if let Some(rate) = next.filter(|_| !whole) {
                return self.offer(rate);
            }
            if beyond.is_some_and(|beyond| beyond < missed) {
                return self.at_the_limit();
            }
            self.confirmed = Some(0);
        }
        let rate = self.met.unwrap_or(self.offered);
        if self.confirmed == Some(CONFIRMATIONS) {
            return Next::Done(Found::Rate {
                rate,
                missed: self.missed,
                runs: self.runs,
            });
        }
        self.offer(rate)
    }

    fn offer(&mut self, rate: f64) -> Next {
        self.repeated = false;
        self.offered = rate.clamp(self.range.least, self.range.most);
        Next::Offer(self.offered)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Met => f.write_str("met"),
            Outcome::Missed(reason) => write!(f, "missed: {reason}"),
            Outcome::Invalid(reason) => write!(f, "INVALID: {reason}"),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Rate { rate, missed, runs } => {
                write!(f, "found {rate:.0}/s, confirmed {CONFIRMATIONS} times; ")?;
                match missed {
                    Some(missed) => write!(f, "missed at {missed:.0}/s; {runs} runs"),
                    None => write!(f, "the range ends there; {runs} runs"),
                }
            }
            Found::GeneratorLimit { rate, met, reason } => {
                write!(f, "the generator is the limit at {rate:.0}/s ({reason}); ")?;
                match met {
                    Some(met) => write!(f, "the server met {met:.0}/s"),
                    None => f.write_str("nothing is known of the server"),
                }
            }
            Found::Nothing { rate, reason } => {
                write!(f, "not even {rate:.0}/s is met ({reason})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pinion_sip::base::Random;
    use proptest::prelude::*;

    fn miss() -> Outcome {
        Outcome::Missed("p99".into())
    }

    /// Searches with `outcome` as the server; what was found, and the rates.
    fn search(range: Range, mut outcome: impl FnMut(f64) -> Outcome) -> (Found, Vec<f64>) {
        let mut search = Search::new(range);
        let mut rates = vec![search.first()];
        loop {
            let rate = *rates.last().unwrap();
            match search.next(outcome(rate)) {
                Next::Offer(next) => rates.push(next),
                Next::Done(found) => return (found, rates),
            }
            assert!(rates.len() < 1000, "no end: {rates:?}");
        }
    }

    fn rate_of(found: &Found) -> f64 {
        match found {
            Found::Rate { rate, .. } => *rate,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn it_doubles_then_bisects_then_confirms() {
        let server = |rate| if rate <= 1000.0 { Outcome::Met } else { miss() };
        let (found, rates) = search(Range::default(), server);
        assert_eq!(rates[..6], [100.0, 200.0, 400.0, 800.0, 1600.0, 1600.0]);
        let rate = rate_of(&found);
        assert!((980.0..=1000.0).contains(&rate), "{found}");
        assert_eq!(rates[rates.len() - 3..], [rate; 3]);
        assert!(rates.len() < 25, "{rates:?}");
    }

    #[test]
    fn a_first_rate_too_high_is_halved() {
        let server = |rate| if rate <= 10.0 { Outcome::Met } else { miss() };
        let (found, rates) = search(Range::default(), server);
        assert_eq!(rates[..4], [100.0, 100.0, 50.0, 50.0]);
        assert!((9.8..=10.0).contains(&rate_of(&found)), "{found}");
    }

    #[test]
    fn a_server_that_meets_all_ends_at_the_range() {
        let range = Range {
            most: 1000.0,
            ..Range::default()
        };
        let (found, rates) = search(range, |_| Outcome::Met);
        let whole = Found::Rate {
            rate: 1000.0,
            missed: None,
            runs: rates.len() as u32,
        };
        assert_eq!(found, whole);
        assert_eq!(
            rates,
            [100.0, 200.0, 400.0, 800.0, 1000.0, 1000.0, 1000.0, 1000.0]
        );
    }

    #[test]
    fn a_dead_server_is_told() {
        let (found, rates) = search(Range::default(), |_| miss());
        assert!(matches!(found, Found::Nothing { rate: 1.0, .. }), "{found}");
        assert!(rates.len() < 20, "{rates:?}");
    }

    #[test]
    fn one_hiccup_is_forgiven() {
        let mut runs = 0;
        let (found, _) = search(Range::default(), |rate| {
            runs += 1;
            match runs {
                3 => miss(),
                _ if rate <= 5000.0 => Outcome::Met,
                _ => miss(),
            }
        });
        assert!(rate_of(&found) > 4900.0, "{found}");
    }

    #[test]
    fn a_rate_that_cannot_be_confirmed_is_given_up_for_one_a_step_below() {
        let mut met_at_1000 = 0;
        let range = Range {
            first: 1000.0,
            least: 1.0,
            most: 1000.0,
        };
        let (found, rates) = search(range, |rate| {
            met_at_1000 += u32::from(rate == 1000.0);
            if rate < 1000.0 || met_at_1000 < 3 {
                Outcome::Met
            } else {
                miss()
            }
        });
        let below = 1000.0 / STEP;
        assert_eq!(rate_of(&found), below);
        assert_eq!(rates, [1000.0, 1000.0, 1000.0, below, below, below]);
    }

    #[test]
    fn a_server_that_sinks_during_confirmation_is_searched_anew() {
        let mut runs = 0;
        let (found, _) = search(Range::default(), |rate| {
            runs += 1;
            let capacity = if runs < 15 { 1000.0 } else { 300.0 };
            if rate <= capacity {
                Outcome::Met
            } else {
                miss()
            }
        });
        assert!((290.0..=300.0).contains(&rate_of(&found)), "{found}");
    }

    #[test]
    fn the_generators_limit_is_told_once_nothing_below_it_is_missed() {
        let slow = || Outcome::Invalid("send lateness".into());
        let (found, rates) = search(Range::default(), |rate| {
            if rate <= 400.0 { Outcome::Met } else { slow() }
        });
        let Found::GeneratorLimit {
            rate,
            met: Some(met),
            reason,
        } = &found
        else {
            panic!("{found}")
        };
        assert_eq!(reason, "send lateness");
        assert!(
            (393.0..=400.0).contains(met) && *rate > 400.0 && *rate < met * STEP,
            "{found}"
        );
        assert_eq!(rates[..5], [100.0, 200.0, 400.0, 800.0, 800.0]);
        assert!(rates.len() < 20, "{rates:?}");
    }

    #[test]
    fn a_server_that_sinks_below_the_generators_limit_is_found() {
        let (found, _) = search(Range::default(), |rate| match rate {
            rate if rate <= 1000.0 => Outcome::Met,
            rate if rate <= 1300.0 => miss(),
            _ => Outcome::Invalid("its own sockets dropped 9 datagrams".into()),
        });
        assert!((980.0..=1000.0).contains(&rate_of(&found)), "{found}");
    }

    #[test]
    fn a_generator_that_is_the_limit_at_any_rate_says_so() {
        let slow = |_| Outcome::Invalid("send lateness".into());
        let (found, _) = search(Range::default(), slow);
        let nothing = Found::GeneratorLimit {
            rate: 1.0,
            met: None,
            reason: "send lateness".into(),
        };
        assert_eq!(found, nothing);
    }

    /// A server whose capacity wavers by `noise` from run to run and which
    /// fails at any rate now and then, though never twice in ten runs.
    fn wavering(capacity: f64, noise: f64, seed: u64) -> impl FnMut(f64) -> Outcome {
        let mut random = Random::from_u64(seed);
        let mut well = 0;
        move |rate| {
            let wave = random.below(2001) as f64 / 1000.0 - 1.0;
            well += 1;
            if well > 10 && random.below(20) == 0 {
                well = 0;
                return miss();
            }
            if rate <= capacity * (1.0 + noise * wave) {
                Outcome::Met
            } else {
                miss()
            }
        }
    }

    proptest! {
        /// What is met lies below the highest wave. What is missed twice lies
        /// above the lowest; from there it is one gap to what was met, and
        /// perhaps one step back for a hiccup.
        #[test]
        fn searches_of_a_wavering_server_agree_within_five_percent(
            capacity in 20.0f64..500_000.0,
            noise in 0.0f64..0.02,
            first in 1.0f64..5000.0,
            seed in any::<u64>(),
        ) {
            let range = Range { first, ..Range::default() };
            let mut rates = Vec::new();
            for repeat in 0..5 {
                let server = wavering(capacity, noise, seed.wrapping_add(repeat));
                let (found, runs) = search(range, server);
                let rate = rate_of(&found);
                prop_assert!(rate <= capacity * (1.0 + noise), "{rate} of {capacity}: {runs:?}");
                let lowest = capacity * (1.0 - noise) / STEP.powi(2);
                prop_assert!(rate >= lowest * 0.9999, "{rate} of {capacity}: {runs:?}");
                prop_assert!(runs.len() <= 80, "{runs:?}");
                rates.push(rate);
            }
            let ends = |pick: fn(f64, f64) -> f64| rates.iter().copied().reduce(pick).unwrap();
            let (low, high) = (ends(f64::min), ends(f64::max));
            prop_assert!((high - low) / (high + low) <= 0.05, "{rates:?}");
        }
    }
}
