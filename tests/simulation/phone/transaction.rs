//! A phone's transactions over UDP (RFC 3261 §17): retransmission, matching,
//! absorption. Never decides what a request means.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Alarm, Credentials, Out, Phone, T1, T2, T64};
use crate::message::{Msg, param};

/// What a client transaction is for; calls by their number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// REGISTER.
    Register,
    /// The INVITE that began the call.
    Invite(usize),
    /// A later INVITE of the call.
    Reinvite(usize),
    /// BYE.
    Bye(usize),
    /// INFO or MESSAGE of the call.
    Within(usize),
    /// CANCEL.
    Cancel,
    /// Anything else.
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    Calling,
    Proceeding,
    Completed,
}

/// A client transaction.
pub(super) struct Client {
    pub(super) request: Msg,
    pub(super) purpose: Purpose,
    bytes: Vec<u8>,
    to: SocketAddr,
    interval: Duration,
    progress: Progress,
    ack: Option<Vec<u8>>,
    tries: u32,
}

impl Client {
    /// Whether a provisional response has arrived and no final one.
    pub(super) fn is_proceeding(&self) -> bool {
        self.progress == Progress::Proceeding
    }
}

/// A server transaction.
pub(super) struct Server {
    pub(super) request: Msg,
    /// Its source.
    pub(super) from: SocketAddr,
    /// The last response.
    last: Option<Vec<u8>>,
    /// The final status sent, or 0.
    pub(super) status: u16,
    interval: Duration,
    waited: Duration,
    acknowledged: bool,
}

impl Phone {
    /// Sends `request` with a new branch on top.
    pub(super) fn start_client(
        &mut self,
        request: Msg,
        purpose: Purpose,
        tries: u32,
        out: &mut Out,
    ) -> String {
        let via = self.via();
        let branch = param(&via, "branch").unwrap_or_default();
        let request = self.with_kept_nonce(request, purpose, tries);
        let mut on_wire = request.clone();
        on_wire.headers.insert(0, ("Via".into(), via));
        self.start_client_on(branch.clone(), on_wire, request, purpose, tries, out);
        branch
    }

    /// Sends `on_wire`, whose top Via has `branch` already (CANCEL's is the INVITE's).
    pub(super) fn start_client_on(
        &mut self,
        branch: String,
        on_wire: Msg,
        request: Msg,
        purpose: Purpose,
        tries: u32,
        out: &mut Out,
    ) {
        let (to, bytes) = (self.next_hop(&request), on_wire.bytes());
        let key = client_key(&branch, &request.method());
        out.sends.push((to, bytes.clone()));
        out.wakes.push((T1, Alarm::Again(key.clone())));
        out.wakes.push((T64, Alarm::GiveUp(key.clone())));
        let client = Client {
            request: on_wire,
            purpose,
            bytes,
            to,
            interval: T1,
            progress: Progress::Calling,
            ack: None,
            tries,
        };
        self.clients.insert(key, client);
    }

    /// Timers A and E.
    pub(super) fn client_again(&mut self, key: &str, out: &mut Out) {
        let Some(client) = self.clients.get_mut(key) else {
            return;
        };
        let invite = client.request.method() == "INVITE";
        match client.progress {
            Progress::Completed => return,
            Progress::Proceeding if invite => return,
            Progress::Proceeding => client.interval = T2,
            Progress::Calling if invite => client.interval *= 2,
            Progress::Calling => client.interval = (client.interval * 2).min(T2),
        }
        out.sends.push((client.to, client.bytes.clone()));
        out.wakes.push((client.interval, Alarm::Again(key.into())));
    }

    /// Timers B and F.
    pub(super) fn client_gives_up(&mut self, key: &str, out: &mut Out) {
        let Some(client) = self.clients.get_mut(key) else {
            return;
        };
        let invite = client.request.method() == "INVITE";
        if client.progress == Progress::Completed
            || (invite && client.progress == Progress::Proceeding)
        {
            return;
        }
        client.progress = Progress::Completed;
        let purpose = client.purpose;
        self.on_timeout(purpose, out);
    }

    /// A response: matched by branch and CSeq method (§17.1.3).
    pub(super) fn on_response(&mut self, response: Msg, out: &mut Out) {
        let key = client_key(&response.branch(), &response.method());
        let Some(client) = self.clients.get_mut(&key) else {
            return;
        };
        let (status, invite) = (response.status(), client.request.method() == "INVITE");
        let fresh = client.progress != Progress::Completed;
        if status < 200 {
            if fresh {
                client.progress = Progress::Proceeding;
                let purpose = client.purpose;
                self.on_provisional(purpose, &response, out);
            }
            return;
        }
        client.progress = Progress::Completed;
        if invite && status >= 300 {
            let ack = client
                .ack
                .get_or_insert_with(|| hop_ack(&client.request, &response).bytes());
            out.sends.push((client.to, ack.clone()));
        }
        if fresh {
            let (purpose, request, tries) = (client.purpose, client.request.clone(), client.tries);
            if !self.try_credentials(&request, &response, purpose, tries, out) {
                self.on_final(purpose, response, out);
            }
        } else if invite && status < 300 {
            let purpose = client.purpose;
            self.on_final(purpose, response, out);
        }
    }

