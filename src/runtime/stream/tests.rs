//! The streams of shards over loopback, driven by hand.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Instant as StdInstant;

use pinion_sip::base::Transport;

use super::*;
use crate::doorbell::Doorbell;
use crate::udp::bind_streams;

const OPTIONS: &str = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKo\r\n\
    From: <sip:a@h>;tag=1\r\nTo: <sip:h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn message(body: &str) -> String {
    format!("{OPTIONS}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// The streams of one shard and what they are driven by.
struct Rig {
    streams: Streams,
    park: Park,
    _doorbell: Doorbell,
    /// Stands still unless a test moves it.
    now: Instant,
    counters: Counters,
    heard: Vec<(String, Flow)>,
    /// What cannot be framed: as much of it as came, and the answer.
    refused: Vec<(String, String)>,
    local: SocketAddr,
}

impl Rig {
    fn new(options: StreamOptions) -> Rig {
        let mut groups = bind_streams(&["127.0.0.1:0".parse().unwrap()], 1).unwrap();
        let local = groups[0].local();
        let listeners = groups.remove(0).into_listeners().into_iter();
        let listeners = listeners.map(|one| Listener::new(one).unwrap()).collect();
        let doorbell = Doorbell::new().unwrap();
        let park = Park::new(Vec::<OwnedFd>::new(), doorbell.as_fd(), false).unwrap();
        let streams = Streams::new((0, 2), options, Arc::default(), 1, listeners);
        streams.watch(&park).unwrap();
        Rig {
            streams,
            park,
            _doorbell: doorbell,
            now: Instant::START,
            counters: Counters::default(),
            heard: Vec::new(),
            refused: Vec::new(),
            local,
        }
    }

    /// One turn of at most `wait`.
    fn turn(&mut self, wait: Duration) {
        let ready = self.park.sleep(Some(wait)).unwrap();
        let now = self.now;
        if ready.streams {
            while let Some(token) = self.park.next_stream() {
                let (messages, refused) = (&mut self.heard, &mut self.refused);
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let mut deliver = |heard: Heard<'_>, flow| match heard {
                    Heard::Message(bytes) => messages.push((text(bytes), flow)),
                    Heard::Unframed { header, answer } => {
                        refused.push((text(header), text(answer)));
                    }
                };
                let (park, counters) = (&self.park, &mut self.counters);
                self.streams.ready(now, token, park, counters, &mut deliver);
            }
        }
        self.streams.expire(now, &self.park, &mut self.counters);
        self.streams.flush(&self.park, &mut self.counters);
    }

    /// Turns until something is so.
    fn until(&mut self, done: impl Fn(&Rig) -> bool) {
        let start = StdInstant::now();
        while !done(self) {
            assert!(start.elapsed() < PATIENCE, "it never is");
            self.turn(Duration::from_millis(5));
        }
    }

    fn send(&mut self, flow: &Flow, bytes: &[u8]) {
        let now = self.now;
        let (park, counters) = (&self.park, &mut self.counters);
        self.streams.send(now, 1, flow, bytes, park, counters);
    }

    /// A path that names no connection.
    fn to(&self, remote: SocketAddr) -> Flow {
        Flow {
            transport: Transport::Tcp,
            ..Flow::udp(1, self.local, remote)
        }
    }

    /// A connection that has been accepted.
    fn client(&mut self) -> TcpStream {
        let before = self.counters.tcp_accepted;
        let client = TcpStream::connect(self.local).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        self.until(|rig| rig.counters.tcp_accepted > before);
        client
    }

    /// Its flow, as the next message tells.
    fn flow_of(&mut self, client: &mut TcpStream) -> Flow {
        let before = self.heard.len();
        client.write_all(message("").as_bytes()).unwrap();
        self.until(|rig| rig.heard.len() > before);
        self.heard.pop().unwrap().1
    }
}

fn read_to_end(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the last words is an end, too.
    let _ = client.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn bytes_one_by_one_are_messages_and_keep_no_buffer() {
    let mut rig = Rig::new(StreamOptions::default());
    let mut client = rig.client();
    client.set_nodelay(true).unwrap();
    let text = message("body");
    for byte in text.bytes() {
        client.write_all(&[byte]).unwrap();
        rig.turn(Duration::from_millis(5));
    }
    rig.until(|rig| !rig.heard.is_empty());
    let (heard, flow) = rig.heard.pop().unwrap();
    assert_eq!(heard, text);
    assert_eq!(flow.remote, client.local_addr().unwrap());
    assert_eq!((flow.socket, flow.local), (1, rig.local));
    assert!(flow.connection.is_some() && flow.transport == Transport::Tcp);
}

#[test]
fn fifty_messages_in_one_segment_are_fifty() {
    let mut rig = Rig::new(StreamOptions::default());
    let mut client = rig.client();
    let all: Vec<String> = (0..50).map(|n| message(&format!("{n}"))).collect();
    client.write_all(all.concat().as_bytes()).unwrap();
    rig.until(|rig| rig.heard.len() == 50);
    let heard: Vec<&String> = rig.heard.iter().map(|(text, _)| text).collect();
    assert_eq!(heard, all.iter().collect::<Vec<_>>());
}

#[test]
fn a_ping_has_its_pong_and_swallows_no_message() {
    let mut rig = Rig::new(StreamOptions::default());
    let mut client = rig.client();
    let glued = format!("\r\n\r\n{}", message("x"));
    client.write_all(glued.as_bytes()).unwrap();
    rig.until(|rig| rig.heard.len() == 1);
    rig.turn(Duration::ZERO);
    let mut pong = [0; 2];
    client.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"\r\n");
}

#[test]
fn what_cannot_be_framed_is_refused_and_then_closed() {
    let options = StreamOptions {
        max_message: 2048,
        ..StreamOptions::default()
    };
    let mut rig = Rig::new(options);
    for (number, (text, answer)) in (1..).zip([
        (
            format!("{OPTIONS}\r\n"),
            "SIP/2.0 400 Missing Content-Length",
        ),
        (
            format!("{OPTIONS}Content-Length: -5\r\n\r\n"),
            "SIP/2.0 400 Invalid Content-Length",
        ),
        (
            format!(
                "{OPTIONS}Content-Length: 70000\r\n\r\n{}",
                "x".repeat(70_000)
            ),
            "SIP/2.0 413 ",
        ),
        (
            format!("{OPTIONS}X: {}", "y".repeat(70_000)),
            "SIP/2.0 513 ",
        ),
    ]) {
        let mut client = rig.client();
        let mut writer = client.try_clone().unwrap();
        let sender = std::thread::spawn(move || drop(writer.write_all(text.as_bytes())));
        rig.until(|rig| rig.counters.tcp_closed_unframed == number && sender.is_finished());
        sender.join().unwrap();
        let said = read_to_end(&mut client);
        assert!(said.starts_with(answer), "{answer}: {said}");
        let (header, told) = rig.refused.pop().unwrap();
        assert!(header.starts_with(OPTIONS) && told == said, "{told}");
        drop(client);
        rig.until(|rig| rig.streams.len() == 0);
    }
    assert!(rig.heard.is_empty());
}

#[test]
fn a_remote_that_does_not_read_is_closed_at_the_cap_and_others_go_on() {
    let options = StreamOptions {
        queue: 100_000,
        ..StreamOptions::default()
    };
    let mut rig = Rig::new(options);
    let (mut lazy, mut other) = (rig.client(), rig.client());
    let (to_lazy, to_other) = (rig.flow_of(&mut lazy), rig.flow_of(&mut other));
    let text = message(&"x".repeat(10_000));
    let mut sent = 0;
    while rig.counters.tcp_closed_slow == 0 {
        rig.send(&to_lazy, text.as_bytes());
        rig.streams.flush(&rig.park, &mut rig.counters);
        sent += 1;
        assert!(sent < 10_000, "the kernel takes no 100 MB");
    }
    let losses = rig.streams.take_losses();
    let broken = losses
        .iter()
        .any(|loss| matches!(loss, Loss::Broken { to: 1, flow } if flow.remote == to_lazy.remote));
    assert!(broken);
    rig.send(&to_other, text.as_bytes());
    rig.turn(Duration::ZERO);
    let mut heard = vec![0; text.len()];
    other.read_exact(&mut heard).unwrap();
    assert_eq!(heard, text.as_bytes());
}

#[test]
fn a_burst_beyond_the_cap_reaches_a_remote_that_reads() {
    let options = StreamOptions {
        queue: 20_000,
        ..StreamOptions::default()
    };
    let mut rig = Rig::new(options);
    let mut client = rig.client();
    let flow = rig.flow_of(&mut client);
    let text = message(&"x".repeat(900));
    for _ in 0..100 {
        rig.send(&flow, text.as_bytes());
    }
    rig.turn(Duration::ZERO);
    let mut heard = vec![0; 100 * text.len()];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(rig.counters.tcp_closed_slow, 0);
}

#[test]
fn a_message_opens_a_connection_and_the_next_takes_it() {
    let mut rig = Rig::new(StreamOptions::default());
    let far = TcpListener::bind("127.0.0.1:0").unwrap();
    let flow = rig.to(far.local_addr().unwrap());
    rig.send(&flow, b"one");
    rig.send(&flow, b"two");
    rig.until(|rig| rig.counters.tcp_opened == 1);
    let (mut accepted, from) = far.accept().unwrap();
    assert_eq!(from.ip(), rig.local.ip());
    rig.turn(Duration::ZERO);
    rig.send(&flow, b"three");
    rig.turn(Duration::ZERO);
    let mut heard = [0; 11];
    accepted.set_read_timeout(Some(PATIENCE)).unwrap();
    accepted.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"onetwothree");
    accepted.write_all(message("").as_bytes()).unwrap();
    rig.until(|rig| !rig.heard.is_empty());
    let back = rig.heard[0].1;
    assert_eq!((back.local, back.remote), (rig.local, flow.remote));
    let rows = rig.streams.rows(Span { from: 0, most: 1 });
    let row = ConnectionRow {
        remote: flow.remote,
        transport: Transport::Tcp,
        accepted: false,
    };
    assert_eq!((rows.rows, rows.next), (vec![row], None));
    assert_eq!(rig.streams.len(), 1);
}

