//! Callees that want to be rung elsewhere (3xx), and the guard against rings
//! of them: an interface is not dialled twice on one way.

use smol_str::SmolStr;

use super::super::super::cause::{Cause, Failure};
use super::super::super::channel::Shown;
use super::super::super::party::Redirecting;
use super::super::super::step::Step;
use super::{Destination, Dial, Line, Phase};

impl Destination<'_> {
    /// As it may be told: without user and password.
    fn shown(&self) -> SmolStr {
        let place = self.resource.split('!').next().unwrap_or_default();
        let host = place.rsplit('@').next().unwrap_or_default();
        [self.tech, "/", host].concat().into()
    }

    /// Local channels are no interfaces: what they lead to may be.
    pub(super) fn is_local(&self) -> bool {
        self.tech.eq_ignore_ascii_case("Local")
    }
}

impl Dial {
    /// Whether an interface has been dialled already, here or by those who
    /// rang this plan.
    pub(super) fn was_dialled(&self, step: &Step<'_>, destination: Destination<'_>) -> bool {
        let same = |name: &SmolStr| name.eq_ignore_ascii_case(destination.name);
        !destination.is_local()
            && (self.lines.iter().any(|line| same(&line.name))
                || self.past.iter().any(same)
                || step.channels.dialled().iter().any(same))
    }

    /// The interfaces dialled on the way to a channel of this `Dial`.
    pub(super) fn dialled(&self, step: &Step<'_>) -> Vec<SmolStr> {
        let lines = self.lines.iter().map(|line| &line.name);
        let real = lines.chain(&self.past).filter(|name| {
            let local = Destination::parse(name).is_some_and(|known| known.is_local());
            !local
        });
        step.channels
            .dialled()
            .iter()
            .chain(real)
            .cloned()
            .collect()
    }

    pub(super) fn skip(&mut self, step: &mut Step<'_>, destination: Destination<'_>) {
        self.tally.skip();
        self.warn_dialled(step, destination);
    }

    fn warn_dialled(&self, step: &mut Step<'_>, destination: Destination<'_>) {
        let name = destination.shown();
        step.warn("dialled-again", || {
            format!("Dial: {name} is not dialled again: it has been already on this way")
        });
    }

    /// Rings a callee's other place instead; false if it has failed as it is.
    /// With `i` one that is elsewhere is busy.
    pub(super) fn forward(&mut self, step: &mut Step<'_>, line: &Line, failure: Failure) -> bool {
        if !matches!(failure, Failure::Forwarded(_)) || self.options.has('i') {
            return false;
        }
        let Some(forward) = step.channels.forward(line.channel) else {
            return false;
        };
        self.past.push(line.name.clone());
        let name = match forward.to.contains('/') {
            true => forward.to.clone(),
            false => {
                let context = step.scope().variable("FORWARD_CONTEXT");
                let context = context.filter(|context| !context.is_empty());
                let context = context.as_deref().unwrap_or(&forward.context);
                format!("Local/{}@{context}", forward.to).into()
            }
        };
        let Some(destination) = Destination::parse(&name) else {
            return false;
        };
        // A callee that makes up places for ever is no better than one loop.
        let endless = self.past.len() >= usize::from(step.legs_per_call);
        if endless || self.was_dialled(step, destination) {
            self.warn_dialled(step, destination);
            self.tally
                .count(Failure::Unavailable(Cause::SUBSCRIBER_ABSENT));
            return true;
        }
        match self.add_line(step, destination) {
            Ok(channel) => {
                self.tell_redirecting(step, channel, forward.from);
                self.ring_forwarded(step, channel, line);
            }
            Err(cause) => {
                self.tally.count(Failure::Hangup(cause));
                step.state.cause = cause;
            }
        }
        true
    }

    /// Tells all who it was that redirected the call. One without a number is
    /// known by the extension dialled. Of several callees the caller is not told
    /// where one of them has gone.
    fn tell_redirecting(
        &self,
        step: &mut Step<'_>,
        channel: super::ChannelId,
        mut from: Redirecting,
    ) {
        if from.number.is_empty() {
            from.number = step.state.position.exten().clone();
        }
        step.channels.tell_redirecting(channel, &from);
        if self.tally.lines == 1 && !self.options.has('I') {
            step.state.set_redirecting(&from);
            step.channels.forwarded(&from);
        }
    }

    fn ring_forwarded(&mut self, step: &mut Step<'_>, channel: super::ChannelId, from: &Line) {
        step.channels.inherit(channel, "FORWARDERNAME", &from.name);
        if self.options.has('f') && self.options.argument('f').is_none() {
            let exten = step.state.position.exten().clone();
            let shown = Shown {
                identity: Some((&exten, "")),
                presentation: None,
            };
            step.channels.show(channel, shown);
        }
        if self.options.has('z') {
            self.phase = Phase::Ringing(None);
            if let Some(hunt) = &mut self.hunt {
                hunt.heard_by = None;
            }
        }
        step.ring(channel);
    }
}
