//! The call as one of its runs through the dialplan sees it.

use alloc::borrow::Cow;

use smol_str::SmolStr;

use super::call::Call;
use super::exchange::{Alarm, Turn};
use super::resume::Resume;
use super::run::{Role, RunId};
use super::tech::tech;
use crate::base::{Instant, Level, Text};
use crate::config::Presentation;
use crate::dialplan::{
    ApplicationId, Cause, ChannelEvent, ChannelId, Channels, Forward, Hold, Indication, Inquiry,
    NoMedia, Origin, Redirecting, Routine, Shown, Ticket,
};
use crate::machine::{Question, What};
use crate::wire::Status;

/// A call and a turn, lent to an application for one step.
pub struct Stage<'s, 't> {
    /// The call.
    pub call: &'s mut Call,
    /// The turn.
    pub turn: &'s mut Turn<'t>,
    /// The run the application works for.
    pub run: RunId,
}

impl Stage<'_, '_> {
    /// Shows the caller a state; the one shown last again only with an early
    /// session the caller has not seen.
    fn show(&mut self, indication: Indication) {
        if self.call.is_answered() {
            return;
        }
        let unseen = self.call.begins_early_session(self.turn);
        if self.call.indicated == Some(indication) && !unseen {
            return;
        }
        self.call.indicated = Some(indication);
        let status = match indication {
            // The transaction sends 100 by itself when nothing better comes in time.
            Indication::Proceeding => return,
            Indication::Ringing => Status::RINGING,
            Indication::Progress => Status::SESSION_PROGRESS,
        };
        self.call.provisional(self.turn, status);
    }
}

impl Stage<'_, '_> {
    /// Keeps a note whose level is wanted, as few are.
    #[cold]
    fn note_wanted(&mut self, level: Level, cause: &'static str, text: &mut dyn FnMut() -> String) {
        self.call.note(self.turn, level, cause, text);
    }

    /// The channel this run is of; `None` for the caller's.
    fn channel(&self) -> Option<ChannelId> {
        let other = self.call.other(self.run)?;
        Some(other.channel)
    }
}

impl Channels for Stage<'_, '_> {
    fn now(&self) -> Instant {
        self.turn.now
    }

    fn indicate(&mut self, indication: Indication) {
        let Some(other) = self.call.other(self.run) else {
            self.show(indication);
            return;
        };
        if other.role == Role::Local && !other.answered {
            let event = match indication {
                Indication::Proceeding => ChannelEvent::Proceeding,
                Indication::Ringing => ChannelEvent::Ringing,
                Indication::Progress => ChannelEvent::Progress,
            };
            let channel = other.channel;
            self.call.report(channel, event);
        }
    }

    fn answer(&mut self) -> Result<(), NoMedia> {
        if self.is_answered() {
            Ok(())
        } else {
            Err(NoMedia)
        }
    }

    fn is_answered(&self) -> bool {
        match self.call.other(self.run) {
            Some(other) => other.answered,
            None => self.call.is_answered(),
        }
    }

    fn answered_at(&self) -> Option<Instant> {
        let answered = self.call.answered_at;
        answered.filter(|_| self.run == RunId::CALLER)
    }

    fn read(&self, function: &str, arguments: &str) -> Option<String> {
        let leg = match self.call.other(self.run) {
            Some(other) => self.call.leg_of(other.channel),
            None => Some(0),
        };
        self.call.read(self.turn, leg, function, arguments)
    }

    fn forget_causes(&mut self) {
        self.call.forget_responses();
    }

    fn redirect(&mut self, destination: &str) -> bool {
        self.run == RunId::CALLER && self.call.redirect(self.turn, destination)
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.call.other(self.run) {
            Some(other) => self.call.variable_of_run(other, name),
            None => self.call.variable(name),
        }
    }

    fn runs(&mut self, application: ApplicationId, priority: u32) {
        self.turn.record(What::Step(application, priority));
    }

    fn random(&mut self) -> u64 {
        self.turn.exchange.random.next_u64()
    }

