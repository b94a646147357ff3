//! A call given up: the remote is told with ACK, CANCEL or BYE, as RFC 3261
//! asks where the call stands, and requests nobody expects get their 200.

use super::{Context, Session};
use crate::scenario::text;

impl Session {
    /// Ends at the remote what this call began.
    pub(super) fn abort(&mut self, cx: &mut Context<'_>) {
        if !cx.settings.behaviours.bye || !self.begin.is_ours || self.in_init {
            return;
        }
        let is_invite = text::method(&self.last_sent) == b"INVITE";
        let answered = text::cseq(&self.last_received).filter(|(_, method)| *method == b"INVITE");
        let is_answer = is_invite
            && answered.map(|(number, _)| number)
                == text::cseq(&self.last_sent).map(|(number, _)| number);
        match text::status(&self.last_received) {
            Some(200..300) if is_answer => {
                self.send_within(cx, "ACK");
                self.send_within(cx, "BYE");
            }
            Some(100..200) if is_answer => self.send_like_invite(cx, "CANCEL"),
            Some(_) if is_answer => self.send_like_invite(cx, "ACK"),
            _ if self.is_established => self.send_within(cx, "BYE"),
            // An INVITE nobody answered cannot be cancelled yet (§9.1).
            _ => {}
        }
    }

    /// A request that belongs to the INVITE's own transaction: CANCEL (§9.1),
    /// or the ACK to a refusal (§17.1.1.3), whose To is the response's.
    fn send_like_invite(&mut self, cx: &mut Context<'_>, method: &str) {
        let invite = std::mem::take(&mut self.last_sent);
        let to_from: &[u8] = if method == "ACK" {
            &self.last_received
        } else {
            &invite
        };
        let number = text::cseq(&invite).map_or(1, |(number, _)| number);
        let mut message = start(method, text::request_uri(&invite));
        copy(&invite, b"Via", true, &mut message);
        copy(&invite, b"From", true, &mut message);
        copy(to_from, b"To", true, &mut message);
        copy(&invite, b"Call-ID", true, &mut message);
        copy(&invite, b"Route", false, &mut message);
        finish(&mut message, number, method);
        self.transmit(cx, &message);
        self.last_sent = invite;
    }

    /// A request within the dialog (§12.2.1.1).
    fn send_within(&mut self, cx: &mut Context<'_>, method: &str) {
        let last = &self.last_received;
        let (ours, theirs): (&[u8], &[u8]) = if text::status(last).is_some() {
            (b"From", b"To")
        } else {
            (b"To", b"From")
        };
        let target = text::uri(last, b"Contact")
            .or(Some(&*self.target).filter(|target| !target.is_empty()))
            .or(text::uri(last, theirs))
            .unwrap_or(b"");
        let sent = text::cseq(&self.last_sent).filter(|_| text::status(&self.last_sent).is_none());
        let used = sent.map_or(self.cseq, |(number, _)| number.max(self.cseq));
        let number = if method == "ACK" { used } else { used + 1 };
        let (uri, routes) = match &self.routes {
            Some(routes) => {
                let (uri, routes) = routes.apply(target);
                (uri, routes.collect())
            }
            None => (target, Vec::new()),
        };
        let local = self.begin.flow.local;
        let pid = cx.settings.pid;
        let mut message = start(method, uri);
        let branch = format!("z9hG4bK-{pid}-{}-{method}", self.begin.number);
        let via = format!("Via: SIP/2.0/UDP {local};branch={branch}\r\n");
        message.extend_from_slice(via.as_bytes());
        for (name, value) in [
            (&b"From: "[..], text::value(last, ours)),
            (&b"To: "[..], text::value(last, theirs)),
            (&b"Call-ID: "[..], Some(&*self.begin.call_id)),
        ] {
            message.extend_from_slice(&[name, value.unwrap_or(b""), b"\r\n"].concat());
        }
        for route in routes {
            message.extend_from_slice(&[b"Route: <", route, b">\r\n"].concat());
        }
        finish(&mut message, number, method);
        self.transmit(cx, &message);
    }

    /// 200 to a request no step waits for.
    pub(super) fn reply_ok(&self, cx: &Context<'_>, request: &[u8]) -> Vec<u8> {
        let mut reply = b"SIP/2.0 200 OK\r\n".to_vec();
        copy(request, b"Via", false, &mut reply);
        copy(request, b"From", true, &mut reply);
        copy(request, b"To", true, &mut reply);
        if text::tag(request, b"To").is_none() {
            let line_end = reply.len() - 2;
            let tag = format!(";tag={}-{}", cx.settings.pid, self.begin.number);
            reply.splice(line_end..line_end, tag.into_bytes());
        }
        copy(request, b"Call-ID", true, &mut reply);
        copy(request, b"CSeq", true, &mut reply);
        reply.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        reply
    }
}

fn start(method: &str, uri: &[u8]) -> Vec<u8> {
    [method.as_bytes(), b" ", uri, b" SIP/2.0\r\n"].concat()
}

/// Copies the header fields called `name`, or only the first.
fn copy(from: &[u8], name: &[u8], only_first: bool, to: &mut Vec<u8>) {
    let most = if only_first { 1 } else { usize::MAX };
    for field in text::named(from, name).take(most) {
        to.extend_from_slice(field.line);
        to.extend_from_slice(b"\r\n");
    }
}

fn finish(message: &mut Vec<u8>, number: u32, method: &str) {
    let rest = format!("CSeq: {number} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
    message.extend_from_slice(rest.as_bytes());
}
