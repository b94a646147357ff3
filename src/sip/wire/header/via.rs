//! Via (RFC 3261 §20.42) and where a response goes (§18.2.2, RFC 3581 §4).

use core::net::{IpAddr, SocketAddr};

use super::Params;
use super::params::each;
use crate::base::Transport;
use crate::wire::class::TOKEN;
use crate::wire::part::Part;
use crate::wire::scan::{host, ip, is_word, number, port, split};

/// The value of the first parameter of a name; empty if it has none there.
type Found<'a> = Option<&'a [u8]>;

/// One value of a Via header field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, …, as written.
    pub transport: &'a [u8],
    /// The host of sent-by; an IPv6 literal with its brackets.
    pub host: &'a [u8],
    /// The port of sent-by.
    pub port: Option<u16>,
    /// Its parameters.
    pub params: Params<'a>,
    branch: Found<'a>,
    rport: Found<'a>,
    received: Found<'a>,
    maddr: Found<'a>,
    /// Where the name of an `rport` without value stands in `params`.
    rport_at: u32,
    /// How many parameters tell the source: `rport`, `received`.
    of_source: u32,
    /// Everything before the parameters.
    pub(crate) head: &'a [u8],
}

impl<'a> Via<'a> {
    /// One value. The protocol's name and version are any tokens, as the
    /// grammar has it.
    pub fn parse(value: &'a [u8]) -> Option<Via<'a>> {
        Via::read(Part::new(value).trimmed())
    }

    /// One trimmed value.
    pub(crate) fn read(mut text: Part<'a>) -> Option<Via<'a>> {
        let value = text;
        let transport = sent_protocol(&mut text)?;
        if !text.skip_lws() {
            return None;
        }
        let host = host(&mut text)?;
        let mut after = text;
        after.skip_lws();
        let port = if after.eat(b':') {
            after.skip_lws();
            text = after;
            Some(port(&mut text)?)
        } else {
            None
        };
        let head = value.before(value.len() - text.len()).rest();
        text.skip_lws();
        let mut via = Via {
            transport,
            host,
            port,
            params: Params::new(text.rest()),
            branch: None,
            rport: None,
            received: None,
            maddr: None,
            rport_at: 0,
            of_source: 0,
            head,
        };
        via.read_params(text).then_some(via)
    }

    /// Finds the parameters that have accessors; whether all keep to the grammar.
    fn read_params(&mut self, text: Part<'a>) -> bool {
        each(text, |name, value, left| {
            let found = match name.len() {
                6 if is_word(name, b"branch") => &mut self.branch,
                5 if is_word(name, b"rport") => {
                    self.of_source += 1;
                    if value.is_none() {
                        self.rport_at = (text.len() - left) as u32;
                    }
                    &mut self.rport
                }
                8 if is_word(name, b"received") => {
                    self.of_source += 1;
                    &mut self.received
                }
                5 if is_word(name, b"maddr") => &mut self.maddr,
                _ => return,
            };
            found.get_or_insert(value.unwrap_or_default());
        })
    }

    /// The `branch` parameter.
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.branch.filter(|value| !value.is_empty())
    }

    /// The `rport` parameter (RFC 3581 §3): `Some(None)` asks for a value.
    pub fn rport(&self) -> Option<Option<u16>> {
        Some(number(self.rport?).and_then(|number| u16::try_from(number).ok()))
    }

    /// The parameters before and after those that tell the source, where
    /// there are none or only an `rport` that asks for a value.
    pub(crate) fn around_source(&self) -> Option<(&'a [u8], &'a [u8])> {
        let params = self.params.as_bytes();
        match (self.of_source, self.rport_at) {
            (0, _) => Some((params, b"")),
            (1, 1..) => {
                let (before, rport) = split(params, self.rport_at as usize);
                Some((before.strip_suffix(b";")?, rport.get(5..)?))
            }
            _ => None,
        }
    }

    /// The `received` parameter, with or without brackets (RFC 5118 §4.5).
    pub fn received(&self) -> Option<&'a [u8]> {
        self.received.filter(|value| !value.is_empty())
    }

