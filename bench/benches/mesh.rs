//! How long a datagram takes from one shard to another, when neither sleeps.

use std::net::SocketAddr;

use criterion::{Criterion, criterion_group, criterion_main};
use pinion_bench::invite_of_832_bytes;
use pinion_runtime::bench::Seat;
use pinion_sip::base::Flow;
use pinion_sip::machine::{Body, Envelope};

/// Envelopes posted before they are collected.
const BATCH: u64 = 32;

fn mesh(criterion: &mut Criterion) {
    let mut seats = Seat::all(4, 1024).expect("a mesh");
    let datagram = invite_of_832_bytes();
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let flow = Flow::udp(0, address("192.0.2.1:5060"), address("192.0.2.10:5060"));
    let mut group = criterion.benchmark_group("mesh");
    group.throughput(criterion::Throughput::Elements(BATCH));
    group.bench_function("hand off a batch of datagrams", |bencher| {
        bencher.iter(|| {
            for _ in 0..BATCH {
                let body = Body::Datagram {
                    bytes: datagram.as_slice().into(),
                    flow,
                };
                let envelope = Envelope {
                    from: 0,
                    to: 1,
                    body,
                };
                assert!(seats[0].post(envelope).is_ok(), "there is room");
            }
            seats[0].ring();
            let collected = std::iter::from_fn(|| seats[1].collect()).count();
            assert_eq!(collected as u64, BATCH);
        });
    });
    group.finish();
}

criterion_group!(benches, mesh);
criterion_main!(benches);
