//! Over loopback, where a datagram has arrived when its send returns.

use super::*;
use crate::uninterrupted;

const BYTES: usize = 1 << 16;

fn port(listen: &str) -> Port {
    let (mut groups, _) = bind(&[listen.parse().unwrap()], 1, BYTES, BYTES).unwrap();
    let mut sockets = groups.remove(0).into_sockets();
    Port::new(3, sockets.remove(0)).unwrap()
}

fn client(bind: &str) -> UdpSocket {
    let socket = UdpSocket::bind(bind).unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(10)))
        .unwrap();
    socket
}

/// Sends to `to` on the port, checks the flow, and has it answered.
fn echo(port: &mut Port, client: &UdpSocket, to: &str) -> Flow {
    let (mut receiver, mut sender) = (Receiver::new(4), Sender::new(4));
    let mut counters = Counters::default();
    client
        .send_to(b"ping", (to.parse::<IpAddr>().unwrap(), port.local.port()))
        .unwrap();
    assert_eq!(port.receive(&mut receiver, &mut counters), 1);
    let (bytes, flow) = port.datagram(&receiver, 0).unwrap();
    assert_eq!(bytes, b"ping");
    assert_eq!(
        port.send(
            &mut sender,
            [(&flow, b"pong".as_slice())].into_iter(),
            &mut counters
        ),
        1
    );
    let (len, from) = uninterrupted(|| client.recv_from(&mut [0; 16])).unwrap();
    assert_eq!(len, 4);
    assert_eq!(
        from.ip().to_canonical(),
        flow.local.ip(),
        "answered from where it was sent to"
    );
    assert_eq!((counters.received, counters.sent), (1, 1));
    flow
}

#[test]
fn a_bound_ipv4_address_is_the_flows_local() {
    let mut port = port("127.0.0.1:0");
    let client = client("127.0.0.1:0");
    let flow = echo(&mut port, &client, "127.0.0.1");
    assert_eq!(flow, Flow::udp(3, port.local, client.local_addr().unwrap()));
}

#[test]
fn a_wildcard_answers_from_the_address_it_was_reached_at() {
    let mut port = port("0.0.0.0:0");
    for to in ["127.0.0.1", "127.0.0.77"] {
        let flow = echo(&mut port, &client("127.0.0.1:0"), to);
        assert_eq!(flow.local.ip(), to.parse::<IpAddr>().unwrap());
    }
}

#[test]
fn an_ipv6_address_speaks_ipv6() {
    let mut port = port("[::1]:0");
    let flow = echo(&mut port, &client("[::1]:0"), "::1");
    assert!(flow.remote.is_ipv6() && flow.local.is_ipv6());
}

#[test]
fn the_ipv6_wildcard_speaks_both_and_names_ipv4_plainly() {
    let mut port = port("[::]:0");
    let flow = echo(&mut port, &client("127.0.0.1:0"), "127.0.0.33");
    assert_eq!(flow.local.ip(), "127.0.0.33".parse::<IpAddr>().unwrap());
    assert!(flow.remote.is_ipv4());
    let flow = echo(&mut port, &client("[::1]:0"), "::1");
    assert_eq!(flow.local.ip(), "::1".parse::<IpAddr>().unwrap());
}

#[test]
fn a_group_shares_its_port_and_nobody_else_may() {
    let (groups, _) = bind(&["127.0.0.1:0".parse().unwrap()], 3, BYTES, BYTES).unwrap();
    let local = groups[0].local();
    assert_eq!(groups[0].sockets.len(), 3);
    assert_ne!(local.port(), 0);
    assert!(
        groups[0]
            .sockets
            .iter()
            .all(|socket| socket.local_addr().unwrap() == local)
    );
    let error = bind(&[local], 1, BYTES, BYTES).err().unwrap();
    assert!(matches!(error, BindError::InUse(at, Transport::Udp) if at == local));
    assert!(
        error
            .to_string()
            .contains("another program already uses this UDP port")
    );
}

#[test]
fn an_address_of_another_host_is_refused() {
    let error = bind(&["192.0.2.1:5060".parse().unwrap()], 1, BYTES, BYTES)
        .err()
        .unwrap();
    assert!(matches!(error, BindError::NotHere(_)), "{error}");
}

#[test]
fn buffers_beyond_the_kernels_limit_are_reported_with_the_cure() {
    let asked = 1 << 30;
    let (_, shortfalls) = bind(&["127.0.0.1:0".parse().unwrap()], 2, asked, BYTES).unwrap();
    assert_eq!(shortfalls.len(), 1, "{shortfalls:?}");
    assert!(shortfalls[0].granted < asked);
    assert!(
        shortfalls[0]
            .to_string()
            .contains("sysctl -w net.core.rmem_max=1073741824")
    );
}

