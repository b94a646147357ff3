//! The BYE of a callee whose 2xx nobody acknowledged (RFC 3261 §13.3.1.4), the
//! only request a callee sends.

use pinion_sip::wire::Status;

use super::{Callee, State};
use crate::caller::Desk;
use crate::caller::dialog::End;
use crate::caller::glance::Glance;
use crate::caller::lines::{Lines, Name};
use crate::caller::template::Hole;
use crate::tally::{Again, Cause};

impl Callee {
    /// Ends a call whose 2xx nobody acknowledged (§13.3.1.4).
    pub(super) fn hang_up(&mut self, desk: &mut Desk, slot: u32) {
        let call = &mut self.calls.entry(slot).value;
        (call.state, call.sent, call.copies) = (State::Ending, desk.now, 0);
        if self.send_bye(desk, slot) {
            self.alarm(desk, slot, desk.site.plan.timers.e(0));
        } else {
            self.forget(desk, slot);
        }
    }

    /// Timers E and F of the BYE (§17.1.2.2).
    pub(super) fn press_bye(&mut self, desk: &mut Desk, slot: u32) {
        let timers = &desk.site.plan.timers;
        let call = &mut self.calls.entry(slot).value;
        let waited = desk.now.since(call.sent);
        if waited >= timers.b() {
            desk.tally.note(Cause::Timeout("BYE"));
            self.forget(desk, slot);
            return;
        }
        call.copies = call.copies.saturating_add(1);
        let next = timers.e(call.copies).min(timers.b().saturating_sub(waited));
        desk.tally.again(Again::Silent("BYE"));
        self.send_bye(desk, slot);
        self.alarm(desk, slot, next);
    }

    /// Sends a BYE; `false` when the caller has not said where to. Its branch
    /// is our tag, so that its response leads here.
    fn send_bye(&mut self, desk: &mut Desk, slot: u32) -> bool {
        let entry = self.calls.entry(slot);
        let call = &entry.value;
        self.tag.clear();
        desk.site.write_tag(slot, entry.generation, &mut self.tag);
        let lines: Vec<_> = Lines::new(&call.head).collect();
        let value = |name| {
            let found = lines.iter().find(|line| line.name == name);
            found.map_or(&b""[..], |line| line.value())
        };
        let (remote, target) = (value(Name::From), desk.site.plan.target);
        let routes = lines.iter().filter(|line| line.name == Name::RecordRoute);
        let dialog = &mut self.dialog;
        if !dialog.take(End::Callee, Some(&call.contact), remote, routes, target) {
            return false;
        }
        let socket = desk.site.callee_socket();
        let flow = desk.site.flow(socket, dialog.next_hop);
        let template = &desk.site.templates(socket).hang_up;
        let fill = |hole, out: &mut Vec<u8>| match hole {
            Hole::Uri => out.extend_from_slice(&dialog.uri),
            Hole::Routes => out.extend_from_slice(&dialog.routes),
            Hole::From => out.extend_from_slice(value(Name::To)),
            Hole::To => out.extend_from_slice(remote),
            Hole::CallId => out.extend_from_slice(value(Name::CallId)),
            Hole::Id => out.extend_from_slice(&self.tag),
            _ => {}
        };
        desk.out.send(&flow, |out| template.write(out, fill));
        true
    }

    /// A response came: whether it is to a BYE of ours.
    pub(in crate::caller) fn response(
        &mut self,
        desk: &mut Desk,
        response: &Glance,
        status: Status,
    ) -> bool {
        let branch = desk.site.read_branch(response.via);
        let Some((slot, generation)) = branch.and_then(|branch| desk.site.read_tag(branch)) else {
            return false;
        };
        let entry = self.calls.at(slot, generation);
        let ending = entry.is_some_and(|entry| entry.value.state == State::Ending);
        if ending && status.is_final() {
            self.forget(desk, slot);
        }
        true
    }
}
