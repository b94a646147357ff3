//! Many calls of one scenario on one thread: begins them, finds the one a
//! message belongs to by its Call-ID, and wakes those whose time has come.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use pinion_sip::base::{Flow, Handle, Hasher, Instant, Lanes, Random, Slab};
use pinion_sip::machine::{Body, Input, Machine, Outbox};

use super::score::{Cause, Failure, Score, Verdict};
use super::session::{self, Begin, Context, Progress, Session};
use super::settings::Settings;
use super::step::{Role, Scenario, Stop};
use super::table::{Order, Table};
use super::text;
use super::variable::Value;
use crate::quota::{LOOK_AGAIN, Quota};

/// How long messages of an ended call are known for late ones: 64·T1, after
/// which no RFC 3261 transaction sends copies.
const LINGER: Duration = Duration::from_secs(32);

/// Calls begun for one input, so that a thread that fell behind looks at its
/// socket in between.
const AT_ONCE: usize = 256;

/// What all threads of a run have in common.
pub struct Program {
    /// The scenario.
    pub scenario: Scenario,
    /// What it is run with.
    pub settings: Settings,
    /// The injection files.
    pub tables: Vec<Arc<Table>>,
}

/// What makes calls begin.
pub enum Load {
    /// Their intended times, from the beginning of the run.
    Times(Box<dyn Iterator<Item = Duration> + Send>),
    /// So many users, who each begin a call when their last one has ended.
    Users(u32),
    /// The remote.
    Server,
}

/// What a thread is given.
pub struct Seat {
    /// The thread, from 0.
    pub thread: u16,
    /// Of so many.
    pub threads: u16,
    /// The address its socket 0 is bound to.
    pub local: SocketAddr,
    /// Where calls go; a server needs none.
    pub remote: Option<SocketAddr>,
    /// Calls at once.
    pub most_at_once: u32,
    /// After so many calls no new ones begin; of all threads together where
    /// calls are taken.
    pub quota: Quota,
    /// For how long calls begin.
    pub duration: Duration,
}

/// The calls of one thread.
pub struct ScenarioCaller {
    program: Arc<Program>,
    seat: Seat,
    load: Load,
    shared: Shared,
    calls: Slab<Entry>,
    places: HashMap<Box<[u8]>, Place, Hasher>,
    alarms: Lanes<Alarm>,
    /// When the run began.
    began: Instant,
    /// The intended time of the next call.
    next: Option<Instant>,
    begun: u64,
    /// Users whose next call is due.
    again: Vec<(Instant, u32)>,
    is_draining: bool,
    /// When to look at the quota again.
    look: Instant,
}

/// What calls share, beside the program.
struct Shared {
    tables: Vec<Arc<Table>>,
    /// The next line of each injection file.
    lines: Vec<usize>,
    globals: Vec<Value>,
    users: BTreeMap<u32, Vec<Value>>,
    dynamic_id: u32,
    random: Random,
    score: Score,
}

struct Entry {
    session: Session,
    /// The earliest alarm set for it.
    alarm: Option<Instant>,
}

enum Place {
    Here(Handle),
    Ended,
}

enum Alarm {
    Call(Handle),
    Forget(Box<[u8]>),
}

impl Shared {
    fn context<'a>(
        &'a mut self,
        program: &'a Program,
        now: Instant,
        out: &'a mut Outbox,
    ) -> Context<'a> {
        Context {
            now,
            scenario: &program.scenario,
            settings: &program.settings,
            tables: &mut self.tables,
            globals: &mut self.globals,
            users: &mut self.users,
            dynamic_id: &mut self.dynamic_id,
            random: &mut self.random,
            out,
            score: &mut self.score,
        }
    }

    /// A call's line of each injection file. Threads take turns with the lines
    /// of a sequential one.
    fn draw_lines(&mut self, threads: u16, user: u32) -> Box<[usize]> {
        let mut drawn = Vec::with_capacity(self.tables.len());
        for (table, next) in self.tables.iter().zip(&mut self.lines) {
            let most = table.len().max(1);
            drawn.push(match table.order() {
                Order::Sequential => {
                    let line = *next % most;
                    *next = next.wrapping_add(usize::from(threads));
                    line
                }
                Order::Random => self.random.below(most as u64) as usize,
                Order::User => (user as usize).wrapping_sub(1) % most,
            });
        }
        drawn.into()
    }
}

