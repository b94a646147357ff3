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
    /// Failures so far.
    failures: AtomicU64,
}

/// Leave to ask. What comes of it counts unless the database has failed since:
/// an answer that was long under way says nothing of the database now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    failures: u64,
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
            failures: AtomicU64::new(0),
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

    /// Leave to ask now, if there is; the success or failure must be told. One
    /// who tries and tells nothing within `patience` loses the turn.
    pub fn lets_in(&self, patience: Duration) -> Option<Turn> {
        // Read before the state: the turn then never counts as younger than it is.
        let failures = self.failures.load(Ordering::Acquire);
        if self.shown() == 0 {
            return Some(Turn { failures });
        }
        let mut state = self.lock();
        let now = Instant::now();
        let may = match state.circuit {
            Circuit::Closed => true,
            Circuit::Open(until) => now >= until,
            Circuit::HalfOpen(since) => now >= since + 2 * patience,
        };
        if !may {
            return None;
        }
        if state.circuit != Circuit::Closed {
            self.set(&mut state, Circuit::HalfOpen(now));
        }
        let failures = self.failures.load(Ordering::Relaxed);
        Some(Turn { failures })
    }

    /// The database answered.
    pub fn succeeded(&self, turn: Turn) {
        if self.shown() == 0 {
            return;
        }
        let mut state = self.lock();
        if state.circuit == Circuit::Closed || self.is_over(turn) {
            return;
        }
        self.set(&mut state, Circuit::Closed);
        tracing::info!("database {} answers again", self.name);
    }

    /// It did not. The pause doubles from failure to failure, and no two
    /// breakers keep step.
    pub fn failed(&self, turn: Turn, fault: &Fault) {
        let mut state = self.lock();
        if self.is_over(turn) {
            return;
        }
        self.failures.fetch_add(1, Ordering::Release);
        let now = Instant::now();
        match state.circuit {
            Circuit::Closed => {
                state.pause = SHORTEST;
                tracing::error!("database {} fails: {fault}", self.name);
            }
            Circuit::HalfOpen(_) | Circuit::Open(_) => {
                state.pause = (2 * state.pause).min(LONGEST);
            }
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
    pub fn refused(&self, turn: Turn, fault: &Fault) {
        self.succeeded(turn);
        let sentence = fault.to_string();
        let mut state = self.lock();
        if state.refused != sentence {
            tracing::error!("database {}: {sentence}", self.name);
            state.refused = sentence;
        }
    }

    /// Whether the database has failed since, to be asked with the state locked.
    fn is_over(&self, turn: Turn) -> bool {
        turn.failures != self.failures.load(Ordering::Relaxed)
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

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Waits for the next turn.
    fn next_turn(breaker: &Breaker) -> Turn {
        loop {
            if let Some(turn) = breaker.lets_in(PATIENCE) {
                return turn;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_failure_keeps_everybody_out_until_one_may_try() {
        let breaker = Breaker::new("test".into());
        let turn = breaker.lets_in(PATIENCE).unwrap();
        breaker.failed(turn, &fault());
        assert_eq!(breaker.shown(), 2);
        let turn = next_turn(&breaker);
        assert_eq!(breaker.shown(), 1);
        assert_eq!(breaker.lets_in(PATIENCE), None, "one tries, not two");
        breaker.succeeded(turn);
        assert_eq!(breaker.shown(), 0);
        assert!(breaker.lets_in(PATIENCE).is_some());
    }

    #[test]
    fn a_turn_that_is_not_used_is_lost() {
        let breaker = Breaker::new("test".into());
        let turn = breaker.lets_in(PATIENCE).unwrap();
        breaker.failed(turn, &fault());
        next_turn(&breaker);
        assert!(breaker.lets_in(Duration::ZERO).is_some());
    }

    #[test]
    fn what_was_asked_before_a_failure_says_nothing_after_it() {
        let breaker = Breaker::new("test".into());
        let early = breaker.lets_in(PATIENCE).unwrap();
        let turn = breaker.lets_in(PATIENCE).unwrap();
        breaker.failed(turn, &fault());
        breaker.succeeded(early);
        assert_eq!(breaker.shown(), 2, "a slow answer does not close it");
        let turn = next_turn(&breaker);
        breaker.failed(early, &fault());
        assert_eq!(breaker.shown(), 1, "nor does a slow failure take the turn");
        breaker.succeeded(turn);
        breaker.failed(early, &fault());
        assert_eq!(breaker.shown(), 0, "or opens it again");
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let breaker = Breaker::new("test".into());
        for _ in 0..20 {
            let turn = breaker.lets_in(PATIENCE).unwrap();
            breaker.failed(turn, &fault());
            breaker.lock().circuit = Circuit::Open(Instant::now());
        }
        assert_eq!(breaker.lock().pause, LONGEST);
    }
}
