//! What the calling side makes of responses.

use pinion_sip::auth::{Identity, Secret, respond};
use pinion_sip::base::{Flow, Random};
use pinion_sip::wire::{DigestParams, Method, NameAddr, Status};

use super::flight::State;
use super::requests::acknowledge_refusal;
use super::{Client, Desk};
use crate::caller::glance::Glance;
use crate::plan::Unit;
use crate::tally::{Again, Cause, Stage};

impl Client {
    /// A response came.
    pub(in crate::caller) fn response(
        &mut self,
        desk: &mut Desk,
        response: &Glance,
        status: Status,
        flow: Flow,
    ) {
        let cseq = response.cseq;
        let number = desk.site.read_id(response.call_id);
        // A response is ours when it bears our branch (§17.1.3).
        let branch = desk.site.read_branch(response.via);
        let ours = branch.and_then(|branch| desk.site.read_id(branch)) == number;
        let Some(number) = number.filter(|_| ours) else {
            desk.tally.strays += 1;
            return;
        };
        let slot = self.flights.find(number);
        let known = slot.map(|slot| (slot, self.flights.entry(slot).value.cseq));
        if known.is_some_and(|(slot, _)| !self.flights.entry(slot).value.asked(cseq)) {
            // The branch alone makes it no answer (§17.1.3).
            desk.tally.strays += 1;
            return;
        }
        match (cseq.method, known) {
            (Method::Invite, Some((slot, own))) if own == cseq.number => {
                self.invite_response(desk, (number, slot), response, status, flow);
            }
            // The unit is over, or has moved on to another INVITE.
            (Method::Invite, _) if status.is_final() => {
                desk.tally.again(Again::Copy("final response to INVITE"));
                if status.is_success() {
                    self.acknowledge(desk, (number, None), response, flow.socket);
                } else {
                    acknowledge_refusal(desk, number, response, flow.socket);
                }
            }
            (Method::Bye, Some((slot, own))) if own + 1 == cseq.number => {
                self.bye_response(desk, (number, slot), response, status);
            }
            (Method::Cancel, Some((slot, own))) if own == cseq.number => {
                self.flights.entry(slot).value.settled |= status.is_final();
            }
            // The INVITE's final response has overtaken it and ended the call.
            (Method::Cancel, _) => {}
            (method, Some((slot, own))) if own == cseq.number && method != Method::Invite => {
                self.answer_response(desk, (number, slot), response, status);
            }
            _ if status.is_final() => desk.tally.again(Again::Copy("final response")),
            _ => {}
        }
    }

    fn invite_response(
        &mut self,
        desk: &mut Desk,
        (number, slot): (u64, u32),
        response: &Glance,
        status: Status,
        flow: Flow,
    ) {
        if !status.is_final() {
            self.provisional(desk, slot, status);
        } else if status.is_success() {
            self.answered(desk, (number, slot), response, flow);
        } else {
            self.refused(desk, (number, slot), response, status, flow);
        }
    }

    fn provisional(&mut self, desk: &mut Desk, slot: u32, status: Status) {
        let flight = &mut self.flights.entry(slot).value;
        if status == Status::TRYING {
            if !std::mem::replace(&mut flight.tried, true) {
                desk.tally.time(Stage::Invite100, desk.now, flight.since);
            }
        } else if !std::mem::replace(&mut flight.rang, true) {
            desk.tally.time(Stage::Invite18x, desk.now, flight.begun);
        }
        if flight.state == State::Calling {
            // The alarm that is set looks at the answer limit when it rings.
            flight.state = State::Proceeding;
        }
    }

