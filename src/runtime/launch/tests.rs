//! Whole engines over loopback, with machines small enough to see through.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;

use pinion_sip::base::{Flow, Instant, Transmit};
use pinion_sip::machine::{Body, Envelope, Input, Outbox, Query, Sought};

use super::*;
use crate::tap::{Capture, Captured};
use crate::udp;
use crate::uninterrupted;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers `hello` with its shard and incarnation, has the next shard answer
/// `pass`, panics at `panic`, repeats what it hears after a deadline at `late`.
struct Parrot {
    shard: ShardId,
    shards: ShardId,
    incarnation: u32,
    replaced: u64,
    draining: bool,
    late: Option<(Instant, Flow)>,
    unreachable: u64,
}

impl Parrot {
    fn say(&self, flow: &Flow, out: &mut Outbox) {
        out.transmit(
            flow,
            format!("{}.{}", self.shard, self.incarnation).as_bytes(),
        );
    }
}

impl Machine for Parrot {
    fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        match input {
            Input::Datagram {
                bytes: b"hello",
                flow,
            } => self.say(&flow, out),
            Input::Datagram {
                bytes: b"late",
                flow,
            } => self.late = Some((now + Duration::from_millis(20), flow)),
            Input::Datagram {
                bytes: b"panic", ..
            } => panic!("told to"),
            Input::Datagram { bytes, flow } => {
                let to = (self.shard + 1) % self.shards;
                out.forward(Envelope {
                    from: self.shard,
                    to,
                    body: Body::Datagram {
                        bytes: bytes.into(),
                        flow,
                    },
                });
            }
            Input::Envelope(Envelope {
                body: Body::Datagram { flow, .. },
                ..
            }) => self.say(&flow, out),
            Input::Envelope(Envelope {
                body: Body::Replaced { .. },
                ..
            }) => self.replaced += 1,
            Input::Elapsed => {
                if let Some((at, flow)) = self.late.take() {
                    assert!(at <= now, "never early");
                    self.say(&flow, out);
                }
            }
            Input::Drain => self.draining = true,
            Input::Undrain => self.draining = false,
            Input::Envelope(_) | Input::Reload(_) | Input::Prune(_) => {}
            Input::Unreachable { bytes, remote } => {
                let own = format!("{}.{}", self.shard, self.incarnation);
                assert!(bytes == own.as_bytes() && remote.ip().is_loopback());
                self.unreachable += 1;
            }
            Input::Unsent { .. } | Input::Broken { .. } => {}
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.late.map(|(at, _)| at)
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("replaced", self.replaced),
            ("unreachable", self.unreachable),
        ]
    }

    fn is_idle(&self) -> bool {
        self.draining
    }
}

fn options(shards: ShardId, watch: Watch) -> Options {
    let cpus = allowed_cpus().unwrap().into_iter().cycle();
    Options {
        cpus: cpus.take(usize::from(shards)).collect(),
        batch: 8,
        coalesce: Duration::from_micros(200),
        precise: false,
        sample: 0,
        streams: StreamOptions::default(),
        mesh_depth: 16,
        watch,
        clock: Clock::start(),
        desks: Desks::default(),
    }
}

fn start(shards: ShardId) -> (Engine, SocketAddr) {
    start_watched(shards, &Watch::default())
}

fn start_watched(shards: ShardId, watch: &Watch) -> (Engine, SocketAddr) {
    let (groups, _) = udp::bind(
        &["127.0.0.1:0".parse().unwrap()],
        usize::from(shards),
        1 << 18,
        1 << 18,
    )
    .unwrap();
    let address = groups[0].local();
    let options = options(shards, watch.clone());
    let factory = move |shard, incarnation| Parrot {
        shard,
        shards,
        incarnation,
        replaced: 0,
        draining: false,
        late: None,
        unreachable: 0,
    };
    let engine = Engine::start(&options, groups, factory, |event| panic!("{event:?}")).unwrap();
    (engine, address)
}

struct Phone(UdpSocket);

impl Phone {
    fn new(engine: SocketAddr) -> Phone {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(engine).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Phone(socket)
    }

    fn send(&self, text: &str) {
        self.0.send(text.as_bytes()).unwrap();
    }

    /// The shard and the incarnation that answer.
    fn ask(&self, text: &str) -> (ShardId, u32) {
        self.send(text);
        let mut buffer = [0; 32];
        let len = uninterrupted(|| self.0.recv(&mut buffer)).unwrap();
        let answer = std::str::from_utf8(&buffer[..len]).unwrap();
        let (shard, incarnation) = answer.split_once('.').unwrap();
        (shard.parse().unwrap(), incarnation.parse().unwrap())
    }
}

