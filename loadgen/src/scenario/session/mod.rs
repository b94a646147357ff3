//! One running call of a scenario: a state machine that is given messages and
//! time, and sends into the outbox. Reads no clock and owns no socket.

mod abort;
mod act;
mod arrive;
mod expand;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::{Flow, Instant, Random};
use pinion_sip::dialog::RouteSet;
use pinion_sip::machine::Outbox;

use super::score::{Cause, Failure, Score, Verdict};
use super::settings::Settings;
use super::step::{Kind, Length, Marks, Pause, Scenario, Send, Step};
use super::table::Table;
use super::text;
use super::variable::{Scope, Value, VariableId};

/// Steps taken without waiting, beyond which a call is given up.
const MOST_STEPS: usize = 10_000;

/// Messages of which copies are recognised.
const REMEMBERED: usize = 6;

/// What all calls of a thread share, handed to each while it acts.
pub struct Context<'a> {
    /// Now.
    pub now: Instant,
    /// The scenario.
    pub scenario: &'a Scenario,
    /// What it is run with.
    pub settings: &'a Settings,
    /// The injection files as this thread's calls have left them.
    pub tables: &'a mut [Arc<Table>],
    /// Variables of all calls.
    pub globals: &'a mut [Value],
    /// Variables of the calls of each user.
    pub users: &'a mut BTreeMap<u32, Vec<Value>>,
    /// `[dynamic_id]`.
    pub dynamic_id: &'a mut u32,
    /// The run's randomness.
    pub random: &'a mut Random,
    /// Where messages go.
    pub out: &'a mut Outbox,
    /// Where everything is counted.
    pub score: &'a mut Score,
}

/// What a call begins with.
pub struct Begin {
    /// `[call_number]`.
    pub number: u64,
    /// Its Call-ID.
    pub call_id: Box<[u8]>,
    /// The path to the remote.
    pub flow: Flow,
    /// Whose call it is, from 1.
    pub user: u32,
    /// Its line of each injection file.
    pub lines: Box<[usize]>,
    /// When it was to begin: all times count from here.
    pub intended: Instant,
    /// Whether we began it.
    pub is_ours: bool,
}

/// Whether a call goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Progress {
    /// It waits for a message or for `deadline()`.
    Waiting,
    /// It has ended.
    Ended(Verdict),
}

/// A message that is sent again until something answers it.
struct Copies {
    at: Instant,
    delay: Duration,
    sent: u32,
}

/// A received message, and what a copy of it is answered with.
struct Heard {
    hash: u64,
    is_response: bool,
    cseq: u32,
    method: Box<[u8]>,
    answer: Option<Box<[u8]>>,
}

/// The last challenge kept.
struct Challenge {
    status: u16,
    values: Vec<Box<[u8]>>,
    uses: u32,
}

/// One call.
pub struct Session {
    begin: Begin,
    /// The step being taken.
    at: usize,
    in_init: bool,
    cseq: u32,
    variables: Box<[Value]>,
    paused_until: Option<Instant>,
    patience: Option<Instant>,
    copies: Option<Copies>,
    last_sent: Vec<u8>,
    last_sent_step: Option<usize>,
    last_received: Vec<u8>,
    last_flow: Flow,
    heard: Vec<Heard>,
    peer_tag: Option<Box<[u8]>>,
    routes: Option<RouteSet>,
    target: Box<[u8]>,
    challenge: Option<Challenge>,
    branches: Box<[Option<Box<[u8]>>]>,
    timers: Box<[Timer]>,
    flaw: Option<Failure>,
    is_established: bool,
    owes_ack: bool,
    is_settled: bool,
    jump_to: Option<usize>,
}

#[derive(Clone, Copy)]
struct Timer {
    since: Instant,
    is_done: bool,
}