impl ScenarioCaller {
    /// A thread that has not begun. `random` is of this thread alone.
    pub fn new(
        program: Arc<Program>,
        seat: Seat,
        load: Load,
        mut random: Random,
    ) -> ScenarioCaller {
        let scenario = &program.scenario;
        let hasher = random.hasher();
        let shared = Shared {
            tables: program.tables.clone(),
            lines: vec![usize::from(seat.thread); program.tables.len()],
            globals: vec![Value::Unset; scenario.variables[2]],
            users: BTreeMap::new(),
            dynamic_id: 0,
            random,
            score: Score::of(scenario, seat.duration),
        };
        ScenarioCaller {
            calls: Slab::new(seat.most_at_once),
            places: HashMap::with_hasher(hasher),
            alarms: Lanes::new(),
            began: Instant::START,
            next: None,
            begun: 0,
            again: Vec::new(),
            is_draining: false,
            look: Instant::START,
            program,
            seat,
            load,
            shared,
        }
    }

    /// The run begins `at`: `<init>` is done, and times count from here.
    pub fn begin(&mut self, at: Instant) {
        self.began = at;
        self.shared.score.tally.start(at, None);
        // An <init> only acts, and sends nothing.
        let mut out = Outbox::new(0);
        let mut cx = self.shared.context(&self.program, at, &mut out);
        session::run_init(&mut cx, self.seat.local);
        match &mut self.load {
            Load::Times(times) => self.next = times.next().map(|time| at + time),
            Load::Users(_) => self.next = Some(at),
            Load::Server => {}
        }
    }

    /// What it has counted.
    pub fn score(&self) -> &Score {
        &self.shared.score
    }

    /// Takes the lines `log`, `warning` and `error` wrote since the last time.
    pub fn take_lines(&mut self) -> Vec<(super::Loudness, String)> {
        std::mem::take(&mut self.shared.score.lines)
    }

    /// Ends all calls where they stand.
    pub fn cut(&mut self, now: Instant) {
        self.is_draining = true;
        self.next = None;
        let open: Vec<Handle> = self.calls.iter().map(|(handle, _)| handle).collect();
        for handle in open {
            let line = self
                .calls
                .get(handle)
                .map_or(0, |entry| entry.session.line(&self.program.scenario));
            let cause = Cause::Cut;
            self.end(now, handle, Err(Failure { cause, line }));
        }
    }

    /// Whether every call that was to begin has ended.
    pub fn is_done(&self) -> bool {
        let takes_more = match &self.load {
            Load::Server => !self.is_full_up(),
            Load::Times(_) | Load::Users(_) => self.next.is_some() || !self.again.is_empty(),
        };
        self.calls.is_empty() && (self.is_draining || !takes_more)
    }

    /// Whether the calls wanted have all begun.
    fn is_full_up(&self) -> bool {
        self.is_draining || self.seat.quota.is_spent()
    }

    fn receive(&mut self, now: Instant, bytes: &[u8], flow: Flow, out: &mut Outbox) {
        let Some(call_id) = text::value(bytes, b"Call-ID") else {
            // Keep-alives are no messages.
            self.shared.score.tally.strays += u64::from(!bytes.trim_ascii().is_empty());
            return;
        };
        let call_id = own_part(call_id);
        match self.places.get(call_id) {
            Some(Place::Here(handle)) => {
                let handle = *handle;
                self.drive(now, handle, out, |session, cx| {
                    session.receive(cx, bytes, flow)
                });
            }
            Some(Place::Ended) => self.shared.score.late += 1,
            None => self.meet(now, bytes, flow, out),
        }
    }