#[test]
fn what_cannot_be_sent_comes_back() {
    let mut rig = Rig::new(StreamOptions::default());
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let flow = rig.to(gone);
    rig.send(&flow, b"lost");
    rig.until(|rig| rig.streams.has_losses());
    let losses = rig.streams.take_losses();
    assert!(matches!(
        losses.as_slice(),
        [Loss::Unsent { to: 1, bytes, flow: lost }] if **bytes == *b"lost" && *lost == flow
    ));
    assert_eq!(rig.counters.tcp_unreachable, 1);
    assert_eq!(rig.streams.len(), 0);
}

/// The kernel drops what wants to join a full queue of a listener, which is as
/// dark as a hole on loopback can be.
#[test]
fn a_remote_that_says_nothing_is_given_up_in_time() {
    let options = StreamOptions::default();
    let mut rig = Rig::new(options);
    let hole = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    hole.bind(&any.into()).unwrap();
    hole.listen(0).unwrap();
    let dark = hole.local_addr().unwrap().as_socket().unwrap();
    let _fills_it: Vec<_> = (0..3)
        .map(|_| rig.streams.listeners[0].connect(dark).unwrap())
        .collect();
    let flow = rig.to(dark);
    rig.send(&flow, b"lost");
    rig.turn(Duration::from_millis(5));
    assert!(!rig.streams.has_losses());
    rig.now = rig.now + options.connect_timeout;
    rig.turn(Duration::ZERO);
    assert!(rig.streams.has_losses());
    assert_eq!(rig.counters.tcp_unreachable, 1);
}

