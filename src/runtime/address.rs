//! The kernel's byte layouts of socket addresses and control messages, read
//! and written as plain bytes. Never makes a system call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Which address family a socket speaks. An IPv6 socket bound to `::` carries
/// IPv4 as well, as mapped addresses (RFC 4291 §2.5.5.2); above this crate
/// those appear as the IPv4 addresses they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) fn of(address: &SocketAddr) -> Family {
        if address.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        }
    }
}

/// Room for a `sockaddr_in6`, the larger of the two families.
pub(crate) const NAME_BYTES: usize = 28;

/// Room for one packet-info message and one of a drop counter or an error.
pub(crate) const CONTROL_BYTES: usize = 128;

/// A `sockaddr_in` or `sockaddr_in6`, aligned as the kernel's.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Name(pub(crate) [u8; NAME_BYTES]);

impl Name {
    pub(crate) const EMPTY: Name = Name([0; NAME_BYTES]);

    /// Writes `address` for a socket of `family` and returns the length used.
    /// `None` when an IPv4 socket cannot reach the address.
    pub(crate) fn write(&mut self, family: Family, address: &SocketAddr) -> Option<usize> {
        let Name(bytes) = self;
        *bytes = [0; NAME_BYTES];
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        match (family, address) {
            (Family::V4, SocketAddr::V4(v4)) => {
                bytes[0..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
                bytes[4..8].copy_from_slice(&v4.ip().octets());
                Some(16)
            }
            (Family::V4, SocketAddr::V6(_)) => None,
            (Family::V6, address) => {
                let (ip, flow, scope) = match address {
                    SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), 0, 0),
                    SocketAddr::V6(v6) => (*v6.ip(), v6.flowinfo(), v6.scope_id()),
                };
                bytes[0..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
                bytes[4..8].copy_from_slice(&flow.to_be_bytes());
                bytes[8..24].copy_from_slice(&ip.octets());
                bytes[24..28].copy_from_slice(&scope.to_ne_bytes());
                Some(28)
            }
        }
    }

    /// The address; mapped IPv4 becomes IPv4, the flow label is dropped so that
    /// one remote is one address.
    pub(crate) fn read(&self) -> Option<SocketAddr> {
        let Name(bytes) = self;
        let family = i32::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let port = u16::from_be_bytes([bytes[2], bytes[3]]);
        match family {
            libc::AF_INET => {
                let ip = Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
                Some(SocketAddr::V4(SocketAddrV4::new(ip, port)))
            }
            libc::AF_INET6 => {
                let ip = Ipv6Addr::from(array::<16>(bytes, 8)?);
                let scope = u32::from_ne_bytes(array::<4>(bytes, 24)?);
                Some(match ip.to_ipv4_mapped() {
                    Some(v4) => SocketAddr::V4(SocketAddrV4::new(v4, port)),
                    None => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope)),
                })
            }
            _ => None,
        }
    }
}

/// Control messages (cmsg(3)) of one datagram, aligned as the kernel's.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Control(pub(crate) [u8; CONTROL_BYTES]);

const WORD: usize = size_of::<usize>();
/// `struct cmsghdr`: length, level, type.
const HEADER: usize = WORD + 8;

/// What the kernel told beside a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ancillary {
    /// The local address it was sent to (IP_PKTINFO, IPV6_PKTINFO).
    pub(crate) local: Option<IpAddr>,
    /// The interface it came by.
    pub(crate) interface: u32,
    /// Datagrams this socket has lost to a full buffer so far (SO_RXQ_OVFL).
    pub(crate) drops: Option<u32>,
    /// It is one of ours that reached nobody (IP_RECVERR, IPV6_RECVERR).
    pub(crate) unreachable: bool,
}

impl Control {
    pub(crate) const EMPTY: Control = Control([0; CONTROL_BYTES]);