    /// A message of no call here: a server takes requests for new calls.
    fn meet(&mut self, now: Instant, bytes: &[u8], flow: Flow, out: &mut Outbox) {
        let is_server = self.program.scenario.role == Role::Server;
        let method = text::method(bytes);
        let opens = !method.is_empty() && method != b"ACK";
        if !is_server || !opens || self.is_full_up() {
            self.shared.score.tally.strays += 1;
            return;
        }
        if self.calls.is_full() {
            self.shared.score.tally.skipped += 1;
            return;
        }
        let call_id = text::value(bytes, b"Call-ID").unwrap_or(b"").into();
        let user = self.next_number() as u32;
        if let Some(handle) = self.open(now, now, user, call_id, flow, false)
            && self.drive(now, handle, out, |session, cx| session.run(cx))
        {
            self.drive(now, handle, out, |session, cx| {
                session.receive(cx, bytes, flow)
            });
        }
    }

    fn next_number(&self) -> u64 {
        u64::from(self.seat.thread) + 1 + self.begun * u64::from(self.seat.threads)
    }

    /// Begins the calls whose time has come.
    fn arrive(&mut self, now: Instant, out: &mut Outbox) {
        for _ in 0..AT_ONCE {
            let Some(intended) = self.next.filter(|&next| next <= now) else {
                return;
            };
            if self.is_full_up() {
                self.next = None;
                return;
            }
            match &mut self.load {
                Load::Times(times) => {
                    let began = self.began;
                    self.next = times.next().map(|time| began + time);
                    let user = self.next_number() as u32;
                    self.call(now, intended, user, out);
                }
                Load::Users(users) => {
                    self.next = None;
                    let (thread, threads) = (self.seat.thread, self.seat.threads);
                    let own = (u32::from(thread)..*users).step_by(threads.into());
                    for user in own.collect::<Vec<_>>() {
                        self.call(now, intended, user + 1, out);
                    }
                }
                Load::Server => self.next = None,
            }
        }
    }

    /// Begins one call of ours.
    fn call(&mut self, now: Instant, intended: Instant, user: u32, out: &mut Outbox) {
        let Some(remote) = self.seat.remote else {
            return;
        };
        let local = self.seat.local;
        let (number, pid) = (self.next_number(), self.program.settings.pid);
        let call_id = format!("{number}-{pid}@{}", local.ip()).into_bytes();
        let flow = Flow::udp(0, local, remote);
        match self.open(now, intended, user, call_id.into(), flow, true) {
            Some(handle) => {
                self.drive(now, handle, out, |session, cx| session.run(cx));
            }
            None => self.shared.score.tally.skipped += 1,
        }
    }

    fn open(
        &mut self,
        now: Instant,
        intended: Instant,
        user: u32,
        call_id: Box<[u8]>,
        flow: Flow,
        is_ours: bool,
    ) -> Option<Handle> {
        if self.calls.is_full() || !self.seat.quota.take() {
            return None;
        }
        let begin = Begin {
            number: self.next_number(),
            call_id: call_id.clone(),
            flow,
            user,
            lines: self.shared.draw_lines(self.seat.threads, user),
            intended,
            is_ours,
        };
        let key = own_part(&call_id).into();
        let program = &self.program;
        let session = Session::new(begin, &program.scenario, &program.settings);
        let entry = Entry {
            session,
            alarm: None,
        };
        let handle = self.calls.insert(entry).ok()?;
        self.places.insert(key, Place::Here(handle));
        self.begun += 1;
        self.shared.score.tally.begin(now, intended);
        Some(handle)
    }