    fn present(&mut self, number: &str, name: &str, presentation: Option<u8>) -> bool {
        let caller = match self.call.other_mut(self.run) {
            Some(other) => &mut other.caller,
            None => &mut self.call.caller,
        };
        caller.number.set(number.as_bytes());
        caller.name.set(name.as_bytes());
        if let Some(octet) = presentation {
            caller.presentation = Presentation::of(octet);
        }
        true
    }

    fn request(&mut self, name: &str, resource: &str) -> Result<ChannelId, Cause> {
        let Some(tech) = tech(name) else {
            self.call.note(self.turn, Level::Warn, "unknown-technology", || {
                format!(
                    "Dial: no channel technology is called '{name}'; this engine has SIP and Local"
                )
            });
            return Err(Cause::FACILITY_NOT_IMPLEMENTED);
        };
        if self
            .call
            .other(self.run)
            .is_some_and(|other| other.role != Role::Local)
        {
            self.call.note(self.turn, Level::Warn, "no-other-side", || {
                "Dial: a callee that is in a routine, or over, cannot dial".into()
            });
            return Err(Cause::FACILITY_NOT_IMPLEMENTED);
        }
        if self.call.channels.is_empty() {
            self.call.refused = None;
        }
        if self.call.channels.len() >= usize::from(self.turn.exchange.limits.legs_per_call) {
            return Err(Cause::NORMAL_CIRCUIT_CONGESTION);
        }
        let id = tech.request(self.call, self.turn, resource)?;
        if let Some(channel) = self.call.channel_mut(id) {
            channel.run = self.run;
        }
        Ok(id)
    }

    fn inherit(&mut self, channel: ChannelId, name: &str, value: &str) {
        if let Some(channel) = self.call.channel_mut(channel) {
            // A full table of variables keeps what it has, as a plan's Set does.
            let _ = channel.more().variables.set(name, value);
        }
    }

    fn channel_variable(&self, channel: ChannelId, name: &str) -> Option<&str> {
        let more = self.call.channel(channel)?.more.as_ref()?;
        more.variables.value(name)
    }

    fn name(&self, channel: ChannelId) -> SmolStr {
        let channel = self.call.channel(channel);
        channel.map_or(SmolStr::default(), |channel| channel.name(self.call.number))
    }

    fn show(&mut self, channel: ChannelId, shown: Shown<'_>) {
        let mut caller = self.call.caller_of(channel).clone();
        if let Some((number, name)) = shown.identity {
            caller.number.set(number.as_bytes());
            caller.name.set(name.as_bytes());
        }
        if let Some(octet) = shown.presentation {
            caller.presentation = Presentation::of(octet);
        }
        if let Some(channel) = self.call.channel_mut(channel) {
            channel.more().shown = Some(caller);
        }
    }

    fn tell_redirecting(&mut self, channel: ChannelId, redirecting: &Redirecting) {
        if let Some(channel) = self.call.channel_mut(channel) {
            channel.more().redirecting = Some(Box::new(redirecting.clone()));
        }
    }

    fn forwarded(&mut self, redirecting: &Redirecting) {
        if self.run == RunId::CALLER && !self.call.is_answered() {
            self.call.tell_forwarded(self.turn, redirecting);
        }
    }

    fn tell_dialled(&mut self, channel: ChannelId, interfaces: &[SmolStr]) {
        if let Some(channel) = self.call.channel_mut(channel) {
            channel.more().dialled = interfaces.to_vec();
        }
    }

    fn dialled(&self) -> &[SmolStr] {
        let other = self.call.other(self.run);
        other.map_or(&[], |other| &other.dialled)
    }

    fn routine(&mut self, channel: ChannelId, routine: Routine<'_>) -> bool {
        self.call.enter_routine(self.turn, channel, routine)
    }

    fn hold(&mut self, channel: ChannelId) {
        self.call.hold(self.turn, channel);
    }

    fn go_on(&mut self, channel: ChannelId, place: (&str, &str, u32)) -> bool {
        self.call.go_on(self.turn, channel, place)
    }

