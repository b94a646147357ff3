//! When units of load begin: the processes by name, and the pacer that draws
//! one thread's intended times. Reads no clock; a run's times are offsets from
//! its beginning.

use std::fmt;
use std::time::Duration;

use pinion_sip::base::Random;

/// A process of arrivals; rates are units a second over all threads.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Arrival {
    /// Even distances.
    Constant(f64),
    /// Independent arrivals: exponential distances.
    Poisson(f64),
    /// A rate that changes evenly over the run.
    Ramp {
        /// At its beginning.
        from: f64,
        /// At its end.
        to: f64,
    },
    /// A rate raised step by step.
    Step {
        /// In the first step.
        from: f64,
        /// Added with each further one.
        step: f64,
        /// How long each lasts.
        every: Duration,
    },
}

impl Arrival {
    /// The process `name` (`constant`, `poisson`, `ramp:FROM-TO` or
    /// `step:FROM,STEP,EVERY`) at `rate`, which the first two go by.
    pub fn parse(name: &str, rate: f64) -> Result<Arrival, String> {
        let arrival = match name.split_once(':') {
            None if name == "constant" => Arrival::Constant(rate),
            None if name == "poisson" => Arrival::Poisson(rate),
            Some(("ramp", ends)) => {
                let (from, to) = ends
                    .split_once('-')
                    .ok_or("ramp wants FROM-TO, as in ramp:100-5000")?;
                Arrival::Ramp {
                    from: number(from)?,
                    to: number(to)?,
                }
            }
            Some(("step", parts)) => match parts.split(',').collect::<Vec<_>>()[..] {
                [from, step, every] => Arrival::Step {
                    from: number(from)?,
                    step: number(step)?,
                    every: super::duration(every)?,
                },
                _ => return Err("step wants FROM,STEP,EVERY, as in step:1000,500,10s".into()),
            },
            _ => {
                return Err(format!(
                    "{name} is none of constant, poisson, ramp:FROM-TO and step:FROM,STEP,EVERY"
                ));
            }
        };
        if let Arrival::Step { every, .. } = arrival
            && every < Duration::from_millis(1)
        {
            return Err("a step must last 1 ms at least".into());
        }
        if arrival.rate_at(Duration::ZERO, Duration::from_secs(1)) < 0.0 {
            return Err("a rate cannot be negative".into());
        }
        Ok(arrival)
    }

    /// The rate `at` into a run of `duration`.
    pub fn rate_at(&self, at: Duration, duration: Duration) -> f64 {
        match *self {
            Arrival::Constant(rate) | Arrival::Poisson(rate) => rate,
            Arrival::Ramp { from, to } => {
                let share = at.as_secs_f64() / duration.as_secs_f64().max(f64::EPSILON);
                from + (to - from) * share.min(1.0)
            }
            Arrival::Step { from, step, every } => {
                let steps = (at.as_secs_f64() / every.as_secs_f64().max(f64::EPSILON)).floor();
                from + step * steps
            }
        }
    }

    /// Units due before `at` in a run of `duration`; the mean for Poisson.
    pub fn due(&self, at: Duration, duration: Duration) -> f64 {
        let seconds = at.as_secs_f64();
        match *self {
            Arrival::Constant(rate) | Arrival::Poisson(rate) => rate * seconds,
            Arrival::Ramp { from, to } => {
                let slope = (to - from) / duration.as_secs_f64().max(f64::EPSILON);
                from * seconds + slope * seconds * seconds / 2.0
            }
            Arrival::Step { from, step, every } => {
                let every = every.as_secs_f64().max(f64::EPSILON);
                // A rate that falls to nothing stays there.
                let seconds = if step < 0.0 {
                    seconds.min(every * (from / -step).ceil())
                } else {
                    seconds
                };
                let whole = (seconds / every).floor();
                let before = whole * from + step * whole * (whole - 1.0) / 2.0;
                before * every + (from + step * whole) * (seconds - whole * every)
            }
        }
    }

    /// The highest rate of a run of `duration`.
    pub fn peak(&self, duration: Duration) -> f64 {
        let end = duration.saturating_sub(Duration::from_micros(1));
        self.rate_at(Duration::ZERO, duration)
            .max(self.rate_at(end, duration))
    }

