//! How much a server can carry: runs at one rate after another until the
//! highest is known that keeps a service level objective. Owns the objective's
//! grammar and the order of the rates; how a run is made is its caller's.

mod capacity;
mod slo;

pub use capacity::{CONFIRMATIONS, Found, Next, Outcome, Range, Search};
pub use slo::{Bound, Metric, Slo, SloError};

use crate::results::{Results, Verdict};

/// One run of a search.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Units offered per second.
    pub rate: f64,
    /// How it went.
    pub outcome: Outcome,
    /// What it measured.
    pub results: Results,
}

/// What a run says of the objective. A run that may not be believed says
/// nothing of it.
pub fn judge(slo: &Slo, results: &Results) -> Outcome {
    match &results.verdict {
        Verdict::Invalid { reasons } => Outcome::Invalid(reasons.join("; ")),
        Verdict::Valid => {
            let misses = slo.misses(results);
            if misses.is_empty() {
                Outcome::Met
            } else {
                Outcome::Missed(misses.join("; "))
            }
        }
    }
}

/// Searches `range` with `run`, which makes a run at a rate; `tell` hears of
/// each. Ends with the first run that cannot be made.
pub fn find_max<E>(
    range: Range,
    slo: &Slo,
    mut run: impl FnMut(f64) -> Result<Results, E>,
    mut tell: impl FnMut(&Trial),
) -> Result<Found, E> {
    let mut search = Search::new(range);
    let mut rate = search.first();
    loop {
        let results = run(rate)?;
        let trial = Trial {
            rate,
            outcome: judge(slo, &results),
            results,
        };
        tell(&trial);
        match search.next(trial.outcome) {
            Next::Offer(next) => rate = next,
            Next::Done(found) => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that fails everything beyond its capacity.
    fn server(rate: f64, capacity: f64) -> Results {
        let mut results = Results::default();
        results.units.begun = rate as u64;
        results.units.failed = (rate - capacity).max(0.0) as u64;
        results
    }

    #[test]
    fn every_run_is_told_and_the_last_three_confirm() {
        let slo: Slo = "fail<0.1%".parse().unwrap();
        let mut trials = Vec::new();
        let made = |rate| Ok::<_, ()>(server(rate, 10_000.0));
        let found = find_max(Range::default(), &slo, made, |trial| {
            trials.push((trial.rate, trial.outcome.clone()));
        });
        let Ok(Found::Rate { rate, missed, .. }) = found else {
            panic!("{found:?}");
        };
        assert!((9_700.0..=10_020.0).contains(&rate), "{rate}");
        assert!(missed.is_some_and(|missed| missed <= rate * 1.021));
        let last = &trials[trials.len() - CONFIRMATIONS as usize..];
        assert!(last.iter().all(|trial| *trial == (rate, Outcome::Met)));
    }

    #[test]
    fn a_run_that_cannot_be_made_ends_it() {
        let slo: Slo = "fail<1%".parse().unwrap();
        let found = find_max(
            Range::default(),
            &slo,
            |_| Err("no socket"),
            |_| panic!("nothing to tell"),
        );
        assert_eq!(found.unwrap_err(), "no socket");
    }

    #[test]
    fn an_invalid_run_is_no_verdict_on_the_server() {
        let slo: Slo = "fail<1%".parse().unwrap();
        let mut results = server(100.0, 0.0);
        assert!(matches!(judge(&slo, &results), Outcome::Missed(_)));
        results.verdict = Verdict::Invalid {
            reasons: vec!["a".into(), "b".into()],
        };
        assert_eq!(judge(&slo, &results), Outcome::Invalid("a; b".into()));
    }
}
