//! What the calling side sends, and what it answers when it is asked.

use pinion_sip::base::Flow;
use pinion_sip::wire::{HeaderName, Message, Method, Status, reply_flow, write_reply};

use super::flight::State;
use super::{Client, Desk};
use crate::caller::site::write_routes;
use crate::caller::template::Hole;
use crate::plan::Unit;
use crate::tally::{Again, Cause};

impl Client {
    /// Sends the present request of a flight, for the first time or again.
    pub(super) fn transmit(&mut self, desk: &mut Desk, slot: u32) {
        let entry = self.flights.entry(slot);
        let (number, flight) = (entry.key, &entry.value);
        let templates = desk.site.templates(flight.socket);
        let (template, cseq, remote) = match flight.state {
            State::Ending => (&templates.bye, flight.cseq + 1, flight.next_hop),
            State::Cancelling => (&templates.cancel, flight.cseq, desk.site.plan.target),
            _ => {
                let template = match flight.unit {
                    Unit::Call => &templates.invite,
                    Unit::Register => &templates.register,
                    Unit::Options => &templates.options,
                    Unit::Message => &templates.message,
                };
                (template, flight.cseq, desk.site.plan.target)
            }
        };
        let fill = desk.site.fill(number, cseq, |hole, out| match hole {
            Hole::Credentials if flight.state != State::Ending => {
                out.extend_from_slice(&flight.credentials);
            }
            Hole::Uri => out.extend_from_slice(&flight.uri),
            Hole::Routes => out.extend_from_slice(&flight.routes),
            Hole::To => out.extend_from_slice(&flight.to),
            _ => {}
        });
        let flow = desk.site.flow(flight.socket, remote);
        desk.out.send(&flow, |out| template.write(out, fill));
    }

    /// Acknowledges a final response to INVITE, from the response alone: one
    /// other than 2xx within its transaction (RFC 3261 §17.1.1.3), a 2xx along
    /// its dialog's route (§13.2.2.4).
    pub(super) fn acknowledge(
        &mut self,
        desk: &mut Desk,
        number: u64,
        response: &Message,
        flow: Flow,
        credentials: &[u8],
    ) {
        let success = response.status().is_some_and(Status::is_success);
        let Ok(cseq) = response.cseq() else {
            return;
        };
        self.scratch.clear();
        let (uri, remote, letter) = if success {
            let Some(target) = contact(response) else {
                return;
            };
            let target_of = desk.site.plan.target;
            let remote = write_routes(response, target, target_of, &mut self.scratch);
            (target, remote, b'a')
        } else {
            // Our INVITE's Request-URI and its To are one.
            let to = response.to().map_or(&b""[..], |to| to.uri);
            (to, desk.site.plan.target, b'i')
        };
        let template = &desk.site.templates(flow.socket).ack;
        let value = |name| response.value(name).unwrap_or_default();
        let routes = &self.scratch;
        let fill = desk.site.fill(number, cseq.number, |hole, out| match hole {
            Hole::Uri => out.extend_from_slice(uri),
            Hole::Routes => out.extend_from_slice(routes),
            Hole::From => out.extend_from_slice(value(HeaderName::From)),
            Hole::To => out.extend_from_slice(value(HeaderName::To)),
            Hole::Letter => out.push(letter),
            Hole::Credentials if success => out.extend_from_slice(credentials),
            _ => {}
        });
        let flow = desk.site.flow(flow.socket, remote);
        desk.out.send(&flow, |out| template.write(out, fill));
    }

    /// Keeps what requests within the dialog need; `false` when the 2xx does
    /// not say where they go.
    pub(super) fn keep_dialog(&mut self, desk: &Desk, slot: u32, response: &Message) -> bool {
        let Some(target) = contact(response) else {
            return false;
        };
        let flight = &mut self.flights.entry(slot).value;
        for (buffer, bytes) in [
            (&mut flight.uri, target),
            (
                &mut flight.to,
                response.value(HeaderName::To).unwrap_or_default(),
            ),
        ] {
            buffer.clear();
            buffer.extend_from_slice(bytes);
        }
        flight.routes.clear();
        flight.next_hop = write_routes(response, target, desk.site.plan.target, &mut flight.routes);
        true
    }

    /// A request to a socket that only sends by itself: within a call of ours,
    /// or a question.
    pub(in crate::caller) fn request_came(
        &mut self,
        desk: &mut Desk,
        request: &Message,
        flow: Flow,
    ) {
        let number = desk.site.read_id(request.call_id());
        let slot = number.and_then(|number| self.flights.find(number));
        let status = match (request.method(), slot) {
            (Method::Ack, _) => return,
            (Method::Bye, Some(slot)) => {
                self.hung_up(desk, slot);
                Status::OK
            }
            // No session is changed here; the one there is goes on (§14.2).
            (Method::Invite, Some(_)) => Status::NOT_ACCEPTABLE_HERE,
            (Method::Info | Method::Update | Method::Notify, Some(_)) => Status::OK,
            (Method::Options, _) => Status::OK,
            // A copy of a BYE that was answered.
            (Method::Bye, None) if number.is_some() => {
                desk.tally.again(Again::Copy("BYE"));
                Status::OK
            }
            _ => Status::CALL_DOES_NOT_EXIST,
        };
        answer(desk, request, flow, status, b"caller");
    }

    /// The other end has ended the call.
    fn hung_up(&mut self, desk: &mut Desk, slot: u32) {
        let flight = &mut self.flights.entry(slot).value;
        if flight.state == State::Talking {
            desk.tally.caller.ended += 1;
            self.fail(desk, slot, Cause::HungUp);
            self.finish(slot);
        }
        // A BYE of ours is under way otherwise, and its answer ends the call.
    }
}

/// Where a 2xx says requests go.
fn contact<'a>(response: &Message<'a>) -> Option<&'a [u8]> {
    match response.contacts().next()?.ok()? {
        pinion_sip::wire::ContactValue::Addr(address) => Some(address.uri),
        pinion_sip::wire::ContactValue::Star => None,
    }
}

/// Answers a request at hand and keeps nothing.
pub(in crate::caller) fn answer(
    desk: &mut Desk,
    request: &Message,
    flow: Flow,
    status: Status,
    tag: &[u8],
) {
    let to = reply_flow(request, flow, false);
    desk.out.send(&to, |out| {
        let mut writer = write_reply(out, false, request, flow, false, (status, None), tag);
        if request.method() == Method::Options {
            writer.other(b"Allow", b"INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE");
        }
        writer.end();
    });
}