    fn run_h(&mut self, channel: ChannelId) {
        if let Some(channel) = self.call.channel_mut(channel) {
            channel.more().runs_h = true;
        }
    }

    fn forward(&self, channel: ChannelId) -> Option<Forward> {
        let refused = self.call.refused.as_ref()?;
        let forward = refused.forward.clone();
        forward.filter(|_| refused.channel == channel)
    }

    fn refusal(&self, channel: ChannelId) -> Option<u16> {
        let refused = self.call.refused.as_ref()?;
        (refused.channel == channel).then(|| refused.status.code())
    }

    fn account(&mut self, channel: ChannelId, origin: &Origin<'_>) {
        self.call
            .account(self.turn.exchange, self.run, channel, origin);
    }

    fn call(&mut self, channel: ChannelId) {
        if let Some(tech) = self.call.tech_of(channel) {
            tech.call(self.call, self.turn, channel);
        }
    }

    fn hangup(&mut self, channel: ChannelId, cause: Cause, elsewhere: bool) {
        if let Some(tech) = self.call.tech_of(channel) {
            tech.hangup(self.call, self.turn, channel, cause, elsewhere);
        }
    }

    fn bridge(&mut self, channel: ChannelId) {
        match self.run {
            RunId::CALLER => self.call.join(self.turn, channel),
            run => self.call.answer_local(self.turn, run, channel),
        }
    }

    fn ask(&mut self, inquiry: Inquiry) -> Option<Ticket> {
        let channel = self.channel();
        let question = match inquiry {
            Inquiry::Pickup(pick, nth) => self.call.offer_leg(self.turn, self.run, (*pick, nth))?,
            Inquiry::Order(_, Some(shard)) if shard >= self.turn.exchange.shards => return None,
            Inquiry::Take { hold, wait } => self.call.take(self.turn, channel, hold, wait)?,
            Inquiry::Unlock(name) => self.call.unlock(channel, name)?,
            inquiry => Question::Inquiry(inquiry),
        };
        let ticket = Ticket(self.call.next_ticket);
        self.call.next_ticket += 1;
        if let Some(other) = self.call.other_mut(self.run) {
            other.asked.push(ticket);
        }
        let asker = (self.call.handle, ticket);
        let question = match question {
            Question::Inquiry(Inquiry::Originate(origination)) => {
                let Turn { now, exchange, .. } = self.turn;
                exchange.originations.push_back((origination, asker));
                exchange.alarms.set_at(*now, Alarm::Originate);
                return Some(ticket);
            }
            question => question,
        };
        let (question, resume) = match question {
            Question::Inquiry(Inquiry::Message(message)) => (
                Question::Bindings(Text::from(&*message.to)),
                Resume::PlanMessage(self.call.handle, ticket, message),
            ),
            Question::PickUp(_) => (question, Resume::PickUp(self.call.handle, ticket)),
            question => (question, Resume::Plan(self.call.handle, ticket)),
        };
        self.turn.ask(question, resume);
        Some(ticket)
    }

    fn global(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.turn.exchange.globals.value(name)?;
        Some(Cow::Borrowed(value))
    }

    fn set_global(&mut self, name: &str, value: &str) -> bool {
        let now = self.turn.now;
        self.turn.exchange.set_global(now, name, value)
    }

    fn shared(&self, name: &str) -> Option<Cow<'_, str>> {
        self.call.shared(name).map(Cow::Borrowed)
    }

    fn share(&mut self, name: &str, value: &str) -> bool {
        self.call.share(name, value).is_ok()
    }

    fn groups(&self) -> Vec<(SmolStr, SmolStr)> {
        self.call.groups(self.channel())
    }

    fn enlist(&mut self, channel: ChannelId, group: SmolStr, category: SmolStr) {
        let hold = Hold::Group { group, category };
        self.call.enlist(self.turn, channel, hold);
    }

    fn note(&mut self, level: Level, cause: &'static str, text: &mut dyn FnMut() -> String) {
        // Of each step there is one; most are not wanted.
        if self.turn.out.wants(level) {
            self.note_wanted(level, cause, text);
        }
    }
}