#[test]
fn a_wildcard_advertises_an_address_one_can_answer() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let (groups, _) = bind(&[listen.parse().unwrap()], 1, BYTES, BYTES).unwrap();
        let advertised = groups[0].advertised();
        assert!(!advertised.ip().is_unspecified());
        assert_eq!(advertised.port(), groups[0].local().port());
    }
    assert_eq!(
        source_address("127.0.0.1".parse().unwrap()),
        Some("127.0.0.1".parse().unwrap())
    );
}

#[test]
fn a_refused_datagram_costs_only_itself() {
    let mut port = port("127.0.0.1:0");
    let far = client("127.0.0.1:0");
    let good = Flow::udp(3, port.local, far.local_addr().unwrap());
    let unreachable = Flow {
        remote: "[2001:db8::1]:5060".parse().unwrap(),
        ..good
    };
    let long = [0; 65_535];
    let queue = [
        (&unreachable, b"x".as_slice()),
        (&good, &long),
        (&good, b"y"),
    ];
    let (mut sender, mut counters) = (Sender::new(4), Counters::default());
    let mut rest = queue.as_slice();
    while !rest.is_empty() {
        let done = port.send(&mut sender, rest.iter().copied(), &mut counters);
        rest = &rest[done..];
    }
    assert_eq!((counters.sent, counters.send_errors), (1, 2));
    assert_eq!(far.recv_from(&mut [0; 4]).unwrap().0, 1);
}

/// A port that nobody listens at.
fn closed_port(host: &str) -> SocketAddr {
    client(host).local_addr().unwrap()
}

#[test]
fn what_reached_nobody_comes_back_with_where_it_was_to_go() {
    for (listen, host) in [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("0.0.0.0:0", "127.0.0.1:0"),
        ("[::1]:0", "[::1]:0"),
        ("[::]:0", "[::1]:0"),
        ("[::]:0", "127.0.0.1:0"),
    ] {
        let mut port = port(listen);
        let closed = closed_port(host);
        let local = SocketAddr::new(host.parse::<SocketAddr>().unwrap().ip(), port.local.port());
        let flow = Flow::udp(3, local, closed);
        let (mut receiver, mut sender) = (Receiver::new(4), Sender::new(4));
        let mut counters = Counters::default();
        port.send(
            &mut sender,
            [(&flow, b"knock".as_slice())].into_iter(),
            &mut counters,
        );
        assert_eq!(
            port.receive_errors(&mut receiver, &mut counters),
            1,
            "{listen}"
        );
        let came_back = port.unreachable(&receiver, 0);
        assert_eq!(came_back, Some((b"knock".as_slice(), closed)), "{listen}");
        assert_eq!(port.receive_errors(&mut receiver, &mut counters), 0);
        assert_eq!(
            (counters.sent, counters.send_errors, counters.icmp_errors),
            (1, 0, 1)
        );
    }
}

#[test]
fn an_error_costs_no_other_datagram() {
    let mut port = port("127.0.0.1:0");
    let far = client("127.0.0.1:0");
    let good = Flow::udp(3, port.local, far.local_addr().unwrap());
    let closed = Flow {
        remote: closed_port("127.0.0.1:0"),
        ..good
    };
    let (mut receiver, mut sender) = (Receiver::new(8), Sender::new(8));
    let mut counters = Counters::default();
    let queue = [
        (&closed, b"a".as_slice()),
        (&closed, b"b"),
        (&good, b"c"),
        (&closed, b"d"),
    ];
    let mut rest = queue.as_slice();
    while !rest.is_empty() {
        let done = port.send(&mut sender, rest.iter().copied(), &mut counters);
        rest = &rest[done..];
    }
    far.send_to(b"e", port.local).unwrap();
    assert_eq!(
        port.receive(&mut receiver, &mut counters),
        1,
        "though an error is due"
    );
    assert_eq!(port.datagram(&receiver, 0).unwrap().0, b"e");
    port.send(
        &mut sender,
        [(&closed, b"f".as_slice())].into_iter(),
        &mut counters,
    );
    port.keep([(&good, b"g".as_slice())].into_iter(), &mut counters);
    port.retry(&mut sender, &mut counters);
    let mut buffer = [0; 4];
    for text in [b"c", b"g"] {
        let (len, _) = far.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], text);
    }
    assert_eq!(
        (counters.sent, counters.send_errors, counters.receive_errors),
        (6, 0, 0)
    );
    assert_eq!(port.receive_errors(&mut receiver, &mut counters), 4);
    let came_back = |number| port.unreachable(&receiver, number).unwrap().0;
    assert_eq!([0, 1, 2, 3].map(came_back), [b"a", b"b", b"d", b"f"]);
}

