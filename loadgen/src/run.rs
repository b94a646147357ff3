//! Runs a plan on real cores: opens sockets, starts a thread for each CPU,
//! lets all of them begin together, waits for their end, and gathers what they
//! counted. The only part of the crate, beside the host's figures, that knows
//! the clock.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use pinion_runtime::{
    Census, Clock, Desks, Engine, Event, Group, Options, StreamOptions, Watch, bind_apart,
    bind_streams_apart, source_address,
};
use pinion_sip::base::{Instant, Transport};
use pinion_sip::machine::{Input, Machine, Outbox};

use crate::assemble::{Harvest, assemble};
use crate::caller::{Caller, Places};
use crate::error::Error;
use crate::host;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::quota::Quota;
use crate::results::Results;
use crate::tally::Tally;

/// From the moment all are ready to the first unit: long enough for every
/// thread to have heard of it.
const HEAD_START: Duration = Duration::from_millis(20);

/// How often a thread that is ready asks whether all are.
const ASK_AGAIN: Duration = Duration::from_millis(1);

/// How often progress is told.
const TELL: Duration = Duration::from_millis(500);

/// A machine that makes load on one thread, and counts.
pub trait Worker: Machine {
    /// Whether all that comes before the load is done.
    fn is_ready(&self) -> bool;

    /// The load begins `at`; told once, when every thread is ready.
    fn begin(&mut self, at: Instant);

    /// Whether it will begin nothing more, and nothing it began is under way.
    fn is_spent(&self) -> bool;

    /// Every thread is spent: what others began here may end, and then it is
    /// [idle](Machine::is_idle). Told once.
    fn close(&mut self, now: Instant);

    /// Whether the load is over. What it still does until it is
    /// [idle](Machine::is_idle) is nobody's load, and its time is not counted.
    fn is_over(&self) -> bool {
        self.is_idle()
    }

    /// What it counted so far.
    fn tally(&self) -> &Tally;

    /// Why the load cannot begin, if it cannot.
    fn refusal(&self) -> Option<String> {
        None
    }
}

/// A generator knows whom it talks to, and ends before anybody idles.
const STREAMS: StreamOptions = StreamOptions {
    max_message: 65_535,
    queue: 16 << 20,
    connections: 1 << 20,
    connect_timeout: Duration::from_secs(10),
    idle: Duration::from_secs(86_400),
    auth_timeout: Duration::from_secs(86_400),
    auth_limit: 1 << 20,
};

/// Runs `plan` to its end.
pub fn run(plan: &Plan) -> Result<Results, Error> {
    run_until(plan, &AtomicBool::new(false))
}

/// Runs `plan` to its end, or begins no more units once `stop` is set.
pub fn run_until(plan: &Plan, stop: &AtomicBool) -> Result<Results, Error> {
    plan.check().map_err(Error::Plan)?;
    let (groups, places) = open(plan)?;
    let (shared, quota) = (Arc::new(plan.clone()), Quota::new(plan.count));
    let make =
        move |thread: u16| Caller::new(&shared, &places[usize::from(thread)], thread, &quota);
    drive(plan, groups, make, stop)
}

/// Binds the sockets of every thread: those that send first, in the order of
/// their indices, then the one that takes calls.
pub(crate) fn open(plan: &Plan) -> Result<(Vec<Group>, Vec<Places>), Error> {
    let threads = usize::from(plan.threads());
    let route = || source_address(plan.target.ip()).ok_or(Error::NoRoute(plan.target));
    let ips: Vec<IpAddr> = if plan.local.is_empty() {
        vec![route()?]
    } else {
        plan.local.clone()
    };
    let mut places = vec![Places::default(); threads];
    let mut groups = Vec::new();
    for index in 0..plan.ports_per_thread {
        let addresses: Vec<SocketAddr> = (0..threads)
            .map(|thread| {
                let number = thread * plan.ports_per_thread + index;
                let port = match plan.first_port {
                    0 => 0,
                    first => first + number as u16,
                };
                SocketAddr::new(ips[number % ips.len()], port)
            })
            .collect();
        let group = bind(plan, &addresses, &mut groups)?;
        for (places, address) in places.iter_mut().zip(group) {
            places.callers.push(address);
        }
    }
    if let Some(callee) = &plan.callee {
        let first = callee.listen.unwrap_or(SocketAddr::new(ips[0], 0));
        let addresses: Vec<SocketAddr> = (0..threads)
            .map(|thread| match first.port() {
                0 => first,
                port => SocketAddr::new(first.ip(), port + thread as u16),
            })
            .collect();
        let group = bind(plan, &addresses, &mut groups)?;
        for (places, address) in places.iter_mut().zip(group) {
            places.callee = Some(address);
        }
    }
    Ok((groups, places))
}

