//! What happens once somebody has answered: routines on the callee, the
//! bridge, and its end.

use super::super::super::arguments::split_at_byte;
use super::super::super::cause::Cause;
use super::super::super::channel::{ChannelEvent, ChannelId};
use super::super::super::cursor::Routine;
use super::super::super::step::{Ending, Next, Step};
use super::{Dial, Line, Phase, seconds_since};
use crate::base::Instant;

/// The routine a callee is in before it is joined to the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Screen {
    /// `M(name^argument…)`; its result is `MACRO_RESULT`.
    Macro,
    /// `U(context^argument…)`; its result is `GOSUB_RESULT`.
    Gosub,
}

impl Dial {
    /// The first answer wins; the others hear of it.
    pub(super) fn answer(mut self: Box<Self>, step: &mut Step<'_>, at: usize) -> Next {
        let mut winner = self.lines.remove(at);
        let options = &self.options;
        let screened = options.has('M') || options.has('U');
        winner.held = (screened || options.has('G')) && !options.has('a');
        if winner.held {
            step.channels.hold(winner.channel);
        } else {
            step.channels.bridge(winner.channel);
        }
        for line in core::mem::take(&mut self.lines) {
            step.channels
                .hangup(line.channel, Cause::ANSWERED_ELSEWHERE, true);
        }
        step.set("DIALSTATUS", "ANSWER");
        step.set("DIALEDPEERNAME", &step.channels.name(winner.channel));
        let resource = split_at_byte(&winner.name, b'/');
        step.set(
            "DIALEDPEERNUMBER",
            resource.map_or("", |(_, resource)| resource),
        );
        if screened {
            self.screen(step, Box::new(winner), Screen::Macro)
        } else {
            self.join(step, &winner)
        }
    }

    /// Sends the callee into the routine that is due, or into what follows.
    fn screen(mut self: Box<Self>, step: &mut Step<'_>, line: Box<Line>, screen: Screen) -> Next {
        let (letter, next) = match screen {
            Screen::Macro => ('M', Some(Screen::Gosub)),
            Screen::Gosub => ('U', None),
        };
        let sent = self.options.argument(letter).is_some_and(|argument| {
            let gosub = |argument: &str| match argument.split_once(',') {
                Some((context, arguments)) => format!("{context},s,1({arguments})"),
                None => format!("{argument},s,1"),
            };
            match screen {
                Screen::Macro => step
                    .channels
                    .routine(line.channel, Routine::Macro(&argument)),
                Screen::Gosub => step
                    .channels
                    .routine(line.channel, Routine::Gosub(&gosub(&argument))),
            }
        });
        match next {
            _ if sent => {
                self.phase = Phase::Screened { line, screen };
                Next::Wait(self)
            }
            Some(next) => self.screen(step, line, next),
            None => self.join(step, &line),
        }
    }

    /// A channel reports while the one that answered is in a routine.
    pub(super) fn hear_screened(
        mut self: Box<Self>,
        step: &mut Step<'_>,
        channel: ChannelId,
        event: ChannelEvent,
    ) -> Next {
        let phase = core::mem::replace(&mut self.phase, Phase::Ringing(None));
        let Phase::Screened { line, screen } = phase else {
            return Next::Wait(self);
        };
        match event {
            ChannelEvent::Returned if line.channel == channel => self.judge(step, line, screen),
            ChannelEvent::Hangup(cause) if line.channel == channel => self.part(step, None, cause),
            _ => {
                self.phase = Phase::Screened { line, screen };
                Next::Wait(self)
            }
        }
    }

