//! The runs through the dialplan that one call holds: the caller's own, and
//! one for each channel that has a plan of its own.
//!
//! Hands events to them and takes what they return. What a run may do to the
//! world is `channels`' matter, what its end is to others `run_end`'s.

use core::time::Duration;

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::call::{Call, Caller, lines};
use super::channels::Stage;
use super::exchange::{Alarm, Turn};
use crate::base::{Instant, Level};
use crate::dialplan::{
    Cause, ChannelEvent, ChannelId, Channels, Cursor, Event, Progress, Reply, Ticket, Variables,
};
use crate::machine::{Ringer, What};
use crate::wire::Status;

/// A call may begin `Limits::legs_per_call` runs beside the caller's within this
/// time: channels that ring the plan which dials them multiply.
const REFILL: Duration = Duration::from_secs(1);

/// Names one run of a call. Stale ones find nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunId(u16);

impl RunId {
    /// The run of the caller's channel.
    pub const CALLER: RunId = RunId(0);
}

/// What a run has not heard of yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum News {
    /// It may begin.
    Start,
    /// The call has run away: it ends. What goes on after a call does so still.
    Runaway,
    /// A channel it requested reports.
    Channel(ChannelId, ChannelEvent),
}

/// One run.
#[derive(Default)]
pub(super) struct Run {
    cursor: Option<Box<Cursor>>,
    /// Its channel is gone, and its `h` extension waits for a reply.
    lingering: Option<Box<Cursor>>,
    /// When it wants waking.
    alarm: Option<Instant>,
}

impl Run {
    /// About to start.
    pub(super) fn of(cursor: Cursor) -> Run {
        Run {
            cursor: Some(Box::new(cursor)),
            ..Run::default()
        }
    }

    pub(super) fn lingers(&self) -> bool {
        self.lingering.is_some()
    }
}

/// What a run is to the channel it runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// The far side of a Local channel.
    Local,
    /// A routine it is in for whoever requested it.
    Routine,
    /// Nothing any more: the channel is gone.
    Farewell,
}

/// A run beside the caller's.
pub(super) struct Other {
    id: RunId,
    run: Run,
    pub(super) role: Role,
    /// The channel that is to this run what the caller's is to the caller's run.
    pub(super) channel: ChannelId,
    /// Whether it is the far end of that channel, a Local one, that runs.
    pub(super) far: bool,
    /// What its channel was called, once that is gone: `h` may still ask.
    pub(super) called: Option<Box<Called>>,
    /// Whom its channels are from.
    pub(super) caller: Caller,
    /// Whether its channel has been answered.
    pub(super) answered: bool,
    /// Interfaces dialled on the way to its channel.
    pub(super) dialled: Vec<SmolStr>,
    /// What it has asked.
    pub(super) asked: SmallVec<[Ticket; 2]>,
}

/// The names of a channel.
pub(super) struct Called {
    /// `CHANNEL`.
    pub(super) name: SmolStr,
    /// `UNIQUEID`.
    pub(super) unique_id: String,
    /// `SIPCALLID`, and `SIPURI`.
    pub(super) leg: Option<(String, String)>,
}

impl Other {
    /// Takes the variables of its channel.
    pub(super) fn take_variables(&mut self) -> Variables {
        let cursor = self.run.cursor.as_mut();
        cursor.map_or_else(Variables::default, |cursor| {
            core::mem::take(cursor.variables_mut())
        })
    }

    /// Where it is in its plan; `None` once it has ended.
    pub(super) fn cursor(&self) -> Option<&Cursor> {
        let cursor = self.run.cursor.as_ref().or(self.run.lingering.as_ref());
        cursor.map(Box::as_ref)
    }
}

/// All runs beside the caller's.
#[derive(Default)]
pub(super) struct Others {
    list: Vec<Other>,
    last: u16,
    begun: u16,
    begun_since: Instant,
}

impl Others {
    /// A name that no run of the call has.
    fn free_id(&mut self) -> RunId {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if self.find(RunId(self.last)).is_none() {
                return RunId(self.last);
            }
        }
    }

    pub(super) fn find(&self, id: RunId) -> Option<&Other> {
        self.list.iter().find(|other| other.id == id)
    }
}