fn bind(
    plan: &Plan,
    addresses: &[SocketAddr],
    groups: &mut Vec<Group>,
) -> Result<Vec<SocketAddr>, Error> {
    let group = match plan.transport {
        Transport::Udp => {
            let (receive_bytes, send_bytes) = plan.buffers;
            bind_apart(addresses, receive_bytes, send_bytes)?.0
        }
        Transport::Tcp => bind_streams_apart(addresses)?,
    };
    let locals = group
        .locals()
        .map_err(|error| Error::Io("a socket has no address".into(), error))?;
    groups.push(group);
    Ok(locals)
}

/// Runs one worker of `make(thread)` on each thread of `plan`, over `groups`,
/// until all are idle.
pub fn drive<W: Worker + 'static>(
    plan: &Plan,
    groups: Vec<Group>,
    make: impl Fn(u16) -> W + Send + Sync + 'static,
    stop: &AtomicBool,
) -> Result<Results, Error> {
    let started_unix_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64);
    let gate = Arc::new(Gate::new(plan.threads()));
    let common = Arc::clone(&gate);
    let (sink, reports) = channel();
    let options = Options {
        cpus: plan.cpus.clone(),
        batch: plan.batch,
        coalesce: plan.coalesce,
        precise: true,
        sample: 0,
        streams: STREAMS,
        mesh_depth: 16,
        watch: Watch::default(),
        clock: Clock::start(),
        desks: Desks::default(),
    };
    let died = sink.clone();
    let locals = locals(&groups);
    let dropped = host::socket_drops(&locals);
    let rcvbuf_errors = host::rcvbuf_errors();
    let engine = Engine::start(
        &options,
        groups,
        move |thread, incarnation| Seat {
            // A worker lost to a fault is not begun anew: its counts are gone.
            worker: (incarnation == 0).then(|| make(thread)),
            gate: Arc::clone(&gate),
            sink: sink.clone(),
            asked: Instant::START,
            begun: None,
            load: Busiest::default(),
            ended: None,
            spent: false,
            delivered: false,
        },
        move |Event::Died(thread, why)| drop(died.send(Report::Died(thread, why))),
    )?;
    let gathered = gather(plan, &engine, &reports, &common, stop);
    let census = engine.shards().census();
    let kernel_drops = host::socket_drops(&locals).saturating_sub(dropped);
    engine.shards().stop();
    engine.join();
    Ok(assemble(
        plan,
        Harvest {
            started_unix_ms,
            threads: gathered?,
            counters: total(&census),
            kernel_drops,
            rcvbuf_errors: host::rcvbuf_errors().saturating_sub(rcvbuf_errors),
        },
    ))
}

/// Where all sockets are bound.
fn locals(groups: &[Group]) -> Vec<SocketAddr> {
    let locals = groups.iter().filter_map(|group| group.locals().ok());
    locals.flatten().collect()
}

/// What one thread leaves.
pub struct Reaped {
    /// Its counts.
    pub tally: Tally,
    /// CPU time it used while load ran, in seconds.
    pub cpu_s: f64,
    /// How long that was, in seconds.
    pub wall_s: f64,
    /// The share of a CPU it used in its busiest second.
    pub busiest: f64,
}

enum Report {
    Spent,
    Ended(Box<Reaped>),
    Refused(String),
    Died(u16, String),
}

