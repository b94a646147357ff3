//! One test per system call, over loopback.

use std::fs::File;
use std::io::Write;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::time::Instant;

use super::*;

fn pair() -> (UdpSocket, UdpSocket) {
    let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
    (bind(), bind())
}

/// Loopback delivers before send returns, so nothing here waits.
fn send(from: &UdpSocket, to: &UdpSocket, bytes: &[u8]) {
    from.send_to(bytes, to.local_addr().unwrap()).unwrap();
}

#[test]
fn receive_takes_a_batch_with_addresses_and_then_nothing() {
    let (near, far) = pair();
    set_ancillary(near.as_fd(), Some(Family::V4)).unwrap();
    for text in [b"one".as_slice(), b"", &[7; 60_000]] {
        send(&far, &near, text);
    }
    let mut receiver = Receiver::new(8);
    assert_eq!(receiver.batch(), 8);
    assert_eq!(receiver.receive(near.as_fd()).unwrap(), 3);
    assert_eq!(receiver.datagram(0).unwrap().bytes, b"one");
    assert_eq!(receiver.datagram(1).unwrap().bytes, b"");
    let third = receiver.datagram(2).unwrap();
    assert_eq!(third.bytes, [7; 60_000]);
    assert_eq!(third.remote, far.local_addr().unwrap());
    assert_eq!(third.ancillary.local, Some(near.local_addr().unwrap().ip()));
    assert!(receiver.datagram(3).is_none());
    assert_eq!(receiver.receive(near.as_fd()).unwrap(), 0);
    assert!(receiver.datagram(0).is_none());
}

#[test]
fn a_batch_never_exceeds_its_size() {
    let (near, far) = pair();
    for n in 0..5_u8 {
        send(&far, &near, &[n]);
    }
    let mut receiver = Receiver::new(2);
    assert_eq!(receiver.receive(near.as_fd()).unwrap(), 2);
    assert_eq!(receiver.receive(near.as_fd()).unwrap(), 2);
    assert_eq!(receiver.receive(near.as_fd()).unwrap(), 1);
    assert_eq!(receiver.datagram(0).unwrap().bytes, [4]);
}

#[test]
fn a_full_buffer_is_told_beside_the_next_datagram() {
    let (near, far) = pair();
    set_ancillary(near.as_fd(), Some(Family::V4)).unwrap();
    socket2::SockRef::from(&near)
        .set_recv_buffer_size(4096)
        .unwrap();
    for _ in 0..200 {
        send(&far, &near, &[0; 500]);
    }
    let mut receiver = Receiver::new(256);
    let held = receiver.receive(near.as_fd()).unwrap();
    assert!(held < 200);
    send(&far, &near, b"after");
    assert_eq!(receiver.receive(near.as_fd()).unwrap(), 1);
    let drops = receiver.datagram(0).unwrap().ancillary.drops.unwrap();
    assert_eq!(held + drops as usize, 200);
}

#[test]
fn send_takes_as_many_as_fit_and_uses_the_source() {
    let near = UdpSocket::bind("0.0.0.0:0").unwrap();
    let far = UdpSocket::bind("127.0.0.1:0").unwrap();
    let remote = far.local_addr().unwrap();
    let source = "127.0.0.9:0".parse().unwrap();
    let texts: [&[u8]; 3] = [b"one", b"two", b"three"];
    let queue = texts.iter().map(|bytes| Outgoing {
        bytes,
        remote: &remote,
        source: Some(&source),
    });
    let mut sender = Sender::new(2);
    assert_eq!(
        sender
            .send(near.as_fd(), Family::V4, queue.clone())
            .unwrap(),
        2
    );
    assert_eq!(
        sender
            .send(near.as_fd(), Family::V4, queue.skip(2))
            .unwrap(),
        1
    );
    let mut buffer = [0; 16];
    for text in texts {
        let (len, from) = far.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], text);
        assert_eq!(from.ip(), source.ip());
    }
}

#[test]
fn the_first_datagrams_error_is_reported_and_later_ones_wait() {
    let (near, far) = pair();
    let good = far.local_addr().unwrap();
    let bad = "[2001:db8::1]:5060".parse().unwrap();
    let out = |remote| Outgoing {
        bytes: b"x",
        remote,
        source: None,
    };
    let mut sender = Sender::new(4);
    let sent = sender.send(
        near.as_fd(),
        Family::V4,
        [out(&good), out(&bad), out(&good)].into_iter(),
    );
    assert_eq!(sent.unwrap(), 1);
    let sent = sender.send(
        near.as_fd(),
        Family::V4,
        [out(&bad), out(&good)].into_iter(),
    );
    assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::NetworkUnreachable);
}