#[test]
fn errors_are_taken_a_batch_at_a_time() {
    let mut port = port("127.0.0.1:0");
    let closed = Flow::udp(3, port.local, closed_port("127.0.0.1:0"));
    let (mut receiver, mut sender) = (Receiver::new(2), Sender::new(8));
    let mut counters = Counters::default();
    for _ in 0..5 {
        port.send(
            &mut sender,
            [(&closed, b"x".as_slice())].into_iter(),
            &mut counters,
        );
    }
    let taken = [(); 4].map(|()| port.receive_errors(&mut receiver, &mut counters));
    assert_eq!(taken, [2, 2, 1, 0]);
}

#[test]
fn a_call_is_told_of_others_errors_a_bounded_number_of_times() {
    let refused = || io::Error::from_raw_os_error(libc::ECONNREFUSED);
    let tried = |outcomes: &[i32]| {
        let mut outcomes = outcomes.iter();
        let mut calls = 0;
        let result = past_errors(|| {
            calls += 1;
            match outcomes.next() {
                Some(0) => Ok(()),
                Some(&error) => Err(io::Error::from_raw_os_error(error)),
                None => Err(refused()),
            }
        });
        (calls, result.map_err(|error| error.raw_os_error().unwrap()))
    };
    assert_eq!(tried(&[0]), (1, Ok(())));
    assert_eq!(
        tried(&[libc::ECONNREFUSED, libc::EHOSTUNREACH, 0]),
        (3, Ok(()))
    );
    assert_eq!(tried(&[libc::EAGAIN, 0]), (1, Err(libc::EAGAIN)));
    assert_eq!(tried(&[]), (1 + ERRORS_PASSED, Err(libc::ECONNREFUSED)));
}

#[test]
fn a_backlog_keeps_order_and_is_bounded() {
    let mut port = port("127.0.0.1:0");
    let far = client("127.0.0.1:0");
    let flow = Flow::udp(3, port.local, far.local_addr().unwrap());
    let (mut sender, mut counters) = (Sender::new(2), Counters::default());
    port.keep(
        [(&flow, b"1".as_slice()), (&flow, b"2"), (&flow, b"3")].into_iter(),
        &mut counters,
    );
    assert_eq!(
        port.send(
            &mut sender,
            [(&flow, b"4".as_slice())].into_iter(),
            &mut counters
        ),
        1
    );
    assert_eq!(counters.sent, 0, "nothing overtakes the backlog");
    port.retry(&mut sender, &mut counters);
    assert!(!port.is_waiting());
    let mut buffer = [0; 4];
    for text in ["1", "2", "3", "4"] {
        let (len, _) = far.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], text.as_bytes());
    }
    let flood = std::iter::repeat_n((&flow, b"x".as_slice()), BACKLOG + 7);
    assert_eq!(port.keep(flood, &mut counters), BACKLOG + 7);
    assert_eq!(counters.send_drops, 7);
}

#[test]
fn kernel_drops_are_counted_once() {
    let (mut groups, _) = bind(&["127.0.0.1:0".parse().unwrap()], 1, 4096, BYTES).unwrap();
    let mut port = Port::new(0, groups.remove(0).into_sockets().remove(0)).unwrap();
    let far = client("127.0.0.1:0");
    let (mut receiver, mut counters) = (Receiver::new(64), Counters::default());
    for _ in 0..2 {
        for _ in 0..100 {
            far.send_to(&[0; 500], port.local).unwrap();
        }
        while port.receive(&mut receiver, &mut counters) > 0 {}
    }
    far.send_to(b"last", port.local).unwrap();
    assert_eq!(port.receive(&mut receiver, &mut counters), 1);
    assert_eq!(counters.received + counters.kernel_drops, 201);
    assert!(counters.kernel_drops > 0);
}

#[test]
fn every_socket_of_a_group_is_marked() {
    for listen in ["127.0.0.1:0", "[::]:0"] {
        let (mut groups, _) = bind(&[listen.parse().unwrap()], 2, BYTES, BYTES).unwrap();
        groups[0].mark(0x60, 3).unwrap();
        for socket in groups.remove(0).into_sockets() {
            let socket = socket2::SockRef::from(&socket);
            assert_eq!(socket.tos_v4().unwrap(), 0x60, "{listen}");
            assert_eq!(socket.priority().unwrap(), 3, "{listen}");
            if listen.starts_with('[') {
                assert_eq!(socket.tclass_v6().unwrap(), 0x60);
            }
        }
    }
}

#[test]
fn addresses_bound_apart_are_one_for_each_shard() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let (group, _) = bind_apart(&[any; 3], 1 << 16, 1 << 16).unwrap();
    let mut locals = group.locals().unwrap();
    assert_eq!(locals.first(), Some(&group.local()));
    locals.sort_unstable();
    locals.dedup();
    assert_eq!(locals.len(), 3);
    let taken = bind_apart(&locals, 1 << 16, 1 << 16);
    assert!(matches!(taken, Err(BindError::InUse(at, _)) if at == locals[0]));
}
