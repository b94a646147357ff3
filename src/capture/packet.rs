//! Messages as IP packets, with the headers they had on the wire as far as
//! anybody can tell afterwards: addresses, ports, lengths and checksums are
//! right; identification and hop limits are made up, and so is where a TCP
//! connection's sequence numbers begin. One datagram is one packet, however the
//! network cut it, and one message of a stream is as few as can be (RFC 791,
//! RFC 8200, RFC 768, RFC 9293).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pinion_runtime::Captured;
use pinion_sip::base::Transport;

/// Protocol numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Hop limit and time to live.
const HOPS: u8 = 64;

/// The longest payload there is room for behind either IP header.
const MOST: usize = u16::MAX as usize - 20;

const UDP_HEADER: usize = 8;
const TCP_HEADER: usize = 20;

/// TCP's PSH and ACK.
const PUSHED: u8 = 0x18;

/// Connections whose sequence numbers are remembered.
const MOST_CONNECTIONS: usize = 65_536;

/// Makes packets of messages, in the order they came and went.
#[derive(Default)]
pub(super) struct Packets {
    /// Bytes sent and received so far, by both ends of a connection.
    connections: HashMap<(SocketAddr, SocketAddr), (u32, u32)>,
}

impl Packets {
    /// The packets of one message.
    pub(super) fn of(&mut self, captured: &Captured) -> Vec<Vec<u8>> {
        let flow = &captured.flow;
        let path = match captured.sent {
            true => Path::new(flow.local, flow.remote),
            false => Path::new(flow.remote, flow.local),
        };
        match flow.transport {
            Transport::Udp => vec![path.packet(UDP, path.udp(&captured.bytes))],
            Transport::Tcp => self.segments(captured, path),
        }
    }

    fn segments(&mut self, captured: &Captured, path: Path) -> Vec<Vec<u8>> {
        if self.connections.len() >= MOST_CONNECTIONS {
            self.connections.clear();
        }
        let ends = (captured.flow.local, captured.flow.remote);
        let (sent, received) = self.connections.entry(ends).or_insert((1, 1));
        let (seq, ack) = match captured.sent {
            true => (sent, *received),
            false => (received, *sent),
        };
        let segments = captured.bytes.chunks(MOST - TCP_HEADER);
        segments
            .map(|bytes| {
                let segment = path.tcp(*seq, ack, bytes);
                *seq = seq.wrapping_add(bytes.len() as u32);
                path.packet(TCP, segment)
            })
            .collect()
    }
}

/// Where a packet comes from and goes to.
#[derive(Clone, Copy)]
struct Path {
    ips: Ips,
    ports: (u16, u16),
}

/// Both addresses, in one family.
#[derive(Clone, Copy)]
enum Ips {
    Four(Ipv4Addr, Ipv4Addr),
    Six(Ipv6Addr, Ipv6Addr),
}

impl Path {
    fn new(from: SocketAddr, to: SocketAddr) -> Path {
        let ips = match (from.ip().to_canonical(), to.ip().to_canonical()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Ips::Four(from, to),
            (from, to) => Ips::Six(wide(from), wide(to)),
        };
        Path {
            ips,
            ports: (from.port(), to.port()),
        }
    }

    /// What `payload` of that protocol is carried by.
    fn packet(self, protocol: u8, payload: Vec<u8>) -> Vec<u8> {
        let header = match self.ips {
            Ips::Four(from, to) => ipv4(from, to, protocol, payload.len()),
            Ips::Six(from, to) => ipv6(from, to, protocol, payload.len()),
        };
        [header, payload].concat()
    }