/// What is ready now, in order.
fn tokens(epoll: &mut Epoll) -> Vec<u64> {
    let ready = epoll.wait(Some(Duration::ZERO), false).unwrap();
    let mut tokens: Vec<u64> = ready.map(|event| event.token).collect();
    tokens.sort_unstable();
    tokens
}

#[test]
fn epoll_reports_what_is_ready_and_forgets_what_is_closed() {
    let mut epoll = Epoll::new(4).unwrap();
    let bell = File::from(eventfd().unwrap());
    let (near, far) = pair();
    epoll.add(bell.as_fd(), 7).unwrap();
    epoll.add(near.as_fd(), 8).unwrap();
    assert_eq!(tokens(&mut epoll), []);
    (&bell).write_all(&1_u64.to_ne_bytes()).unwrap();
    send(&far, &near, b"x");
    assert_eq!(tokens(&mut epoll), [7, 8]);
    drop(bell);
    assert_eq!(tokens(&mut epoll), [8]);
    assert_eq!(Receiver::new(1).receive(near.as_fd()).unwrap(), 1);
    assert_eq!(tokens(&mut epoll), []);
    epoll.change(near.as_fd(), (true, true), 9).unwrap();
    assert_eq!(tokens(&mut epoll), [9], "there is room to send");
    epoll.change(near.as_fd(), (true, false), 9).unwrap();
    assert_eq!(tokens(&mut epoll), []);
}

/// Loopback reports, too, before send returns.
#[test]
fn an_error_is_reported_with_what_was_sent_and_whither() {
    for (host, family) in [("127.0.0.1", Family::V4), ("[::1]", Family::V6)] {
        let bind = || UdpSocket::bind(format!("{host}:0")).unwrap();
        let (near, far) = (bind(), bind());
        let closed = bind().local_addr().unwrap();
        report_errors(near.as_fd(), family).unwrap();
        let mut epoll = Epoll::new(1).unwrap();
        epoll.add(near.as_fd(), 7).unwrap();
        near.send_to(b"knock", closed).unwrap();
        send(&far, &near, b"hello");
        let ready = |epoll: &mut Epoll| {
            let ready = epoll.wait(Some(Duration::ZERO), false).unwrap();
            ready.collect::<Vec<_>>()
        };
        let event = Event {
            token: 7,
            error: true,
        };
        assert_eq!(ready(&mut epoll), [event]);
        let mut receiver = Receiver::new(4);
        assert_eq!(receiver.receive_errors(near.as_fd()).unwrap(), 1);
        let error = receiver.datagram(0).unwrap();
        assert_eq!((error.bytes, error.remote), (b"knock".as_slice(), closed));
        assert!(error.ancillary.unreachable);
        assert_eq!(receiver.receive_errors(near.as_fd()).unwrap(), 0);
        let error = false;
        assert_eq!(ready(&mut epoll), [Event { error, ..event }]);
        assert_eq!(receiver.receive(near.as_fd()).unwrap(), 1);
        let datagram = receiver.datagram(0).unwrap();
        assert_eq!(datagram.bytes, b"hello");
        assert!(!datagram.ancillary.unreachable);
    }
}

#[test]
fn an_eventfd_adds_up_and_reads_once() {
    use std::io::Read;
    let bell = File::from(eventfd().unwrap());
    let mut count = [0; 8];
    assert_eq!(
        (&bell).read(&mut count).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    for _ in 0..3 {
        (&bell).write_all(&1_u64.to_ne_bytes()).unwrap();
    }
    (&bell).read_exact(&mut count).unwrap();
    assert_eq!(u64::from_ne_bytes(count), 3);
}

#[test]
fn a_duplicate_outlives_its_original() {
    let (near, far) = pair();
    let copy = UdpSocket::from(duplicate(near.as_raw_fd()).unwrap());
    let address = near.local_addr().unwrap();
    drop(near);
    far.send_to(b"x", address).unwrap();
    assert_eq!(copy.recv_from(&mut [0; 4]).unwrap().0, 1);
    assert!(duplicate(-1).is_err());
}

#[test]
fn ancillary_options_belong_to_their_family() {
    let v6 = UdpSocket::bind("[::1]:0").unwrap();
    set_ancillary(v6.as_fd(), Some(Family::V6)).unwrap();
    let (v4, _) = pair();
    assert!(set_ancillary(v4.as_fd(), Some(Family::V6)).is_err());
}

/// One of many ends in time even on a busy machine; none would if it were
/// rounded up.
#[test]
fn a_precise_wait_ends_within_its_millisecond() {
    let mut epoll = Epoll::new(1).unwrap();
    if let Err(error) = epoll.pwait2(Some(Duration::ZERO)) {
        assert_eq!(error.raw_os_error(), Some(libc::ENOSYS));
        eprintln!("NOT TESTED, for lack of Linux 5.11: waits of less than a millisecond");
        return;
    }
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let start = Instant::now();
        let ready = epoll.wait(Some(Duration::from_micros(150)), true).unwrap();
        assert_eq!(ready.count(), 0);
        if start.elapsed() < Duration::from_millis(1) {
            break;
        }
        assert!(start < limit, "no wait ends within a millisecond");
    }
}

