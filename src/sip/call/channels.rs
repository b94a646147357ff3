//! The call as its dialplan sees it.

use alloc::borrow::Cow;

use super::call::Call;
use super::exchange::{Resume, Turn};
use super::tech::tech;
use crate::base::{Instant, Level};
use crate::dialplan::{Cause, ChannelId, Channels, Indication, Inquiry, NoMedia, Ticket};
use crate::machine::Question;
use crate::wire::Status;

/// A call and a turn, lent to an application for one step.
pub struct Stage<'s, 't> {
    /// The call.
    pub call: &'s mut Call,
    /// The turn.
    pub turn: &'s mut Turn<'t>,
}

impl Channels for Stage<'_, '_> {
    fn now(&self) -> Instant {
        self.turn.now
    }

    fn indicate(&mut self, indication: Indication) {
        if self.call.is_answered() || self.call.indicated == Some(indication) {
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

    fn answer(&mut self) -> Result<(), NoMedia> {
        if self.call.is_answered() {
            Ok(())
        } else {
            Err(NoMedia)
        }
    }

    fn is_answered(&self) -> bool {
        self.call.is_answered()
    }

    fn answered_at(&self) -> Option<Instant> {
        self.call.answered_at
    }

    fn read(&self, function: &str, arguments: &str) -> Option<String> {
        self.call.read(self.turn, function, arguments)
    }

    fn forget_causes(&mut self) {
        self.call.forget_responses();
    }

    fn redirect(&mut self, destination: &str) -> bool {
        self.call.redirect(self.turn, destination)
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        self.call.variable(name)
    }

    fn random(&mut self) -> u64 {
        self.turn.exchange.random.next_u64()
    }

    fn present(&mut self, number: &str, name: &str) -> bool {
        self.call.caller.number.set(number.as_bytes());
        self.call.caller.name.set(name.as_bytes());
        true
    }

    fn request(&mut self, name: &str, resource: &str) -> Result<ChannelId, Cause> {
        let Some(tech) = tech(name) else {
            self.turn.out.note(Level::Warn, "unknown-technology", || {
                format!("Dial: no channel technology is called '{name}'; this engine has SIP")
            });
            return Err(Cause::FACILITY_NOT_IMPLEMENTED);
        };
        tech.request(self.call, self.turn, resource)
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
        self.call.join(self.turn, channel);
    }

    fn ask(&mut self, inquiry: Inquiry) -> Option<Ticket> {
        let ticket = Ticket(self.call.next_ticket);
        self.call.next_ticket += 1;
        let resume = Resume::Plan(self.call.handle, ticket);
        self.turn.ask(Question::Inquiry(inquiry), resume);
        Some(ticket)
    }

    fn note(&mut self, level: Level, cause: &'static str, text: &mut dyn FnMut() -> String) {
        self.turn.out.note(level, cause, text);
    }
}