    /// 2xx.
    fn answered(
        &mut self,
        desk: &mut Desk,
        (number, slot): (u64, u32),
        response: &Glance,
        flow: Flow,
    ) {
        let reachable = self.acknowledge(desk, (number, Some(slot)), response, flow.socket);
        let flight = &mut self.flights.entry(slot).value;
        if flight.has_dialog() {
            desk.tally.again(Again::Copy("200 to INVITE"));
            return;
        }
        let wanted = matches!(flight.state, State::Calling | State::Proceeding);
        if wanted {
            desk.tally
                .time_main(Stage::Invite200, desk.now, flight.begun);
        }
        desk.tally.caller.answered += 1;
        let mark = desk.site.mark(number);
        desk.tally.caller.marks = desk
            .tally
            .caller
            .marks
            .wrapping_add(crate::tally::mix(mark));
        if !reachable {
            self.fail(desk, slot, Cause::NoContact);
            self.finish(slot);
            return;
        }
        let hold = desk.site.plan.hold;
        if !wanted {
            // It crossed our CANCEL, or comes too late (§9.1, §13.2.2.4).
            self.fail(desk, slot, Cause::Unanswered);
        }
        let flight = &mut self.flights.entry(slot).value;
        if wanted && !hold.is_zero() && !self.stopped {
            flight.state = State::Talking;
            self.alarm(desk, slot, hold);
        } else {
            flight.end(desk.now);
            self.request(desk, slot);
        }
    }

    /// 3xx to 6xx.
    fn refused(
        &mut self,
        desk: &mut Desk,
        (number, slot): (u64, u32),
        response: &Glance,
        status: Status,
        flow: Flow,
    ) {
        acknowledge_refusal(desk, number, response, flow.socket);
        let flight = &mut self.flights.entry(slot).value;
        match flight.state {
            State::Calling | State::Proceeding => {}
            State::Cancelling => {
                desk.tally.time(Stage::Cancel487, desk.now, flight.since);
                if desk.site.plan.expects(status.code()) {
                    desk.tally.caller.refused +=
                        u64::from(desk.site.plan.is_callees(status.code()));
                    self.complete(desk, slot);
                } else {
                    self.fail(desk, slot, Cause::Unanswered);
                }
                self.finish(slot);
                return;
            }
            _ => {
                self.finish(slot);
                return;
            }
        }
        if is_challenge(status) {
            if !flight.challenged {
                desk.tally.time(Stage::Invite401, desk.now, flight.since);
            }
            if self.challenged(desk, (number, slot), response, status) {
                return;
            }
        }
        let flight = &mut self.flights.entry(slot).value;
        desk.tally
            .time(Stage::InviteRefused, desk.now, flight.begun);
        self.conclude(desk, slot, status);
    }

    fn bye_response(
        &mut self,
        desk: &mut Desk,
        (number, slot): (u64, u32),
        response: &Glance,
        status: Status,
    ) {
        let flight = &mut self.flights.entry(slot).value;
        if !status.is_final() || flight.state != State::Ending {
            return;
        }
        if is_challenge(status) && self.challenged(desk, (number, slot), response, status) {
            return;
        }
        let flight = &mut self.flights.entry(slot).value;
        desk.tally.caller.ended += 1;
        if status.is_success() {
            desk.tally.time(Stage::Bye200, desk.now, flight.since);
            self.complete(desk, slot);
        } else if is_challenge(status) {
            self.fail(desk, slot, Cause::Challenge("BYE"));
        } else {
            self.fail(desk, slot, Cause::Status("BYE", status.code()));
        }
        self.finish(slot);
    }