    /// Does what the result of a routine says.
    fn judge(self: Box<Self>, step: &mut Step<'_>, line: Box<Line>, screen: Screen) -> Next {
        let variable = match screen {
            Screen::Macro => "MACRO_RESULT",
            Screen::Gosub => "GOSUB_RESULT",
        };
        if screen == Screen::Gosub {
            let returned = step.channels.channel_variable(line.channel, "GOSUB_RETVAL");
            let returned = returned.unwrap_or_default().to_owned();
            step.set("GOSUB_RETVAL", &returned);
        }
        let result = step.channels.channel_variable(line.channel, variable);
        let result = result.unwrap_or_default().to_owned();
        let goto = result
            .get(..5)
            .filter(|word| word.eq_ignore_ascii_case("GOTO:"));
        let place = goto.and_then(|_| result.get(5..));
        let verdict = result.to_ascii_uppercase();
        let refused = matches!(&*verdict, "ABORT" | "CONGESTION" | "CHANUNAVAIL" | "BUSY");
        if !refused && verdict != "CONTINUE" && place.is_none() {
            return match screen {
                Screen::Macro => self.screen(step, line, Screen::Gosub),
                Screen::Gosub => self.join(step, &line),
            };
        }
        step.channels
            .hangup(line.channel, Cause::NORMAL_CLEARING, false);
        let now = step.now();
        step.set("DIALEDTIME", seconds_since(now, self.started).as_str());
        if refused && verdict != "ABORT" {
            step.set("DIALSTATUS", &verdict);
        }
        match place {
            Some(place) => step.go(&place.replace('^', ",")),
            None if verdict == "ABORT" && !self.options.has('g') => step.fail(),
            None => Next::Continue,
        }
    }

    /// Joins caller and callee, or sends each its own way (`G`): the caller also
    /// where the callee has none, and is hung up.
    fn join(mut self: Box<Self>, step: &mut Step<'_>, line: &Line) -> Next {
        if self.options.has('G')
            && let Some(place) = self.options.argument('G')
        {
            let target = step.resolve(&place);
            let after = target
                .as_ref()
                .and_then(|target| Some(target.at(target.priority.checked_add(1)?)));
            if !after.is_some_and(|after| step.channels.go_on(line.channel, after.parts())) {
                step.channels
                    .hangup(line.channel, Cause::NORMAL_CLEARING, false);
            }
            return match target {
                Some(target) => step.go_to(target),
                None => step.fail(),
            };
        }
        if line.held {
            step.channels.bridge(line.channel);
        }
        if self.options.has('e') {
            step.channels.run_h(line.channel);
        }
        let answered = step.now();
        let until = self.options.limit.map(|limit| answered + limit);
        self.phase = Phase::Bridged {
            channel: line.channel,
            answered,
            until,
        };
        Next::Wait(self)
    }

    /// The bridge is over, or would have been.
    pub(super) fn part(
        &self,
        step: &mut Step<'_>,
        answered: Option<Instant>,
        cause: Cause,
    ) -> Next {
        let now = step.now();
        step.state.cause = cause;
        step.set("DIALEDTIME", seconds_since(now, self.started).as_str());
        if let Some(answered) = answered {
            step.set("ANSWEREDTIME", seconds_since(now, answered).as_str());
        }
        if self.options.has('g') {
            Next::Continue
        } else {
            Next::End(Ending::Hangup(cause))
        }
    }

    /// Parts from the callee, whoever wanted it: it is hung up, or goes on in
    /// the plan by itself (`F`).
    pub(super) fn separate(
        &self,
        step: &mut Step<'_>,
        channel: ChannelId,
        answered: Option<Instant>,
    ) -> Next {
        if !(self.options.has('F') && answered.is_some() && self.let_go(step, channel)) {
            step.channels.hangup(channel, Cause::NORMAL_CLEARING, false);
        }
        self.part(step, answered, Cause::NORMAL_CLEARING)
    }

    fn let_go(&self, step: &mut Step<'_>, channel: ChannelId) -> bool {
        let target = match self.options.argument('F') {
            Some(place) => step.resolve(&place),
            None => {
                let position = &step.state.position;
                let after = position.priority.checked_add(1);
                after.map(|after| position.at(after))
            }
        };
        target.is_some_and(|target| step.channels.go_on(channel, target.parts()))
    }
}
