//! Messages as IP packets, with the headers they had on the wire as far as
//! anybody can tell afterwards: addresses, ports, lengths and checksums are
//! right; identification and hop limits are made up. One message is one packet,
//! however the network cut it (RFC 791, RFC 8200, RFC 768).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pinion_runtime::Captured;

/// The protocol number of UDP.
const UDP: u8 = 17;

/// Hop limit and time to live.
const HOPS: u8 = 64;

/// The longest UDP packet there is room for behind either header.
const MOST_UDP: usize = u16::MAX as usize - 20;

/// A message as one packet.
pub(super) fn packet(captured: &Captured) -> Vec<u8> {
    let (local, remote) = (captured.flow.local, captured.flow.remote);
    let (from, to) = if captured.sent {
        (local, remote)
    } else {
        (remote, local)
    };
    match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            let pseudo = [&source.octets()[..], &target.octets()].concat();
            let datagram = udp(&pseudo, from, to, &captured.bytes);
            [ipv4(source, target, datagram.len()), datagram].concat()
        }
        (source, target) => {
            let (source, target) = (wide(source), wide(target));
            let pseudo = [source.octets(), target.octets()].concat();
            let datagram = udp(&pseudo, from, to, &captured.bytes);
            [ipv6(source, target, datagram.len()), datagram].concat()
        }
    }
}

fn wide(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

fn ipv4(source: Ipv4Addr, target: Ipv4Addr, payload: usize) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend(((20 + payload) as u16).to_be_bytes());
    // Identification, and "don't fragment".
    header.extend([0, 0, 0x40, 0, HOPS, UDP, 0, 0]);
    header.extend(source.octets());
    header.extend(target.octets());
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

fn ipv6(source: Ipv6Addr, target: Ipv6Addr, payload: usize) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend((payload as u16).to_be_bytes());
    header.extend([UDP, HOPS]);
    header.extend(source.octets());
    header.extend(target.octets());
    header
}

/// `pseudo` is both addresses, which the checksum covers.
fn udp(pseudo: &[u8], from: SocketAddr, to: SocketAddr, message: &[u8]) -> Vec<u8> {
    let message = &message[..message.len().min(MOST_UDP - 8)];
    let len = (8 + message.len()) as u16;
    let mut datagram = Vec::with_capacity(usize::from(len));
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(len.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(message);
    let [high, low] = len.to_be_bytes();
    let sum = match checksum(&[pseudo, &[0, UDP, high, low], &datagram]) {
        // 0 would say that there is none.
        0 => u16::MAX,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    datagram
}

/// The Internet checksum (RFC 1071) of parts, each but the last of even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let sum: u64 = parts
        .iter()
        .flat_map(|part| part.chunks(2))
        .map(|pair| match pair {
            [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
            [high] => u64::from(*high) << 8,
            _ => 0,
        })
        .sum();
    let mut folded = sum;
    while folded > 0xffff {
        folded = (folded & 0xffff) + (folded >> 16);
    }
    !(folded as u16)
}

#[cfg(test)]
mod tests {
    use pinion_sip::base::Flow;

    use super::*;

    fn of(sent: bool, local: &str, remote: &str, bytes: &[u8]) -> Vec<u8> {
        packet(&Captured {
            unix_us: 0,
            shard: 0,
            sent,
            flow: Flow::udp(0, local.parse().unwrap(), remote.parse().unwrap()),
            bytes: bytes.into(),
        })
    }

    #[test]
    fn ipv4_as_rfc_791_and_768_have_it() {
        let packet = of(true, "192.0.2.1:5060", "192.0.2.2:5062", b"abc");
        assert_eq!(packet.len(), 20 + 8 + 3);
        assert_eq!(packet[2..4], [0, 31]);
        assert_eq!(checksum(&[&packet[..20]]), 0, "a right header sums to zero");
        assert_eq!(packet[12..20], [192, 0, 2, 1, 192, 0, 2, 2]);
        assert_eq!(packet[20..24], [0x13, 0xc4, 0x13, 0xc6]);
        let pseudo = [&packet[12..20], &[0, 17, 0, 11]].concat();
        assert_eq!(checksum(&[&pseudo, &packet[20..]]), 0);
        let received = of(false, "192.0.2.1:5060", "[::ffff:192.0.2.2]:5062", b"abc");
        assert_eq!(received[12..20], [192, 0, 2, 2, 192, 0, 2, 1]);
    }

    #[test]
    fn ipv6_as_rfc_8200_has_it() {
        let packet = of(true, "[2001:db8::1]:5060", "[2001:db8::2]:5062", b"abcd");
        assert_eq!(packet.len(), 40 + 8 + 4);
        assert_eq!((packet[0] >> 4, packet[6]), (6, 17));
        let pseudo = [&packet[8..40], &[0, 17, 0, 12]].concat();
        assert_eq!(checksum(&[&pseudo, &packet[40..]]), 0);
    }

    #[test]
    fn the_longest_datagram_fits() {
        let packet = of(true, "127.0.0.1:1", "127.0.0.1:2", &vec![b'x'; 70_000]);
        assert_eq!(packet.len(), 65_535);
        assert_eq!(packet[2..4], [0xff, 0xff]);
    }
}
