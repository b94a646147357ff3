//! A phone as server: incoming requests, ringing, answering, forking.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Alarm, Call, Cue, Ending, Manner, Out, Phone, State, T1, T2, T64};
use crate::message::Msg;

impl Phone {
    /// A request: copies are absorbed, ACKs matched, the rest decided.
    pub(super) fn on_request(&mut self, from: SocketAddr, request: Msg, out: &mut Out) {
        let method = request.method();
        if method == "ACK" {
            if !self.acknowledged(&request) {
                self.on_ack(&request, out);
            }
            return;
        }
        if self.absorb(&request, out) {
            return;
        }
        self.start_server(from, &request);
        match (method.as_str(), request.tag("To").is_some()) {
            ("INVITE", false) => self.on_invite(request, out),
            ("INVITE", true) => self.on_reinvite(request, out),
            ("CANCEL", _) => self.on_cancel(request, out),
            ("BYE", _) => self.on_bye(request, out),
            (_, true) => self.on_within(request, out),
            ("OPTIONS" | "MESSAGE", false) => self.reply(&request, 200, out),
            _ => self.reply(&request, 405, out),
        }
    }

    fn reply(&mut self, request: &Msg, status: u16, out: &mut Out) {
        let response = Msg::response(request, status, &self.fresh());
        self.respond(request, response, out);
    }

    /// The call whose dialog a request names (§12.2.2).
    fn call_of(&self, request: &Msg) -> Option<usize> {
        let (ours, theirs) = (request.tag("To")?, request.tag("From")?);
        self.calls.iter().position(|call| {
            call.call_id == request.call_id() && call.local_tag == ours && call.remote_tag == theirs
        })
    }

    fn on_invite(&mut self, request: Msg, out: &mut Out) {
        if self.retired {
            return self.reply(&request, 480, out);
        }
        let manner = if self.moody {
            Manner::draw(&mut self.random)
        } else {
            self.manner.clone()
        };
        let (tag, token) = (self.fresh(), self.fresh());
        let of = |name: &str| request.get(name).unwrap_or_default().to_string();
        let local = format!("{};tag={tag}", of("To"));
        let mut call = Call::new(
            false,
            self.now,
            request.call_id(),
            &local,
            &of("From"),
            token,
        );
        call.remote_cseq = request.cseq().0;
        call.target = request.contact().unwrap_or_default();
        call.routes = request.all("Record-Route");
        if !request.body.is_empty() {
            call.bodies.push(request.body.clone());
        }
        let index = self.calls.len();
        if !manner.deaf {
            out.wakes
                .push((manner.ring_after, Alarm::Cue(index, Cue::Ring)));
            if manner.ending != Ending::Never {
                out.wakes.push((
                    manner.ring_after.max(manner.ending_after),
                    Alarm::Cue(index, Cue::Answer),
                ));
            }
            if manner.trying {
                let trying = Msg::response(&request, 100, "");
                self.respond(&request, trying, out);
            }
        }
        call.manner = manner;
        call.unanswered = Some(request);
        self.calls.push(call);
    }

    /// The tag of the n-th fork; the last one is the call's own.
    fn fork_tag(call: &Call, fork: u8) -> String {
        if fork + 1 == call.manner.forks {
            call.local_tag.clone()
        } else {
            format!("{}f{fork}", call.local_tag)
        }
    }

    pub(super) fn ring(&mut self, index: usize, out: &mut Out) {
        let Some(request) = self.calls[index].unanswered.clone() else {
            return;
        };
        let rings = self.calls[index].manner.rings.clone();
        for fork in 0..self.calls[index].manner.forks {
            for &status in &rings {
                let tag = Self::fork_tag(&self.calls[index], fork);
                let mut response =
                    Msg::response(&request, status, &tag).with("Contact", self.contact());
                let call = &mut self.calls[index];
                call.state = State::Calling { ringing: true };
                if status == 183 && call.manner.early_sdp && !call.bodies.is_empty() {
                    let body = call.sdp(self.addr.ip(), "sendrecv");
                    response = response.body("application/sdp", &body);
                }
                self.respond(&request, response, out);
            }
        }
    }

    /// Ringing is over: the manner's ending.
    pub(super) fn decide(&mut self, index: usize, out: &mut Out) {
        match self.calls[index].manner.ending {
            Ending::Answer => {
                let Some(request) = self.calls[index].unanswered.take() else {
                    return;
                };
                self.accept(index, &request, out);
                if let Some(after) = self.calls[index].manner.second_answer {
                    self.calls[index].unanswered = Some(request);
                    out.wakes.push((after, Alarm::Cue(index, Cue::AnswerTwice)));
                }
            }
            Ending::Reject(status) => self.refuse(index, status, out),
            Ending::Never => {}
        }
    }

    /// Another fork answers the same INVITE with its own tag: the late 2xx of
    /// RFC 3261 §13.2.2.4 that the caller must ACK and BYE.
    pub(super) fn answer_twice(&mut self, index: usize, out: &mut Out) {
        let Some(request) = self.calls[index].unanswered.take() else {
            return;
        };
        let mut fork = self.calls[index].clone();
        let own = fork.local_tag.clone();
        fork.local_tag = Self::fork_tag(&fork, 0);
        fork.local = fork.local.replace(&own, &fork.local_tag);
        fork.token = self.fresh();
        (fork.state, fork.confirmed, fork.manner.acts) =
            (State::Calling { ringing: true }, false, Vec::new());
        fork.cseq = 0;
        self.calls.push(fork);
        self.accept(self.calls.len() - 1, &request, out);
    }

