//! A SIP message as lines of text, read and written the naive way.
//!
//! Owns the phones' and the oracle's view of RFC 3261 §7. Shares nothing with
//! `pinion_sip::wire`, on purpose: it judges it.

use std::fmt::Display;
use std::net::SocketAddr;

/// One message: start line, headers in order, body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Msg {
    /// Request line or status line.
    pub start: String,
    /// Names as written, values trimmed and unfolded.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// The long form of a compact header name (RFC 3261 §7.3.3, 6665).
fn long_name(name: &str) -> &str {
    match name {
        "v" => "via",
        "f" => "from",
        "t" => "to",
        "i" => "call-id",
        "m" => "contact",
        "l" => "content-length",
        "c" => "content-type",
        "k" => "supported",
        "e" => "content-encoding",
        "s" => "subject",
        "o" => "event",
        "r" => "refer-to",
        other => other,
    }
}

fn same_name(a: &str, b: &str) -> bool {
    long_name(&a.to_ascii_lowercase()) == long_name(&b.to_ascii_lowercase())
}

/// Splits at `separator` outside of quotes and angle brackets.
fn split_outside(value: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut angle, mut escaped) =
        (Vec::new(), 0, false, 0, false);
    for (at, c) in value.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angle += 1,
            '>' if !quoted => angle -= 1,
            _ if c == separator && !quoted && angle == 0 => {
                parts.push(value[start..at].trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(value[start..].trim());
    parts
}

/// A header parameter of one value (`;name=value` outside the brackets).
pub fn param(value: &str, name: &str) -> Option<String> {
    split_outside(value, ';')
        .into_iter()
        .skip(1)
        .find_map(|part| {
            let (key, given) = part.split_once('=').unwrap_or((part, ""));
            key.trim()
                .eq_ignore_ascii_case(name)
                .then(|| given.trim().to_string())
        })
}

/// The URI of a name-addr or addr-spec.
pub fn uri_of(value: &str) -> String {
    let mut quoted = false;
    let open = value.char_indices().find(|&(_, c)| {
        quoted ^= c == '"';
        c == '<' && !quoted
    });
    let rest = open.map_or(value, |(at, _)| &value[at + 1..]);
    let end = if open.is_some() {
        rest.find('>')
    } else {
        rest.find(';')
    };
    rest[..end.unwrap_or(rest.len())].trim().to_string()
}

/// Host and port of a `sip:` URI whose host is an IP literal.
pub fn address_of(uri: &str) -> Option<SocketAddr> {
    let rest = uri.strip_prefix("sip:").unwrap_or(uri);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = rest.split([';', '?', '>']).next()?;
    host.parse()
        .ok()
        .or_else(|| Some(SocketAddr::new(host.parse().ok()?, 5060)))
}

/// The user part of a `sip:` URI.
pub fn user_of(uri: &str) -> Option<&str> {
    uri.strip_prefix("sip:")?
        .split_once('@')
        .map(|(user, _)| user)
}

impl Msg {
    /// A request with nothing but its first line.
    pub fn request(method: &str, uri: &str) -> Msg {
        Msg {
            start: format!("{method} {uri} SIP/2.0"),
            ..Msg::default()
        }
    }

    /// A response with what §8.2.6.2 says to copy; `tag` goes into a To without one.
    pub fn response(request: &Msg, status: u16, tag: &str) -> Msg {
        let mut response = Msg {
            start: format!("SIP/2.0 {status} {}", reason(status)),
            ..Msg::default()
        };
        for (name, value) in &request.headers {
            let copied = ["Via", "From", "Call-ID", "CSeq"]
                .iter()
                .any(|wanted| same_name(name, wanted));
            if copied || (same_name(name, "Record-Route") && (101..300).contains(&status)) {
                response.headers.push((name.clone(), value.clone()));
            } else if same_name(name, "To") {
                let tagged = param(value, "tag").is_some() || status == 100;
                let value = if tagged {
                    value.clone()
                } else {
                    format!("{value};tag={tag}")
                };
                response.headers.push((name.clone(), value));
            }
        }
        response
    }

    /// Adds a header at the end.
    pub fn with(mut self, name: &str, value: impl Display) -> Msg {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    /// Replaces the first header of that name, or adds it.
    pub fn set(mut self, name: &str, value: impl Display) -> Msg {
        match self
            .headers
            .iter_mut()
            .find(|(held, _)| same_name(held, name))
        {
            Some((_, held)) => *held = value.to_string(),
            None => self.headers.push((name.into(), value.to_string())),
        }
        self
    }

    /// Takes all headers of that name away.
    pub fn without(mut self, name: &str) -> Msg {
        self.headers.retain(|(held, _)| !same_name(held, name));
        self
    }

    /// Gives it a body.
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Msg {
        if !body.is_empty() {
            self = self.set("Content-Type", content_type);
        }
        self.body = body.to_vec();
        self
    }

    /// The bytes for the wire, Content-Length included.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads one datagram, strictly: every complaint is a fault of its sender.
    pub fn parse(bytes: &[u8]) -> Result<Msg, String> {
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .ok_or("no empty line")?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "headers are not UTF-8")?;
        if head.contains('\0') {
            return Err("NUL in the headers".into());
        }
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_string();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.contains(['\r', '\n']) {
                return Err(format!("a bare CR or LF in {line:?}"));
            }
            if line.starts_with([' ', '\t']) {
                let (_, last) = headers.last_mut().ok_or("folding before any header")?;
                last.push(' ');
                last.push_str(line.trim());
                continue;
            }
            let (name, value) = line
                .split_once(':')
                .ok_or(format!("no colon in {line:?}"))?;
            headers.push((name.trim_end().into(), value.trim().into()));
        }
        let body = bytes[end + 4..].to_vec();
        let message = Msg {
            start,
            headers,
            body,
        };
        if !message.start.starts_with("SIP/2.0 ") && !message.start.ends_with(" SIP/2.0") {
            return Err(format!("start line {:?}", message.start));
        }
        match message.get("Content-Length").map(str::parse::<usize>) {
            Some(Ok(length)) if length == message.body.len() => {}
            None => {}
            Some(_) => return Err("Content-Length is not the body's length".into()),
        }
        Ok(message)
    }

    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        !self.start.starts_with("SIP/2.0 ")
    }

    /// The method: of the request line, or of a response's CSeq.
    pub fn method(&self) -> String {
        if self.is_request() {
            self.start.split(' ').next().unwrap_or_default().into()
        } else {
            self.cseq().1
        }
    }

    /// The Request-URI.
    pub fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The status code; 0 for a request.
    pub fn status(&self) -> u16 {
        self.start
            .strip_prefix("SIP/2.0 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .unwrap_or(0)
    }

    /// The first header of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(held, _)| same_name(held, name))
            .map(|(_, value)| value.as_str())
    }

    /// All values of that name in order, comma lists split (§7.3.1).
    pub fn all(&self, name: &str) -> Vec<String> {
        let values = self
            .headers
            .iter()
            .filter(|(held, _)| same_name(held, name));
        values
            .flat_map(|(_, value)| split_outside(value, ','))
            .map(str::to_string)
            .collect()
    }

    /// How many header lines of that name there are.
    pub fn count(&self, name: &str) -> usize {
        self.headers
            .iter()
            .filter(|(held, _)| same_name(held, name))
            .count()
    }

    /// CSeq's number and method.
    pub fn cseq(&self) -> (u32, String) {
        let mut words = self.get("CSeq").unwrap_or_default().split_whitespace();
        let number = words
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or(0);
        (number, words.next().unwrap_or_default().into())
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        self.get("Call-ID").unwrap_or_default()
    }

    /// The tag of From or To.
    pub fn tag(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|value| param(value, "tag"))
    }

    /// The branch of the top Via.
    pub fn branch(&self) -> String {
        self.all("Via")
            .first()
            .and_then(|via| param(via, "branch"))
            .unwrap_or_default()
    }

    /// The URI of the first Contact.
    pub fn contact(&self) -> Option<String> {
        self.all("Contact").first().map(|value| uri_of(value))
    }

    /// The headers as they stand on the wire, without the body.
    pub fn head(&self) -> String {
        let lines = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        format!("{}\n{}", self.start, lines.collect::<String>())
    }
}

