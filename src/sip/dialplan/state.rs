//! Where a call stands in the dialplan, and what it remembers.

use alloc::borrow::Cow;
use core::time::Duration;

use smol_str::SmolStr;

use super::cause::Cause;
use super::channel::Channels;
use super::course::{Course, HANDLERS, RESPONSE};
use super::frames::Frames;
use super::party::{Parties, Party, PartyField, Redirecting, together};
use super::plan::{Instruction, Place, Plan, Seek, split_hint};
use super::position::Position;
use super::record::{Account, Origin, Record};
use super::replay::Replay;
use super::step::Ending;
use super::variables::Variables;
use super::work::Outside;
use crate::base::{Instant, UnixTime};

/// The caller's channel, as the dialplan sees it.
pub(super) struct State {
    pub(super) position: Position,
    /// The caller's number; empty if there is none.
    pub(super) number: SmolStr,
    /// The caller's name; empty if there is none.
    pub(super) name: SmolStr,
    /// What was dialled when the call began.
    pub(super) dialled: SmolStr,
    /// What was set of the parties but the caller's number and name.
    pub(super) parties: Option<Box<Parties>>,
    pub(super) variables: Variables,
    /// `HANGUPCAUSE`: why the last channel ended.
    pub(super) cause: Cause,
    /// How the call ended, while its `h` extension runs.
    pub(super) ending: Option<Ending>,
    /// The Unix time when the call began, and the instant that goes with it.
    pub(super) began: (UnixTime, Instant),
    /// What the functions of the instruction at hand have yielded.
    pub(super) replay: Replay,
    /// What few calls need, once they do.
    pub(super) course: Option<Box<Course>>,
    /// How deep applications run from inside of others just now.
    pub(super) nested: u8,
    /// The subroutines it is inside of, once it has been in any.
    pub(super) frames: Option<Box<Frames>>,
}