    /// 2xx with an offer or an answer; repeated until its ACK.
    fn accept(&mut self, index: usize, request: &Msg, out: &mut Out) {
        let contact = self.contact();
        let call = &mut self.calls[index];
        let body = call.sdp(self.addr.ip(), "sendrecv");
        call.state = State::Up;
        let tag = call.local_tag.clone();
        let response = Msg::response(request, 200, &tag)
            .with("Contact", contact)
            .body("application/sdp", &body);
        let cseq = request.cseq().0;
        call.awaiting_ack = Some((cseq, response.clone(), T1, Duration::ZERO));
        self.respond(request, response, out);
        out.wakes.push((T1, Alarm::Cue(index, Cue::Again2xx(cseq))));
    }

    pub(super) fn again_2xx(&mut self, index: usize, cseq: u32, out: &mut Out) {
        let Some((held, response, interval, waited)) = &mut self.calls[index].awaiting_ack else {
            return;
        };
        if *held != cseq {
            return;
        }
        *waited += *interval;
        if *waited >= T64 {
            self.calls[index].awaiting_ack = None;
            return self.hang_up(index, out);
        }
        *interval = (*interval * 2).min(T2);
        out.wakes
            .push((*interval, Alarm::Cue(index, Cue::Again2xx(cseq))));
        let (bytes, branch) = (response.bytes(), response.branch());
        if let Some(from) = self.invite_server(&branch).map(|server| server.from) {
            out.sends.push((from, bytes));
        }
    }

    /// A final response other than 2xx.
    pub(super) fn refuse(&mut self, index: usize, status: u16, out: &mut Out) {
        let Some(request) = self.calls[index].unanswered.take() else {
            return;
        };
        if self.calls[index].manner.deaf {
            self.calls[index].state = State::Over(status);
            return;
        }
        self.calls[index].state = State::Over(status);
        let tag = self.calls[index].local_tag.clone();
        self.respond(&request, Msg::response(&request, status, &tag), out);
    }

    /// The ACK of a 2xx.
    fn on_ack(&mut self, ack: &Msg, out: &mut Out) {
        let Some(index) = self.call_of(ack) else {
            return;
        };
        let call = &mut self.calls[index];
        if call
            .awaiting_ack
            .as_ref()
            .is_none_or(|(cseq, ..)| *cseq != ack.cseq().0)
        {
            return;
        }
        call.awaiting_ack = None;
        if !ack.body.is_empty() {
            call.bodies.push(ack.body.clone());
        }
        if !call.confirmed {
            call.confirmed = true;
            self.schedule_acts(index, out);
        }
        if self.calls[index].leaving {
            self.hang_up(index, out);
        }
    }

    fn on_reinvite(&mut self, request: Msg, out: &mut Out) {
        let Some(index) = self
            .call_of(&request)
            .filter(|&index| self.calls[index].is_up())
        else {
            return self.reply(&request, 481, out);
        };
        let call = &mut self.calls[index];
        if request.cseq().0 <= call.remote_cseq {
            return self.reply(&request, 500, out);
        }
        call.remote_cseq = request.cseq().0;
        if call.reinviting {
            return self.reply(&request, 491, out);
        }
        if !request.body.is_empty() {
            call.bodies.push(request.body.clone());
        }
        call.target = request.contact().unwrap_or(call.target.clone());
        self.accept(index, &request, out);
    }

    /// §9.2: 200 for the CANCEL, 487 for an INVITE without a final response.
    fn on_cancel(&mut self, request: Msg, out: &mut Out) {
        let Some(invite) = self
            .invite_server(&request.branch())
            .map(|server| server.request.clone())
        else {
            return self.reply(&request, 481, out);
        };
        let index = self
            .calls
            .iter()
            .position(|call| call.unanswered.as_ref() == Some(&invite));
        if index.is_some_and(|index| self.calls[index].manner.deaf) {
            return;
        }
        self.reply(&request, 200, out);
        if let Some(index) =
            index.filter(|&index| matches!(self.calls[index].state, State::Calling { .. }))
        {
            self.refuse(index, 487, out);
        }
    }

    fn on_bye(&mut self, request: Msg, out: &mut Out) {
        let Some(index) = self.call_of(&request) else {
            return self.reply(&request, 481, out);
        };
        self.reply(&request, 200, out);
        self.calls[index].awaiting_ack = None;
        self.calls[index].state = State::Over(0);
    }

    fn on_within(&mut self, request: Msg, out: &mut Out) {
        let Some(index) = self.call_of(&request) else {
            return self.reply(&request, 481, out);
        };
        let call = &mut self.calls[index];
        if request.cseq().0 <= call.remote_cseq {
            return self.reply(&request, 500, out);
        }
        call.remote_cseq = request.cseq().0;
        call.bodies.push(request.body.clone());
        self.reply(&request, 200, out);
    }
}
