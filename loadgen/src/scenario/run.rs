//! A scenario on real cores: one [`ScenarioCaller`] a thread, driven like every
//! other load, and its own counts brought together afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use pinion_sip::base::{Instant, Random};
use pinion_sip::machine::{Input, Machine, Outbox};

use super::caller::{Load, Program, ScenarioCaller, Seat};
use super::score::Score;
use super::step::{Loudness, Role, Stop};
use crate::error::Error;
use crate::plan::{self, Pacer, Plan};
use crate::quota::Quota;
use crate::results::{Results, Stage};
use crate::run::{Worker, drive, open};
use crate::tally::Tally;

/// Runs `program` as `plan` says, or begins no more calls once `stop` is set.
/// Lines of `log`, `warning` and `error` go to standard error as they come.
pub fn run(
    plan: &Plan,
    program: &Arc<Program>,
    stop: &Arc<AtomicBool>,
) -> Result<(Results, Score), Error> {
    plan.check().map_err(Error::Plan)?;
    let (groups, places) = open(plan)?;
    let scores = Arc::new(Mutex::new(Vec::new()));
    let (lines, told) = channel::<(Loudness, String)>();
    let teller = std::thread::spawn(move || {
        for (loudness, line) in told {
            tell(loudness, &line);
        }
    });
    let make = {
        let (plan, program, scores) = (plan.clone(), Arc::clone(program), Arc::clone(&scores));
        let quota = Quota::new(plan.count);
        let (stop, cut) = (Arc::clone(stop), Arc::new(AtomicBool::new(false)));
        move |thread: u16| {
            let place = &places[usize::from(thread)];
            let local = place.callers.first().copied().or(place.callee);
            Hand {
                caller: caller(&plan, &program, thread, local, &quota),
                scores: Arc::clone(&scores),
                lines: lines.clone(),
                stop: Arc::clone(&stop),
                cut: Arc::clone(&cut),
            }
        }
    };
    let results = drive(plan, groups, make, stop);
    // The last thread's end of the channel is gone with its machine.
    drop(teller.join());
    let mut results = results?;
    let mut score = Score::of(&program.scenario, plan.duration);
    for one in scores
        .lock()
        .map(|mut all| std::mem::take(&mut *all))
        .unwrap_or_default()
    {
        score.add(&one);
    }
    for (name, histogram) in program.scenario.timers.iter().zip(&score.timers) {
        if !histogram.is_empty() {
            results
                .stages
                .insert(format!("rtd-{name}"), Stage::new(histogram));
        }
    }
    if score.lost > 0 {
        results.losses.insert("on purpose".to_owned(), score.lost);
    }
    Ok((results, score))
}

fn tell(loudness: Loudness, line: &str) {
    match loudness {
        Loudness::Log => eprintln!("{line}"),
        Loudness::Warning => eprintln!("warning: {line}"),
        Loudness::Error => eprintln!("error: {line}"),
    }
}

/// The machine of one thread, whose socket is bound to `local`.
fn caller(
    plan: &Plan,
    program: &Arc<Program>,
    thread: u16,
    local: Option<std::net::SocketAddr>,
    quota: &Quota,
) -> ScenarioCaller {
    let threads = plan.threads();
    let mut random = seeded(plan.seed, thread);
    let is_client = program.scenario.role == Role::Client;
    let load = match plan.load {
        _ if !is_client => Load::Server,
        plan::Load::Closed(users) => Load::Users(users),
        plan::Load::Open(arrival) => {
            let random = Random::from_seed(random.seed());
            let mut pacer = Pacer::new(arrival, plan.duration, thread, threads, random);
            Load::Times(Box::new(std::iter::from_fn(move || pacer.next_time())))
        }
    };
    let share = |calls: u64| plan::share(calls, thread, threads);
    let seat = Seat {
        thread,
        threads,
        local: local.unwrap_or(plan.target),
        remote: is_client.then_some(plan.target),
        most_at_once: plan.most_at_once,
        quota: if is_client {
            Quota::new(plan.count.map(share))
        } else {
            quota.clone()
        },
        duration: plan.duration,
    };
    ScenarioCaller::new(Arc::clone(program), seat, load, random)
}

/// A stream of this thread's own.
fn seeded(seed: u64, thread: u16) -> Random {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..10].copy_from_slice(&thread.to_le_bytes());
    Random::from_seed(bytes)
}

/// One thread's caller among the others: hands on what it says and counts.
struct Hand {
    caller: ScenarioCaller,
    scores: Arc<Mutex<Vec<Score>>>,
    lines: Sender<(Loudness, String)>,
    /// No thread is to begin calls.
    stop: Arc<AtomicBool>,
    /// Every thread is to end its calls where they stand.
    cut: Arc<AtomicBool>,
}

impl Machine for Hand {
    fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        self.caller.handle(now, input, out);
        for line in self.caller.take_lines() {
            // Whoever listened has gone with the run.
            drop(self.lines.send(line));
        }
        if let Some(stop) = self.caller.score().stop {
            self.cut.fetch_or(stop == Stop::Now, Ordering::Relaxed);
            self.stop.store(true, Ordering::Relaxed);
        }
        if self.cut.load(Ordering::Relaxed) {
            self.caller.cut(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.caller.deadline()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.caller.counters()
    }

    fn is_idle(&self) -> bool {
        self.caller.is_idle()
    }
}

impl Worker for Hand {
    fn is_ready(&self) -> bool {
        true
    }

    fn begin(&mut self, at: Instant) {
        self.caller.begin(at);
    }

    fn is_spent(&self) -> bool {
        self.caller.is_done()
    }

    /// A call lasts as long as its scenario says: nothing is waited for.
    fn close(&mut self, _now: Instant) {}

    fn tally(&self) -> &Tally {
        &self.caller.score().tally
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        if let Ok(mut scores) = self.scores.lock() {
            scores.push(self.caller.score().clone());
        }
    }
}
