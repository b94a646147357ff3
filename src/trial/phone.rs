//! The telephones' messages. They talk to the engine alone, which writes
//! canonical headers: lines are copied, not understood.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// What a telephone offers and answers; nobody reads it.
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 4000 RTP/AVP 8\r\n";

/// The first value of a header.
pub(super) fn header<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    message.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The method of a request, or the status of a response.
pub(super) fn what(message: &str) -> Result<&str, u16> {
    let mut words = message.split(' ');
    match words.next().unwrap_or("") {
        "SIP/2.0" => Err(words.next().and_then(|code| code.parse().ok()).unwrap_or(0)),
        method => Ok(method),
    }
}

/// The URI between `<` and `>`.
pub(super) fn uri(value: &str) -> &str {
    let inside = value.split_once('<').map_or(value, |(_, inside)| inside);
    inside.split_once('>').map_or(inside, |(uri, _)| uri)
}

/// An answer to a request. `contact` is the answerer's address, or where it
/// forwards to.
pub(super) fn response(request: &str, status: u16, tag: &str, contact: &str) -> Vec<u8> {
    let mut text = format!("SIP/2.0 {status} Said\r\n");
    for line in request.lines().take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or("").to_ascii_lowercase();
        let tagless = name == "to" && !line.contains(";tag=") && status > 100;
        match name.as_str() {
            "to" if tagless => {
                let _ = write!(text, "{line};tag={tag}\r\n");
            }
            "via" | "from" | "to" | "call-id" | "cseq" | "record-route" => {
                let _ = write!(text, "{line}\r\n");
            }
            _ => {}
        }
    }
    let invite = what(request) == Ok("INVITE");
    if (101..400).contains(&status) && invite {
        let _ = write!(text, "Contact: <{contact}>\r\n");
    }
    let body = if (200..300).contains(&status) && invite {
        SDP
    } else {
        ""
    };
    finish(text, body)
}

/// One telephone's side of one dialog.
#[derive(Clone, Debug)]
pub(super) struct Dialog {
    pub(super) own: SocketAddr,
    /// Where requests go: a URI of the engine.
    pub(super) target: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) call_id: String,
    pub(super) branch: String,
}

impl Dialog {
    /// A request of that method; an INVITE has a body.
    pub(super) fn request(&self, method: &str, cseq: u32) -> Vec<u8> {
        // ACK to a refusal and CANCEL are of the INVITE's own transaction.
        let branch = match method {
            "INVITE" | "CANCEL" => self.branch.clone(),
            _ => format!("{}{method}", self.branch),
        };
        self.request_by(method, cseq, &branch)
    }

    /// ACK to a refusal.
    pub(super) fn ack_refusal(&self, cseq: u32) -> Vec<u8> {
        self.request_by("ACK", cseq, &self.branch)
    }

    fn request_by(&self, method: &str, cseq: u32, branch: &str) -> Vec<u8> {
        let Dialog {
            own,
            target,
            from,
            to,
            call_id,
            ..
        } = self;
        let mut text = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch={branch}\r\n\
             Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n"
        );
        if method == "INVITE" {
            let _ = write!(text, "Contact: <sip:phone@{own}>\r\n");
        }
        finish(text, if method == "INVITE" { SDP } else { "" })
    }
}

fn finish(mut text: String, body: &str) -> Vec<u8> {
    if !body.is_empty() {
        text += "Content-Type: application/sdp\r\n";
    }
    let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
    text.into_bytes()
}