    /// Host and port as written.
    pub fn sent_by(&self) -> &'a [u8] {
        let before = self.host.as_ptr().addr() - self.head.as_ptr().addr();
        split(self.head, before).1
    }

    /// Where a response to a request with this top Via goes that came over an
    /// unreliable transport from `source`: to a `maddr` that is a multicast
    /// group (any other would let a sender aim answers at somebody else); else
    /// to `source` when `rport` is there; else to the source's address and the
    /// port of sent-by (RFC 3261 §18.2.2, RFC 3581 §4). `force_rport` sends
    /// everything back to `source`.
    pub fn reply_to(&self, source: SocketAddr, force_rport: bool) -> SocketAddr {
        if force_rport {
            return source;
        }
        let port = self.port.unwrap_or(self.default_port());
        let group = self.maddr.and_then(ip);
        if let Some(address) = group.filter(IpAddr::is_multicast) {
            return SocketAddr::new(address, port);
        }
        if self.rport.is_some() {
            return source;
        }
        let mut target = source;
        target.set_port(port);
        target
    }

    /// Where a response goes whose stream is gone (RFC 3261 §18.2.2): to
    /// `received`, else the host of sent-by, and its port. `None` if that is a
    /// name.
    pub fn sent_by_address(&self) -> Option<SocketAddr> {
        let address = ip(self.received().unwrap_or(self.host))?;
        Some(SocketAddr::new(
            address,
            self.port.unwrap_or(self.default_port()),
        ))
    }

    /// Whether sent-by names exactly the address a request came from, so that
    /// no `received` is due (RFC 3261 §18.2.1).
    pub(crate) fn names(&self, source: IpAddr) -> bool {
        ip(self.host).is_some_and(|address| address.to_canonical() == source.to_canonical())
    }

    fn default_port(&self) -> u16 {
        if self.transport.eq_ignore_ascii_case(b"TLS") {
            5061
        } else {
            5060
        }
    }
}

/// Has the Via of a request of ours say another transport, whose name is as
/// long as the other's.
pub fn set_transport(request: &mut [u8], transport: Transport) {
    let all = [Transport::Udp, Transport::Tcp];
    let said = |rest: &[u8]| {
        all.iter()
            .any(|other| rest.starts_with(other.sent_protocol()))
    };
    // The request line may say anything.
    let headers = memchr::memchr(b'\n', request).unwrap_or_default();
    let found = (headers..request.len()).find(|&at| request.get(at..).is_some_and(said));
    let protocol = transport.sent_protocol();
    if let Some(at) = found
        && let Some(place) = request.get_mut(at..at + protocol.len())
    {
        place.copy_from_slice(protocol);
    }
}

/// Takes a `sent-protocol`; its transport.
fn sent_protocol<'a>(text: &mut Part<'a>) -> Option<&'a [u8]> {
    // Nearly all are written so.
    if text.rest().starts_with(b"SIP/2.0/UDP ") {
        text.take(8);
        return Some(text.take(3));
    }
    token(text)?;
    slash(text)?;
    token(text)?;
    slash(text)?;
    token(text)
}

fn token<'a>(text: &mut Part<'a>) -> Option<&'a [u8]> {
    let token = text.run(&TOKEN);
    if token.is_empty() { None } else { Some(token) }
}

