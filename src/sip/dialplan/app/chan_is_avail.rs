//! `ChanIsAvail(tech/resource[&…][,options])`: the first device that could be
//! called, or with option `a` all of them. `s` and `t` take one that is in use for
//! busy.
//!
//! `AVAILCHAN` and `AVAILORIGCHAN` are the device, as no channel is made to find
//! out; `AVAILSTATUS` is the number of its state, `AVAILCAUSECODE` why the last
//! one asked could not be called.

use alloc::collections::VecDeque;

use super::super::arguments::split;
use super::super::cause::Cause;
use super::super::inquiry::{DEVICE_STATES, Inquiry};
use super::super::step::{Next, Step};

/// What is known so far.
struct Search {
    ahead: VecDeque<Box<str>>,
    all: bool,
    idle: bool,
    found: Vec<Box<str>>,
    states: Vec<String>,
    cause: Cause,
}

pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let parts = split(arguments, 2);
    let part = |at: usize| parts.get(at).map_or("", AsRef::as_ref);
    if part(0).is_empty() {
        super::complain(step, "ChanIsAvail", "it needs technology/resource");
        return step.fail();
    }
    let search = Search {
        ahead: part(0)
            .split('&')
            .map(|device| device.trim().into())
            .collect(),
        all: part(1).contains('a'),
        idle: part(1).contains(['s', 't']),
        found: Vec::new(),
        states: Vec::new(),
        cause: Cause::NONE,
    };
    search.go_on(step)
}

impl Search {
    fn go_on(mut self, step: &mut Step<'_>) -> Next {
        let is_done = !self.all && !self.found.is_empty();
        let Some(device) = self.ahead.pop_front().filter(|_| !is_done) else {
            return self.end(step);
        };
        let inquiry = Inquiry::Device(asked_for(&device).into());
        step.ask(inquiry, move |step, reply| {
            let state = reply.text().unwrap_or_default();
            self.learn(device, &state);
            self.go_on(step)
        })
    }

    fn learn(&mut self, device: Box<str>, state: &str) {
        let known = DEVICE_STATES.iter().position(|known| *known == state);
        let number = known.unwrap_or_default();
        self.states.push(number.to_string());
        self.cause = match state {
            "INVALID" | "UNAVAILABLE" => Cause::SUBSCRIBER_ABSENT,
            _ if self.idle && number > 1 => Cause::USER_BUSY,
            _ => {
                self.found.push(device);
                Cause::NONE
            }
        };
    }

    fn end(self, step: &mut Step<'_>) -> Next {
        let found = self.found.join("&");
        step.set("AVAILCHAN", &found);
        step.set("AVAILORIGCHAN", &found);
        step.set("AVAILSTATUS", &self.states.join("&"));
        step.set("AVAILCAUSECODE", &self.cause.0.to_string());
        Next::Continue
    }
}

/// The device a resource is about: `SIP/peer` of `SIP/peer/exten` and
/// `SIP/user@peer`.
fn asked_for(device: &str) -> String {
    let (tech, resource) = device.split_once('/').unwrap_or(("", device));
    let host = resource.rsplit_once('@').map_or(resource, |(_, host)| host);
    let name = host.split(['/', '!']).next().unwrap_or_default();
    format!("{tech}/{name}")
}

#[cfg(test)]
mod tests {
    use super::super::super::fake::call;
    use super::super::super::*;

    /// `AVAILCHAN`, `AVAILSTATUS` and `AVAILCAUSECODE`, where devices have those
    /// states in turn; and what was asked.
    fn avail(arguments: &str, states: &[&str]) -> ([String; 3], usize) {
        let line = format!("s,1,ChanIsAvail({arguments})");
        let (mut cursor, mut fake, _) = call(&[&line, "s,2,Wait(1)"], "s");
        for (ticket, state) in states.iter().enumerate() {
            let reply = Event::Reply(Ticket(ticket as u32), Reply::Text((*state).into()));
            cursor.handle(reply, &mut fake);
        }
        let value = |name| cursor.variables().value(name).unwrap_or("unset").into();
        let values = ["AVAILCHAN", "AVAILSTATUS", "AVAILCAUSECODE"].map(value);
        (values, fake.asked.len())
    }

    #[test]
    fn chanisavail_finds_the_first_that_could_be_called() {
        let (values, asked) = avail("SIP/1&SIP/2&SIP/3", &["UNAVAILABLE", "INUSE"]);
        assert_eq!(
            (values, asked),
            (["SIP/2", "5&2", "0"].map(String::from), 2)
        );
        let (values, _) = avail("SIP/1", &["INVALID"]);
        assert_eq!(values, ["", "4", "20"]);
    }

    #[test]
    fn chanisavail_with_s_passes_over_those_in_use() {
        let (values, _) = avail("SIP/1&SIP/2,s", &["INUSE", "NOT_INUSE"]);
        assert_eq!(values, ["SIP/2", "2&1", "0"]);
        let (values, _) = avail("SIP/1,s", &["INUSE"]);
        assert_eq!(values, ["", "2", "17"]);
    }

    #[test]
    fn chanisavail_with_a_finds_all() {
        let (values, _) = avail("SIP/1&SIP/x@2&SIP/3/55,a", &["INUSE", "INVALID", "UNKNOWN"]);
        assert_eq!(values, ["SIP/1&SIP/3/55", "2&4&0", "0"]);
    }
}