/// The reason phrase of the codes phones use.
fn reason(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        404 => "Not Found",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        486 => "Busy Here",
        487 => "Request Terminated",
        491 => "Request Pending",
        500 => "Server Internal Error",
        603 => "Decline",
        _ => "Because",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let message = Msg::request("INVITE", "sip:b@10.0.0.1")
            .with(
                "Via",
                "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK1;rport, SIP/2.0/UDP h;branch=z9hG4bK2",
            )
            .with("f", "\"A, <B>\" <sip:a@10.0.0.2;x=1>;tag=7")
            .with("CSeq", "12 INVITE")
            .body("application/sdp", b"v=0\r\n");
        let again = Msg::parse(&message.bytes()).unwrap();
        assert_eq!(again.all("Via").len(), 2);
        assert_eq!(again.branch(), "z9hG4bK1");
        assert_eq!(again.tag("From").as_deref(), Some("7"));
        assert_eq!(uri_of(again.get("From").unwrap()), "sip:a@10.0.0.2;x=1");
        assert_eq!(again.cseq(), (12, "INVITE".into()));
        assert_eq!(again.body, b"v=0\r\n");
    }

    #[test]
    fn a_wrong_content_length_is_a_fault() {
        let text = b"SIP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nab";
        assert!(Msg::parse(text).is_err());
    }
}