#[test]
fn a_wait_without_epoll_pwait2_is_rounded_up() {
    let mut epoll = Epoll::new(1).unwrap();
    let start = Instant::now();
    assert_eq!(
        epoll
            .wait_rounded_up(Some(Duration::from_micros(1)))
            .unwrap(),
        0
    );
    assert!(start.elapsed() >= Duration::from_millis(1));
}

/// Two sockets that share a port.
fn group() -> [UdpSocket; 2] {
    let bind = |at: std::net::SocketAddr| {
        let kind = socket2::Type::DGRAM.nonblocking();
        let socket = socket2::Socket::new(socket2::Domain::IPV4, kind, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&at.into()).unwrap();
        UdpSocket::from(socket)
    };
    let first = bind("127.0.0.1:0".parse().unwrap());
    let second = bind(first.local_addr().unwrap());
    [first, second]
}

#[test]
fn a_filter_chooses_until_it_is_detached() {
    let group = group();
    let fds = [0, 1].map(|place| group[place].as_fd());
    let answer = |place| bpf::Filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: place,
    };
    let count = |socket: &UdpSocket| std::iter::from_fn(|| socket.recv(&mut [0; 4]).ok()).count();
    for place in [1, 0] {
        bpf::attach_filter(fds[1 - place], &[answer(place as u32)]).unwrap();
        for _ in 0..16 {
            let far = UdpSocket::bind("127.0.0.1:0").unwrap();
            send(&far, &group[0], b"x");
        }
        assert_eq!(
            [place, 1 - place].map(|place| count(&group[place])),
            [16, 0]
        );
    }
    bpf::detach(fds[0]).unwrap();
    let error = bpf::detach(fds[0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    let endless = vec![answer(0); 70_000];
    assert!(bpf::attach_filter(fds[0], &endless).is_err());
    assert!(bpf::attach_filter(fds[0], &[]).is_err());
}

#[test]
fn maps_and_programs_are_made_or_refused() {
    use bpf::{Map, MapKind};
    let sockets = match Map::new(MapKind::Sockets, 8, 2) {
        Ok(map) => map,
        Err(error) => {
            eprintln!("NOT TESTED, for lack of CAP_BPF: maps and programs");
            assert_eq!(error.raw_os_error(), Some(libc::EPERM));
            return;
        }
    };
    let [first, second] = group();
    let value = |fd: i32| (fd as u64).to_ne_bytes();
    sockets.set(0, &value(first.as_raw_fd())).unwrap();
    sockets.set(1, &value(second.as_raw_fd())).unwrap();
    assert!(sockets.set(2, &value(second.as_raw_fd())).is_err());
    assert!(sockets.set(0, &value(-1)).is_err());
    let short = std::panic::catch_unwind(|| sockets.set(0, &[0; 4]));
    assert!(short.is_err(), "the kernel would read beyond it");
    sockets.clear(0).unwrap();
    assert_eq!(
        sockets.clear(0).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    drop(second);
    assert_eq!(
        sockets.clear(1).unwrap_err().kind(),
        io::ErrorKind::NotFound,
        "a closed socket leaves by itself"
    );

    let pass = [0x0000_0001_0000_00b7, 0x95]; // r0 = SK_PASS; exit
    let program = bpf::load_program(&pass, c"MIT", None).unwrap();
    bpf::attach_program(first.as_fd(), program.as_fd()).unwrap();
    bpf::detach(first.as_fd()).unwrap();
    let mut log = vec![0; 1 << 16];
    assert!(bpf::load_program(&pass[1..], c"MIT", Some(&mut log)).is_err());
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("R0 !read_ok"), "{log}");
}

#[test]
fn the_allowed_cpus_are_as_many_as_std_counts() {
    let cpus = allowed_cpus().unwrap();
    assert!(!cpus.is_empty());
    assert!(cpus.is_sorted());
    let counted = std::thread::available_parallelism().unwrap().get();
    assert!(
        counted <= cpus.len(),
        "a quota may lower std's count, never raise it"
    );
}

#[test]
fn who_gives_way_runs_while_nobody_else_wants_to() {
    let thread = std::thread::spawn(|| {
        give_way().unwrap();
        // SAFETY: takes a number alone; 0 is the calling thread.
        unsafe { libc::sched_getscheduler(0) }
    });
    assert_eq!(thread.join().unwrap(), libc::SCHED_IDLE);
}
