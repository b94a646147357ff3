//! A message as Asterisk's console shows it with `sip set debug`.
//!
//! What is known here is what went over the wire. So two of Asterisk's words
//! are read off it: `NAT` where a message goes elsewhere than it says, and
//! `Reliably` for what its sender may have to send again.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;

use pinion_runtime::Captured;
use pinion_sip::base::lossy;
use pinion_sip::wire::{Fields, HeaderName, Message, Method};

/// The most of a message that is shown, in bytes.
const MOST_SHOWN: usize = 16_384;

/// Messages remembered, to tell copies of them.
const MOST_REMEMBERED: usize = 4096;

/// How long they are: no message is sent again after 64·T1 (RFC 3261 §17.1).
const REMEMBERED_US: u64 = 32_000_000;

/// Prints messages one by one, in the order they were captured.
#[derive(Default)]
pub(super) struct Printer {
    hasher: RandomState,
    /// What was sent lately, by a hash of where and what: how often, and when
    /// for the first time.
    sent: HashMap<u64, (u32, u64)>,
}

impl Printer {
    /// The lines of a message; no line end follows the last.
    pub(super) fn print(&mut self, captured: &Captured) -> String {
        let shown = shown(&captured.bytes);
        let remote = captured.flow.remote;
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let mut fields = Fields::new();
        let message = Message::parse(&captured.bytes, &mut fields).ok();
        if !captured.sent {
            let text = shown.strip_suffix('\n').unwrap_or(&shown);
            let (headers, lines) = counted(&captured.bytes);
            let keepalive = if headers + lines == 0 {
                " Nat keepalive"
            } else {
                ""
            };
            let transport = captured.flow.transport.name();
            return format!(
                "<--- SIP read from {transport}:{remote} --->\n{text}\n<------------->\n\
                 --- ({headers} headers {lines} lines){keepalive} ---"
            );
        }
        let nat = match &message {
            Some(message) if is_elsewhere(message, remote) => "NAT",
            _ => "no NAT",
        };
        if let times @ 1.. = self.copies(captured) {
            return format!("Retransmitting #{times} ({nat}) to {remote}:\n{shown}\n---");
        }
        let reliably = match &message {
            Some(message) if is_reliable(message) => "Reliably ",
            _ => "",
        };
        if message.is_some_and(|message| message.is_request()) {
            format!("{reliably}Transmitting ({nat}) to {remote}:\n{shown}\n---")
        } else {
            format!("<--- {reliably}Transmitting ({nat}) to {remote} --->\n{shown}\n<------------>")
        }
    }

    /// How often the same was sent there before.
    fn copies(&mut self, captured: &Captured) -> u32 {
        let now = captured.unix_us;
        if self.sent.len() >= MOST_REMEMBERED {
            self.sent
                .retain(|_, (_, first)| now.saturating_sub(*first) < REMEMBERED_US);
        }
        if self.sent.len() >= MOST_REMEMBERED {
            self.sent.clear();
        }
        let key = (captured.flow.remote, &captured.bytes);
        let (times, first) = self
            .sent
            .entry(self.hasher.hash_one(key))
            .or_insert((0, now));
        if now.saturating_sub(*first) >= REMEMBERED_US {
            (*times, *first) = (0, now);
        }
        *times += 1;
        *times - 1
    }
}

/// The text of a message, with line ends of this host's and nothing that would
/// move a terminal's cursor.
fn shown(bytes: &[u8]) -> String {
    let (most, rest) = bytes.split_at(bytes.len().min(MOST_SHOWN));
    let mut text: String = lossy(most)
        .replace("\r\n", "\n")
        .chars()
        .map(|sign| match sign {
            '\n' | '\t' => sign,
            sign if sign.is_control() => char::REPLACEMENT_CHARACTER,
            sign => sign,
        })
        .collect();
    if !rest.is_empty() {
        text.push_str(&format!("\n... and {} bytes more", rest.len()));
    }
    text
}

/// How many lines stand before the empty one, folded ones with those they
/// belong to, and how many behind it.
fn counted(bytes: &[u8]) -> (usize, usize) {
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let headers = lines
        .by_ref()
        .take_while(|line| !line.is_empty())
        .filter(|line| !matches!(line.first(), Some(b' ' | b'\t')))
        .count();
    let mut rest: Vec<&[u8]> = lines.collect();
    // What ends with a line end has no further line.
    while rest.pop_if(|last| last.is_empty()).is_some() {}
    (headers, rest.len())
}

/// Whether it goes elsewhere than it says: a response than its Via, a request
/// than its Request-URI or the first Route.
fn is_elsewhere(message: &Message<'_>, remote: SocketAddr) -> bool {
    let said = if message.is_request() {
        let route = message
            .routes()
            .next()
            .and_then(|route| pinion_sip::wire::Uri::parse(route.ok()?.uri).ok());
        let uri = route.or_else(|| message.parsed_request_uri());
        uri.and_then(|uri| uri.socket_addr(5060))
    } else {
        message.top_via().ok().and_then(|via| {
            let ip = lossy(via.host).trim_matches(['[', ']']).parse().ok()?;
            Some(SocketAddr::new(ip, via.port.unwrap_or(5060)))
        })
    };
    // A name is nobody's address in particular.
    said.is_some_and(|said| said != remote)
}

/// Whether its sender sends it again until it is answered: a request but ACK,
/// and the final response to an INVITE (RFC 3261 §17), but for the challenge.
fn is_reliable(message: &Message<'_>) -> bool {
    match message.status() {
        None => message.method() != Method::Ack,
        Some(status) => {
            status.code() >= 200
                && message
                    .cseq()
                    .is_ok_and(|cseq| cseq.method == Method::Invite)
                && message.value(HeaderName::WwwAuthenticate).is_none()
        }
    }
}