impl State {
    /// Where the call stands, for a search.
    pub(super) fn place(&self, now: Instant) -> Place<'_> {
        Place {
            context: self.position.context(),
            exten: self.position.exten(),
            caller: &self.number,
            time: self.time(now),
        }
    }

    /// What the plan has at a position.
    pub(super) fn find<'p>(
        &self,
        plan: &'p Plan,
        position: &Position,
        seek: Seek<'_>,
        now: Instant,
    ) -> Option<&'p Instruction> {
        position.find(plan, seek, &self.number, || self.time(now))
    }

    /// The instruction that stands at a position.
    pub(super) fn instruction<'p>(
        &self,
        plan: &'p Plan,
        position: &Position,
        now: Instant,
    ) -> Option<&'p Instruction> {
        let seek = Seek::Priority(position.priority);
        position
            .instruction(plan)
            .or_else(|| self.find(plan, position, seek, now))
    }

    /// What few calls need, from now on.
    pub(super) fn course(&mut self) -> &mut Course {
        self.course.get_or_insert_default()
    }

    /// What the plan has said of the channel and its record, if anything.
    pub(super) fn record(&self) -> Option<&Record> {
        self.course.as_ref()?.record.as_deref()
    }

    /// The same, to say more.
    pub(super) fn record_mut(&mut self) -> &mut Record {
        self.course().record.get_or_insert_default()
    }

    /// `CHANNEL(hangup_handler_push)`: a subroutine to run once the call has hung
    /// up and its `h` is done, before those pushed earlier. What its
    /// `[[context,]exten,]priority[(arguments)]` leaves out is taken from where
    /// the call is now. False, and nothing done, where too many wait.
    pub(super) fn push_handler(&mut self, location: &str) -> bool {
        let (place, _) = location.split_once('(').unwrap_or((location, ""));
        let (context, exten) = (self.position.context(), self.position.exten());
        let whole = match place.split(',').count() {
            1 => format!("{context},{exten},{location}"),
            2 => format!("{context},{location}"),
            _ => location.into(),
        };
        let handlers = &mut self.course().handlers;
        let room = handlers.len() < HANDLERS;
        if room {
            handlers.push(whole.into());
        }
        room
    }

    /// `CHANNEL(hangup_handler_pop)`: forgets the handler pushed last, which is
    /// the answer.
    pub(super) fn pop_handler(&mut self) -> Option<Box<str>> {
        self.course.as_mut()?.handlers.pop()
    }

    /// `CHANNEL(hangup_handler_wipe)`: forgets all handlers.
    pub(super) fn wipe_handlers(&mut self) {
        if let Some(course) = &mut self.course {
            course.handlers.clear();
        }
    }

    /// What was found outside of the engine, and how to look there, if anything.
    pub(super) fn outside(&self) -> Option<&Outside> {
        self.course.as_ref()?.outside.as_deref()
    }

    /// The same, to remember more.
    pub(super) fn outside_mut(&mut self) -> &mut Outside {
        self.course().outside.get_or_insert_default()
    }

    /// When the call's time is over (`TIMEOUT(absolute)`), unless it is already.
    pub(super) fn absolute(&self) -> Option<Instant> {
        let course = self.course.as_ref().filter(|_| self.ending.is_none())?;
        course.absolute
    }

    /// How long the call waits where nothing is left to run
    /// (`TIMEOUT(response)`).
    pub(super) fn response(&self) -> Duration {
        let course = self.course.as_ref();
        course.map_or(RESPONSE, |course| course.response)
    }

    /// What is known of a party. A name or number that is not valid is none.
    pub(super) fn party(&self, party: Party, field: PartyField) -> &str {
        let valid = match field {
            PartyField::Name => PartyField::NameValid,
            PartyField::Number => PartyField::NumberValid,
            PartyField::NameValid | PartyField::NumberValid => {
                let text = match field {
                    PartyField::NameValid => PartyField::Name,
                    _ => PartyField::Number,
                };
                let known = !self.raw_party(party, text).is_empty();
                let set = self.set_of(party, field);
                return set.unwrap_or(if known { "1" } else { "0" });
            }
            _ => return self.raw_party(party, field),
        };
        match self.set_of(party, valid) {
            Some("0") => "",
            _ => self.raw_party(party, field),
        }
    }

    /// The presentation of a party's name and number taken together.
    pub(super) fn presentation(&self, party: Party) -> u32 {
        let of = |valid, presentation| {
            let known = self.party(party, valid) != "0";
            known.then(|| self.party(party, presentation).parse().unwrap_or(0))
        };
        together(
            of(PartyField::NameValid, PartyField::NamePresentation),
            of(PartyField::NumberValid, PartyField::NumberPresentation),
        )
    }

    fn set_of(&self, party: Party, field: PartyField) -> Option<&str> {
        self.parties.as_ref()?.value(party, field)
    }

    fn raw_party(&self, party: Party, field: PartyField) -> &str {
        match (party, field) {
            (Party::Caller, PartyField::Name) => &self.name,
            (Party::Caller, PartyField::Number) => &self.number,
            _ => self.set_of(party, field).unwrap_or(match (party, field) {
                (Party::Ani, PartyField::Number) => &self.number,
                (Party::Dialled, PartyField::Number) => &self.dialled,
                _ => field.default(),
            }),
        }
    }

    /// Sets what is known of a party.
    pub(super) fn set_party(&mut self, party: Party, field: PartyField, value: &str) {
        match (party, field) {
            (Party::Caller, PartyField::Name) => self.name = value.into(),
            (Party::Caller, PartyField::Number) => {
                // The number for billing stays what it was.
                if self.set_of(Party::Ani, PartyField::Number).is_none() {
                    let number = core::mem::take(&mut self.number);
                    self.keep(Party::Ani, PartyField::Number, &number);
                }
                self.number = value.into();
            }
            _ => self.keep(party, field, value),
        }
        let valid = match field {
            PartyField::Name => PartyField::NameValid,
            PartyField::Number => PartyField::NumberValid,
            _ => return,
        };
        if value.is_empty() || self.set_of(party, valid).is_some() {
            self.keep(party, valid, "1");
        }
    }

    /// Who redirected the call, if somebody did whose number is known.
    pub(super) fn redirecting(&self) -> Option<Redirecting> {
        let of = |party, field| SmolStr::new(self.party(party, field));
        let number = self.party(Party::From, PartyField::Number);
        (!number.is_empty()).then(|| Redirecting {
            number: number.into(),
            name: of(Party::From, PartyField::Name),
            reason: of(Party::From, PartyField::Reason),
            to: of(Party::To, PartyField::Number),
        })
    }

    pub(super) fn set_redirecting(&mut self, redirecting: &Redirecting) {
        let Redirecting {
            number,
            name,
            reason,
            to,
        } = redirecting;
        self.set_party(Party::From, PartyField::Number, number);
        self.set_party(Party::From, PartyField::Name, name);
        self.set_party(Party::From, PartyField::Reason, reason);
        self.set_party(Party::To, PartyField::Number, to);
    }

    fn keep(&mut self, party: Party, field: PartyField, value: &str) {
        self.parties
            .get_or_insert_default()
            .set(party, field, value);
    }

    /// What the records of the call take from it, where any are made.
    pub(super) fn account(&self) -> Option<&Account> {
        self.course.as_ref()?.account.as_ref()
    }

    /// The same, to keep more.
    pub(super) fn account_mut(&mut self) -> Option<&mut Account> {
        self.course.as_mut()?.account.as_mut()
    }

    /// What a record that begins at `start` takes from here; nothing where none
    /// are made.
    pub(super) fn origin(&self, start: Instant) -> Option<Origin<'_>> {
        let account = self.account()?;
        let outermost = self.outermost();
        Some(Origin {
            number: &self.number,
            name: &self.name,
            context: outermost.context(),
            exten: outermost.exten(),
            application: account.application,
            arguments: &account.arguments,
            start,
        })
    }

    /// When the first record of the call begins.
    pub(super) fn begun(&self) -> Instant {
        let begun = self.record().and_then(|record| record.sheet.begun);
        begun.unwrap_or(self.began.1)
    }

    /// Where it stands outside of any subroutine.
    pub(super) fn outermost(&self) -> &Position {
        let frames = self.frames.as_ref();
        let bottom = frames.and_then(|frames| frames.bottom());
        bottom.map_or(&self.position, |frame| &frame.position)
    }

    /// The Unix time of an instant.
    pub(super) fn time(&self, now: Instant) -> UnixTime {
        let (time, at) = self.began;
        UnixTime(time.0 + now.since(at).as_secs())
    }
}

