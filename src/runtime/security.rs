//! One line for each security event, in the form of Asterisk's security log:
//! `SecurityEvent="InvalidPassword",EventTV="…",…,RemoteAddress="IPV4/UDP/192.0.2.7/5060",…`.
//!
//! What a remote has written stands in it escaped: no quote, no backslash of
//! its own, no control character and no byte beyond ASCII. So a value ends
//! where its quote stands, and a line is one line, whatever was sent.

use std::fmt::{self, Display, Write};
use std::net::SocketAddr;

use jiff::Timestamp;
use pinion_sip::base::Transport;
use pinion_sip::machine::SecurityEvent;

/// The longest account, method or Call-ID that is shown, in bytes.
const MOST_SHOWN: usize = 128;

/// An event at a time.
pub(crate) struct Line<'e> {
    pub(crate) event: &'e SecurityEvent,
    /// Microseconds since 1970.
    pub(crate) unix_us: u64,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SecurityEvent {
            suspicion,
            account,
            method,
            call_id,
            flow,
        } = self.event;
        let micros = i64::try_from(self.unix_us).unwrap_or(i64::MAX);
        let at = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
        write!(
            f,
            "SecurityEvent=\"{}\",EventTV=\"{at:.6}\",Severity=\"Error\",Service=\"SIP\",EventVersion=\"1\",\
             AccountID=\"{}\",SessionID=\"{}\",LocalAddress=\"{}\",RemoteAddress=\"{}\",Method=\"{}\"",
            suspicion.name(),
            Escaped(account),
            Escaped(call_id),
            Address(flow.transport, flow.local),
            Address(flow.transport, flow.remote),
            Escaped(method),
        )
    }
}

/// `IPV4/UDP/192.0.2.7/5060`. An IPv4 address mapped into IPv6 is the IPv4
/// address: that is the one a firewall knows.
struct Address(Transport, SocketAddr);

impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address(transport, at) = self;
        let ip = at.ip().to_canonical();
        let family = if ip.is_ipv4() { "IPV4" } else { "IPV6" };
        write!(f, "{family}/{}/{ip}/{}", transport.name(), at.port())
    }
}

/// Text of a remote's, as it may stand between quotes.
struct Escaped<'t>(&'t [u8]);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.0.iter().take(MOST_SHOWN) {
            match byte {
                b'"' | b'\\' => write!(f, "\\x{byte:02x}")?,
                b' '..=b'~' => f.write_char(char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        if self.0.len() > MOST_SHOWN {
            f.write_str("...")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pinion_sip::base::Flow;
    use pinion_sip::machine::Suspicion;

    use super::*;

    fn line(account: &[u8], remote: &str) -> String {
        let event = SecurityEvent {
            suspicion: Suspicion::InvalidPassword,
            account: account.into(),
            method: "REGISTER".into(),
            call_id: "abc@h".into(),
            flow: Flow::udp(
                0,
                "192.0.2.1:5060".parse().unwrap(),
                remote.parse().unwrap(),
            ),
        };
        Line {
            event: &event,
            unix_us: 1_763_858_828_123_456,
        }
        .to_string()
    }

    #[test]
    fn the_form_is_the_documented_one() {
        assert_eq!(
            line(b"1001", "192.0.2.7:5062"),
            "SecurityEvent=\"InvalidPassword\",EventTV=\"2025-11-23T00:47:08.123456Z\",Severity=\"Error\",\
             Service=\"SIP\",EventVersion=\"1\",AccountID=\"1001\",SessionID=\"abc@h\",\
             LocalAddress=\"IPV4/UDP/192.0.2.1/5060\",RemoteAddress=\"IPV4/UDP/192.0.2.7/5062\",Method=\"REGISTER\""
        );
    }

    #[test]
    fn addresses_are_those_a_firewall_knows() {
        assert!(line(b"", "[2001:db8::7]:1").contains("RemoteAddress=\"IPV6/UDP/2001:db8::7/1\""));
        assert!(
            line(b"", "[::ffff:192.0.2.7]:1").contains("RemoteAddress=\"IPV4/UDP/192.0.2.7/1\"")
        );
    }

    #[test]
    fn a_name_cannot_leave_its_quotes_nor_its_line() {
        let hostile = b"1\",RemoteAddress=\"IPV4/UDP/198.51.100.1/5060\"\r\n\\\x1b[31m\xc3\xa9";
        let line = line(hostile, "192.0.2.7:5062");
        assert!(
            line.contains(
                r#"AccountID="1\x22,RemoteAddress=\x22IPV4/UDP/198.51.100.1/5060\x22\x0d\x0a\x5c\x1b[31m\xc3\xa9","#
            ),
            "{line}"
        );
        assert_eq!(line.matches('"').count(), 2 * 10);
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    }

    #[test]
    fn a_long_name_is_cut() {
        let line = line(&[b'a'; 5000], "192.0.2.7:5062");
        assert!(line.contains(&format!("AccountID=\"{}...\"", "a".repeat(128))));
    }
}
