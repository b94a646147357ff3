//! How long the stages of the way through the engine take. The driver owns the
//! clock and says which messages are timed; the machine says where it is.

use core::time::Duration;

use crate::base::Histogram;

macro_rules! stages {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal,)*) => {
        /// A stage of the way of messages and calls.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Stage {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Stage {
            /// All of them, in the order of the way.
            pub const ALL: &[Stage] = &[$(Stage::$variant,)*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Stage::$variant => $name,)*
                }
            }
        }
    };
}

stages! {
    /// From the turn in which the kernel gave a message to its own turn.
    Receive "receive",
    /// Reading it.
    Parse "parse",
    /// Matching a request outside of dialogs, and proving who sent it.
    Auth "auth",
    /// Waiting for the database.
    Database "database",
    /// Waiting for what is done outside: HTTP, DNS, the host.
    Outside "outside",
    /// All that follows: dialogs, the plan, writing.
    Plan "plan",
    /// Until what it caused has left with its batch.
    Send "send",
    /// From a caller's INVITE until it is told that somebody rings.
    Ringing "ringing",
    /// From a caller's INVITE until it is answered.
    Answer "answer",
}

impl Stage {
    /// Whether it is about a whole call, as its caller sees it.
    pub const fn is_of_calls(self) -> bool {
        matches!(self, Stage::Ringing | Stage::Answer)
    }
}

/// What each stage has taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stages([Histogram; Stage::ALL.len()]);

impl Default for Stages {
    fn default() -> Stages {
        Stages(core::array::from_fn(|_| Histogram::default()))
    }
}

impl Stages {
    /// Counts what a stage took.
    pub fn took(&mut self, stage: Stage, time: Duration) {
        if let Some(histogram) = self.0.get_mut(stage as usize) {
            histogram.record(time);
        }
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Stages) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            own.merge(other);
        }
    }

    /// What each stage has taken, in the order of the way.
    pub fn each(&self) -> impl Iterator<Item = (Stage, &Histogram)> {
        Stage::ALL.iter().copied().zip(&self.0)
    }
}

/// Reads nanoseconds from some fixed start.
pub type Nanoseconds = fn() -> u64;

/// Times one message in so many. Without a clock none; what a mark costs then
/// is one comparison.
#[derive(Default)]
pub struct Stopwatch {
    clock: Option<Nanoseconds>,
    /// One message in so many is timed.
    every: u32,
    /// Messages until the next.
    left: u32,
    /// A message is being timed.
    running: bool,
    /// The clock at the last mark.
    last_ns: u64,
    /// What it has caused waits to leave.
    sending: bool,
    stages: Box<Stages>,
}

impl Stopwatch {
    /// Times one message in `every` by that clock; none if that is 0.
    pub fn set(&mut self, clock: Nanoseconds, every: u32) {
        self.clock = Some(clock).filter(|_| every > 0);
        (self.every, self.left) = (every, every);
    }

    /// Another message is about to be handled: whether it is to be timed.
    #[inline]
    pub fn is_due(&mut self) -> bool {
        if self.clock.is_none() {
            return false;
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.left = self.every;
            return true;
        }
        false
    }

    /// The message that is handled now has waited so long for its turn.
    #[cold]
    pub fn start(&mut self, waited: Duration) {
        self.stages.took(Stage::Receive, waited);
        self.running = true;
        self.sending = false;
        self.lap();
    }

    /// A stage of the message at hand is over.
    #[inline]
    pub fn mark(&mut self, stage: Stage) {
        if self.running {
            self.note(stage);
        }
    }

    #[cold]
    fn note(&mut self, stage: Stage) {
        let took = self.lap();
        self.stages.took(stage, took);
    }

    /// The message at hand goes another way than the stages have it.
    #[inline]
    pub fn leave(&mut self) {
        self.running = false;
    }

    /// The message at hand has been handled.
    #[inline]
    pub fn stop(&mut self) {
        if self.running {
            self.note(Stage::Plan);
            self.running = false;
            self.sending = true;
        }
    }

    /// All that waited to leave has left.
    #[inline]
    pub fn sent(&mut self) {
        if self.sending {
            self.sending = false;
            self.note(Stage::Send);
        }
    }

    /// Counts what a stage took that is not timed by marks.
    pub fn took(&mut self, stage: Stage, time: Duration) {
        self.stages.took(stage, time);
    }

    /// What has been counted.
    pub fn stages(&self) -> &Stages {
        &self.stages
    }

    /// The time since the last mark.
    fn lap(&mut self) -> Duration {
        let now_ns = self.clock.map_or(self.last_ns, |clock| clock());
        let since_ns = now_ns.saturating_sub(self.last_ns);
        self.last_ns = now_ns;
        Duration::from_nanos(since_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    std::thread_local! {
        static NOW_NS: Cell<u64> = const { Cell::new(0) };
    }

    /// Each look at this clock takes 10 µs more than the one before.
    fn clock() -> u64 {
        NOW_NS.set(NOW_NS.get() + 10_000);
        NOW_NS.get()
    }

    fn counts(watch: &Stopwatch) -> Vec<(&'static str, u64)> {
        let each = watch.stages().each();
        each.map(|(stage, histogram)| (stage.name(), histogram.count()))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    #[test]
    fn one_message_in_so_many_is_timed() {
        let mut watch = Stopwatch::default();
        watch.set(clock, 3);
        let due: Vec<bool> = (0..7).map(|_| watch.is_due()).collect();
        assert_eq!(due, [false, false, true, false, false, true, false]);
    }

    #[test]
    fn without_a_clock_nothing_is_timed() {
        let mut watch = Stopwatch::default();
        assert!(!watch.is_due());
        watch.mark(Stage::Parse);
        watch.stop();
        watch.sent();
        assert!(counts(&watch).is_empty());
        watch.set(clock, 0);
        assert!(!watch.is_due());
    }

    #[test]
    fn marks_time_what_lies_between_them() {
        let mut watch = Stopwatch::default();
        watch.set(clock, 1);
        assert!(watch.is_due());
        watch.start(Duration::from_micros(3));
        watch.mark(Stage::Parse);
        watch.stop();
        watch.mark(Stage::Parse);
        watch.sent();
        watch.sent();
        let expected = [("receive", 1), ("parse", 1), ("plan", 1), ("send", 1)];
        assert_eq!(counts(&watch), expected);
        for (stage, histogram) in watch.stages().each() {
            let took = match stage {
                Stage::Receive => Duration::from_micros(3),
                Stage::Parse | Stage::Plan | Stage::Send => Duration::from_micros(10),
                _ => Duration::ZERO,
            };
            assert_eq!(histogram.sum(), took, "{}", stage.name());
        }
    }

    #[test]
    fn a_message_that_goes_elsewhere_is_not_timed_further() {
        let mut watch = Stopwatch::default();
        watch.set(clock, 1);
        watch.start(Duration::ZERO);
        watch.leave();
        watch.stop();
        watch.sent();
        assert_eq!(counts(&watch), [("receive", 1)]);
    }
}