/// Takes a slash and the white space around it.
fn slash(text: &mut Part) -> Option<()> {
    text.skip_lws();
    let slash = text.eat(b'/');
    text.skip_lws();
    slash.then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(value: &str) -> Via<'_> {
        Via::parse(value.as_bytes()).unwrap()
    }

    #[test]
    fn white_space_may_stand_between_all_parts() {
        let via = via(
            "SIP  / 2.0\r\n /UDP\r\n\t spindle.example.com : 5070  ;\r\n branch  =   z9hG4bK9ikj8 ",
        );
        assert_eq!(via.transport, b"UDP");
        assert_eq!(via.host, b"spindle.example.com");
        assert_eq!(via.port, Some(5070));
        assert_eq!(via.sent_by(), b"spindle.example.com : 5070");
        assert_eq!(via.branch(), Some(&b"z9hG4bK9ikj8"[..]));
    }

    #[test]
    fn an_ipv6_literal() {
        let via = via("SIP/2.0/UDP [2001:db8::9:1]:6050;received=[2001:db8::9:255];rport=99");
        assert_eq!((via.host, via.port), (&b"[2001:db8::9:1]"[..], Some(6050)));
        assert_eq!(via.received(), Some(&b"[2001:db8::9:255]"[..]));
        assert_eq!(via.rport(), Some(Some(99)));
    }

    #[test]
    fn what_is_no_via() {
        let bad = [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/2.0 a",
            "SIP/2.0/UDPa;b",
            "SIP/2.0/UDP a:",
            "SIP/2.0/UDP a:0",
            "SIP/2.0/UDP a:65536",
            "SIP/2.0/UDP a;",
            "SIP/2.0/UDP 192.0.2.15;;",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/UDP a b",
        ];
        for value in bad {
            assert_eq!(Via::parse(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn a_response_without_its_stream_goes_where_18_2_2_says() {
        let to = |value: &str| via(value).sent_by_address().map(|to| to.to_string());
        assert_eq!(
            to("SIP/2.0/TCP 10.0.0.1:5080;received=192.0.2.1;rport=40000").as_deref(),
            Some("192.0.2.1:5080")
        );
        assert_eq!(to("SIP/2.0/TCP 10.0.0.1").as_deref(), Some("10.0.0.1:5060"));
        assert_eq!(to("SIP/2.0/TCP example.com:5080"), None);
    }

    #[test]
    fn the_transport_of_our_via_can_be_another() {
        let line = "BYE sip:a@b;x=SIP/2.0/UDP SIP/2.0\r\n";
        let mut request = format!("{line}v: SIP/2.0/UDP h;branch=z\r\n\r\n").into_bytes();
        set_transport(&mut request, Transport::Tcp);
        let expected = format!("{line}v: SIP/2.0/TCP h;branch=z\r\n\r\n").into_bytes();
        assert_eq!(request, expected);
    }

    #[test]
    fn a_response_goes_where_18_2_2_and_3581_say() {
        let source = "198.51.100.7:40000".parse().unwrap();
        let to = |value: &str, force| via(value).reply_to(source, force).to_string();
        assert_eq!(to("SIP/2.0/UDP 10.0.0.1", false), "198.51.100.7:5060");
        assert_eq!(to("SIP/2.0/UDP 10.0.0.1:5080", false), "198.51.100.7:5080");
        assert_eq!(to("SIP/2.0/TLS 10.0.0.1", false), "198.51.100.7:5061");
        assert_eq!(
            to("SIP/2.0/UDP 10.0.0.1:5080;rport", false),
            "198.51.100.7:40000"
        );
        assert_eq!(to("SIP/2.0/UDP 10.0.0.1:5080", true), "198.51.100.7:40000");
        assert_eq!(
            to("SIP/2.0/UDP a:5080;maddr=224.0.1.75;rport", false),
            "224.0.1.75:5080"
        );
        assert_eq!(
            to("SIP/2.0/UDP a:5080;maddr=192.0.2.9", false),
            "198.51.100.7:5080"
        );
        assert_eq!(
            to("SIP/2.0/UDP a:5080;maddr=224.0.1.75", true),
            "198.51.100.7:40000"
        );
        assert_eq!(
            to("SIP/2.0/UDP a:5080;maddr=example.com", false),
            "198.51.100.7:5080"
        );
    }
}
