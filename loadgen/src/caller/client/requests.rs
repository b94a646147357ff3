//! What the calling side sends, and what it answers when it is asked.

use pinion_sip::base::{Flow, SocketIndex};
use pinion_sip::wire::{Method, NameAddr, Status, Writer};

use super::flight::{Flight, State};
use super::{Client, Desk};
use crate::caller::dialog::End;
use crate::caller::glance::Glance;
use crate::caller::lines::Name;
use crate::caller::site::{ENROLMENT, back};
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
            State::Ending => (&templates.bye, flight.cseq + 1, flight.dialog.next_hop),
            State::Cancelling => (&templates.cancel, flight.cseq, desk.site.plan.target),
            _ => {
                let template = match flight.unit {
                    Unit::Call => &templates.invite,
                    Unit::Register if number >= ENROLMENT && self.enrolment.is_leaving() => {
                        &templates.unregister
                    }
                    Unit::Register => &templates.register,
                    Unit::Options => &templates.options,
                    Unit::Message => &templates.message,
                };
                (template, flight.cseq, desk.site.plan.target)
            }
        };
        let fill = desk.site.fill(number, cseq, |hole, out| match hole {
            // Those of the INVITE are none for the BYE.
            Hole::Credentials if flight.state != State::Ending || flight.challenged => {
                out.extend_from_slice(&flight.credentials);
            }
            Hole::Uri => out.extend_from_slice(&flight.dialog.uri),
            Hole::Routes => out.extend_from_slice(&flight.dialog.routes),
            Hole::To => out.extend_from_slice(&flight.dialog.remote),
            _ => {}
        });
        let flow = desk.site.flow(flight.socket, remote);
        desk.out.send(&flow, |out| template.write(out, fill));
    }

    /// Acknowledges a 2xx along its dialog's route (RFC 3261 §13.2.2.4): the
    /// flight's own, if it has none yet or this is a copy of what made it.
    /// `false` when the 2xx does not say where that leads.
    pub(super) fn acknowledge(
        &mut self,
        desk: &mut Desk,
        (number, slot): (u64, Option<u32>),
        response: &Glance,
        socket: SocketIndex,
    ) -> bool {
        let flight = slot.map(|slot| &mut self.flights.entry(slot).value);
        let is_copy = |flight: &&mut Flight| flight.dialog.remote == response.to;
        let is_copy = flight.as_ref().is_some_and(is_copy);
        let own = flight.filter(|flight| is_copy || !flight.has_dialog());
        let (dialog, credentials) = match own {
            Some(flight) => (&mut flight.dialog, &flight.credentials[..]),
            None => (&mut self.stray, &b""[..]),
        };
        let routes = response.lines(Name::RecordRoute);
        let target = desk.site.plan.target;
        if !is_copy && !dialog.take(End::Caller, response.contact, response.to, routes, target) {
            return false;
        }
        let ack = Ack {
            uri: &dialog.uri,
            routes: &dialog.routes,
            credentials,
            letter: b'a',
        };
        ack.send(
            desk,
            number,
            response,
            desk.site.flow(socket, dialog.next_hop),
        );
        true
    }

    /// A request of ours was not sent: its unit has failed (§8.1.3.1).
    pub(in crate::caller) fn unsent(&mut self, desk: &mut Desk, request: &Glance, method: Method) {
        let number = desk.site.read_id(request.call_id);
        let Some(slot) = number.and_then(|number| self.flights.find(number)) else {
            return;
        };
        let flight = &self.flights.entry(slot).value;
        let waits = !matches!(flight.state, State::Talking | State::GivenUp);
        if method != Method::Ack && waits && flight.asked(request.cseq) {
            let cause = Cause::Unsent(flight.method());
            self.fail(desk, slot, cause);
            self.finish(slot);
        }
    }

    /// A request to a socket that only sends by itself: within a call of ours,
    /// or a question.
    pub(in crate::caller) fn request_came(
        &mut self,
        desk: &mut Desk,
        request: &Glance,
        method: Method,
        flow: Flow,
    ) {
        let number = desk.site.read_id(request.call_id);
        let slot = number.and_then(|number| self.flights.find(number));
        let status = match (method, slot) {
            (Method::Ack, _) => return,
            (Method::Bye, Some(slot)) => {
                self.hung_up(desk, slot);
                Status::OK
            }
            (Method::Invite, Some(slot)) => {
                return self.invited_again(desk, slot, request, flow);
            }
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

    /// A re-INVITE: the session goes on as it is (§14.2). A lost 200 is sent
    /// again when the re-INVITE is.
    fn invited_again(&mut self, desk: &mut Desk, slot: u32, request: &Glance, flow: Flow) {
        let entry = self.flights.entry(slot);
        if entry.value.state != State::Talking {
            answer(desk, request, flow, Status::CALL_DOES_NOT_EXIST, b"caller");
            return;
        }
        let site = desk.site;
        let template = &site.templates(flow.socket).session;
        let fill = site.fill(entry.key, 0, |_, _| {});
        let status = (Status::OK, &b"caller"[..]);
        answer_with(desk, request, flow, status, |out| template.write(out, fill));
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

/// What differs between the ACK of a 2xx and that of another final response.
struct Ack<'a> {
    uri: &'a [u8],
    routes: &'a [u8],
    credentials: &'a [u8],
    /// Tells the branch of a 2xx's ACK, a transaction of its own, from the
    /// INVITE's.
    letter: u8,
}

impl Ack<'_> {
    fn send(self, desk: &mut Desk, number: u64, response: &Glance, flow: Flow) {
        let cseq = response.cseq.number;
        let fill = desk.site.fill(number, cseq, |hole, out| match hole {
            Hole::Uri => out.extend_from_slice(self.uri),
            Hole::Routes => out.extend_from_slice(self.routes),
            Hole::From => out.extend_from_slice(response.from),
            Hole::To => out.extend_from_slice(response.to),
            Hole::Letter => out.push(self.letter),
            Hole::Credentials => out.extend_from_slice(self.credentials),
            _ => {}
        });
        let template = &desk.site.templates(flow.socket).ack;
        desk.out.send(&flow, |out| template.write(out, fill));
    }
}

/// Acknowledges a final response other than 2xx within its transaction
/// (§17.1.1.3), from the response alone: our INVITE's Request-URI and its To
/// are one.
pub(super) fn acknowledge_refusal(
    desk: &mut Desk,
    number: u64,
    response: &Glance,
    socket: SocketIndex,
) {
    let ack = Ack {
        uri: NameAddr::parse(response.to).map_or(&b""[..], |to| to.uri),
        routes: b"",
        credentials: b"",
        letter: b'i',
    };
    ack.send(
        desk,
        number,
        response,
        desk.site.flow(socket, desk.site.plan.target),
    );
}

/// Answers a request at hand and keeps nothing.
pub(in crate::caller) fn answer(
    desk: &mut Desk,
    request: &Glance,
    flow: Flow,
    status: Status,
    tag: &[u8],
) {
    let tail = if request.cseq.method == Method::Options {
        &b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE\r\nContent-Length: 0\r\n\r\n"[..]
    } else {
        NOTHING_MORE
    };
    answer_with(desk, request, flow, (status, tag), |out| {
        out.extend_from_slice(tail)
    });
}

/// The end of a message without a body.
pub(in crate::caller) const NOTHING_MORE: &[u8] = b"Content-Length: 0\r\n\r\n";

/// The same, with an end of the message that `tail` writes.
fn answer_with(
    desk: &mut Desk,
    request: &Glance,
    flow: Flow,
    (status, tag): (Status, &[u8]),
    tail: impl FnOnce(&mut Vec<u8>),
) {
    let Some(via) = request.top_via() else {
        desk.tally.strays += 1;
        return;
    };
    desk.out.send(&back(&via, flow), |out| {
        Writer::new(out, false).status(status, None);
        request.write_head(&via, flow.remote, tag, false, out);
        tail(out);
    });
}