#[cfg(test)]
mod tests {
    use pinion_sip::base::Flow;

    use super::*;

    const REGISTER: &str = "REGISTER sip:127.9.9.1:5479 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 127.9.9.1:40536;branch=z9hG4bK388496b0\r\nMax-Forwards: 70\r\n\
        From: <sip:100000@127.9.9.1>;tag=6cac51b4\r\nTo: <sip:100000@127.9.9.1>\r\n\
        Call-ID: 33d6cad3@reg\r\nCSeq: 1 REGISTER\r\nUser-Agent: testA\r\n\
        Contact: <sip:100000@127.9.9.1:40536>\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n";

    fn captured(sent: bool, text: &str) -> Captured {
        Captured {
            unix_us: 1_000_000,
            shard: 0,
            sent,
            flow: Flow::udp(
                0,
                "127.9.9.1:5479".parse().unwrap(),
                "127.9.9.1:40536".parse().unwrap(),
            ),
            bytes: text.as_bytes().into(),
        }
    }

    fn print(sent: bool, text: &str) -> String {
        Printer::default().print(&captured(sent, text))
    }

    fn frame(text: &str) -> (String, String) {
        let lines: Vec<&str> = text.lines().collect();
        (lines[0].to_owned(), lines[lines.len() - 1].to_owned())
    }

    #[test]
    fn what_is_received_looks_as_in_asterisk() {
        let expected = format!(
            "<--- SIP read from UDP:127.9.9.1:40536 --->\n{}\n<------------->\n--- (11 headers 0 lines) ---",
            REGISTER
                .replace("\r\n", "\n")
                .trim_end_matches('\n')
                .to_owned()
                + "\n"
        );
        assert_eq!(print(false, REGISTER), expected);
        let invite = REGISTER.replace("REGISTER", "INVITE") + "v=0\r\no=u 1\r\n";
        assert!(
            print(false, &invite).ends_with("o=u 1\n<------------->\n--- (11 headers 2 lines) ---")
        );
        assert_eq!(
            print(false, "\r\n\r\n"),
            "<--- SIP read from UDP:127.9.9.1:40536 --->\n\n\n<------------->\n--- (0 headers 0 lines) Nat keepalive ---"
        );
    }

    #[test]
    fn what_is_sent_says_how_and_where() {
        let response = |status: &str, cseq: &str, more: &str| {
            format!(
                "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP 127.9.9.1:40536;branch=z9hG4bK1\r\n\
                 CSeq: 1 {cseq}\r\n{more}Content-Length: 0\r\n\r\n"
            )
        };
        let ok = print(true, &response("200 OK", "REGISTER", ""));
        assert_eq!(
            frame(&ok).0,
            "<--- Transmitting (no NAT) to 127.9.9.1:40536 --->"
        );
        assert!(
            ok.ends_with("Content-Length: 0\n\n\n<------------>"),
            "{ok}"
        );
        let to = "(no NAT) to 127.9.9.1:40536";
        let cases = [
            (
                response("200 OK", "INVITE", ""),
                format!("<--- Reliably Transmitting {to} --->"),
            ),
            (
                response("180 Ringing", "INVITE", ""),
                format!("<--- Transmitting {to} --->"),
            ),
            (
                response(
                    "401 Unauthorized",
                    "INVITE",
                    "WWW-Authenticate: Digest realm=\"a\"\r\n",
                ),
                format!("<--- Transmitting {to} --->"),
            ),
            (
                response("200 OK", "BYE", "").replace("40536;", "40537;"),
                "<--- Transmitting (NAT) to 127.9.9.1:40536 --->".into(),
            ),
            (
                REGISTER.replace("sip:127.9.9.1:5479", "sip:a@127.9.9.1:40536"),
                format!("Reliably Transmitting {to}:"),
            ),
            (
                REGISTER.replace("sip:127.9.9.1:5479", "sip:a@192.0.2.1"),
                "Reliably Transmitting (NAT) to 127.9.9.1:40536:".into(),
            ),
            (
                REGISTER
                    .replace("REGISTER", "ACK")
                    .replace("sip:127.9.9.1:5479", "sip:a@h"),
                format!("Transmitting {to}:"),
            ),
        ];
        for (text, first) in cases {
            assert_eq!(frame(&print(true, &text)).0, first, "{text}");
        }
        assert!(print(true, REGISTER).ends_with("Content-Length: 0\n\n\n---"));
    }

    #[test]
    fn a_copy_is_counted_until_nothing_is_sent_again() {
        let mut printer = Printer::default();
        let mut first_line = |unix_us: u64| {
            let mut captured = captured(true, &REGISTER.replace(":5479", ":40536"));
            captured.unix_us = unix_us;
            frame(&printer.print(&captured)).0
        };
        let to = "(no NAT) to 127.9.9.1:40536:";
        assert_eq!(first_line(0), format!("Reliably Transmitting {to}"));
        assert_eq!(first_line(500_000), format!("Retransmitting #1 {to}"));
        assert_eq!(first_line(1_500_000), format!("Retransmitting #2 {to}"));
        assert_eq!(
            first_line(40_000_000),
            format!("Reliably Transmitting {to}")
        );
    }

    #[test]
    fn nothing_in_a_message_moves_the_cursor_and_giants_are_cut() {
        let text = print(false, "\x1b[2J\rINVITE \u{9b}31m\r\n\r\n");
        assert!(!text.contains(['\x1b', '\r', '\u{9b}']), "{text:?}");
        let giant = print(false, &"x".repeat(20_000));
        assert!(giant.contains("x\n... and 3616 bytes more\n"));
    }
}