impl Session {
    /// A call before its first step.
    pub fn new(begin: Begin, scenario: &Scenario, settings: &Settings) -> Session {
        let timer = Timer {
            since: begin.intended,
            is_done: false,
        };
        Session {
            at: 0,
            in_init: false,
            cseq: settings.base_cseq,
            variables: vec![Value::Unset; scenario.variables[0]].into(),
            paused_until: None,
            patience: None,
            copies: None,
            last_sent: Vec::new(),
            last_sent_step: None,
            last_received: Vec::new(),
            last_flow: begin.flow,
            heard: Vec::new(),
            peer_tag: None,
            routes: None,
            target: Box::default(),
            challenge: None,
            branches: vec![None; scenario.transactions].into(),
            timers: vec![timer; scenario.timers.len()].into(),
            flaw: None,
            is_established: false,
            owes_ack: false,
            is_settled: false,
            jump_to: None,
            begin,
        }
    }

    /// The call's Call-ID.
    pub fn call_id(&self) -> &[u8] {
        &self.begin.call_id
    }

    /// Whose call it is.
    pub fn user(&self) -> u32 {
        self.begin.user
    }

    /// When it was to begin.
    pub fn intended(&self) -> Instant {
        self.begin.intended
    }

    /// The line of the step it stands at.
    pub fn line(&self, scenario: &Scenario) -> u32 {
        let step = scenario.steps.get(self.at).or(scenario.steps.last());
        step.map_or(0, |step| step.line)
    }