/// A phone whose datagrams the kernel gives to `shard`.
fn phone_at(shard: ShardId, engine: SocketAddr) -> Phone {
    std::iter::repeat_with(|| Phone::new(engine))
        .take(200)
        .find(|phone| phone.ask("hello").0 == shard)
        .unwrap()
}

fn counter(census: &Census, name: &str) -> u64 {
    census
        .counters
        .iter()
        .find(|(counter, _)| *counter == name)
        .unwrap()
        .1
}

#[test]
fn a_machine_is_told_of_what_reached_nobody() {
    let (engine, address) = start(1);
    Phone::new(address).send("late");
    let limit = std::time::Instant::now() + PATIENCE;
    let told = loop {
        let census = engine.shards().census().remove(0);
        if counter(&census, "unreachable") > 0 {
            break census;
        }
        assert!(std::time::Instant::now() < limit);
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(counter(&told, "udp_icmp_errors"), 1);
    assert_eq!(Phone::new(address).ask("hello"), (0, 0));
    let later = engine.shards().census().remove(0);
    assert_eq!(counter(&later, "unreachable"), 1, "and once");
    assert_eq!(counter(&later, "udp_receive_errors"), 0);
    engine.shards().stop();
    engine.join();
}

#[test]
fn shards_exchange_envelopes_and_count_them() {
    let (engine, address) = start(2);
    assert_eq!(engine.shards().count(), 2);
    for shard in [0, 1] {
        let phone = phone_at(shard, address);
        for _ in 0..50 {
            assert_eq!(phone.ask("pass"), (1 - shard, 0));
        }
    }
    let census = engine.shards().census();
    assert_eq!(
        census.iter().map(|census| census.shard).collect::<Vec<_>>(),
        [0, 1]
    );
    for census in &census {
        assert_eq!(
            (
                counter(census, "mesh_posted"),
                counter(census, "mesh_collected")
            ),
            (50, 50)
        );
        assert_eq!(counter(census, "mesh_drops"), 0);
    }
    engine.shards().stop();
    let last = engine.join();
    let received = |census: &[Census]| {
        census
            .iter()
            .map(|census| counter(census, "udp_received"))
            .sum::<u64>()
    };
    assert_eq!(received(&last), received(&census));
}

#[test]
fn of_all_that_are_asked_those_tell_who_live() {
    let (engine, _) = start(3);
    let shards = engine.shards().clone();
    let asked = || -> Vec<ShardId> {
        let pages = shards.ask_all(&Query::State).into_iter();
        let answers = pages.filter_map(|(shard, page)| page.map(|_| shard));
        answers.collect()
    };
    assert_eq!(asked(), [0, 1, 2]);
    shards.stop();
    engine.join();
    assert_eq!(asked(), []);
}

#[test]
fn a_panicking_machine_is_replaced_and_the_others_never_notice() {
    let (engine, address) = start(3);
    let phones: Vec<Phone> = (0..3).map(|shard| phone_at(shard, address)).collect();
    phones[1].send("panic");
    assert_eq!(
        phones[1].ask("hello"),
        (1, 1),
        "on the same socket, for the same phone"
    );
    phones[1].send("panic");
    assert_eq!(phones[1].ask("hello"), (1, 2));
    for shard in [0, 2] {
        assert_eq!(phones[usize::from(shard)].ask("hello"), (shard, 0));
    }
    assert_eq!(phones[0].ask("pass"), (1, 2), "the mesh goes on too");
    // Both notices lie in the rings before the answers above were sent, so
    // whoever answers a census now has read them.
    let census = engine.shards().census();
    let numbers = |name| {
        census
            .iter()
            .map(|census| counter(census, name))
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers("faults"), [0, 2, 0]);
    engine.shards().stop();
    let last = engine.join();
    let told: Vec<u64> = last
        .iter()
        .map(|census| counter(census, "replaced"))
        .collect();
    assert_eq!(told, [2, 0, 2]);
}

#[test]
fn a_deadline_ends_the_sleep() {
    let (engine, address) = start(1);
    let phone = Phone::new(address);
    for _ in 0..5 {
        assert_eq!(phone.ask("late"), (0, 0));
    }
    engine.shards().stop();
    let turns = counter(&engine.join()[0], "turns");
    assert!(
        turns < 200,
        "{turns} turns for five datagrams and five deadlines: it does not sleep"
    );
}

#[test]
fn a_drain_reaches_every_shard() {
    let (engine, _) = start(2);
    assert!(engine.shards().census().iter().all(|census| !census.idle));
    engine.shards().drain();
    assert!(engine.shards().census().iter().all(|census| census.idle));
    engine.shards().stop();
    assert_eq!(engine.join().len(), 2);
}

#[test]
fn a_tap_sees_both_ways_of_what_it_seeks_until_it_is_closed() {
    let watch = Watch::default();
    let (engine, address) = start_watched(2, &watch);
    let (phone, other) = (Phone::new(address), Phone::new(address));
    let sought = |phone: &Phone| {
        let local = phone.0.local_addr().unwrap();
        vec![Sought::Address(local.ip(), Some(local.port()))]
    };
    let capture = Capture::open(&watch, sought(&phone));
    let (shard, _) = phone.ask("hello");
    other.ask("hello");
    // What was sent is seen before it is sent.
    let seen: Vec<Captured> = std::iter::from_fn(|| capture.take()).collect();
    let both: Vec<(bool, &[u8])> = seen.iter().map(|one| (one.sent, &*one.bytes)).collect();
    let answer = format!("{shard}.0");
    assert_eq!(both, [(false, &b"hello"[..]), (true, answer.as_bytes())]);
    for one in &seen {
        assert_eq!(one.flow.remote, phone.0.local_addr().unwrap());
        assert_eq!(one.shard, shard);
        assert!(one.unix_us > 1_600_000_000_000_000);
    }
    capture.seek(Vec::new());
    phone.ask("hello");
    assert_eq!(capture.take(), None);
    engine.shards().stop();
    engine.join();
}

#[test]
fn a_cpu_that_does_not_exist_is_one_sentence() {
    let (groups, _) = udp::bind(&["127.0.0.1:0".parse().unwrap()], 1, 1 << 16, 1 << 16).unwrap();
    let options = Options {
        cpus: vec![4095],
        ..options(1, Watch::default())
    };
    let factory = |shard, incarnation| Parrot {
        shard,
        shards: 1,
        incarnation,
        replaced: 0,
        draining: false,
        late: None,
        unreachable: 0,
    };
    let error = Engine::start(&options, groups, factory, |_| {})
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("cannot start shard 0 on CPU 4095"),
        "{error}"
    );
}

