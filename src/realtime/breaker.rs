//! Whether a database is worth asking. After a failure nobody asks until a
//! pause is over; then one tries, for all. It tells the operator of changes
//! only.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::driver::Fault;

/// The first pause.
const SHORTEST: Duration = Duration::from_millis(100);

/// The longest.
const LONGEST: Duration = Duration::from_secs(5);

/// One for each section and direction, shared by all workers.
pub struct Breaker {
    name: String,
    state: Mutex<State>,
    /// What the counter shows: 0 closed, 1 half-open, 2 open.
    shown: AtomicU64,
}

struct State {
    circuit: Circuit,
    pause: Duration,
    random: u64,
    /// What the database refused last, told once.
    refused: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Circuit {
    Closed,
    Open(Instant),
    /// One tries since then.
    HalfOpen(Instant),
}

impl Breaker {
    /// Closed. `name` is what the operator calls the database.
    pub fn new(name: String) -> Breaker {
        let random = name.bytes().fold(0x9e37_79b9_7f4a_7c15, |sum: u64, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Breaker {
            name,
            state: Mutex::new(State {
                circuit: Circuit::Closed,
                pause: SHORTEST,
                random: random ^ u64::from(std::process::id()),
                refused: String::new(),
            }),
            shown: AtomicU64::new(0),
        }
    }

    /// What the operator calls the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// 0 closed, 1 half-open, 2 open.
    pub fn shown(&self) -> u64 {
        self.shown.load(Ordering::Relaxed)
    }

    /// Whether the caller may ask now; its success or failure must be told.
    /// One who tries and tells nothing within `patience` loses the turn.
    pub fn lets_in(&self, patience: Duration) -> bool {
        if self.shown() == 0 {
            return true;
        }
        let mut state = self.lock();
        let now = Instant::now();
        let turn = match state.circuit {
            Circuit::Closed => return true,
            Circuit::Open(until) => now >= until,
            Circuit::HalfOpen(since) => now >= since + 2 * patience,
        };
        if turn {
            self.set(&mut state, Circuit::HalfOpen(now));
        }
        turn
    }

    /// The database answered.
    pub fn succeeded(&self) {
        if self.shown() == 0 {
            return;
        }
        let mut state = self.lock();
        state.pause = SHORTEST;
        self.set(&mut state, Circuit::Closed);
        tracing::info!("database {} answers again", self.name);
    }

    /// It did not. The pause doubles from failure to failure, and no two
    /// breakers keep step.
    pub fn failed(&self, fault: &Fault) {
        let mut state = self.lock();
        let now = Instant::now();
        match state.circuit {
            Circuit::Closed => {
                state.pause = SHORTEST;
                tracing::error!("database {} fails: {fault}", self.name);
            }
            Circuit::HalfOpen(_) => state.pause = (2 * state.pause).min(LONGEST),
            Circuit::Open(_) => return,
        }
        // xorshift: enough to be out of step.
        state.random ^= state.random << 13;
        state.random ^= state.random >> 7;
        state.random ^= state.random << 17;
        let jitter = state.pause.mul_f64((state.random % 512) as f64 / 1024.0);
        let until = now + state.pause - jitter;
        self.set(&mut state, Circuit::Open(until));
    }

    /// It answered no. That is told once, until it says something else.
    pub fn refused(&self, fault: &Fault) {
        self.succeeded();
        let sentence = fault.to_string();
        let mut state = self.lock();
        if state.refused != sentence {
            tracing::error!("database {}: {sentence}", self.name);
            state.refused = sentence;
        }
    }

    fn set(&self, state: &mut State, circuit: Circuit) {
        state.circuit = circuit;
        let shown = match circuit {
            Circuit::Closed => 0,
            Circuit::HalfOpen(_) => 1,
            Circuit::Open(_) => 2,
        };
        self.shown.store(shown, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault() -> Fault {
        Fault::Unavailable("gone".into())
    }

    #[test]
    fn a_failure_keeps_everybody_out_until_one_may_try() {
        let breaker = Breaker::new("test".into());
        let patience = Duration::from_secs(60);
        assert!(breaker.lets_in(patience));
        breaker.failed(&fault());
        assert_eq!(breaker.shown(), 2);
        while !breaker.lets_in(patience) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(breaker.shown(), 1);
        assert!(!breaker.lets_in(patience), "one tries, not two");
        breaker.succeeded();
        assert_eq!(breaker.shown(), 0);
        assert!(breaker.lets_in(patience));
    }

    #[test]
    fn a_turn_that_is_not_used_is_lost() {
        let breaker = Breaker::new("test".into());
        breaker.failed(&fault());
        while !breaker.lets_in(Duration::ZERO) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(breaker.lets_in(Duration::ZERO));
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let breaker = Breaker::new("test".into());
        for _ in 0..20 {
            breaker.failed(&fault());
            let mut state = breaker.lock();
            state.circuit = Circuit::HalfOpen(Instant::now());
        }
        assert_eq!(breaker.lock().pause, LONGEST);
    }
}