impl Call {
    /// Begins a run on a channel with `deliver`; gives the cursor back if there
    /// are too many.
    pub(super) fn begin_run(
        &mut self,
        turn: &mut Turn<'_>,
        role: Role,
        channel: ChannelId,
        cursor: Cursor,
        caller: Caller,
    ) -> Result<RunId, Box<Cursor>> {
        let most = turn.exchange.limits.legs_per_call;
        let others = self.others.get_or_insert_default();
        if turn.now >= others.begun_since + REFILL {
            (others.begun_since, others.begun) = (turn.now, 0);
        }
        if others.begun >= most {
            let (context, exten, _) = cursor.position();
            self.note(turn, Level::Error, "dialplan-runaway", || {
                format!("{context},{exten} was entered {most} times by one call within a second; the call is ended")
            });
            self.news.insert(0, (RunId::CALLER, News::Runaway));
            return Err(Box::new(cursor));
        }
        others.begun += 1;
        let id = others.free_id();
        others.list.push(Other {
            id,
            run: Run::of(cursor),
            far: role == Role::Local,
            role,
            channel,
            called: None,
            caller,
            answered: false,
            dialled: Vec::new(),
            asked: SmallVec::new(),
        });
        self.news.push((id, News::Start));
        Ok(id)
    }

    /// Starts the caller's run.
    pub(super) fn start(&mut self, turn: &mut Turn<'_>) {
        self.advance(turn, RunId::CALLER, |cursor, stage| cursor.start(stage));
        self.deliver(turn);
    }

    /// Tells the run that requested a channel what it reports.
    pub(super) fn report(&mut self, id: ChannelId, event: ChannelEvent) {
        if let Some(channel) = self.channel(id) {
            let run = channel.run;
            self.note_report(id, event);
            self.report_to(run, id, event);
        }
    }

    /// Tells a run what it hears of a channel.
    pub(super) fn report_to(&mut self, run: RunId, id: ChannelId, event: ChannelEvent) {
        self.news.push((run, News::Channel(id, event)));
    }

    /// Sends a run elsewhere in the plan, whatever it waits for; whether there
    /// is such a place, and a run that can go there.
    pub(super) fn redirect_run(&mut self, turn: &mut Turn<'_>, run: RunId, place: &str) -> bool {
        let cursor = self.run_mut(run).and_then(|run| run.cursor.take());
        let Some(mut cursor) = cursor else {
            return false;
        };
        let mut stage = Stage {
            call: self,
            turn,
            run,
        };
        match cursor.redirect(place, &mut stage) {
            Some(progress) => {
                self.settle_run(turn, run, &mut cursor, progress);
                self.progressed(turn, run, cursor, progress);
                true
            }
            None => {
                if let Some(run) = self.run_mut(run) {
                    run.cursor = Some(cursor);
                }
                false
            }
        }
    }

    /// Hands what is new to the runs it is for, until there is nothing new.
    pub(super) fn deliver(&mut self, turn: &mut Turn<'_>) {
        while !self.news.is_empty() {
            let (run, news) = self.news.remove(0);
            match news {
                News::Start => self.advance(turn, run, |cursor, stage| cursor.start(stage)),
                News::Runaway => self.end_runaway(turn),
                News::Channel(channel, event)
                    if run == RunId::CALLER && self.originating_heard(turn, channel, event) => {}
                News::Channel(channel, event) => {
                    self.step(turn, run, Event::Channel(channel, event));
                }
            }
        }
    }

    /// One step of a run, if it goes on still.
    fn step(&mut self, turn: &mut Turn<'_>, run: RunId, event: Event) {
        self.advance(turn, run, |cursor, stage| cursor.handle(event, stage));
    }

    fn advance(
        &mut self,
        turn: &mut Turn<'_>,
        run: RunId,
        go: impl FnOnce(&mut Cursor, &mut dyn Channels) -> Progress,
    ) {
        let Some(mut cursor) = self.run_mut(run).and_then(|run| run.cursor.take()) else {
            return;
        };
        let mut stage = Stage {
            call: self,
            turn,
            run,
        };
        let progress = go(&mut cursor, &mut stage);
        if run != RunId::CALLER && cursor.ran_away() {
            self.news.insert(0, (run, News::Runaway));
        }
        self.settle_run(turn, run, &mut cursor, progress);
        self.progressed(turn, run, cursor, progress);
    }

