//! A running server: shards on their CPUs, the banner, signals, drain and
//! counters. Knows machines only as something a factory makes.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use pinion_runtime::{Census, Engine, Event, Group, Options, Steering, Way};
use pinion_sip::base::ShardId;
use pinion_sip::machine::{Machine, Query, Span};
use pinion_sip::modules::Module;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::Failure;
use crate::control::house::{About, House, Materials, Order};
use crate::control::http::{Http, Totals};
use crate::control::socket::{Console, Socket};
use crate::control::watching::{Consoles, Watching};
use crate::flags::Flags;
use crate::logs::Logs;
use crate::modules::{self, Modules};
use crate::notify::Notifier;
use crate::reload::{Reloader, hangup::Hangup};
use crate::staff::Staff;
use crate::table::{hit_rate, table, totals};

/// How often a drain looks whether calls are left.
const DRAIN_LOOK: Duration = Duration::from_millis(100);

/// How long calls that are left have at the end for what they have to do yet.
const PARTING: Duration = Duration::from_secs(2);

/// How often it is looked whether they have done it.
const PARTING_LOOK: Duration = Duration::from_millis(5);

/// What reaches the main thread.
enum Happening {
    Signal(i32),
    Shard(Event),
    Order(Order),
}

/// What is served, and how.
pub(crate) struct Plan<'f, F> {
    /// The command line.
    pub(crate) flags: &'f Flags,
    /// The shards.
    pub(crate) shards: Shards<'f, F>,
    /// What works for them.
    pub(crate) staff: Staff,
    /// The configuration they start with, and what brings another.
    pub(crate) reloader: Reloader,
    /// The log.
    pub(crate) logs: Logs,
    /// Where operators reach it.
    pub(crate) console: Option<Socket>,
    /// Said before `ready`: where the configuration comes from, and whatever
    /// else the operator must know.
    pub(crate) about: &'f str,
}

/// What shards are made of.
pub(crate) struct Shards<'f, F> {
    /// How they run.
    pub(crate) options: &'f Options,
    /// Their sockets.
    pub(crate) groups: Vec<Group>,
    /// What brings datagrams to them.
    pub(crate) steering: Steering,
    /// Makes the machine of one.
    pub(crate) factory: F,
}

