//! What one thread has counted and timed. Owns the histograms; draws no
//! conclusion and knows no clock: moments are arguments.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use pinion_sip::base::Instant;

use crate::plan::Unit;
use crate::results::Stage as StageResult;

/// Three digits: a quantile is within 0.1 % of the sample it stands for.
const DIGITS: u8 = 3;

/// The series keeps one small histogram a step, so it takes fewer digits.
const SERIES_DIGITS: u8 = 2;

/// Steps a series has at most; a longer run has longer ones, and one that
/// turns out to be longer gets them on the way.
const SERIES_STEPS: usize = 3600;

macro_rules! stages {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal,)*) => {
        /// What a latency is of.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Stage {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Stage {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Stage] = &[$(Stage::$variant,)*];

            /// Its name in results.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Stage::$variant => $name,)*
                }
            }
        }
    };
}

stages! {
    /// From the INVITE's intended time to the first 100; of one with
    /// credentials, from its sending.
    Invite100 "invite-100",
    /// From the INVITE's intended time to the challenge.
    Invite401 "invite-401",
    /// From the call's intended time to the first 101 to 199, a challenge and
    /// its answer included.
    Invite18x "invite-18x",
    /// From the call's intended time to its 200, a challenge and its answer
    /// included; the ring time is part of it.
    Invite200 "invite-200",
    /// From the call's intended time to another final response.
    InviteRefused "invite-refused",
    /// At the callee: from its 200 to the ACK.
    Ack "ack",
    /// From the BYE's intended time, the end of the hold, to its 200. A
    /// challenged BYE begins again with its credentials.
    Bye200 "bye-200",
    /// From the CANCEL to the INVITE's 487.
    Cancel487 "cancel-487",
    /// From the REGISTER's intended time to the challenge.
    Register401 "register-401",
    /// From the last REGISTER, with credentials where challenged, to its 200.
    Register200 "register-200",
    /// From the OPTIONS' intended time to a final response.
    Options200 "options-200",
    /// From the MESSAGE's intended time to the challenge.
    Message401 "message-401",
    /// From the last MESSAGE, with credentials where challenged, to its 200.
    Message200 "message-200",
    /// From a unit's intended time to its end, the hold time of a call left out.
    Whole "whole",
}