/// What can be read of a call.
pub(super) struct Scope<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: &'a State,
    pub(super) channels: &'a dyn Channels,
}

impl<'a> Scope<'a> {
    pub(super) fn now(&self) -> Instant {
        self.channels.now()
    }

    /// A global, as it was set last.
    pub(super) fn global(&self, name: &str) -> Option<Cow<'a, str>> {
        let changed = self.channels.global(name);
        changed.or_else(|| self.plan.global(name).map(Cow::Borrowed))
    }

    /// Whether that is the name of the channel the plan runs on.
    pub(super) fn is_own(&self, channel: &str) -> bool {
        let own = self.variable("CHANNEL");
        own.is_some_and(|own| own.eq_ignore_ascii_case(channel))
    }

    /// A variable: predefined, then the channel's, then its technology's, then
    /// global.
    pub(super) fn variable(&self, name: &str) -> Option<Cow<'a, str>> {
        let state = self.state;
        Some(match name {
            "EXTEN" => Cow::Borrowed(&**state.position.exten()),
            "CONTEXT" => Cow::Borrowed(&**state.position.context()),
            "PRIORITY" => Cow::Owned(state.position.priority.to_string()),
            "HANGUPCAUSE" => Cow::Owned(state.cause.0.to_string()),
            "EPOCH" => Cow::Owned(format!("{}", state.time(self.now()).0)),
            "HINT" => Cow::Borrowed(split_hint(self.plan.hint(state.place(self.now()))?).0),
            "CALLINGPRES" => Cow::Owned(state.presentation(Party::Caller).to_string()),
            "CALLINGANI2" => Cow::Borrowed(state.party(Party::Caller, PartyField::Ani2)),
            "CALLINGTON" => Cow::Borrowed(state.party(Party::Caller, PartyField::NumberPlan)),
            "CALLINGTNS" => Cow::Borrowed("0"),
            "HINTNAME" => Cow::Borrowed(split_hint(self.plan.hint(state.place(self.now()))?).1),
            _ => {
                let set = state.variables.value(name).map(Cow::Borrowed);
                let told = set.or_else(|| self.channels.variable(name));
                told.or_else(|| self.global(name))?
            }
        })
    }
}