    /// Lets one call act. Whether it goes on.
    fn drive(
        &mut self,
        now: Instant,
        handle: Handle,
        out: &mut Outbox,
        act: impl FnOnce(&mut Session, &mut Context<'_>) -> Progress,
    ) -> bool {
        let Some(entry) = self.calls.get_mut(handle) else {
            return false;
        };
        let mut cx = self.shared.context(&self.program, now, out);
        let progress = act(&mut entry.session, &mut cx);
        match progress {
            Progress::Waiting => self.set_alarm(now, handle),
            Progress::Ended(verdict) => self.end(now, handle, verdict),
        }
        match self.shared.score.stop {
            Some(Stop::Now) => self.cut(now),
            Some(_) => self.is_draining = true,
            None => {}
        }
        progress == Progress::Waiting
    }

    fn set_alarm(&mut self, now: Instant, handle: Handle) {
        let Some(entry) = self.calls.get_mut(handle) else {
            return;
        };
        if let Some(deadline) = entry.session.deadline()
            && entry.alarm.is_none_or(|alarm| alarm > deadline)
        {
            entry.alarm = Some(deadline);
            self.alarms
                .set(now, deadline.since(now), Alarm::Call(handle));
        }
    }

    fn end(&mut self, now: Instant, handle: Handle, verdict: Verdict) {
        let Some(Entry { session, .. }) = self.calls.remove(handle) else {
            return;
        };
        self.shared.score.end(now, session.intended(), verdict);
        let key: Box<[u8]> = own_part(session.call_id()).into();
        self.places.insert(key.clone(), Place::Ended);
        self.alarms.set(now, LINGER, Alarm::Forget(key));
        match self.load {
            Load::Users(_) if !self.is_full_up() => self.again.push((now, session.user())),
            Load::Users(_) => {}
            // No call comes again as the same user.
            _ => drop(self.shared.users.remove(&session.user())),
        }
    }

    fn elapse(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(alarm) = self.alarms.expire(now) {
            match alarm {
                Alarm::Forget(call_id) => {
                    self.places.remove(&call_id);
                }
                Alarm::Call(handle) => self.wake(now, handle, out),
            }
        }
        self.arrive(now, out);
        for (intended, user) in std::mem::take(&mut self.again) {
            if !self.is_full_up() {
                self.call(now, intended, user, out);
            }
        }
    }

    fn wake(&mut self, now: Instant, handle: Handle, out: &mut Outbox) {
        let Some(entry) = self.calls.get_mut(handle) else {
            return;
        };
        if let Some(due) = entry.alarm.take() {
            self.shared.score.tally.ring(now, due);
        }
        let deadline = entry.session.deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.drive(now, handle, out, |session, cx| session.elapse(cx));
        } else {
            self.set_alarm(now, handle);
        }
    }
}

/// The part of a Call-ID by which its call is known: a scenario may put
/// anything before it, and `///` between.
fn own_part(call_id: &[u8]) -> &[u8] {
    memchr::memmem::find(call_id, b"///").map_or(call_id, |at| &call_id[at + 3..])
}

impl Machine for ScenarioCaller {
    fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        match input {
            Input::Datagram { bytes, flow } => self.receive(now, bytes, flow, out),
            Input::Envelope(envelope) => {
                if let Body::Datagram { bytes, flow } = envelope.body {
                    self.receive(now, &bytes, flow, out);
                }
            }
            Input::Drain => {
                self.is_draining = true;
                self.next = None;
            }
            Input::Elapsed | Input::Undrain | Input::Reload(_) | Input::Prune(_) => {}
            // Scenarios run over datagrams alone.
            Input::Unsent { .. } | Input::Broken { .. } => {}
            // An engine that is not there yet may come: timers decide.
            Input::Unreachable { .. } => {}
        }
        self.elapse(now, out);
        self.look = now + LOOK_AGAIN;
    }

    fn deadline(&self) -> Option<Instant> {
        let again = self.again.first().map(|&(at, _)| at);
        // The other threads may take the last calls there are.
        let waits = matches!(self.load, Load::Server) && self.seat.quota.is_bounded();
        let look = (waits && !self.is_done()).then_some(self.look);
        [self.alarms.deadline(), self.next, again, look]
            .into_iter()
            .flatten()
            .min()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let score = &self.shared.score;
        vec![
            ("begun", score.tally.begun),
            ("completed", score.tally.completed),
            ("failed", score.tally.failed),
        ]
    }

    fn is_idle(&self) -> bool {
        self.is_done()
    }
}