    /// Reads the first `len` bytes.
    pub(crate) fn read(&self, len: usize) -> Ancillary {
        let mut ancillary = Ancillary::default();
        let mut rest = &self.0[..len.min(CONTROL_BYTES)];
        while let Some((level, kind, body, after)) = message(rest) {
            match (level, kind) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    if let (Some(interface), Some(ip)) = (array::<4>(body, 0), array::<4>(body, 4))
                    {
                        ancillary.interface = u32::from_ne_bytes(interface);
                        ancillary.local = Some(IpAddr::V4(Ipv4Addr::from(ip)));
                    }
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    if let (Some(ip), Some(interface)) =
                        (array::<16>(body, 0), array::<4>(body, 16))
                    {
                        ancillary.interface = u32::from_ne_bytes(interface);
                        ancillary.local = Some(IpAddr::V6(Ipv6Addr::from(ip)).to_canonical());
                    }
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                    ancillary.drops = array::<4>(body, 0).map(u32::from_ne_bytes);
                }
                (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
                    ancillary.unreachable = is_unreachable(body);
                }
                _ => {}
            }
            rest = after;
        }
        ancillary
    }

    /// Writes the packet-info message that makes the kernel send from `source`,
    /// on a socket of `family`; returns the length used.
    pub(crate) fn write_source(&mut self, family: Family, source: &SocketAddr) -> usize {
        let Control(bytes) = self;
        *bytes = [0; CONTROL_BYTES];
        let (level, kind, body) = match (family, source) {
            (Family::V4, SocketAddr::V4(v4)) => {
                bytes[HEADER + 4..HEADER + 8].copy_from_slice(&v4.ip().octets());
                (libc::IPPROTO_IP, libc::IP_PKTINFO, 12)
            }
            (Family::V4, SocketAddr::V6(_)) => return 0,
            (Family::V6, source) => {
                let (ip, scope) = match source {
                    SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), 0),
                    SocketAddr::V6(v6) => (*v6.ip(), v6.scope_id()),
                };
                bytes[HEADER..HEADER + 16].copy_from_slice(&ip.octets());
                bytes[HEADER + 16..HEADER + 20].copy_from_slice(&scope.to_ne_bytes());
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20)
            }
        };
        bytes[..WORD].copy_from_slice(&(HEADER + body).to_ne_bytes());
        bytes[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        bytes[WORD + 4..HEADER].copy_from_slice(&kind.to_ne_bytes());
        HEADER + align(body)
    }
}

/// Whether a `struct sock_extended_err` is one of the ICMP errors that say that
/// sending failed: unreachable, or a problem with a parameter. Others are to be
/// ignored (RFC 3261 §18.4), as is "fragmentation needed", of which the kernel
/// takes care.
fn is_unreachable(error: &[u8]) -> bool {
    let Some([origin, kind, code]) = array::<3>(error, 4) else {
        return false;
    };
    match (origin, kind, code) {
        // RFC 792, RFC 1191.
        (libc::SO_EE_ORIGIN_ICMP, 3, code) => code != 4,
        (libc::SO_EE_ORIGIN_ICMP, 12, _) => true,
        // RFC 4443.
        (libc::SO_EE_ORIGIN_ICMP6, 1 | 4, _) => true,
        _ => false,
    }
}

/// The first message of `bytes`: level, type, body, and the bytes after it.
fn message(bytes: &[u8]) -> Option<(i32, i32, &[u8], &[u8])> {
    let len = usize::from_ne_bytes(array::<WORD>(bytes, 0)?);
    let level = i32::from_ne_bytes(array::<4>(bytes, WORD)?);
    let kind = i32::from_ne_bytes(array::<4>(bytes, WORD + 4)?);
    let body = bytes.get(HEADER..len)?;
    Some((
        level,
        kind,
        body,
        bytes.get(align(len)..).unwrap_or_default(),
    ))
}