    /// When the unit `number` of a process without chance is due, in seconds.
    fn moment(&self, number: f64, duration: Duration) -> Option<f64> {
        let moment = match *self {
            Arrival::Constant(rate) | Arrival::Poisson(rate) => number / rate,
            Arrival::Ramp { from, to } => {
                let slope = (to - from) / duration.as_secs_f64().max(f64::EPSILON);
                // The stable root of slope/2·t² + from·t = number.
                let root = (from * from + 2.0 * slope * number).sqrt();
                if number == 0.0 {
                    0.0
                } else {
                    2.0 * number / (from + root)
                }
            }
            Arrival::Step { from, step, every } => {
                let every = every.as_secs_f64();
                // The steps before it: the root of step/2·k² + (from − step/2)·k
                // = number/every on the branch that rises, rounded down.
                let (linear, due) = (from - step / 2.0, number / every);
                let root = (linear * linear + 2.0 * step * due).sqrt();
                if root.is_nan() {
                    return None;
                }
                let steps = if linear < 0.0 {
                    (root - linear) / step
                } else {
                    2.0 * due / (linear + root)
                };
                let before = |steps: f64| every * steps * (linear + step * steps / 2.0);
                let mut steps = steps.max(0.0).floor();
                // Rounding may have crossed the border of a step; one without
                // any unit is passed over.
                while from + step * steps >= 0.0 && number >= before(steps + 1.0) {
                    steps += 1.0;
                }
                while steps > 0.0 && number < before(steps) {
                    steps -= 1.0;
                }
                let rate = from + step * steps;
                if rate <= 0.0 {
                    return None;
                }
                steps * every + (number - before(steps)) / rate
            }
        };
        moment.is_finite().then_some(moment)
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite())
        .ok_or_else(|| format!("{text} is no rate"))
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arrival::Constant(rate) => write!(f, "constant {rate}/s"),
            Arrival::Poisson(rate) => write!(f, "poisson {rate}/s"),
            Arrival::Ramp { from, to } => write!(f, "ramp {from}/s to {to}/s"),
            Arrival::Step { from, step, every } => {
                write!(
                    f,
                    "step {from}/s, {step}/s more every {}s",
                    every.as_secs_f64()
                )
            }
        }
    }
}

/// The intended times of one thread, one after the other.
///
/// A process without chance is shared out: of `threads` threads, each takes
/// every `threads`-th unit, so that together they keep its distances. Poisson
/// processes add up to one, so each thread draws its own.
pub struct Pacer {
    arrival: Arrival,
    duration: Duration,
    threads: f64,
    /// The next unit's number in the whole process.
    number: f64,
    /// The last time drawn, in seconds.
    last: f64,
    random: Random,
}

impl Pacer {
    /// The times of thread `thread` of `threads`, for a run of `duration`.
    pub fn new(
        arrival: Arrival,
        duration: Duration,
        thread: u16,
        threads: u16,
        random: Random,
    ) -> Pacer {
        Pacer {
            arrival,
            duration,
            threads: f64::from(threads.max(1)),
            number: f64::from(thread),
            last: 0.0,
            random,
        }
    }