#[test]
fn a_machine_that_cannot_be_made_again_is_reported() {
    let (groups, _) = udp::bind(&["127.0.0.1:0".parse().unwrap()], 1, 1 << 16, 1 << 16).unwrap();
    let address = groups[0].local();
    let options = options(1, Watch::default());
    let (sender, events) = mpsc::channel();
    let factory = |shard, incarnation| {
        assert_eq!(incarnation, 0, "no second one");
        Parrot {
            shard,
            shards: 1,
            incarnation,
            replaced: 0,
            draining: false,
            late: None,
            unreachable: 0,
        }
    };
    let engine = Engine::start(&options, groups, factory, move |event| {
        sender.send(event).unwrap()
    })
    .unwrap();
    Phone::new(address).send("panic");
    let Event::Died(shard, message) = events.recv_timeout(PATIENCE).unwrap();
    assert_eq!(shard, 0);
    assert!(message.contains("no second one"), "{message}");
    assert!(engine.join().is_empty());
}

/// Stands still at its first message until it may go on, and answers each other
/// one with more than a third of what a turn may send.
struct Chatter {
    gate: Arc<Barrier>,
    stood: bool,
}

impl Chatter {
    const WORDS: usize = 6000;
}

impl Machine for Chatter {
    fn handle(&mut self, _now: Instant, input: Input<'_>, out: &mut Outbox) {
        let Input::Datagram { flow, .. } = input else {
            return;
        };
        if !std::mem::replace(&mut self.stood, true) {
            self.gate.wait();
            self.gate.wait();
            return;
        }
        for _ in 0..Chatter::WORDS {
            out.transmit(&flow, b"word");
        }
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }
}

#[test]
fn streams_with_much_to_answer_in_one_turn_are_all_answered() {
    let groups = udp::bind_streams(&["127.0.0.1:0".parse().unwrap()], 1).unwrap();
    let address = groups[0].local();
    let gate = Arc::new(Barrier::new(2));
    let gate_of_shard = Arc::clone(&gate);
    let factory = move |_, _| Chatter {
        gate: Arc::clone(&gate_of_shard),
        stood: false,
    };
    let engine = Engine::start(&options(1, Watch::default()), groups, factory, |event| {
        panic!("{event:?}")
    })
    .unwrap();
    let say = |text: &[u8]| {
        let mut phone = TcpStream::connect(address).unwrap();
        phone.set_read_timeout(Some(PATIENCE)).unwrap();
        phone.write_all(text).unwrap();
        phone
    };
    let message = b"hello\r\nl: 0\r\n\r\n";
    let _first = say(message);
    gate.wait();
    let others = [(); 3].map(|()| say(message));
    gate.wait();
    for mut phone in others {
        let mut heard = vec![0; Chatter::WORDS * 4];
        phone.read_exact(&mut heard).unwrap();
    }
    engine.shards().stop();
    engine.join();
}
