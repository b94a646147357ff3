//! How long a server transaction takes: to be made, to absorb a copy, and to
//! end, with as many held as 32 s of 10 000 requests a second leave.

use std::net::SocketAddr;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pinion_sip::base::{Flow, Instant, Random, Text, Transmit};
use pinion_sip::transaction::{Keep, Received, Start, Table, Timers};
use pinion_sip::wire::{Fields, Message, Status};

const HELD: u64 = 320_000;
const APART: Duration = Duration::from_micros(100);

struct Nowhere;

impl Transmit for Nowhere {
    fn transmit(&mut self, _: &Flow, _: &[u8]) {}
}

fn flow() -> Flow {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    Flow::udp(0, address("192.0.2.1:5060"), address("192.0.2.10:5060"))
}

fn request(number: u64) -> Vec<u8> {
    format!(
        "OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:1001@192.0.2.1>;tag=a{number}\r\nTo: <sip:192.0.2.1>\r\n\
         Call-ID: {number}@192.0.2.10\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// A table in its steady state, and the time.
struct Bench {
    table: Table<()>,
    fields: Fields,
    now: Instant,
    number: u64,
}

impl Bench {
    fn new() -> Bench {
        let mut bench = Bench {
            table: Table::new(2 * HELD as u32, &mut Random::from_u64(1)),
            fields: Fields::new(),
            now: Instant::START,
            number: 0,
        };
        for _ in 0..HELD {
            let datagram = bench.next();
            bench.serve(&datagram);
        }
        bench
    }

    fn next(&mut self) -> Vec<u8> {
        self.number += 1;
        request(self.number)
    }

    /// One request made a transaction and answered; what is due ends.
    fn serve(&mut self, datagram: &[u8]) {
        self.now = self.now + APART;
        while self.table.expire(self.now, &mut Nowhere).is_some() {}
        let request = Message::parse(datagram, &mut self.fields).expect("readable");
        let identity = self.table.identify(&request);
        let received = self
            .table
            .request(self.now, &request, &identity, &mut Nowhere);
        assert_eq!(received, Received::New);
        let start = Start {
            identity: &identity,
            flow: flow(),
            timers: Timers::default(),
            owner: (),
        };
        let opened = self.table.open_server(self.now, start);
        let tag = Text::from("ours");
        let keep = Keep::Essentials { tag: &tag };
        let id = opened.expect("there is room");
        self.table.responded(self.now, id, Status::OK, b"", keep);
    }

    fn absorb(&mut self, datagram: &[u8]) {
        let copy = Message::parse(datagram, &mut self.fields).expect("readable");
        let identity = self.table.identify(&copy);
        let received = self.table.request(self.now, &copy, &identity, &mut Nowhere);
        assert!(matches!(received, Received::Repeat { .. }));
    }
}

fn transaction(criterion: &mut Criterion) {
    let mut bench = Bench::new();
    let mut group = criterion.benchmark_group("transaction");
    group.bench_function("read, make, answer and end", |bencher| {
        let bench = std::cell::RefCell::new(&mut bench);
        bencher.iter_batched(
            || bench.borrow_mut().next(),
            |datagram| bench.borrow_mut().serve(&datagram),
            BatchSize::SmallInput,
        );
    });
    let last = request(bench.number);
    bench.serve(&request(bench.number + 1));
    group.bench_function("read and absorb a copy", |bencher| {
        bencher.iter(|| bench.absorb(&last));
    });
    group.finish();
}

criterion_group!(benches, transaction);
criterion_main!(benches);