#[test]
fn a_gone_connection_is_no_other() {
    let mut rig = Rig::new(StreamOptions::default());
    let mut client = rig.client();
    let flow = rig.flow_of(&mut client);
    rig.send(&flow, b"x");
    rig.turn(Duration::ZERO);
    drop(client);
    rig.until(|rig| rig.streams.len() == 0);
    let losses = rig.streams.take_losses();
    assert!(matches!(losses.as_slice(), [Loss::Broken { to: 1, .. }]));
    let mut other = rig.client();
    let later = rig.flow_of(&mut other);
    assert_ne!(later.connection, flow.connection);
    rig.send(&flow, b"late");
    let losses = rig.streams.take_losses();
    assert!(matches!(losses.as_slice(), [Loss::Unsent { to: 1, .. }]));
}

#[test]
fn a_remote_that_has_said_its_last_hears_the_answer() {
    let mut rig = Rig::new(StreamOptions::default());
    let mut client = rig.client();
    client.write_all(message("").as_bytes()).unwrap();
    rig.until(|rig| !rig.heard.is_empty());
    let flow = rig.heard[0].1;
    rig.send(&flow, b"answer");
    client.shutdown(Shutdown::Write).unwrap();
    rig.until(|rig| rig.streams.len() == 0);
    assert_eq!(read_to_end(&mut client), "answer");
    assert_eq!(rig.counters.tcp_closed_by_remote, 1);
}

