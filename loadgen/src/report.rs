//! What a run has measured, and how it is told.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The answers of one run.
pub struct Report {
    /// Requests the kernel did not take.
    pub refused: u64,
    seen: Vec<bool>,
    duplicates: u64,
    statuses: BTreeMap<u16, u64>,
    latencies_us: Vec<u64>,
}

impl Report {
    /// Nothing answered yet of `total` requests.
    pub fn new(total: u64) -> Report {
        let seen = vec![false; total as usize];
        Report {
            refused: 0,
            seen,
            duplicates: 0,
            statuses: BTreeMap::new(),
            latencies_us: Vec::new(),
        }
    }

    /// Counts a final response to the request `number`; the first counts, a
    /// copy is told apart.
    pub fn count(&mut self, status: u16, number: u64, latency: Duration) {
        match self.seen.get_mut(number as usize) {
            Some(seen) if !*seen => {
                *seen = true;
                *self.statuses.entry(status).or_default() += 1;
                self.latencies_us
                    .push(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
            }
            _ => self.duplicates += 1,
        }
    }

    /// Requests answered.
    pub fn answered(&self) -> u64 {
        self.latencies_us.len() as u64
    }

    /// Requests without an answer.
    pub fn lost(&self) -> u64 {
        self.seen.len() as u64 - self.answered()
    }
}

/// The smallest value that `per_mille` of 1000 values do not exceed.
fn percentile(sorted: &[u64], per_mille: usize) -> Option<u64> {
    let rank = (sorted.len() * per_mille).div_ceil(1000).max(1);
    sorted.get(rank - 1).copied()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "sent        {}", self.seen.len() as u64 - self.refused)?;
        writeln!(f, "refused     {}", self.refused)?;
        writeln!(f, "answered    {}", self.answered())?;
        writeln!(f, "lost        {}", self.lost())?;
        write!(f, "duplicates  {}", self.duplicates)?;
        for (status, count) in &self.statuses {
            write!(f, "\nstatus {status}  {count}")?;
        }
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        for (name, per_mille) in [("p50", 500), ("p99", 990), ("max", 1000)] {
            if let Some(value) = percentile(&sorted, per_mille) {
                write!(f, "\n{name}         {value} us")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 500), Some(50));
        assert_eq!(percentile(&hundred, 990), Some(99));
        assert_eq!(percentile(&hundred, 1000), Some(100));
        assert_eq!(percentile(&[7], 500), Some(7));
        assert_eq!(percentile(&[], 500), None);
    }

    #[test]
    fn a_copy_is_no_second_answer() {
        let mut report = Report::new(3);
        for (number, status) in [(0, 200), (0, 200), (2, 503)] {
            report.count(status, number, Duration::from_micros(10));
        }
        assert_eq!(
            (report.answered(), report.lost(), report.duplicates),
            (2, 1, 1)
        );
        let text = report.to_string();
        assert!(
            text.contains("lost        1\n") && text.contains("status 503  1"),
            "{text}"
        );
    }
}