const fn align(len: usize) -> usize {
    len.div_ceil(WORD) * WORD
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(family: Family, address: &str) -> Option<SocketAddr> {
        let mut name = Name::EMPTY;
        name.write(family, &address.parse().unwrap())?;
        name.read()
    }

    #[test]
    fn names_survive_the_kernels_layout() {
        for address in ["192.0.2.7:5060", "[2001:db8::1]:5061"] {
            assert_eq!(
                round_trip(Family::V6, address),
                Some(address.parse().unwrap())
            );
        }
        assert_eq!(
            round_trip(Family::V4, "192.0.2.7:5060"),
            Some("192.0.2.7:5060".parse().unwrap())
        );
        assert_eq!(round_trip(Family::V4, "[2001:db8::1]:5061"), None);
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_it_stands_for() {
        assert_eq!(
            round_trip(Family::V6, "[::ffff:192.0.2.7]:5060"),
            Some("192.0.2.7:5060".parse().unwrap())
        );
    }

    #[test]
    fn a_link_local_scope_is_kept() {
        let address = SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 5060, 0, 3));
        let mut name = Name::EMPTY;
        assert_eq!(name.write(Family::V6, &address), Some(28));
        assert_eq!(name.read(), Some(address));
    }

    #[test]
    fn a_written_source_reads_back_as_packet_info() {
        for (family, source) in [
            (Family::V4, "192.0.2.7:0"),
            (Family::V6, "192.0.2.7:0"),
            (Family::V6, "[2001:db8::1]:0"),
        ] {
            let source: SocketAddr = source.parse().unwrap();
            let mut control = Control::EMPTY;
            let len = control.write_source(family, &source);
            assert_eq!(control.read(len).local, Some(source.ip()), "{family:?}");
            assert_eq!(
                control.read(len / 2).local,
                None,
                "a truncated message is ignored"
            );
        }
    }

    #[test]
    fn what_says_that_sending_failed_is_told_from_other_errors() {
        let said = |origin: u8, kind: u8, code: u8| {
            let mut control = Control::EMPTY;
            control.0[..WORD].copy_from_slice(&(HEADER + 16).to_ne_bytes());
            control.0[WORD..WORD + 4].copy_from_slice(&libc::IPPROTO_IP.to_ne_bytes());
            control.0[WORD + 4..HEADER].copy_from_slice(&libc::IP_RECVERR.to_ne_bytes());
            control.0[HEADER + 4..HEADER + 7].copy_from_slice(&[origin, kind, code]);
            control.read(HEADER + 16).unreachable
        };
        const ICMP: u8 = 2;
        const ICMP6: u8 = 3;
        for code in [0, 1, 2, 3, 5, 9, 10, 13] {
            assert!(said(ICMP, 3, code), "destination unreachable, {code}");
        }
        assert!(said(ICMP, 12, 0) && said(ICMP6, 4, 0), "parameter problem");
        assert!(said(ICMP6, 1, 1) && said(ICMP6, 1, 4));
        assert!(!said(ICMP, 3, 4) && !said(ICMP6, 2, 0), "too big");
        assert!(!said(ICMP, 11, 0) && !said(ICMP6, 3, 0), "time exceeded");
        assert!(!said(ICMP, 4, 0), "source quench");
        assert!(!said(1, 3, 3), "of this host's own");
        assert!(!Control::EMPTY.read(HEADER + 4).unreachable);
    }

    #[test]
    fn several_messages_are_all_read() {
        let mut control = Control::EMPTY;
        let at = control.write_source(Family::V4, &"192.0.2.7:0".parse().unwrap());
        control.0[at..at + WORD].copy_from_slice(&(HEADER + 4).to_ne_bytes());
        control.0[at + WORD..at + WORD + 4].copy_from_slice(&libc::SOL_SOCKET.to_ne_bytes());
        control.0[at + WORD + 4..at + HEADER].copy_from_slice(&libc::SO_RXQ_OVFL.to_ne_bytes());
        control.0[at + HEADER..at + HEADER + 4].copy_from_slice(&77_u32.to_ne_bytes());
        let ancillary = control.read(at + align(HEADER + 4));
        assert_eq!(ancillary.drops, Some(77));
        assert_eq!(ancillary.local, Some("192.0.2.7".parse().unwrap()));
    }
}
