//! Which messages an operator wants to see. Judges one message at a time and
//! remembers none.

use core::net::{IpAddr, SocketAddr};

use crate::base::{Flow, Text};
use crate::wire::{Fields, HeaderName, Message, Uri};

/// A kind of message, by where it goes or comes from, or by what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sought {
    /// Every message.
    All,
    /// From or to an address, any port of it or one.
    Address(IpAddr, Option<u16>),
    /// Of that Call-ID. The two legs of a call have one each.
    CallId(Text),
    /// Whose From, To or Request-URI has that user part.
    Number(Text),
    /// Requests of that method, and the responses to them.
    Method(Text),
    /// Of a device: from or to one of its addresses, or naming it as the user
    /// of From, To, the Request-URI or the credentials.
    Peer {
        /// Its name.
        name: Text,
        /// Where it is known to be.
        addresses: Vec<SocketAddr>,
    },
}

impl Sought {
    /// Whether a message on `flow` is among `sought`. Addresses are compared
    /// first; the message is read only if they do not settle it and something
    /// in it is sought. One that cannot be read has nothing but its addresses.
    pub fn any(sought: &[Sought], flow: &Flow, bytes: &[u8]) -> bool {
        if sought.iter().any(|sought| sought.is_on(flow)) {
            return true;
        }
        if !sought.iter().any(Sought::is_inside) {
            return false;
        }
        let mut fields = Fields::new();
        Message::parse(bytes, &mut fields)
            .is_ok_and(|message| sought.iter().any(|sought| sought.is_in(&message)))
    }

    /// Whether the path alone settles it.
    fn is_on(&self, flow: &Flow) -> bool {
        let there = |ip: IpAddr, port: Option<u16>| {
            flow.remote.ip().to_canonical() == ip
                && port.is_none_or(|port| port == flow.remote.port())
        };
        match self {
            Sought::All => true,
            Sought::Address(ip, port) => there(ip.to_canonical(), *port),
            Sought::Peer { addresses, .. } => addresses
                .iter()
                .any(|at| there(at.ip().to_canonical(), Some(at.port()))),
            Sought::CallId(_) | Sought::Number(_) | Sought::Method(_) => false,
        }
    }

    /// Whether the message has to be read.
    fn is_inside(&self) -> bool {
        !matches!(self, Sought::All | Sought::Address(..))
    }

    fn is_in(&self, message: &Message<'_>) -> bool {
        match self {
            Sought::All | Sought::Address(..) => false,
            Sought::CallId(call_id) => message.call_id() == call_id.as_bytes(),
            Sought::Method(method) if message.is_request() => {
                message.method().as_bytes() == method.as_bytes()
            }
            Sought::Method(method) => message
                .cseq()
                .is_ok_and(|cseq| cseq.method.as_bytes() == method.as_bytes()),
            Sought::Number(number) => names(message, number),
            Sought::Peer { name, .. } => names(message, name) || proves(message, name),
        }
    }
}

/// Whether From, To or the Request-URI has that user part.
fn names(message: &Message<'_>, user: &[u8]) -> bool {
    let is_user = |uri: Uri<'_>| uri.user_eq(user);
    message.from_uri().is_some_and(is_user)
        || message.to_uri().is_some_and(is_user)
        || message.parsed_request_uri().is_some_and(is_user)
}

/// Whether credentials are of that user.
fn proves(message: &Message<'_>, user: &[u8]) -> bool {
    [HeaderName::Authorization, HeaderName::ProxyAuthorization]
        .into_iter()
        .flat_map(|name| message.credentials(name))
        .any(|params| params.username() == Some(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "INVITE sip:1002@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
        From: \"Ann\" <sip:%31001@h>;tag=a\r\nTo: <sip:1002@h>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n\
        Authorization: Digest username=\"ann\", realm=\"r\"\r\nContent-Length: 0\r\n\r\n";
    const RESPONSE: &str = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
        From: <sip:1001@h>;tag=a\r\nTo: <sip:1003@h>;tag=b\r\ni: two\r\nCSeq: 2 BYE\r\n\r\n";

    fn flow(remote: &str) -> Flow {
        Flow::udp(
            0,
            "127.0.0.1:5060".parse().unwrap(),
            remote.parse().unwrap(),
        )
    }

    fn any(sought: Sought, remote: &str, text: &str) -> bool {
        Sought::any(&[sought], &flow(remote), text.as_bytes())
    }

    #[test]
    fn addresses_with_and_without_a_port_in_both_families() {
        let ip = |text: &str, port| Sought::Address(text.parse().unwrap(), port);
        assert!(any(ip("192.0.2.1", None), "192.0.2.1:7", "junk"));
        assert!(any(ip("192.0.2.1", Some(7)), "192.0.2.1:7", REQUEST));
        assert!(!any(ip("192.0.2.1", Some(8)), "192.0.2.1:7", REQUEST));
        assert!(!any(ip("192.0.2.2", None), "192.0.2.1:7", REQUEST));
        assert!(any(ip("192.0.2.1", None), "[::ffff:192.0.2.1]:7", REQUEST));
        assert!(any(ip("2001:db8::1", None), "[2001:db8::1]:7", REQUEST));
    }

    #[test]
    fn call_ids_numbers_and_methods_of_requests_and_responses() {
        let at = "192.0.2.1:7";
        assert!(any(Sought::CallId("one".into()), at, REQUEST));
        assert!(any(Sought::CallId("two".into()), at, RESPONSE));
        assert!(!any(Sought::CallId("ONE".into()), at, REQUEST));
        for number in ["1001", "1002"] {
            assert!(any(Sought::Number(number.into()), at, REQUEST), "{number}");
        }
        assert!(!any(Sought::Number("1003".into()), at, REQUEST));
        assert!(any(Sought::Number("1003".into()), at, RESPONSE));
        assert!(any(Sought::Method("INVITE".into()), at, REQUEST));
        assert!(any(Sought::Method("BYE".into()), at, RESPONSE));
        assert!(!any(Sought::Method("INVITE".into()), at, RESPONSE));
        assert!(!any(Sought::Method("INVITE".into()), at, "INVITE"));
    }

    #[test]
    fn a_peer_is_found_by_address_by_number_and_by_credentials() {
        let peer = |name: &str| Sought::Peer {
            name: name.into(),
            addresses: vec!["192.0.2.9:5060".parse().unwrap()],
        };
        assert!(any(peer("other"), "192.0.2.9:5060", RESPONSE));
        assert!(!any(peer("other"), "192.0.2.9:5061", RESPONSE));
        assert!(any(peer("1001"), "192.0.2.1:7", RESPONSE));
        assert!(any(peer("ann"), "192.0.2.1:7", REQUEST));
        assert!(!any(peer("ann"), "192.0.2.1:7", RESPONSE));
    }

    #[test]
    fn one_of_several_is_enough_and_none_matches_nothing() {
        let sought = [Sought::Method("BYE".into()), Sought::Number("1002".into())];
        assert!(Sought::any(
            &sought,
            &flow("192.0.2.1:7"),
            REQUEST.as_bytes()
        ));
        assert!(!Sought::any(&[], &flow("192.0.2.1:7"), REQUEST.as_bytes()));
        assert!(any(Sought::All, "192.0.2.1:7", "junk"));
    }
}