    /// The next intended time from the run's beginning; `None` once the run is over.
    pub fn next_time(&mut self) -> Option<Duration> {
        let moment = if let Arrival::Poisson(rate) = self.arrival {
            // 53 random bits, never 0, so that the logarithm is finite.
            let unit = ((self.random.next_u64() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
            self.last -= unit.ln() * self.threads / rate;
            self.last
        } else {
            let number = self.number;
            self.number += self.threads;
            self.arrival.moment(number, self.duration)?
        };
        let micros = (moment * 1e6).round();
        let over = !micros.is_finite() || micros >= self.duration.as_micros() as f64;
        (!over).then(|| Duration::from_micros(micros as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn times(arrival: Arrival, duration: Duration, thread: u16, threads: u16) -> Vec<u64> {
        let random = Random::from_u64(7 + u64::from(thread));
        let mut pacer = Pacer::new(arrival, duration, thread, threads, random);
        std::iter::from_fn(|| pacer.next_time())
            .map(|at| at.as_micros() as u64)
            .collect()
    }

    fn gaps(times: &[u64]) -> Vec<f64> {
        times
            .windows(2)
            .map(|pair| pair[1] as f64 - pair[0] as f64)
            .collect()
    }

    #[test]
    fn constant_times_are_exact_and_shared_out() {
        let whole = times(Arrival::Constant(8.0), SECOND, 0, 1);
        assert_eq!(
            whole,
            [
                0, 125_000, 250_000, 375_000, 500_000, 625_000, 750_000, 875_000
            ]
        );
        let mut halves = times(Arrival::Constant(8.0), SECOND, 0, 2);
        halves.extend(times(Arrival::Constant(8.0), SECOND, 1, 2));
        halves.sort_unstable();
        assert_eq!(halves, whole);
        assert_eq!(times(Arrival::Constant(3.0), SECOND * 100, 0, 1).len(), 300);
    }

    #[test]
    fn poisson_gaps_vary_as_much_as_their_mean() {
        for threads in [1, 3] {
            let mut all: Vec<u64> = (0..threads)
                .flat_map(|thread| times(Arrival::Poisson(1000.0), SECOND * 50, thread, threads))
                .collect();
            all.sort_unstable();
            let gaps = gaps(&all);
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let variance =
                gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
            let variation = variance.sqrt() / mean;
            assert!(
                (0.97..1.03).contains(&variation),
                "{threads} threads: coefficient of variation {variation}"
            );
            assert!((980.0..1020.0).contains(&mean), "mean gap {mean} us");
        }
    }

    #[test]
    fn poisson_times_depend_on_the_seed_alone() {
        assert_eq!(
            times(Arrival::Poisson(500.0), SECOND, 0, 1),
            times(Arrival::Poisson(500.0), SECOND, 0, 1)
        );
        assert_ne!(
            times(Arrival::Poisson(500.0), SECOND, 0, 2),
            times(Arrival::Poisson(500.0), SECOND, 1, 2)
        );
    }

    #[test]
    fn a_ramp_has_the_rates_of_its_ends() {
        let ramp = Arrival::Ramp {
            from: 0.0,
            to: 1000.0,
        };
        let times = times(ramp, SECOND * 10, 0, 1);
        assert_eq!(times.len(), 5000);
        let within =
            |from: u64, to: u64| times.iter().filter(|&&at| (from..to).contains(&at)).count();
        assert!((within(0, 1_000_000) as i64 - 50).abs() <= 1);
        assert!((within(9_000_000, 10_000_000) as i64 - 950).abs() <= 1);
        let down = Arrival::Ramp {
            from: 1000.0,
            to: 0.0,
        };
        assert_eq!(super::tests::times(down, SECOND * 10, 0, 1).len(), 5000);
    }

    #[test]
    fn steps_hold_their_rates() {
        let steps = Arrival::parse("step:100,50,2s", 0.0).unwrap();
        let times = times(steps, SECOND * 6, 0, 1);
        let within = |from: u64| {
            let range = from * 1_000_000..(from + 2) * 1_000_000;
            times.iter().filter(|at| range.contains(at)).count()
        };
        assert_eq!([0, 2, 4].map(within), [200, 300, 400]);
        assert_eq!(steps.due(SECOND * 6, SECOND * 6).round(), 900.0);
        assert_eq!(steps.peak(SECOND * 6), 200.0);
    }

    #[test]
    fn steps_down_end_where_the_rate_does() {
        let down = Arrival::parse("step:30,-10,1s", 0.0).unwrap();
        assert_eq!(times(down, SECOND * 3600, 0, 1).len(), 60);
        assert_eq!(down.due(SECOND * 10, SECOND * 10), 60.0);
        // The first step is empty, and so is the time after the last.
        let up = Arrival::parse("step:0,10,1s", 0.0).unwrap();
        let times = times(up, SECOND * 4, 0, 1);
        assert_eq!((times.len(), times[0]), (60, 1_000_000));
    }

    #[test]
    fn a_million_steps_cost_no_more_than_one() {
        let steps = Arrival::parse("step:1,1,1ms", 0.0).unwrap();
        let far = steps.moment(1e9, SECOND * 100_000).unwrap();
        assert!((steps.due(Duration::from_secs_f64(far), SECOND) - 1e9).abs() < 1.0);
    }

    #[test]
    fn names_are_read() {
        assert_eq!(Arrival::parse("constant", 5.0), Ok(Arrival::Constant(5.0)));
        assert_eq!(
            Arrival::parse("ramp:10-20", 0.0),
            Ok(Arrival::Ramp {
                from: 10.0,
                to: 20.0
            })
        );
        for wrong in [
            "burst",
            "ramp:5",
            "step:1,2",
            "ramp:a-b",
            "ramp:-5-6",
            "step:100,50,0s",
        ] {
            assert!(Arrival::parse(wrong, 0.0).is_err(), "{wrong}");
        }
    }
}
