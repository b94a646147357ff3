//! A phone's calls: dialog state, the caller's side, and requests within.
//!
//! Owns no transaction; incoming requests are read in `callee`.

use std::collections::BTreeMap;
use std::time::Duration;

use pinion_sip::base::Instant;

use super::transaction::client_key;
use super::{Act, Alarm, Cue, Manner, Out, Phone, Plan, Purpose, T64};
use crate::message::{Msg, param, uri_of};

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// No final response yet; whether it rang.
    Calling {
        /// A response above 100 was seen or sent.
        ringing: bool,
    },
    /// A 2xx was sent or received.
    Up,
    /// Ended by this final response; 0 is a BYE, 408 silence.
    Over(u16),
}

/// One call, or one fork of it at the callee.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whether this phone made it.
    pub caller: bool,
    /// When it began.
    pub since: Instant,
    /// Call-ID of this leg.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// Theirs; empty until known.
    pub remote_tag: String,
    /// Where it stands.
    pub state: State,
    /// Whether 2xx and ACK have both been seen.
    pub confirmed: bool,
    /// Written into the `s=` of its SDP: the other phone sees it.
    pub token: String,
    /// Bodies received, in order.
    pub bodies: Vec<Vec<u8>>,
    /// Bodies sent, in order.
    pub sent_bodies: Vec<Vec<u8>>,
    /// How the caller goes about it.
    pub plan: Plan,
    /// How the callee goes about it.
    pub manner: Manner,
    /// Our last CSeq.
    pub cseq: u32,
    /// Theirs.
    pub remote_cseq: u32,
    pub(super) local: String,
    pub(super) remote: String,
    pub(super) target: String,
    pub(super) routes: Vec<String>,
    /// Branch of our latest INVITE.
    pub(super) branch: String,
    /// CSeq of the INVITE whose 2xx we sent and wait to see ACKed; the 2xx.
    pub(super) awaiting_ack: Option<(u32, Msg, Duration, Duration)>,
    /// The INVITE we have not answered.
    pub(super) unanswered: Option<Msg>,
    /// Our own re-INVITE is out.
    pub(super) reinviting: bool,
    /// Our own re-INVITE was offerless.
    late: bool,
    /// We want it to end.
    pub(super) leaving: bool,
    cancelled: bool,
    hung_up: bool,
    version: u32,
    acks: BTreeMap<(String, u32), Vec<u8>>,
}

impl Call {
    /// A call between `local` and `remote` (whole From and To values).
    pub(super) fn new(
        caller: bool,
        since: Instant,
        call_id: &str,
        local: &str,
        remote: &str,
        token: String,
    ) -> Call {
        Call {
            caller,
            since,
            call_id: call_id.into(),
            local_tag: param(local, "tag").unwrap_or_default(),
            remote_tag: param(remote, "tag").unwrap_or_default(),
            state: State::Calling { ringing: false },
            confirmed: false,
            token,
            bodies: Vec::new(),
            sent_bodies: Vec::new(),
            plan: Plan::default(),
            manner: Manner::default(),
            cseq: 0,
            remote_cseq: 0,
            local: local.into(),
            remote: remote.into(),
            target: String::new(),
            routes: Vec::new(),
            branch: String::new(),
            awaiting_ack: None,
            unanswered: None,
            reinviting: false,
            late: false,
            leaving: false,
            cancelled: false,
            hung_up: false,
            version: 0,
            acks: BTreeMap::new(),
        }
    }