/// Waits for every thread's end, and tells progress meanwhile.
fn gather(
    plan: &Plan,
    engine: &Engine,
    reports: &Receiver<Report>,
    gate: &Gate,
    stop: &AtomicBool,
) -> Result<Vec<Reaped>, Error> {
    let mut threads = Vec::new();
    let mut spent = 0;
    let mut progress = plan.progress.then(|| Progress::new(plan));
    let (mut told, mut stopping) = (StdInstant::now(), false);
    while threads.len() < plan.cpus.len() {
        match reports.recv_timeout(TELL.min(Duration::from_millis(100))) {
            Ok(Report::Spent) => {
                spent += 1;
                if spent == plan.cpus.len() {
                    gate.close();
                    engine.shards().drain();
                }
            }
            Ok(Report::Ended(reaped)) => threads.push(*reaped),
            Ok(Report::Refused(why)) => return Err(Error::Plan(why)),
            Ok(Report::Died(thread, why)) => return Err(Error::Died(thread, why)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if stop.load(Ordering::Relaxed) && !stopping {
            stopping = true;
            engine.shards().drain();
        }
        if let Some(progress) = &mut progress
            && told.elapsed() >= TELL
        {
            told = StdInstant::now();
            progress.tell(&total(&engine.shards().census()));
        }
    }
    Ok(threads)
}

/// The counters of all threads by name.
fn total(census: &[Census]) -> Vec<(&'static str, u64)> {
    let mut total: Vec<(&'static str, u64)> = Vec::new();
    for &(name, value) in census.iter().flat_map(|census| &census.counters) {
        match total.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += value,
            None => total.push((name, value)),
        }
    }
    total
}

/// Where the threads wait for each other.
struct Gate {
    waited_for: AtomicU32,
    /// When all begin, in microseconds; 0 while some are not ready.
    begins_us: AtomicU64,
    /// All are spent.
    closes: AtomicBool,
}

impl Gate {
    fn new(threads: u16) -> Gate {
        Gate {
            waited_for: AtomicU32::new(threads.into()),
            begins_us: AtomicU64::new(0),
            closes: AtomicBool::new(false),
        }
    }

    /// One more is ready; the last one says when all begin.
    fn arrive(&self, now: Instant) {
        if self.waited_for.fetch_sub(1, Ordering::AcqRel) == 1 {
            let begins = now + HEAD_START;
            self.begins_us.store(begins.as_micros(), Ordering::Release);
        }
    }

    fn close(&self) {
        self.closes.store(true, Ordering::Release);
    }

    fn begins(&self) -> Option<Instant> {
        let micros = self.begins_us.load(Ordering::Acquire);
        (micros > 0).then(|| Instant::from_micros(micros))
    }
}

/// The busiest second of a thread. The time in which calls only end does not
/// dilute it.
#[derive(Default)]
struct Busiest {
    /// When the present second began, and the CPU time by then.
    since: Instant,
    cpu_ns: u64,
    /// CPU time of the busiest second as a share of it.
    share: f64,
}

impl Busiest {
    const SECOND: Duration = Duration::from_secs(1);

    fn start(&mut self, at: Instant, cpu_ns: u64) {
        (self.since, self.cpu_ns) = (at, cpu_ns);
    }

    fn is_due(&self, now: Instant) -> bool {
        now >= self.since + Self::SECOND
    }

    /// The present second ends `now`, or a little longer: whoever was not
    /// asked meanwhile had nothing to do.
    fn close(&mut self, now: Instant, cpu_ns: u64) {
        let wall_ns = now.since(self.since).as_nanos() as f64;
        let used_ns = cpu_ns.saturating_sub(self.cpu_ns) as f64;
        self.share = self.share.max(used_ns / wall_ns.max(1.0));
        self.start(now, cpu_ns);
    }
}

/// One thread's worker among the others: waits for them, and hands in what it
/// counted when it is done.
struct Seat<W> {
    worker: Option<W>,
    gate: Arc<Gate>,
    sink: Sender<Report>,
    /// When the gate was last looked at, once the worker is ready.
    asked: Instant,
    /// When load began, and the thread's CPU time by then.
    begun: Option<(Instant, u64)>,
    /// The seconds since then, one by one.
    load: Busiest,
    /// When load was over, and the thread's CPU time by then.
    ended: Option<(Instant, u64)>,
    spent: bool,
    delivered: bool,
}

impl<W: Worker> Seat<W> {
    /// Lets the worker begin when all are ready.
    fn attend(&mut self, now: Instant) {
        let ready = self.worker.as_ref().is_none_or(Worker::is_ready);
        if !ready {
            return;
        }
        if self.asked == Instant::START {
            self.gate.arrive(now);
        }
        self.asked = now.max(Instant::from_micros(1));
        if let Some(at) = self.gate.begins() {
            let cpu_ns = host::thread_cpu_ns();
            self.begun = Some((at, cpu_ns));
            self.load.start(at, cpu_ns);
            if let Some(worker) = &mut self.worker {
                worker.begin(at);
            }
        }
    }

    fn deliver(&mut self, now: Instant) {
        let refusal = self.worker.as_ref().and_then(Worker::refusal);
        if let Some(why) = refusal {
            self.delivered = true;
            drop(self.sink.send(Report::Refused(why)));
            return;
        }
        let Some((began, cpu_ns)) = self.begun else {
            return;
        };
        if !self.spent && self.worker.as_ref().is_none_or(Worker::is_spent) {
            self.spent = true;
            drop(self.sink.send(Report::Spent));
        }
        let closed = self.gate.closes.load(Ordering::Acquire);
        if !closed || !self.worker.as_ref().is_none_or(Worker::is_over) {
            return;
        }
        let end = || (now, host::thread_cpu_ns());
        let (ended, cpu_end_ns) = *self.ended.get_or_insert_with(end);
        if !self.worker.as_ref().is_none_or(Machine::is_idle) {
            return;
        }
        self.delivered = true;
        let worker = self.worker.as_ref();
        let tally = worker.map_or_else(
            || Tally::new(Duration::ZERO),
            |worker| worker.tally().clone(),
        );
        let used_ns = cpu_end_ns.saturating_sub(cpu_ns);
        let reaped = Reaped {
            tally,
            cpu_s: used_ns as f64 / 1e9,
            wall_s: ended.since(began).as_secs_f64(),
            busiest: self.load.share,
        };
        // Whoever waited may have given up.
        drop(self.sink.send(Report::Ended(Box::new(reaped))));
    }
}

impl<W: Worker> Machine for Seat<W> {
    fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        if let Some(worker) = &mut self.worker {
            let closes = matches!(input, Input::Drain) && self.gate.closes.load(Ordering::Acquire);
            if closes {
                worker.close(now);
            } else {
                worker.handle(now, input, out);
            }
        }
        if self.begun.is_none() {
            self.attend(now);
        } else if self.ended.is_none() && self.load.is_due(now) {
            self.load.close(now, host::thread_cpu_ns());
        }
        if !self.delivered {
            self.deliver(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let own = self.worker.as_ref().and_then(Machine::deadline);
        if self.begun.is_some() {
            return own;
        }
        let ask = self.asked + ASK_AGAIN;
        Some(own.map_or(ask, |own| own.min(ask)))
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.worker
            .as_ref()
            .map_or_else(Vec::new, Machine::counters)
    }

    fn is_idle(&self) -> bool {
        self.delivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_counts_however_long_the_tail() {
        let at = |ms: u64| Instant::START + Duration::from_millis(ms);
        let mut busiest = Busiest::default();
        busiest.start(at(20), 5_000_000);
        assert!(!busiest.is_due(at(1000)) && busiest.is_due(at(1020)));
        busiest.close(at(1020), 985_000_000);
        for second in 2..60 {
            busiest.close(at(second * 1000 + 20), 985_000_000 + second);
        }
        assert!((busiest.share - 0.98).abs() < 1e-9, "{}", busiest.share);
    }
}