#[test]
fn strangers_are_few_and_do_not_stay() {
    let options = StreamOptions {
        auth_limit: 2,
        ..StreamOptions::default()
    };
    let mut rig = Rig::new(options);
    let (mut known, mut stranger) = (rig.client(), rig.client());
    let mut third = TcpStream::connect(rig.local).unwrap();
    rig.until(|rig| rig.counters.tcp_refused_strangers == 1);
    assert_eq!(read_to_end(&mut third), "");
    let flow = rig.flow_of(&mut known);
    rig.streams.prove(&Proven { flow, alias: None });
    let mut fourth = rig.client();
    rig.now = rig.now + options.auth_timeout;
    rig.turn(Duration::ZERO);
    assert_eq!(rig.counters.tcp_closed_strangers, 2);
    assert_eq!(read_to_end(&mut stranger), "");
    assert_eq!(read_to_end(&mut fourth), "");
    assert_eq!(rig.flow_of(&mut known), flow);
}

#[test]
fn who_pings_and_never_reads_is_closed_at_the_cap() {
    let options = StreamOptions {
        queue: 100_000,
        ..StreamOptions::default()
    };
    let mut rig = Rig::new(options);
    let client = rig.client();
    client.set_nonblocking(true).unwrap();
    let pings = "\r\n\r\n".repeat(10_000);
    rig.until(|rig| {
        // What the kernel has no room for comes with the next.
        drop((&client).write(pings.as_bytes()));
        rig.counters.tcp_closed_slow == 1
    });
    assert_eq!(rig.streams.len(), 0);
}

/// A remote that is known, has said its last and has read nothing, and how many
/// bytes it has been sent: more than the kernel has room for.
fn unread(options: StreamOptions) -> (Rig, TcpStream, usize) {
    let mut rig = Rig::new(StreamOptions {
        queue: 64 << 20,
        ..options
    });
    let mut client = rig.client();
    let flow = rig.flow_of(&mut client);
    rig.streams.prove(&Proven { flow, alias: None });
    let text = message(&"x".repeat(60_000));
    let number = 400;
    for _ in 0..number {
        rig.send(&flow, text.as_bytes());
    }
    client.shutdown(Shutdown::Write).unwrap();
    rig.until(|rig| rig.counters.tcp_closed_by_remote == 1);
    (rig, client, number * text.len())
}

#[test]
fn a_remote_that_has_said_its_last_hears_all_however_slowly_it_reads() {
    let (mut rig, mut client, sent) = unread(StreamOptions::default());
    rig.now = rig.now + Duration::from_secs(60);
    rig.turn(Duration::ZERO);
    assert_eq!(rig.streams.len(), 1, "there is more to hear");
    let reader = std::thread::spawn(move || read_to_end(&mut client).len());
    rig.until(|rig| rig.streams.len() == 0);
    assert_eq!(reader.join().unwrap(), sent);
}