    /// Whether it is up and this phone has not hung up.
    pub fn is_up(&self) -> bool {
        self.state == State::Up && !self.hung_up
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Whether `other` is the far end: one has seen the other's SDP.
    pub fn faces(&self, other: &Call) -> bool {
        let saw = |bodies: &[Vec<u8>], token: &str| {
            let line = format!("s={token}\r\n");
            bodies.iter().any(|body| {
                body.windows(line.len())
                    .any(|window| window == line.as_bytes())
            })
        };
        saw(&self.bodies, &other.token) || saw(&other.bodies, &self.token)
    }

    /// The next SDP of this call; never the same twice.
    pub(super) fn sdp(&mut self, ip: std::net::IpAddr, direction: &str) -> Vec<u8> {
        self.version += 1;
        let body = format!(
            "v=0\r\no={} {} IN IP4 {ip}\r\ns={}\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0 101\r\n\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n",
            self.local_tag, self.version, self.token
        );
        self.sent_bodies.push(body.clone().into_bytes());
        body.into_bytes()
    }
}

impl Phone {
    /// Calls `target`; returns the call's number.
    pub fn invite(&mut self, now: Instant, target: &str, plan: Plan, out: &mut Out) -> usize {
        self.now = now;
        let uri = self.uri_for(target);
        let mut request = self.draft("INVITE", &uri, &uri);
        let token = self.fresh();
        let of = |name: &str| request.get(name).unwrap_or_default().to_string();
        let mut call = Call::new(true, now, request.call_id(), &of("From"), &of("To"), token);
        call.cseq = 1;
        call.target = uri;
        if !plan.late_offer {
            request = request.body("application/sdp", &call.sdp(self.addr.ip(), "sendrecv"));
        }
        let index = self.calls.len();
        if let Some(after) = plan.cancel_after {
            out.wakes.push((after, Alarm::Cue(index, Cue::Cancel)));
        }
        call.plan = plan;
        self.calls.push(call);
        self.calls[index].branch = self.start_client(request, Purpose::Invite(index), 0, out);
        index
    }

    /// A challenge was answered: this is the request that counts now.
    pub(super) fn on_reborn(&mut self, purpose: Purpose, branch: String, _cseq: u32) {
        if let Purpose::Invite(call) | Purpose::Reinvite(call) = purpose {
            self.calls[call].branch = branch;
        }
    }

    /// Whether a challenge for this is not worth answering any more.
    pub(super) fn wants_out(&self, purpose: Purpose) -> bool {
        matches!(purpose, Purpose::Invite(call) if self.calls[call].leaving)
    }

    /// A provisional response to one of our requests.
    pub(super) fn on_provisional(&mut self, purpose: Purpose, response: &Msg, out: &mut Out) {
        let Purpose::Invite(index) = purpose else {
            return;
        };
        let call = &mut self.calls[index];
        if response.status() > 100 && !call.is_over() {
            call.state = State::Calling { ringing: true };
            if !response.body.is_empty() {
                call.bodies.push(response.body.clone());
            }
        }
        if call.leaving {
            self.cancel(index, out);
        }
    }

    /// A final response to one of our requests; 2xx to INVITE again and again.
    pub(super) fn on_final(&mut self, purpose: Purpose, response: Msg, out: &mut Out) {
        let status = response.status();
        match purpose {
            Purpose::Invite(index) if status < 300 => self.on_answer(index, &response, out),
            Purpose::Reinvite(index) if status < 300 => {
                let call = &mut self.calls[index];
                call.reinviting = false;
                if !call
                    .acks
                    .contains_key(&(call.remote_tag.clone(), response.cseq().0))
                {
                    call.bodies.push(response.body.clone());
                    call.target = response.contact().unwrap_or(call.target.clone());
                }
                let late = call.late;
                self.ack(index, &response, late, out);
            }
            Purpose::Invite(index) => self.calls[index].state = State::Over(status),
            Purpose::Reinvite(index) => {
                self.calls[index].reinviting = false;
                if status == 491 {
                    // §14.1: whoever made the Call-ID waits longer.
                    let base = if self.calls[index].caller { 2_100 } else { 0 };
                    let after = Duration::from_millis(base + self.random.below(190) * 10);
                    out.wakes.push((after, Alarm::Cue(index, Cue::Reinvite)));
                } else if status == 481 || status == 408 {
                    self.hang_up(index, out);
                }
            }
            Purpose::Bye(index) => self.calls[index].state = State::Over(0),
            _ => {}
        }
        if !matches!(purpose, Purpose::Invite(_) | Purpose::Reinvite(_)) {
            self.finals.push((purpose, response));
        }
    }

    /// One of our requests was never answered (§8.1.3.1: as if by 408).
    pub(super) fn on_timeout(&mut self, purpose: Purpose, out: &mut Out) {
        match purpose {
            Purpose::Invite(index) => self.calls[index].state = State::Over(408),
            Purpose::Reinvite(index) => {
                // §12.2.1.2: silence ends the dialog.
                self.calls[index].reinviting = false;
                self.hang_up(index, out);
            }
            Purpose::Bye(index) => self.calls[index].state = State::Over(0),
            _ => {}
        }
    }