    /// A response to REGISTER, OPTIONS or MESSAGE.
    fn answer_response(
        &mut self,
        desk: &mut Desk,
        (number, slot): (u64, u32),
        response: &Glance,
        status: Status,
    ) {
        let flight = &mut self.flights.entry(slot).value;
        if flight.state != State::Asking {
            return;
        }
        if !status.is_final() {
            // From now on every T2 (§17.1.2.2).
            flight.copies = u8::MAX / 2;
            return;
        }
        let (unit, enrols) = (flight.unit, number >= crate::caller::site::ENROLMENT);
        if is_challenge(status) && unit != Unit::Options {
            if !flight.challenged && !enrols {
                let stage = match unit {
                    Unit::Register => Stage::Register401,
                    _ => Stage::Message401,
                };
                desk.tally.time(stage, desk.now, flight.since);
            }
            if self.challenged(desk, (number, slot), response, status) {
                return;
            }
        }
        let flight = &mut self.flights.entry(slot).value;
        let stage = match unit {
            Unit::Register => Stage::Register200,
            Unit::Options => Stage::Options200,
            Unit::Message | Unit::Call => Stage::Message200,
        };
        let answered = unit == Unit::Options || status.is_success();
        if answered && !enrols {
            desk.tally.time_main(stage, desk.now, flight.since);
        }
        if answered {
            if enrols {
                self.granted(desk, number, response);
            }
            self.complete(desk, slot);
            self.finish(slot);
        } else {
            self.conclude(desk, slot, status);
        }
    }

    /// A final response that is no success: as it should be, or not.
    fn conclude(&mut self, desk: &mut Desk, slot: u32, status: Status) {
        let flight = &self.flights.entry(slot).value;
        let method = flight.method();
        if desk.site.plan.expects(status.code()) {
            let theirs = method == "INVITE" && desk.site.plan.is_callees(status.code());
            desk.tally.caller.refused += u64::from(theirs);
            self.complete(desk, slot);
        } else if is_challenge(status) {
            self.fail(desk, slot, Cause::Challenge(method));
        } else {
            self.fail(desk, slot, Cause::Status(method, status.code()));
        }
        self.finish(slot);
    }

    /// Sends the request again with credentials; `false` when it had some
    /// already or there is no answer to this challenge.
    fn challenged(
        &mut self,
        desk: &mut Desk,
        (number, slot): (u64, u32),
        response: &Glance,
        status: Status,
    ) -> bool {
        let entry = self.flights.entry(slot);
        let flight = &mut entry.value;
        if std::mem::replace(&mut flight.challenged, true) {
            return false;
        }
        let (asks, answers) = if status == Status::UNAUTHORIZED {
            (&b"WWW-Authenticate"[..], "Authorization: ")
        } else {
            (&b"Proxy-Authenticate"[..], "Proxy-Authorization: ")
        };
        let site = desk.site;
        let (users, index) = (site.users(number), site.user_index(number));
        self.scratch.clear();
        users.write_name(index, &mut self.scratch);
        let name_len = self.scratch.len();
        if !users.write_password(index, &mut self.scratch) {
            return false;
        }
        let (name, password) = self.scratch.split_at(name_len);
        let identity = Identity {
            user: name,
            secret: Secret::Plain(password),
            realm: None,
        };
        let mut uri = Vec::with_capacity(64);
        match flight.unit {
            Unit::Register => uri.extend_from_slice(&site.registrar),
            _ if flight.state == State::Ending => uri.extend_from_slice(&flight.dialog.uri),
            _ => uri.extend_from_slice(NameAddr::parse(response.to).map_or(b"", |to| to.uri)),
        }
        let method = flight.method();
        let cnonce = Random::from_u64(site.plan.seed ^ site.mark(number)).next_u64();
        let challenges = response.others(asks).map(DigestParams::parse);
        let Some(value) = respond(challenges, &[identity], method.as_bytes(), &uri, cnonce, 1)
        else {
            return false;
        };
        flight.credentials.clear();
        flight.credentials.extend_from_slice(answers.as_bytes());
        flight.credentials.extend_from_slice(&value);
        flight.credentials.extend_from_slice(b"\r\n");
        flight.cseq += 1;
        flight.since = desk.now;
        (flight.tried, flight.rang) = (false, false);
        if flight.state == State::Proceeding {
            flight.state = State::Calling;
        }
        self.request(desk, slot);
        true
    }
}

fn is_challenge(status: Status) -> bool {
    status == Status::UNAUTHORIZED || status == Status::PROXY_AUTHENTICATION_REQUIRED
}