#[test]
fn a_remote_that_has_said_its_last_and_does_not_read_is_gone_once_idle() {
    let options = StreamOptions::default();
    let (mut rig, _client, _) = unread(options);
    rig.now = rig.now + options.idle - Duration::from_millis(1);
    rig.turn(Duration::ZERO);
    assert_eq!(rig.streams.len(), 1);
    rig.now = rig.now + Duration::from_millis(1);
    rig.turn(Duration::ZERO);
    assert_eq!(rig.streams.len(), 0);
    assert_eq!(rig.counters.tcp_closed_idle, 0, "the remote has closed it");
}

#[test]
fn a_connection_that_is_left_is_not_taken_again() {
    let mut rig = Rig::new(StreamOptions::default());
    let far = TcpListener::bind("127.0.0.1:0").unwrap();
    let flow = rig.to(far.local_addr().unwrap());
    rig.send(&flow, b"one");
    rig.until(|rig| rig.counters.tcp_opened == 1);
    let (mut accepted, _) = far.accept().unwrap();
    accepted.write_all(b"no message\r\n\r\n").unwrap();
    rig.until(|rig| rig.counters.tcp_closed_unframed == 1);
    rig.send(&flow, b"two");
    rig.until(|rig| rig.counters.tcp_opened == 2);
    let lost = rig.streams.take_losses();
    assert!(matches!(lost.as_slice(), [Loss::Broken { .. }]));
}

#[test]
fn what_we_begin_is_marked_as_what_comes_in() {
    let mut groups = bind_streams(&["127.0.0.1:0".parse().unwrap()], 1).unwrap();
    groups[0].mark(0x60, 3).unwrap();
    let near = groups.remove(0).into_listeners().remove(0);
    let near = Listener::new(near).unwrap();
    let far = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = near.connect(far.local_addr().unwrap()).unwrap();
    let ours = socket2::SockRef::from(&ours);
    let marks = (ours.tos_v4().unwrap(), ours.priority().unwrap());
    assert_eq!(marks, (0x60, 3));
}

#[test]
fn the_idle_are_closed_and_the_pinging_are_not() {
    let options = StreamOptions {
        auth_timeout: Duration::from_secs(86_400),
        ..StreamOptions::default()
    };
    let mut rig = Rig::new(options);
    let (mut idle, mut busy) = (rig.client(), rig.client());
    for _ in 0..8 {
        busy.write_all(b"\r\n\r\n").unwrap();
        rig.turn(Duration::ZERO);
        rig.now = rig.now + options.idle / 8;
    }
    rig.turn(Duration::ZERO);
    assert_eq!(rig.counters.tcp_closed_idle, 1);
    assert_eq!(read_to_end(&mut idle), "");
    rig.flow_of(&mut busy);
}

#[test]
fn there_are_no_more_connections_than_may_be() {
    let options = StreamOptions {
        connections: 1,
        ..StreamOptions::default()
    };
    let mut rig = Rig::new(options);
    let first = rig.client();
    let mut second = TcpStream::connect(rig.local).unwrap();
    rig.until(|rig| rig.counters.tcp_refused_full == 1);
    assert_eq!(read_to_end(&mut second), "");
    drop(first);
    rig.until(|rig| rig.streams.len() == 0);
    rig.client();
}

#[test]
fn an_alias_leads_to_its_connection_as_long_as_that_stands() {
    let mut rig = Rig::new(StreamOptions::default());
    let mut client = rig.client();
    let flow = rig.flow_of(&mut client);
    let alias = Some(9);
    rig.streams.prove(&Proven { flow, alias });
    let by_alias = rig.to(SocketAddr::new(flow.remote.ip(), 9));
    rig.send(&by_alias, b"aliased");
    rig.turn(Duration::ZERO);
    let mut heard = [0; 7];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"aliased");
    drop(client);
    rig.until(|rig| rig.streams.len() == 0);
    assert!(rig.streams.by_remote.is_empty());
    let told = rig.streams.take_losses();
    let remotes = told.iter().map(|loss| match loss {
        Loss::Broken { to: 1, flow } => flow.remote,
        _ => panic!("nothing else is lost"),
    });
    assert_eq!(remotes.collect::<Vec<_>>(), [flow.remote, by_alias.remote]);
}
