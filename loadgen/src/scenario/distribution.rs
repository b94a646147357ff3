//! The statistical distributions of `pause` and `sample`, drawn from the
//! run's seed.

use pinion_sip::base::Random;
use rand_core::{TryRng, utils};
use rand_distr::{Distribution as _, Exp, Gamma, LogNormal, Normal, Pareto, Poisson, Weibull};

/// One distribution with its parameters, checked.
#[derive(Clone, Debug)]
pub enum Distribution {
    /// Always the same.
    Fixed(f64),
    /// Whole numbers from the first to the second, both included.
    Uniform(f64, f64),
    /// Normal.
    Normal(Normal<f64>),
    /// The exponential of a normal.
    LogNormal(LogNormal<f64>),
    /// Exponential.
    Exponential(Exp<f64>),
    /// Weibull.
    Weibull(Weibull<f64>),
    /// Pareto.
    Pareto(Pareto<f64>),
    /// Gamma.
    Gamma(Gamma<f64>),
    /// Negative binomial: a Poisson whose mean is drawn from this gamma.
    NegativeBinomial(Gamma<f64>),
}

/// What a distribution's name asks for: the attributes it takes, in order.
pub const SHAPES: [(&str, &[&str]); 9] = [
    ("fixed", &["value"]),
    ("uniform", &["min", "max"]),
    ("normal", &["mean", "stdev"]),
    ("lognormal", &["mean", "stdev"]),
    ("exponential", &["mean"]),
    ("weibull", &["lambda", "k"]),
    ("pareto", &["k", "x_m"]),
    ("gamma", &["k", "theta"]),
    ("negbin", &["p", "n"]),
];

impl Distribution {
    /// The distribution `name` with the values of its attributes in the order
    /// of [`SHAPES`]; `None` where they make none.
    pub fn new(name: &str, values: &[f64]) -> Option<Distribution> {
        let &first = values.first()?;
        let second = values.get(1).copied().unwrap_or(0.0);
        // A scale is not negative; only a mean may be.
        if !values.iter().all(|value| value.is_finite()) || second < 0.0 {
            return None;
        }
        Some(match name {
            "fixed" => Distribution::Fixed(first),
            "uniform" if (0.0..=second).contains(&first) => Distribution::Uniform(first, second),
            "normal" => Distribution::Normal(Normal::new(first, second).ok()?),
            "lognormal" => Distribution::LogNormal(LogNormal::new(first, second).ok()?),
            "exponential" if first > 0.0 => Distribution::Exponential(Exp::new(1.0 / first).ok()?),
            "weibull" => Distribution::Weibull(Weibull::new(first, second).ok()?),
            "pareto" => Distribution::Pareto(Pareto::new(second, first).ok()?),
            "gamma" => Distribution::Gamma(Gamma::new(first, second).ok()?),
            "negbin" if first > 0.0 && first < 1.0 => {
                Distribution::NegativeBinomial(Gamma::new(second, (1.0 - first) / first).ok()?)
            }
            _ => return None,
        })
    }

    /// One draw.
    pub fn sample(&self, random: &mut Random) -> f64 {
        let mut source = Source(random);
        match self {
            Distribution::Fixed(value) => *value,
            Distribution::Uniform(least, most) => {
                let span = (most - least) as u64;
                least + source.0.below(span.saturating_add(1)) as f64
            }
            Distribution::Normal(normal) => normal.sample(&mut source),
            Distribution::LogNormal(normal) => normal.sample(&mut source),
            Distribution::Exponential(exponential) => exponential.sample(&mut source),
            Distribution::Weibull(weibull) => weibull.sample(&mut source),
            Distribution::Pareto(pareto) => pareto.sample(&mut source),
            Distribution::Gamma(gamma) => gamma.sample(&mut source),
            Distribution::NegativeBinomial(gamma) => {
                let mean = gamma.sample(&mut source);
                Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(&mut source))
            }
        }
    }
}

/// The run's randomness as the distributions ask for it.
struct Source<'a>(&'a mut Random);

impl TryRng for Source<'_> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok((self.0.next_u64() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(name: &str, values: &[f64]) -> f64 {
        let distribution = Distribution::new(name, values).unwrap();
        let mut random = Random::from_u64(7);
        let draws = 40_000;
        let sum: f64 = (0..draws).map(|_| distribution.sample(&mut random)).sum();
        sum / f64::from(draws)
    }

    #[test]
    fn means_are_those_of_the_formulas() {
        let near = |got: f64, want: f64| (got - want).abs() < want * 0.03;
        assert_eq!(mean("fixed", &[1000.0]), 1000.0);
        assert!(near(mean("uniform", &[2000.0, 5000.0]), 3500.0));
        assert!(near(mean("normal", &[60_000.0, 15_000.0]), 60_000.0));
        assert!(near(
            mean("lognormal", &[1.0, 0.5]),
            (1.0_f64 + 0.125).exp()
        ));
        assert!(near(mean("exponential", &[900.0]), 900.0));
        assert!(near(mean("weibull", &[3.0, 4.0]), 3.0 * 0.9064));
        assert!(near(mean("pareto", &[3.0, 2.0]), 3.0));
        assert!(near(mean("gamma", &[3.0, 2.0]), 6.0));
        assert!(near(mean("negbin", &[0.1, 2.0]), 18.0));
    }

    #[test]
    fn bounds_hold_and_nonsense_is_refused() {
        let uniform = Distribution::new("uniform", &[3.0, 5.0]).unwrap();
        let mut random = Random::from_u64(1);
        let draws: Vec<_> = (0..200).map(|_| uniform.sample(&mut random)).collect();
        assert!(draws.iter().all(|draw| (3.0..=5.0).contains(draw)));
        assert!(draws.contains(&3.0) && draws.contains(&5.0));
        assert!(Distribution::new("uniform", &[5.0, 3.0]).is_none());
        assert!(Distribution::new("normal", &[1.0, -1.0]).is_none());
        assert!(Distribution::new("zipf", &[1.0]).is_none());
    }
}