    /// A 2xx to the INVITE that began the call (§13.2.2.4).
    fn on_answer(&mut self, index: usize, response: &Msg, out: &mut Out) {
        let tag = response.tag("To").unwrap_or_default();
        let phone_acks = self.calls[index].plan.acks;
        let call = &mut self.calls[index];
        if call.remote_tag != tag {
            call.state = State::Up;
            call.remote_tag = tag;
            call.remote = response.get("To").unwrap_or_default().into();
            call.target = response.contact().unwrap_or_default();
            call.routes = response.all("Record-Route").into_iter().rev().collect();
            call.bodies.push(response.body.clone());
            if phone_acks {
                call.confirmed = true;
                self.schedule_acts(index, out);
            }
        }
        if phone_acks {
            let late = self.calls[index].plan.late_offer;
            self.ack(index, response, late, out);
        }
        if self.calls[index].leaving && phone_acks {
            self.hang_up(index, out);
        }
    }

    pub(super) fn schedule_acts(&mut self, index: usize, out: &mut Out) {
        let call = &self.calls[index];
        let acts = if call.caller {
            &call.plan.acts
        } else {
            &call.manner.acts
        };
        for (number, (after, _)) in acts.iter().enumerate() {
            out.wakes
                .push((*after, Alarm::Cue(index, Cue::Act(number))));
        }
    }

    /// The ACK of a 2xx: the same bytes for each copy of it.
    fn ack(&mut self, index: usize, response: &Msg, with_answer: bool, out: &mut Out) {
        let key = (response.tag("To").unwrap_or_default(), response.cseq().0);
        if let Some((to, bytes)) = self.calls[index]
            .acks
            .get(&key)
            .map(|bytes| (self.target_hop(index), bytes.clone()))
        {
            out.sends.push((to, bytes));
            return;
        }
        let mut ack = self.within(index, "ACK", key.1);
        if with_answer {
            let body = self.calls[index].sdp(self.addr.ip(), "sendrecv");
            ack = ack.body("application/sdp", &body);
        }
        let via = self.via();
        ack.headers.insert(0, ("Via".into(), via));
        let bytes = ack.bytes();
        out.sends.push((self.next_hop(&ack), bytes.clone()));
        self.calls[index].acks.insert(key, bytes);
    }

    fn target_hop(&self, index: usize) -> std::net::SocketAddr {
        self.next_hop(&self.within(index, "ACK", 0))
    }

    /// A request in the dialog, without Via (§12.2.1.1).
    pub fn within(&self, index: usize, method: &str, cseq: u32) -> Msg {
        let call = &self.calls[index];
        let loose = call
            .routes
            .first()
            .is_none_or(|route| uri_of(route).contains(";lr"));
        let (uri, routes) = match call.routes.split_first() {
            Some((first, rest)) if !loose => {
                let rest = rest.iter().cloned().chain([format!("<{}>", call.target)]);
                (uri_of(first), rest.collect::<Vec<_>>())
            }
            _ => (call.target.clone(), call.routes.clone()),
        };
        let mut request = Msg::request(method, &uri).with("Max-Forwards", 70);
        for route in routes {
            request = request.with("Route", route);
        }
        request = request
            .with("From", &call.local)
            .with("To", &call.remote)
            .with("Call-ID", &call.call_id)
            .with("CSeq", format!("{cseq} {method}"));
        if method == "INVITE" {
            request.with("Contact", self.contact())
        } else {
            request
        }
    }

    /// Sends the next request of the dialog.
    fn send_within(
        &mut self,
        index: usize,
        method: &str,
        body: (&str, &[u8]),
        purpose: Purpose,
        out: &mut Out,
    ) -> String {
        self.calls[index].cseq += 1;
        let request = self
            .within(index, method, self.calls[index].cseq)
            .body(body.0, body.1);
        self.start_client(request, purpose, 0, out)
    }

    /// BYE, once.
    pub fn hang_up(&mut self, index: usize, out: &mut Out) {
        if self.calls[index].state != State::Up || self.calls[index].hung_up {
            return;
        }
        self.calls[index].hung_up = true;
        self.calls[index].awaiting_ack = None;
        self.send_within(index, "BYE", ("", b""), Purpose::Bye(index), out);
    }