/// Why something went wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// A final response that was not to be.
    Status(&'static str, u16),
    /// No final response within 64·T1: timer B for INVITE, F for others.
    Timeout(&'static str),
    /// The connection it was for is gone, or none could be opened.
    Unsent(&'static str),
    /// It rang for longer than `--answer-limit` and was cancelled.
    Unanswered,
    /// The CANCEL was not followed by a final response.
    Uncancelled,
    /// The challenge could not be answered, or came again.
    Challenge(&'static str),
    /// The other end sent BYE before its time.
    HungUp,
    /// A 200 to INVITE that names no way to reach the other end.
    NoContact,
    /// The callee's 200 or refusal that nobody acknowledged.
    Unacknowledged,
    /// A scenario's call, at the step on this line of its file.
    Step(&'static str, u32),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Status(method, status) => write!(f, "{method}: status {status}"),
            Cause::Timeout("INVITE") => write!(f, "INVITE: timeout B"),
            Cause::Timeout(method) => write!(f, "{method}: timeout F"),
            Cause::Unsent(method) => write!(f, "{method}: not sent, no connection"),
            Cause::Unanswered => f.write_str("INVITE: rang too long, cancelled"),
            Cause::Uncancelled => f.write_str("INVITE: no end after CANCEL"),
            Cause::Challenge(method) => write!(f, "{method}: challenge not met"),
            Cause::HungUp => f.write_str("call: hung up by the other end"),
            Cause::NoContact => f.write_str("INVITE: 200 without Contact"),
            Cause::Unacknowledged => f.write_str("callee: final response never acknowledged"),
            Cause::Step(why, line) => write!(f, "line {line}: {why}"),
        }
    }
}

/// Why a message was sent again, or came again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Again {
    /// Our timer fired in time: nothing had come from the peer.
    Silent(&'static str),
    /// Our timer fired so late that the answer may have waited here unread.
    Late(&'static str),
    /// The peer sent a copy.
    Copy(&'static str),
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Again::Silent(what) => write!(f, "{what}: peer silent"),
            Again::Late(what) => write!(f, "{what}: generator late"),
            Again::Copy(what) => write!(f, "{what}: copy from the peer"),
        }
    }
}

impl Stage {
    /// The unit it is a part of; `None` for those of every unit.
    pub fn unit(self) -> Option<Unit> {
        match self {
            Stage::Invite100
            | Stage::Invite401
            | Stage::Invite18x
            | Stage::Invite200
            | Stage::InviteRefused
            | Stage::Ack
            | Stage::Bye200
            | Stage::Cancel487 => Some(Unit::Call),
            Stage::Register401 | Stage::Register200 => Some(Unit::Register),
            Stage::Options200 => Some(Unit::Options),
            Stage::Message401 | Stage::Message200 => Some(Unit::Message),
            _ => None,
        }
    }
}

/// The calls one end knows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct End {
    /// Calls begun.
    pub begun: u64,
    /// Answered: the caller has sent an ACK for a 2xx, the callee has got it.
    pub answered: u64,
    /// Answered and ended since.
    pub ended: u64,
    /// Not answered, by the called side's own behaviour: refused, left ringing
    /// until cancelled, or left without any response.
    pub refused: u64,
    /// A sum over the marks of all answered calls. Equal sums and equal counts
    /// at both ends mean the same calls.
    pub marks: u64,
    /// Calls that bear the mark of another run.
    pub strangers: u64,
    /// Answered calls that bear no mark, as when somebody between the ends
    /// writes session descriptions of his own. Then marks cannot be compared.
    pub unmarked: u64,
}

impl End {
    fn add(&mut self, other: &End) {
        self.begun += other.begun;
        self.answered += other.answered;
        self.ended += other.ended;
        self.refused += other.refused;
        self.marks = self.marks.wrapping_add(other.marks);
        self.strangers += other.strangers;
        self.unmarked += other.unmarked;
    }
}

/// Spreads a mark over 64 bits, so that sums of different sets differ.
pub fn mix(mark: u64) -> u64 {
    let mut mark = mark.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mark = (mark ^ mark >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mark = (mark ^ mark >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mark ^ mark >> 31
}

/// One step of the series.
#[derive(Clone, Debug)]
pub struct Step {
    /// Units begun in it.
    pub begun: u64,
    /// Units completed in it.
    pub completed: u64,
    /// Units failed in it.
    pub failed: u64,
    /// Latencies of the main stage.
    pub latencies: Histogram<u32>,
}

impl Step {
    fn add(&mut self, other: &Step) {
        self.begun += other.begun;
        self.completed += other.completed;
        self.failed += other.failed;
        merge(&mut self.latencies, &other.latencies);
    }
}

/// Everything one thread counts, or several together.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Units begun.
    pub begun: u64,
    /// Units that went as they should.
    pub completed: u64,
    /// Units that did not.
    pub failed: u64,
    /// Units whose time came while the table was full.
    pub skipped: u64,
    /// Messages that belong to nothing here.
    pub strays: u64,
    /// Failed units by cause.
    pub failures: BTreeMap<Cause, u64>,
    /// Messages again, by cause.
    pub again: BTreeMap<Again, u64>,
    /// What the calling end knows.
    pub caller: End,
    /// What the called end knows.
    pub callee: End,
    /// From a unit's intended time to its sending.
    pub lateness: Histogram<u64>,
    /// From a timer's deadline to its running.
    pub slip: Histogram<u64>,
    /// Units completed while others began, or as long after as a unit takes
    /// by plan: what the target keeps up with.
    pub in_time: u64,
    /// How long a unit takes by plan, where that is known.
    lasts: Option<Duration>,
    /// When the last unit began.
    last_begun: Instant,
    /// The stage that the series shows.
    main: Option<Stage>,
    stages: Vec<Histogram<u64>>,
    series: Vec<Step>,
    step: Duration,
    /// Where the series starts.
    start: Instant,
}

impl Tally {
    /// Nothing yet, for a run in which units begin for `duration`.
    pub fn new(duration: Duration) -> Tally {
        // A run without an end begins with the shortest.
        let step_s = match duration {
            Duration::MAX => 1,
            _ => duration.as_secs().div_ceil(SERIES_STEPS as u64).max(1),
        };
        Tally {
            begun: 0,
            completed: 0,
            failed: 0,
            skipped: 0,
            strays: 0,
            failures: BTreeMap::new(),
            again: BTreeMap::new(),
            caller: End::default(),
            callee: End::default(),
            lateness: histogram(),
            slip: histogram(),
            in_time: 0,
            lasts: None,
            last_begun: Instant::START,
            main: None,
            stages: Stage::ALL.iter().map(|_| histogram()).collect(),
            series: Vec::new(),
            step: Duration::from_secs(step_s),
            start: Instant::START,
        }
    }

    /// The run begins `at`, and a unit takes as long as `lasts` by plan, if
    /// that is known.
    pub fn start(&mut self, at: Instant, lasts: Option<Duration>) {
        (self.start, self.last_begun) = (at, at);
        self.lasts = lasts;
    }

    /// For how long units have begun; nothing where it is not known how long
    /// they take.
    pub fn offering(&self) -> Duration {
        self.lasts
            .map_or(Duration::ZERO, |_| self.last_begun.since(self.start))
    }

    /// The stage that the series shows, with its samples.
    pub fn main(&self) -> Option<(Stage, &Histogram<u64>)> {
        let stage = self.main?;
        self.stage(stage).map(|samples| (stage, samples))
    }

    /// A unit begins `now`, which was to begin at `intended`.
    pub fn begin(&mut self, now: Instant, intended: Instant) {
        self.begun += 1;
        self.last_begun = now;
        self.in_time = self.completed;
        record(&mut self.lateness, micros(now, intended));
        if let Some(step) = self.step_at(now) {
            step.begun += 1;
        }
    }

    /// A unit went as it should.
    pub fn complete(&mut self, now: Instant) {
        self.completed += 1;
        self.in_time += u64::from(now <= self.last_begun + self.lasts.unwrap_or_default());
        if let Some(step) = self.step_at(now) {
            step.completed += 1;
        }
    }

    /// A unit did not.
    pub fn fail(&mut self, now: Instant, cause: Cause) {
        self.failed += 1;
        self.note(cause);
        if let Some(step) = self.step_at(now) {
            step.failed += 1;
        }
    }

    /// Something failed that is no unit of this run.
    pub fn note(&mut self, cause: Cause) {
        *self.failures.entry(cause).or_default() += 1;
    }

    /// A message went out or came again.
    pub fn again(&mut self, cause: Again) {
        *self.again.entry(cause).or_default() += 1;
    }

    /// A latency that ends `now`.
    pub fn time(&mut self, stage: Stage, now: Instant, since: Instant) {
        if let Some(histogram) = self.stages.get_mut(stage as usize) {
            record(histogram, micros(now, since));
        }
    }

    /// A latency of the stage that the series shows.
    pub fn time_main(&mut self, stage: Stage, now: Instant, since: Instant) {
        self.time(stage, now, since);
        self.main = Some(stage);
        let micros = micros(now, since);
        if let Some(step) = self.step_at(now) {
            record(&mut step.latencies, micros);
        }
    }

    /// A timer that was due at `due` runs `now`.
    pub fn ring(&mut self, now: Instant, due: Instant) {
        record(&mut self.slip, micros(now, due));
    }

    /// The samples of a stage.
    pub fn stage(&self, stage: Stage) -> Option<&Histogram<u64>> {
        self.stages.get(stage as usize)
    }

    /// The stages that have samples.
    pub fn stages(&self) -> BTreeMap<String, StageResult> {
        Stage::ALL
            .iter()
            .zip(&self.stages)
            .filter(|(_, histogram)| !histogram.is_empty())
            .map(|(stage, histogram)| (stage.name().to_owned(), StageResult::new(histogram)))
            .collect()
    }

    /// The series, and how long a step of it is.
    pub fn series(&self) -> (&[Step], Duration) {
        (&self.series, self.step)
    }

    /// Adds what another thread of the same run has.
    pub fn add(&mut self, other: &Tally) {
        self.begun += other.begun;
        self.completed += other.completed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.strays += other.strays;
        self.main = self.main.or(other.main);
        for (&cause, count) in &other.failures {
            *self.failures.entry(cause).or_default() += count;
        }
        for (&cause, count) in &other.again {
            *self.again.entry(cause).or_default() += count;
        }
        self.caller.add(&other.caller);
        self.callee.add(&other.callee);
        merge(&mut self.lateness, &other.lateness);
        merge(&mut self.slip, &other.slip);
        for (own, other) in self.stages.iter_mut().zip(&other.stages) {
            merge(own, other);
        }
        while self.step < other.step {
            self.coarsen();
        }
        let times = (self.step.as_secs() / other.step.as_secs().max(1)).max(1) as usize;
        self.extend_series(other.series.len().div_ceil(times));
        for (index, step) in other.series.iter().enumerate() {
            self.series[index / times].add(step);
        }
    }

    fn step_at(&mut self, now: Instant) -> Option<&mut Step> {
        let second = usize::try_from(micros(now, self.start) / 1_000_000).ok()?;
        let index = loop {
            let index = second / self.step.as_secs().max(1) as usize;
            if index < SERIES_STEPS {
                break index;
            }
            self.coarsen();
        };
        self.extend_series(index + 1);
        self.series.get_mut(index)
    }

    /// Makes one step of each two.
    fn coarsen(&mut self) {
        self.step *= 2;
        let steps = std::mem::take(&mut self.series);
        for (index, step) in steps.into_iter().enumerate() {
            match self.series.last_mut() {
                Some(last) if index % 2 == 1 => last.add(&step),
                _ => self.series.push(step),
            }
        }
    }

    fn extend_series(&mut self, len: usize) {
        while self.series.len() < len {
            self.series.push(Step {
                begun: 0,
                completed: 0,
                failed: 0,
                latencies: Histogram::new(SERIES_DIGITS).expect("digits from 0 to 5"),
            });
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("digits from 0 to 5")
}

/// Records a value of any size: the histogram grows to hold it.
fn record<C: hdrhistogram::Counter>(histogram: &mut Histogram<C>, micros: u64) {
    if histogram.record(micros).is_err() {
        histogram.saturating_record(micros);
    }
}

/// Microseconds from one moment to another.
fn micros(now: Instant, since: Instant) -> u64 {
    now.as_micros().saturating_sub(since.as_micros())
}

fn merge<C: hdrhistogram::Counter>(own: &mut Histogram<C>, other: &Histogram<C>) {
    own.auto(true);
    own.add(other)
        .expect("a histogram that grows takes all of another");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn two_threads_add_up() {
        let mut both = Tally::new(Duration::from_secs(5));
        for (thread, latency) in [(0_u64, 100_u64), (1, 300)] {
            let mut tally = Tally::new(Duration::from_secs(5));
            tally.begin(at(10 + thread), at(10));
            tally.time_main(Stage::Options200, at(1_500_000 + latency), at(1_500_000));
            tally.complete(at(1_500_000));
            tally.fail(at(2_500_000), Cause::Timeout("OPTIONS"));
            both.add(&tally);
        }
        assert_eq!((both.begun, both.completed, both.failed), (2, 2, 2));
        assert_eq!(both.failures[&Cause::Timeout("OPTIONS")], 2);
        let stage = &both.stages()["options-200"];
        assert_eq!((stage.count, stage.min_us, stage.max_us), (2, 100, 300));
        assert_eq!(both.lateness.max(), 1);
        let (series, step) = both.series();
        assert_eq!((series.len(), step.as_secs()), (3, 1));
        assert_eq!(
            (series[0].begun, series[1].completed, series[2].failed),
            (2, 2, 2)
        );
        assert_eq!(series[1].latencies.len(), 2);
    }

    #[test]
    fn a_long_run_has_longer_steps() {
        assert_eq!(
            Tally::new(Duration::from_secs(36_000)).series().1.as_secs(),
            10
        );
    }

    #[test]
    fn a_run_without_an_end_gets_longer_steps_on_the_way() {
        let second = |second: u64| at(second * 1_000_000);
        let mut long = Tally::new(Duration::MAX);
        for begun in 0..10_000 {
            long.begin(second(begun), second(begun));
        }
        let (series, step) = long.series();
        assert_eq!((series.len(), step.as_secs()), (2500, 4));
        assert!(series.iter().all(|step| step.begun == 4));
        let mut short = Tally::new(Duration::MAX);
        short.begin(second(5), second(5));
        let mut both = Tally::new(Duration::MAX);
        both.add(&short);
        both.add(&long);
        both.add(&short);
        let (series, step) = both.series();
        assert_eq!((series.len(), step.as_secs()), (2500, 4));
        assert_eq!((series[0].begun, series[1].begun), (4, 6));
    }

    #[test]
    fn what_completes_after_the_offer_is_no_rate() {
        let mut tally = Tally::new(Duration::from_secs(1));
        tally.start(at(0), Some(Duration::from_micros(50)));
        for begun in [0, 100, 200] {
            tally.begin(at(begun), at(begun));
        }
        for completed in [120, 250, 251] {
            tally.complete(at(completed));
        }
        assert_eq!((tally.in_time, tally.offering().as_micros()), (2, 200));
        // A unit that begins later makes those before it timely.
        tally.begin(at(300), at(300));
        assert_eq!(tally.in_time, 3);
    }

    #[test]
    fn a_latency_beyond_everything_is_kept() {
        let mut tally = Tally::new(Duration::from_secs(1));
        tally.time(Stage::Whole, at(u64::MAX / 2), at(0));
        assert_eq!(tally.stages()["whole"].count, 1);
    }
}