    /// A phone that keeps its nonce proves itself unasked (RFC 7616 §3.6).
    fn with_kept_nonce(&mut self, request: Msg, purpose: Purpose, tries: u32) -> Msg {
        let willing = match purpose {
            Purpose::Register | Purpose::Other => true,
            Purpose::Invite(call) => self.calls[call].plan.credentials == Credentials::Right,
            _ => false,
        };
        let Some((challenge, uses)) = self.nonce.take_if(|_| willing && tries == 0) else {
            return request;
        };
        let signed = self.with_credentials(&request, &challenge, Credentials::Right, uses + 1);
        self.nonce = Some((challenge, uses + 1));
        signed.unwrap_or(request)
    }

    /// Answers a challenge, at most twice (a stale nonce); says whether it did.
    fn try_credentials(
        &mut self,
        request: &Msg,
        response: &Msg,
        purpose: Purpose,
        tries: u32,
        out: &mut Out,
    ) -> bool {
        let credentials = match purpose {
            Purpose::Cancel => Credentials::None,
            Purpose::Invite(call) => self.calls[call].plan.credentials,
            _ => Credentials::Right,
        };
        let stale = response
            .get("WWW-Authenticate")
            .is_some_and(|value| value.contains("stale=true"));
        if tries > 2 || (tries > 0 && !stale) || self.wants_out(purpose) {
            return false;
        }
        let Some(mut again) = self.with_credentials(request, response, credentials, 1) else {
            return false;
        };
        again.headers.remove(0);
        if self.keeps_nonce {
            self.nonce = Some((response.clone(), 1));
        }
        let cseq = match purpose {
            Purpose::Register => {
                self.register_cseq += 1;
                self.register_cseq
            }
            Purpose::Invite(call)
            | Purpose::Reinvite(call)
            | Purpose::Bye(call)
            | Purpose::Within(call) => {
                self.calls[call].cseq += 1;
                self.calls[call].cseq
            }
            _ => request.cseq().0 + 1,
        };
        let again = again.set("CSeq", format!("{cseq} {}", request.method()));
        let branch = self.start_client(again, purpose, tries + 1, out);
        self.on_reborn(purpose, branch, cseq);
        true
    }

    /// Whether a copy of this request is known; it is answered as before.
    pub(super) fn absorb(&mut self, request: &Msg, out: &mut Out) -> bool {
        let key = (request.branch(), request.method());
        let Some(server) = self.servers.get(&key) else {
            return false;
        };
        if let Some(last) = &server.last {
            out.sends.push((server.from, last.clone()));
        }
        true
    }

    /// Remembers a new request.
    pub(super) fn start_server(&mut self, from: SocketAddr, request: &Msg) {
        let server = Server {
            request: request.clone(),
            from,
            last: None,
            status: 0,
            interval: T1,
            waited: Duration::ZERO,
            acknowledged: false,
        };
        self.servers
            .insert((request.branch(), request.method()), server);
    }

    /// The server transaction of an INVITE.
    pub(super) fn invite_server(&self, branch: &str) -> Option<&Server> {
        self.servers
            .get(&(branch.to_string(), "INVITE".to_string()))
    }

    /// Answers a request that has a server transaction.
    pub(super) fn respond(&mut self, request: &Msg, response: Msg, out: &mut Out) {
        let (branch, method) = (request.branch(), request.method());
        let Some(server) = self.servers.get_mut(&(branch.clone(), method.clone())) else {
            return;
        };
        let (status, bytes) = (response.status(), response.bytes());
        out.sends.push((server.from, bytes.clone()));
        server.last = Some(bytes);
        if status >= 200 {
            server.status = status;
        }
        if method == "INVITE" && status >= 300 {
            out.wakes.push((server.interval, Alarm::Final(branch)));
        }
    }

    /// Timer G, until ACK or timer H.
    pub(super) fn final_again(&mut self, branch: &str, out: &mut Out) {
        let Some(server) = self
            .servers
            .get_mut(&(branch.to_string(), "INVITE".to_string()))
        else {
            return;
        };
        server.waited += server.interval;
        if server.acknowledged || server.waited >= T64 {
            return;
        }
        if let Some(last) = &server.last {
            out.sends.push((server.from, last.clone()));
        }
        server.interval = (server.interval * 2).min(T2);
        out.wakes
            .push((server.interval, Alarm::Final(branch.into())));
    }

    /// The ACK of a non-2xx final; says whether it was one.
    pub(super) fn acknowledged(&mut self, ack: &Msg) -> bool {
        match self.servers.get_mut(&(ack.branch(), "INVITE".to_string())) {
            Some(server) if server.status >= 300 => {
                server.acknowledged = true;
                true
            }
            _ => false,
        }
    }
}

/// An INVITE and its CANCEL share a branch: the method tells them apart.
pub(super) fn client_key(branch: &str, method: &str) -> String {
    format!("{branch} {method}")
}

/// The ACK of a non-2xx final (§17.1.1.3).
fn hop_ack(invite: &Msg, response: &Msg) -> Msg {
    let of = |message: &Msg, name: &str| message.get(name).unwrap_or_default().to_string();
    let mut ack = Msg::request("ACK", invite.uri())
        .with("Via", &invite.all("Via")[0])
        .with("Max-Forwards", 70);
    for route in invite.all("Route") {
        ack = ack.with("Route", route);
    }
    ack.with("From", of(invite, "From"))
        .with("To", of(response, "To"))
        .with("Call-ID", of(invite, "Call-ID"))
        .with("CSeq", format!("{} ACK", invite.cseq().0))
}