    /// CANCEL, once, if a provisional response has come (§9.1).
    fn cancel(&mut self, index: usize, out: &mut Out) {
        self.calls[index].leaving = true;
        let branch = self.calls[index].branch.clone();
        let Some(invite) = self.clients.get(&client_key(&branch, "INVITE")) else {
            return;
        };
        if !invite.is_proceeding() || self.calls[index].cancelled {
            return;
        }
        self.calls[index].cancelled = true;
        let mut cancel = Msg::request("CANCEL", invite.request.uri());
        for name in ["Via", "Max-Forwards", "From", "To", "Call-ID"] {
            cancel = cancel.with(name, invite.request.get(name).unwrap_or_default());
        }
        for route in invite.request.all("Route") {
            cancel = cancel.with("Route", route);
        }
        let cancel = cancel.with("CSeq", format!("{} CANCEL", invite.request.cseq().0));
        self.start_client_on(branch, cancel.clone(), cancel, Purpose::Cancel, 0, out);
        out.wakes.push((T64, Alarm::Cue(index, Cue::Forget)));
    }

    /// Ends a call in whatever way its state asks for.
    pub(super) fn leave(&mut self, index: usize, out: &mut Out) {
        match self.calls[index].state {
            State::Calling { .. } if self.calls[index].caller => self.cancel(index, out),
            State::Calling { .. } => self.refuse(index, 480, out),
            // Only the callee has to wait for the ACK (§15).
            State::Up if self.calls[index].confirmed || self.calls[index].caller => {
                self.hang_up(index, out);
            }
            State::Up => self.calls[index].leaving = true,
            State::Over(_) => {}
        }
    }

    /// Does the n-th act of the call's plan.
    fn act(&mut self, index: usize, number: usize, out: &mut Out) {
        let call = &self.calls[index];
        let acts = if call.caller {
            &call.plan.acts
        } else {
            &call.manner.acts
        };
        let Some(&(_, act)) = acts.get(number) else {
            return;
        };
        if !call.is_up() || (self.retired && act != Act::Bye) {
            return;
        }
        self.perform(index, act, out);
    }

    /// Does one act in a call that is up.
    pub fn perform(&mut self, index: usize, act: Act, out: &mut Out) {
        let token = self.calls[index].token.clone();
        match act {
            Act::Hold => self.reinvite(index, false, out),
            Act::LateHold => self.reinvite(index, true, out),
            Act::Info => {
                let body = format!(
                    "Signal=5\r\nDuration=160\r\nX={token}.{}\r\n",
                    self.calls[index].cseq
                );
                self.calls[index]
                    .sent_bodies
                    .push(body.clone().into_bytes());
                let body = ("application/dtmf-relay", body.as_bytes());
                self.send_within(index, "INFO", body, Purpose::Within(index), out);
            }
            Act::Message => {
                let body = format!("hello {token}.{}", self.calls[index].cseq);
                self.calls[index]
                    .sent_bodies
                    .push(body.clone().into_bytes());
                self.send_within(
                    index,
                    "MESSAGE",
                    ("text/plain", body.as_bytes()),
                    Purpose::Within(index),
                    out,
                );
            }
            Act::Bye => self.hang_up(index, out),
        }
    }

    /// re-INVITE, unless an INVITE is under way in either direction (§14.1).
    fn reinvite(&mut self, index: usize, late: bool, out: &mut Out) {
        let call = &self.calls[index];
        if call.reinviting
            || call.awaiting_ack.is_some()
            || call.unanswered.is_some()
            || !call.is_up()
        {
            return;
        }
        self.calls[index].reinviting = true;
        self.calls[index].late = late;
        let body = if late {
            Vec::new()
        } else {
            self.calls[index].sdp(self.addr.ip(), "sendonly")
        };
        let body = ("application/sdp", body.as_slice());
        let branch = self.send_within(index, "INVITE", body, Purpose::Reinvite(index), out);
        self.calls[index].branch = branch;
    }

    /// A call's plan says it is time.
    pub(super) fn on_cue(&mut self, index: usize, cue: Cue, out: &mut Out) {
        let Some(call) = self.calls.get_mut(index) else {
            return;
        };
        match cue {
            Cue::Cancel if matches!(call.state, State::Calling { .. }) => self.cancel(index, out),
            Cue::Cancel => {}
            Cue::Forget if matches!(call.state, State::Calling { .. }) => {
                call.state = State::Over(408)
            }
            Cue::Forget => {}
            Cue::Act(number) => self.act(index, number, out),
            Cue::Reinvite if !self.retired => self.reinvite(index, false, out),
            Cue::Reinvite => {}
            Cue::Ring => self.ring(index, out),
            Cue::Answer => self.decide(index, out),
            Cue::AnswerTwice => self.answer_twice(index, out),
            Cue::Again2xx(cseq) => self.again_2xx(index, cseq, out),
        }
    }
}