/// Starts the shards and serves until told to stop.
pub(crate) fn serve<M, F>(plan: Plan<'_, F>) -> Result<(), Failure>
where
    M: Machine + 'static,
    F: Fn(ShardId, u32) -> M + Send + Sync + 'static,
{
    let (flags, mut staff, shards) = (plan.flags, plan.staff, plan.shards);
    let (sender, happenings) = mpsc::channel();
    watch_signals(sender.clone())?;
    let http = flags
        .http
        .map(|address| Http::bind(address, flags.http_anywhere));
    let http = http.transpose()?;
    let mut banner = banner(&shards, plan.console.as_ref());
    let listens = |group: &Group| (group.transport(), group.local());
    let listening = shards.groups.iter().map(listens).collect();
    // The main thread listens as long as any shard lives.
    let events = sender.clone();
    let report = move |event| drop(events.send(Happening::Shard(event)));
    let engine = Engine::start(shards.options, shards.groups, shards.factory, report)
        .map_err(|error| Failure::Host(error.to_string()))?;
    staff.open(&engine.answers())?;
    let house = House::new(Materials {
        shards: engine.shards().clone(),
        config: plan.reloader.config(),
        listening,
        watching: Watching::new(plan.logs.clone()),
        modules: Modules::new(plan.reloader.switches()),
        records: staff.board(),
        about: About {
            directory: flags.config.clone(),
            flags: Flags::origins(std::env::args_os()),
            way: Some(shards.steering.way()),
            sections: plan.reloader.sections(),
            realtime: staff.realtime(),
        },
        reloader: Some(plan.reloader),
        orders: Box::new(move |order| drop(sender.send(Happening::Order(order)))),
    });
    let house = Arc::new(house);
    plan.logs.read_to(Consoles(Arc::downgrade(&house)));
    let console = plan
        .console
        .map(|socket| socket.open(Arc::clone(&house)))
        .transpose()
        .map_err(|error| Failure::threadless("the console", &error))?;
    let totals = staff.gauge(&plan.logs);
    if let Some(http) = http {
        let _ = writeln!(banner, "http      http://{}/", http.address());
        http.open(Arc::clone(&house), Arc::clone(&totals))
            .map_err(|error| Failure::threadless("HTTP", &error))?;
    }
    modules::attend(&house).map_err(|error| Failure::threadless("the modules", &error))?;
    let hangup = Hangup::new(&house).map_err(|error| Failure::threadless("SIGHUP", &error))?;
    banner.push_str(plan.about);
    banner.push_str("ready\n");
    say(&banner);
    let notifier = Notifier::of_environment();
    notifier.ready(engine.shards().count());
    let server = Server {
        logs: plan.logs,
        staff,
        totals,
        engine,
        way: shards.steering.way(),
        happenings,
        started: Instant::now(),
        ending: None,
        notifier,
        console,
        hangup,
    };
    server.run(
        Duration::from_secs(flags.stats_interval),
        Duration::from_secs(flags.drain_limit),
    )
}

/// Signals reach the main thread like all that happens.
fn watch_signals(sender: Sender<Happening>) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGUSR2])
        .map_err(|error| Failure::Host(format!("cannot watch signals: {error}")))?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if sender.send(Happening::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Writes to stdout, at once. Nobody reading is no reason to stop.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn banner<F>(shards: &Shards<'_, F>, console: Option<&Socket>) -> String {
    let mut text = format!("pinion {}\n", env!("CARGO_PKG_VERSION"));
    let cpus = &shards.options.cpus;
    let places: Vec<String> = cpus
        .iter()
        .enumerate()
        .map(|(shard, cpu)| format!("{shard} on CPU {cpu}"))
        .collect();
    // Writing to a String does not fail.
    let _ = writeln!(text, "shards    {}: {}", cpus.len(), places.join(", "));
    let _ = writeln!(text, "steering  {}", shards.steering.way());
    for group in &shards.groups {
        let (local, advertised) = (group.local(), group.advertised());
        let transport = group.transport().name().to_ascii_lowercase();
        let _ = write!(text, "listen    {transport} {local}");
        if local != advertised {
            let _ = write!(text, ", known to others as {advertised}");
        }
        text.push('\n');
    }
    if let Some(console) = console {
        let _ = writeln!(text, "console   {}", console.path().display());
    }
    text
}

/// When a server ends that has been told to.
#[derive(Clone, Copy)]
enum Ending {
    /// With the last call, or at that time.
    Drained(Option<Instant>),
    /// As soon as there is no call.
    Idle,
}

struct Server {
    logs: Logs,
    staff: Staff,
    totals: Totals,
    engine: Engine,
    way: Way,
    happenings: Receiver<Happening>,
    started: Instant,
    ending: Option<Ending>,
    notifier: Notifier,
    console: Option<Console>,
    hangup: Hangup,
}

impl Server {
    fn run(mut self, stats_interval: Duration, drain_limit: Duration) -> Result<(), Failure> {
        let mut next_stats = (!stats_interval.is_zero()).then(|| Instant::now() + stats_interval);
        let mut next_sign = self.notifier.period().map(|_| Instant::now());
        let mut died = None;
        loop {
            match self.next(next_stats.into_iter().chain(next_sign).min()) {
                Some(Happening::Signal(SIGUSR1)) => self.print(&self.engine.shards().census()),
                Some(Happening::Signal(SIGUSR2)) => self.logs.rotate(),
                Some(Happening::Signal(SIGHUP)) => self.hangup.ask(),
                Some(Happening::Order(order)) if self.obey(order) => break,
                Some(Happening::Order(_)) => {}
                Some(Happening::Signal(_)) if self.is_signalled() => break,
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
                self.print(&self.engine.shards().census());
                next_stats = Some(now + stats_interval);
            }
            if next_sign.is_some_and(|at| at <= now) {
                self.give_sign();
                next_sign = self.notifier.period().map(|period| now + period);
            }
            if self.ending.is_some_and(|ending| self.is_over(now, ending)) {
                break;
            }
        }
        self.notifier.stopping("ending");
        if let Some(console) = self.console.take() {
            console.close();
        }
        self.end_calls();
        self.engine.shards().stop();
        let (started, way, last) = (self.started, self.way, self.engine.join());
        self.staff.close_records();
        let totals = (self.totals)();
        if !self.staff.close() {
            say("the database took too long for the last registrations\n");
        }
        print(started, way, &last, &totals);
        died.map_or(Ok(()), |message| Err(Failure::Host(message)))
    }

    /// Hangs up what calls are left: telephones hear of it, and each has its
    /// record, also one whose plan has something to do yet.
    fn end_calls(&self) {
        self.engine.shards().drain();
        let until = Instant::now() + PARTING;
        let left = || until.saturating_duration_since(Instant::now());
        let all = Query::End(Module::ChanSip, Span::ORDERED);
        for _ in self.engine.shards().pages(all) {
            self.staff.await_records(left());
        }
        while !left().is_zero() && !self.is_idle() {
            std::thread::sleep(PARTING_LOOK.min(left()));
        }
    }

    /// Waits for something to happen, or for what is due.
    fn next(&self, due: Option<Instant>) -> Option<Happening> {
        let now = Instant::now();
        let look = self.ending.map(|_| now + DRAIN_LOOK);
        let Some(due) = due.into_iter().chain(look).min() else {
            return self.happenings.recv().ok();
        };
        self.happenings
            .recv_timeout(due.saturating_duration_since(now))
            .ok()
    }

    /// Whoever sends the signal waits for the end, so that it is told at once.
    fn drain(&mut self, limit: Duration) {
        self.refuse_calls(Some(Instant::now() + limit));
        self.notifier.stopping("draining: new calls get 503");
        say(&format!(
            "draining: new calls get 503; exit at zero calls or in {} s; signal again to stop at once\n",
            limit.as_secs()
        ));
    }

    /// Takes no new calls, and ends with the last, or at `limit`.
    fn refuse_calls(&mut self, limit: Option<Instant>) {
        self.engine.shards().drain();
        self.ending = Some(Ending::Drained(limit));
    }

    /// Tells the service manager how the shards are.
    fn give_sign(&mut self) {
        let doing = match self.ending {
            Some(Ending::Drained(_)) => "draining",
            Some(Ending::Idle) | None => "serving",
        };
        let shards = self.engine.shards();
        self.notifier.tell(&shards.census(), shards.count(), doing);
    }

    /// Does what an operator orders, who may call it off: it is no end as yet.
    /// Of two ends the stronger stays. True for one that is at once.
    fn obey(&mut self, order: Order) -> bool {
        let drains = matches!(self.ending, Some(Ending::Drained(_)));
        match order {
            Order::StopNow => return true,
            Order::StopGracefully if !self.is_signalled() => self.refuse_calls(None),
            Order::StopWhenConvenient if !drains => self.ending = Some(Ending::Idle),
            Order::StopGracefully | Order::StopWhenConvenient => {}
            Order::Abort if self.notifier.stops() => {
                tracing::warn!(
                    "the service manager has been told of the end: there is no way back"
                );
            }
            Order::Abort => {
                self.engine.shards().undrain();
                self.ending = None;
            }
        }
        false
    }

    /// Whether a signal has asked for the end, which has a limit then: another
    /// cuts it short.
    fn is_signalled(&self) -> bool {
        matches!(self.ending, Some(Ending::Drained(Some(_))))
    }

    fn is_over(&self, now: Instant, ending: Ending) -> bool {
        if matches!(ending, Ending::Drained(Some(end)) if now >= end) {
            say("drain limit reached: remaining calls are hung up\n");
            return true;
        }
        self.is_idle()
    }

    /// Whether every shard says that it has no call.
    fn is_idle(&self) -> bool {
        let censuses = self.engine.shards().census();
        censuses.len() == usize::from(self.engine.shards().count())
            && censuses.iter().all(|census| census.idle)
    }

    fn print(&self, censuses: &[Census]) {
        print(self.started, self.way, censuses, &(self.totals)());
    }
}

fn print(started: Instant, way: Way, censuses: &[Census], counters: &[(String, u64)]) {
    say(&format!(
        "counters after {:.3} s\nsteering {}\n{}{}\n",
        started.elapsed().as_secs_f64(),
        hit_rate(way, censuses),
        table(censuses),
        totals(counters)
    ));
}
