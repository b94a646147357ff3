//! Which servers are worth asking: one that has failed several times in a row is
//! left alone for a while, so that a server that hangs does not hold all threads.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row after which a server is left alone.
const MOST_FAILURES: u32 = 5;

/// For how long.
const REST: Duration = Duration::from_secs(5);

/// Servers remembered at once.
const MOST_SERVERS: usize = 1024;

/// Failures in a row, and when the last was.
type Record = (u32, Instant);

/// The servers that have failed last time; shared by all threads.
#[derive(Default)]
pub(super) struct Circuits(Mutex<HashMap<String, Record>>);

impl Circuits {
    /// Whether a server may be asked.
    pub fn is_closed(&self, server: &str) -> bool {
        let failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed
            .get(server)
            .is_none_or(|(failures, last)| *failures < MOST_FAILURES || last.elapsed() >= REST)
    }

    /// Takes note of how it went. One that fails again after its rest rests again.
    pub fn learn(&self, server: &str, works: bool) {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if works {
            failed.remove(server);
            return;
        }
        if failed.len() >= MOST_SERVERS {
            failed.retain(|_, (_, last)| last.elapsed() < REST);
        }
        if failed.len() < MOST_SERVERS || failed.contains_key(server) {
            let record = failed.entry(server.into()).or_insert((0, Instant::now()));
            *record = (record.0.saturating_add(1), Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_keeps_failing_is_left_alone() {
        let circuits = Circuits::default();
        for _ in 0..MOST_FAILURES {
            assert!(circuits.is_closed("a"));
            circuits.learn("a", false);
        }
        assert!(!circuits.is_closed("a"));
        assert!(circuits.is_closed("b"));
        circuits.learn("a", true);
        assert!(circuits.is_closed("a"));
    }
}