    fn udp(self, message: &[u8]) -> Vec<u8> {
        let message = &message[..message.len().min(MOST - UDP_HEADER)];
        let mut datagram = self.begun(UDP_HEADER + message.len());
        datagram.extend(((UDP_HEADER + message.len()) as u16).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(message);
        let sum = match self.checksum(UDP, &datagram) {
            // 0 would say that there is none.
            0 => u16::MAX,
            sum => sum,
        };
        datagram[6..8].copy_from_slice(&sum.to_be_bytes());
        datagram
    }

    fn tcp(self, seq: u32, ack: u32, bytes: &[u8]) -> Vec<u8> {
        let mut segment = self.begun(TCP_HEADER + bytes.len());
        segment.extend(seq.to_be_bytes());
        segment.extend(ack.to_be_bytes());
        // Header of five words, the widest window, no urgent data.
        segment.extend([0x50, PUSHED, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(bytes);
        let sum = self.checksum(TCP, &segment);
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        segment
    }

    /// Both ports, which either header begins with.
    fn begun(self, len: usize) -> Vec<u8> {
        let mut payload = Vec::with_capacity(len);
        payload.extend(self.ports.0.to_be_bytes());
        payload.extend(self.ports.1.to_be_bytes());
        payload
    }

    /// That of a payload, which covers the addresses, too.
    fn checksum(self, protocol: u8, payload: &[u8]) -> u16 {
        let [high, low] = (payload.len() as u16).to_be_bytes();
        let rest = [0, protocol, high, low];
        match self.ips {
            Ips::Four(from, to) => checksum(&[&from.octets(), &to.octets(), &rest, payload]),
            Ips::Six(from, to) => checksum(&[&from.octets(), &to.octets(), &rest, payload]),
        }
    }
}

fn wide(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

fn ipv4(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, payload: usize) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend(((20 + payload) as u16).to_be_bytes());
    // Identification, and "don't fragment".
    header.extend([0, 0, 0x40, 0, HOPS, protocol, 0, 0]);
    header.extend(from.octets());
    header.extend(to.octets());
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

fn ipv6(from: Ipv6Addr, to: Ipv6Addr, protocol: u8, payload: usize) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend((payload as u16).to_be_bytes());
    header.extend([protocol, HOPS]);
    header.extend(from.octets());
    header.extend(to.octets());
    header
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

    fn captured(sent: bool, local: &str, remote: &str, bytes: &[u8]) -> Captured {
        Captured {
            unix_us: 0,
            shard: 0,
            sent,
            flow: Flow::udp(0, local.parse().unwrap(), remote.parse().unwrap()),
            bytes: bytes.into(),
        }
    }

    fn of(sent: bool, local: &str, remote: &str, bytes: &[u8]) -> Vec<u8> {
        let packets = Packets::default().of(&captured(sent, local, remote, bytes));
        assert_eq!(packets.len(), 1);
        packets.into_iter().next().unwrap()
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

    #[test]
    fn a_stream_is_one_whose_numbers_go_on() {
        let mut packets = Packets::default();
        let mut of = |sent, bytes: &[u8]| {
            let mut captured = captured(sent, "192.0.2.1:5060", "192.0.2.2:5062", bytes);
            captured.flow.transport = Transport::Tcp;
            packets.of(&captured)
        };
        let numbers = |packet: &[u8]| {
            let number = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
            (number(24), number(28))
        };
        let first = of(false, b"abc");
        assert_eq!((first.len(), first[0].len()), (1, 20 + 20 + 3));
        assert_eq!(first[0][9], 6);
        assert_eq!(numbers(&first[0]), (1, 1));
        let pseudo = [&first[0][12..20], &[0, 6, 0, 23]].concat();
        assert_eq!(checksum(&[&pseudo, &first[0][20..]]), 0);
        assert_eq!(numbers(&of(true, b"answer")[0]), (1, 4));
        let long = of(false, &vec![b'x'; 70_000]);
        assert_eq!(long.len(), 2);
        assert_eq!(numbers(&long[0]), (4, 7));
        assert_eq!(numbers(&long[1]), (4 + 65_495, 7));
        assert_eq!(
            long.iter().map(|packet| packet.len() - 40).sum::<usize>(),
            70_000
        );
    }
}