    /// When `elapse` is next wanted.
    pub fn deadline(&self) -> Option<Instant> {
        let copies = self.copies.as_ref().map(|copies| copies.at);
        [self.paused_until, self.patience, copies]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes steps until one waits.
    pub fn run(&mut self, cx: &mut Context<'_>) -> Progress {
        for _ in 0..MOST_STEPS {
            let scenario = cx.scenario;
            let steps = self.steps(scenario);
            let Some(step) = steps.get(self.at) else {
                return Progress::Ended(self.verdict());
            };
            if let Some((variable, inverse)) = step.branching.condition
                && self.value(cx, variable).is_set() == inverse
            {
                // What is skipped leads nowhere else.
                self.at += 1;
                continue;
            }
            let taken = match &step.kind {
                Kind::Send(_) if self.copies.is_some() => return Progress::Waiting,
                Kind::Send(send) => self.send(cx, step, send).map(|()| true),
                Kind::Pause(pause) => self.pause(cx, step, pause),
                Kind::Nop => {
                    self.mark(cx, &step.marks);
                    self.act(cx, step, None).map(|()| true)
                }
                Kind::Recv(recv) => {
                    let timeout = recv.timeout.or(cx.settings.recv_timeout);
                    if self.patience.is_none() {
                        self.patience = timeout.map(|timeout| cx.now + timeout);
                    }
                    return Progress::Waiting;
                }
            };
            match taken {
                Ok(true) => self.go_on(cx, step),
                Ok(false) => return Progress::Waiting,
                Err(failure) => return Progress::Ended(Err(failure)),
            }
        }
        self.fail(Cause::Endless, self.line(cx.scenario))
    }

    /// Time has passed.
    pub fn elapse(&mut self, cx: &mut Context<'_>) -> Progress {
        if self
            .copies
            .as_ref()
            .is_some_and(|copies| copies.at <= cx.now)
            && let Some(progress) = self.send_copy(cx)
        {
            return progress;
        }
        if self.patience.is_some_and(|patience| patience <= cx.now) {
            return self.lose_patience(cx);
        }
        self.run(cx)
    }

    fn steps<'s>(&self, scenario: &'s Scenario) -> &'s [Step] {
        if self.in_init {
            &scenario.init
        } else {
            &scenario.steps
        }
    }

    /// The end of a call that went through all its steps.
    fn verdict(&self) -> Verdict {
        self.flaw.map_or(Ok(()), Err)
    }

    fn fail(&self, cause: Cause, line: u32) -> Progress {
        if self.is_settled {
            return Progress::Ended(self.verdict());
        }
        let failure = self.flaw.unwrap_or(Failure { cause, line });
        Progress::Ended(Err(failure))
    }

    /// Leaves `step` for the one its branching names, else for the next.
    fn go_on(&mut self, cx: &mut Context<'_>, step: &Step) {
        let branching = &step.branching;
        self.at += 1;
        self.patience = None;
        if let Some(step) = self.jump_to.take() {
            self.at = step;
            return;
        }
        if let Some(next) = branching.next
            && branching
                .test
                .is_none_or(|variable| self.value(cx, variable).is_set())
            && branching
                .chance
                .is_none_or(|chance| draw(cx.random) < chance)
        {
            self.at = next;
        }
    }

    /// Begins a pause, or finds it over, which is `true`.
    fn pause(&mut self, cx: &mut Context<'_>, step: &Step, pause: &Pause) -> Result<bool, Failure> {
        if let Some(until) = self.paused_until {
            let is_over = until <= cx.now;
            if is_over {
                self.paused_until = None;
            }
            return Ok(is_over);
        }
        let millis = match &pause.length {
            Length::Default => cx.settings.pause.as_secs_f64() * 1000.0,
            Length::Drawn(distribution) => distribution.sample(cx.random),
            Length::Variable(variable) => self.value(cx, *variable).number(),
        };
        // Draws below zero are no pause; the longest is that of SIPp.
        let millis = (millis.max(0.0) as u64).min(i32::MAX as u64);
        self.is_settled |= pause.is_timewait;
        self.mark(cx, &step.marks);
        self.act(cx, step, None)?;
        if millis > 0 {
            self.paused_until = Some(cx.now + Duration::from_millis(millis));
        }
        Ok(millis == 0)
    }

    fn send(&mut self, cx: &mut Context<'_>, step: &Step, send: &Send) -> Result<(), Failure> {
        self.mark(cx, &step.marks);
        if let Some(method) = &send.method
            && !matches!(&**method, "ACK" | "CANCEL")
        {
            self.cseq = self.cseq.wrapping_add(1);
        }
        let mut message = std::mem::take(&mut self.last_sent);
        message.clear();
        let index = self.at as i64;
        if !self.expand(cx, &send.template, index, &mut message) {
            self.blame(Cause::Challenge, step.line);
        }
        if send.method.as_deref() == Some("ACK") {
            self.is_established |= self.owes_ack;
            self.owes_ack = false;
        }
        if let Some(transaction) = send.starts {
            self.branches[transaction] = text::branch(&message).map(Into::into);
        }
        if draw(cx.random) * 100.0 < send.lost {
            cx.score.lost += 1;
        } else {
            self.transmit(cx, &message);
        }
        self.remember_answer(&message, send.method.as_deref());
        self.copies = send
            .t1
            .filter(|_| cx.settings.retransmits)
            .map(|t1| Copies {
                at: cx.now + t1,
                delay: t1,
                sent: 0,
            });
        self.last_sent_step = Some(self.at);
        let acted = self.act(cx, step, Some(&message));
        self.last_sent = message;
        acted
    }

    /// Sends a message: a response where the last request came from, a
    /// request to the remote.
    fn transmit(&self, cx: &mut Context<'_>, message: &[u8]) {
        let flow = if text::status(message).is_some() {
            &self.last_flow
        } else {
            &self.begin.flow
        };
        cx.score.sent += 1;
        cx.out.send(flow, |bytes| bytes.extend_from_slice(message));
    }

    /// A copy of the last message, or the end of patience with it, which ends
    /// the call unless a label takes over.
    fn send_copy(&mut self, cx: &mut Context<'_>) -> Option<Progress> {
        let copies = self.copies.as_mut()?;
        let is_invite = text::method(&self.last_sent) == b"INVITE";
        let most = if is_invite {
            cx.settings.max_invite_copies
        } else {
            cx.settings.max_other_copies
        };
        if copies.sent < most {
            copies.sent += 1;
            copies.delay *= 2;
            if !is_invite {
                copies.delay = copies.delay.min(cx.settings.t2);
            }
            copies.at = cx.now + copies.delay;
            cx.score.send_again(is_invite);
            let message = std::mem::take(&mut self.last_sent);
            self.transmit(cx, &message);
            self.last_sent = message;
            return None;
        }
        self.copies = None;
        let step = self.last_sent_step.and_then(|at| cx.scenario.steps.get(at));
        let line = step.map_or(0, |step| step.line);
        let label = match step.map(|step| &step.kind) {
            Some(Kind::Send(send)) => send.on_timeout,
            _ => None,
        };
        match label.filter(|&label| label < cx.scenario.steps.len()) {
            Some(label) => {
                self.jump(label);
                None
            }
            None => {
                self.abort(cx);
                Some(self.fail(Cause::Unanswered, line))
            }
        }
    }

    fn lose_patience(&mut self, cx: &mut Context<'_>) -> Progress {
        self.patience = None;
        let Some(step) = cx.scenario.steps.get(self.at) else {
            return self.run(cx);
        };
        let label = match &step.kind {
            Kind::Recv(recv) => recv.on_timeout,
            _ => None,
        };
        match label.filter(|&label| label < cx.scenario.steps.len()) {
            Some(label) => {
                self.jump(label);
                self.run(cx)
            }
            None => {
                self.abort(cx);
                self.fail(Cause::RecvTimeout, step.line)
            }
        }
    }

    fn jump(&mut self, step: usize) {
        self.at = step;
        self.patience = None;
        self.paused_until = None;
    }

    /// Keeps the first thing that makes the call a failure.
    fn blame(&mut self, cause: Cause, line: u32) {
        self.flaw.get_or_insert(Failure { cause, line });
    }

    fn mark(&mut self, cx: &mut Context<'_>, marks: &Marks) {
        for &timer in &marks.start {
            self.timers[timer].since = cx.now;
        }
        for &index in &marks.stop {
            let timer = &mut self.timers[index];
            if !timer.is_done {
                timer.is_done = !marks.repeats;
                cx.score.measure(index, cx.now.since(timer.since));
            }
        }
        if let Some(counter) = marks.counter {
            cx.score.counters[counter] += 1;
        }
    }

    fn value<'v>(&'v self, cx: &'v Context<'_>, variable: VariableId) -> &'v Value {
        let values: &[Value] = match variable.scope {
            Scope::Call => &self.variables,
            Scope::Global => cx.globals,
            Scope::User => cx.users.get(&self.begin.user).map_or(&[], |v| v),
        };
        values.get(variable.index).unwrap_or(&Value::Unset)
    }

    fn set(&mut self, cx: &mut Context<'_>, variable: VariableId, value: Value) {
        let slot = match variable.scope {
            Scope::Call => self.variables.get_mut(variable.index),
            Scope::Global => cx.globals.get_mut(variable.index),
            Scope::User => {
                let fresh = || vec![Value::Unset; cx.scenario.variables[1]];
                let values = cx.users.entry(self.begin.user).or_insert_with(fresh);
                values.get_mut(variable.index)
            }
        };
        if let Some(slot) = slot {
            *slot = value;
        }
    }
}

/// Runs `<init>` once, as a call that nobody hears of.
pub fn run_init(cx: &mut Context<'_>, local: SocketAddr) {
    let flow = Flow::udp(0, local, local);
    let begin = Begin {
        number: 0,
        call_id: Box::default(),
        flow,
        user: 0,
        lines: cx.tables.iter().map(|_| 0).collect(),
        intended: cx.now,
        is_ours: true,
    };
    let mut session = Session::new(begin, cx.scenario, cx.settings);
    session.in_init = true;
    // The verdict is of a call that is not counted.
    let _ = session.run(cx);
}

/// A number from 0 to 1, 1 excluded.
fn draw(random: &mut Random) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}
