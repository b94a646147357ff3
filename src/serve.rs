//! A running server: shards on their CPUs, the banner, signals, drain and
//! counters. Knows machines only as something a factory makes.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use pinion_runtime::{Census, Engine, Event, Group, Options, Steering, Way};
use pinion_sip::base::ShardId;
use pinion_sip::machine::Machine;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use crate::Failure;
use crate::flags::Flags;
use crate::realtime::service::Service;
use crate::table::{hit_rate, table, totals};
use crate::workers::Workers;

/// How often a drain looks whether calls are left.
const DRAIN_LOOK: Duration = Duration::from_millis(100);

/// What reaches the main thread.
enum Happening {
    Signal(i32),
    Shard(Event),
}

/// Starts the shards and serves until told to stop. `about` is said before
/// `ready`: where the configuration comes from, and whatever else the operator
/// must know.
pub(crate) fn serve<M, F>(
    flags: &Flags,
    options: &Options,
    groups: Vec<Group>,
    steering: Steering,
    (mut service, mut workers): (Option<Service>, Workers),
    about: &str,
    factory: F,
) -> Result<(), Failure>
where
    M: Machine + 'static,
    F: Fn(ShardId, u32) -> M + Send + Sync + 'static,
{
    let (sender, happenings) = mpsc::channel();
    let events = sender.clone();
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1])
        .map_err(|error| Failure::Host(format!("cannot watch signals: {error}")))?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if sender.send(Happening::Signal(signal)).is_err() {
                return;
            }
        }
    });
    let mut banner = banner(options, &groups, &steering);
    // The main thread listens as long as any shard lives.
    let report = move |event| drop(events.send(Happening::Shard(event)));
    let engine = Engine::start(options, groups, factory, report)
        .map_err(|error| Failure::Host(error.to_string()))?;
    if let Some(service) = &mut service {
        service
            .open(engine.answers())
            .map_err(|error| Failure::Host(format!("no thread for the database: {error}")))?;
    }
    workers
        .open(&engine.answers())
        .map_err(|error| Failure::Host(format!("no thread for the dialplan: {error}")))?;
    banner.push_str(about);
    banner.push_str("ready\n");
    say(&banner);
    let server = Server {
        service,
        workers,
        engine,
        way: steering.way(),
        happenings,
        started: Instant::now(),
        draining: None,
    };
    server.run(
        Duration::from_secs(flags.stats_interval),
        Duration::from_secs(flags.drain_limit),
    )
}

/// Writes to stdout, at once. Nobody reading is no reason to stop.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn banner(options: &Options, groups: &[Group], steering: &Steering) -> String {
    let mut text = format!("pinion {}\n", env!("CARGO_PKG_VERSION"));
    let places: Vec<String> = options
        .cpus
        .iter()
        .enumerate()
        .map(|(shard, cpu)| format!("{shard} on CPU {cpu}"))
        .collect();
    // Writing to a String does not fail.
    let _ = writeln!(
        text,
        "shards    {}: {}",
        options.cpus.len(),
        places.join(", ")
    );
    let _ = writeln!(text, "steering  {}", steering.way());
    for group in groups {
        let (local, advertised) = (group.local(), group.advertised());
        let _ = if local == advertised {
            writeln!(text, "listen    udp {local}")
        } else {
            writeln!(
                text,
                "listen    udp {local}, known to others as {advertised}"
            )
        };
    }
    text
}

struct Server {
    service: Option<Service>,
    workers: Workers,
    engine: Engine,
    way: Way,
    happenings: Receiver<Happening>,
    started: Instant,
    /// When a drain ends at the latest.
    draining: Option<Instant>,
}

impl Server {
    fn run(mut self, stats_interval: Duration, drain_limit: Duration) -> Result<(), Failure> {
        let mut next_stats = (!stats_interval.is_zero()).then(|| Instant::now() + stats_interval);
        let mut died = None;
        loop {
            match self.next(next_stats) {
                Some(Happening::Signal(SIGUSR1)) => self.print(&self.engine.census()),
                Some(Happening::Signal(_)) if self.draining.is_some() => break,
                Some(Happening::Signal(_)) => self.drain(drain_limit),
                Some(Happening::Shard(Event::Died(shard, message))) => {
                    died = Some(format!(
                        "shard {shard} ended and could not be replaced: {message}"
                    ));
                    break;
                }
                None => {}
            }
            let now = Instant::now();
            if next_stats.is_some_and(|at| at <= now) {
                self.print(&self.engine.census());
                next_stats = Some(now + stats_interval);
            }
            if self.draining.is_some_and(|end| self.is_drained(now, end)) {
                break;
            }
        }
        self.engine.stop();
        let (started, way, last) = (self.started, self.way, self.engine.join());
        let counters = counters(self.service.as_ref(), &self.workers);
        self.workers.close();
        if self.service.is_some_and(|service| !service.close()) {
            say("the database took too long for the last registrations\n");
        }
        print(started, way, &last, &counters);
        died.map_or(Ok(()), |message| Err(Failure::Host(message)))
    }

    /// Waits for something to happen, or for what is due.
    fn next(&self, next_stats: Option<Instant>) -> Option<Happening> {
        let now = Instant::now();
        let look = self.draining.map(|end| end.min(now + DRAIN_LOOK));
        let Some(due) = next_stats.into_iter().chain(look).min() else {
            return self.happenings.recv().ok();
        };
        self.happenings
            .recv_timeout(due.saturating_duration_since(now))
            .ok()
    }

    fn drain(&mut self, limit: Duration) {
        self.engine.drain();
        self.draining = Some(Instant::now() + limit);
        say(&format!(
            "draining: new calls get 503; exit at zero calls or in {} s; signal again to stop at once\n",
            limit.as_secs()
        ));
    }

    fn is_drained(&self, now: Instant, end: Instant) -> bool {
        if now >= end {
            say("drain limit reached: remaining calls are cut\n");
            return true;
        }
        let censuses = self.engine.census();
        censuses.len() == usize::from(self.engine.shards())
            && censuses.iter().all(|census| census.idle)
    }

    fn print(&self, censuses: &[Census]) {
        let counters = counters(self.service.as_ref(), &self.workers);
        print(self.started, self.way, censuses, &counters);
    }
}

/// Numbers that belong to no shard.
fn counters(service: Option<&Service>, workers: &Workers) -> Vec<(String, u64)> {
    let mut counters = service.map(Service::counters).unwrap_or_default();
    counters.extend(workers.counters());
    counters
}

fn print(started: Instant, way: Way, censuses: &[Census], database: &[(String, u64)]) {
    say(&format!(
        "counters after {:.3} s\nsteering {}\n{}{}\n",
        started.elapsed().as_secs_f64(),
        hit_rate(way, censuses),
        table(censuses),
        totals(database)
    ));
}