    /// Hands out the records of a run, unless its `h` has yet to have its say.
    fn settle_run(
        &mut self,
        turn: &mut Turn<'_>,
        run: RunId,
        cursor: &mut Cursor,
        progress: Progress,
    ) {
        match progress {
            Progress::Lingering(_) => {}
            Progress::Waiting(_) => self.settle(turn, run, cursor, false),
            Progress::Ended(_) => self.settle(turn, run, cursor, true),
        }
    }

    fn progressed(
        &mut self,
        turn: &mut Turn<'_>,
        run: RunId,
        cursor: Box<Cursor>,
        progress: Progress,
    ) {
        let over = run == RunId::CALLER && (self.is_closed() || self.ending.is_some());
        if run == RunId::CALLER && !over && !matches!(progress, Progress::Waiting(_)) {
            self.note(turn, Level::Debug, "variables", || {
                lines(cursor.variables())
            });
        }
        match progress {
            Progress::Waiting(deadline) if !over => self.wait(turn, run, cursor, deadline),
            Progress::Waiting(_) => {}
            Progress::Ended(ending) if !over => self.ended(turn, run, ending, cursor, false),
            Progress::Ended(_) => {}
            Progress::Lingering(ending) if !over => self.ended(turn, run, ending, cursor, true),
            Progress::Lingering(_) => self.linger(run, cursor),
        }
    }

    fn wait(
        &mut self,
        turn: &mut Turn<'_>,
        run: RunId,
        cursor: Box<Cursor>,
        deadline: Option<Instant>,
    ) {
        let call = self.handle;
        let Some(run) = self.run_mut(run) else { return };
        run.cursor = Some(cursor);
        let known = core::mem::replace(&mut run.alarm, deadline);
        if let Some(at) = deadline.filter(|_| known != deadline) {
            // Plans wait for few different times: Dial's timeout, mostly.
            let wait = at.since(turn.now);
            turn.exchange
                .alarms
                .set(turn.now, wait, Alarm::Plan { call });
        }
    }

    /// The channel of a run is gone, and its `h` extension waits for a reply.
    pub(super) fn linger(&mut self, run: RunId, cursor: Box<Cursor>) {
        if let Some(run) = self.run_mut(run) {
            run.lingering = Some(cursor);
        }
    }

    /// The reply to an inquiry of a run.
    pub fn replied(&mut self, turn: &mut Turn<'_>, ticket: Ticket, reply: Reply) {
        let id = self.asker(ticket);
        let event = Event::Reply(ticket, reply);
        let Some(run) = self.run_mut(id) else { return };
        match run.lingering.take() {
            Some(mut cursor) => {
                let mut stage = Stage {
                    call: self,
                    turn,
                    run: id,
                };
                match cursor.handle(event, &mut stage) {
                    Progress::Lingering(_) => self.linger(id, cursor),
                    Progress::Waiting(_) | Progress::Ended(_) => {
                        self.settle(turn, id, &mut cursor, true);
                        self.forget_run(id);
                    }
                }
            }
            None => self.step(turn, id, event),
        }
        self.deliver(turn);
    }

    /// The caller's leg stays: its plan goes on, and what it would have been
    /// woken for meanwhile is due.
    pub fn stayed(&mut self, turn: &mut Turn<'_>, ticket: Ticket, reply: Reply) {
        self.moving = false;
        self.own.alarm = None;
        self.replied(turn, ticket, reply);
    }

    /// The run that asked.
    fn asker(&mut self, ticket: Ticket) -> RunId {
        let others = self.others.iter_mut().flat_map(|others| &mut others.list);
        for other in others {
            if let Some(at) = other.asked.iter().position(|asked| *asked == ticket) {
                other.asked.swap_remove(at);
                return other.id;
            }
        }
        RunId::CALLER
    }

    /// An alarm of a run went off, perhaps one nobody waits for any more.
    pub fn wake(&mut self, turn: &mut Turn<'_>) {
        let others = self.others.iter().flat_map(|others| &others.list);
        let ids: SmallVec<[RunId; 4]> = core::iter::once(RunId::CALLER)
            .chain(others.map(|other| other.id))
            .collect();
        self.originating_waited(turn);
        let moving = self.moving;
        for id in ids {
            let Some(run) = self.run_mut(id) else {
                continue;
            };
            let waits = id == RunId::CALLER && moving;
            if !waits && run.alarm.is_some_and(|at| at <= turn.now) {
                run.alarm = None;
                turn.record(What::Timer(Ringer::Plan, 0));
                self.step(turn, id, Event::Timer);
            }
        }
        self.deliver(turn);
    }

    /// The caller gave up (CANCEL, or BYE before an answer): 487, and every
    /// channel is told.
    pub fn cancelled(&mut self, turn: &mut Turn<'_>) {
        if self.is_answered() || self.is_closed() {
            return;
        }
        self.final_response(turn, Status::REQUEST_TERMINATED, None, Cause::default());
        self.caller_left(turn, Cause::NORMAL_CLEARING);
    }

    /// The caller is gone: its plan runs to its end, and so does the call.
    pub(super) fn caller_left(&mut self, turn: &mut Turn<'_>, cause: Cause) {
        self.step(turn, RunId::CALLER, Event::CallerHangup);
        if !self.is_closed() {
            self.hang_up(turn, cause);
        }
    }

    /// A channel is about to go: the runs on it keep what it is called.
    pub(super) fn keep_names(&mut self, id: ChannelId) {
        let others = self.others.iter().flat_map(|others| &others.list);
        let its = others.filter(|other| other.channel == id);
        let runs: SmallVec<[(RunId, bool); 1]> = its.map(|other| (other.id, other.far)).collect();
        for (run, far) in runs {
            let channel = self.channel(id);
            let called = channel.map(|channel| Box::new(self.names_of(channel, far)));
            if let Some(other) = self.other_mut(run) {
                other.called = called;
            }
        }
    }

    /// The channel of a run beside the caller's is gone.
    pub(super) fn channel_left(&mut self, turn: &mut Turn<'_>, run: RunId) {
        self.step(turn, run, Event::CallerHangup);
    }

    /// The caller's run has no say any more. It is returned, unless it is at work.
    pub(super) fn stop_plan(&mut self) -> Option<Box<Cursor>> {
        self.own.alarm = None;
        self.news.retain(|(run, _)| *run != RunId::CALLER);
        self.own.cursor.take()
    }

    /// Where the caller's own run is; `None` once it has ended.
    pub(super) fn own_cursor(&self) -> Option<&Cursor> {
        let cursor = self.own.cursor.as_ref().or(self.own.lingering.as_ref());
        cursor.map(Box::as_ref)
    }

    /// Its runs through plans: the caller's, then the others.
    pub(super) fn cursors(&self) -> impl Iterator<Item = &Cursor> {
        let others = self.others.iter().flat_map(|others| &others.list);
        let runs = core::iter::once(&self.own).chain(others.map(|other| &other.run));
        runs.flat_map(|run| [&run.cursor, &run.lingering])
            .filter_map(Option::as_deref)
    }

    /// Whether a run still has something to do after its call.
    pub(super) fn has_runs(&self) -> bool {
        let any = |others: &Others| !others.list.is_empty();
        self.own.lingers() || self.others.as_deref().is_some_and(any)
    }

    fn run_mut(&mut self, id: RunId) -> Option<&mut Run> {
        match id {
            RunId::CALLER => Some(&mut self.own),
            id => self.other_mut(id).map(|other| &mut other.run),
        }
    }

    /// What `${name}` is in a run; `None` once it has no plan any more.
    pub(super) fn value_in(
        &mut self,
        turn: &mut Turn<'_>,
        run: RunId,
        name: &str,
    ) -> Option<String> {
        let cursor = self.run_mut(run)?.cursor.take()?;
        let stage = Stage {
            call: self,
            turn,
            run,
        };
        let value = cursor.value(name, &stage);
        self.run_mut(run)?.cursor = Some(cursor);
        Some(value)
    }

    /// A run beside the caller's.
    pub(super) fn other(&self, id: RunId) -> Option<&Other> {
        self.others.as_ref()?.find(id)
    }

    /// A run beside the caller's.
    pub(super) fn other_mut(&mut self, id: RunId) -> Option<&mut Other> {
        let list = &mut self.others.as_mut()?.list;
        list.iter_mut().find(|other| other.id == id)
    }

    /// Ends a run without a word.
    pub(super) fn forget_run(&mut self, id: RunId) {
        if let Some(others) = &mut self.others {
            others.list.retain(|other| other.id != id);
        }
    }
}
