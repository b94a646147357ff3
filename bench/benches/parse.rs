//! How long reading an 832-byte INVITE takes: as intake reads it, with its
//! common fields typed, and with everything checked.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pinion_bench::{invite_of_832_bytes, read_typed};
use pinion_sip::wire::{Fields, Message};

fn parse(criterion: &mut Criterion) {
    let datagram = invite_of_832_bytes();
    let mut fields = Fields::new();
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Bytes(datagram.len() as u64));
    group.bench_function("intake", |bencher| {
        bencher.iter(|| {
            let message = Message::parse(black_box(&datagram), &mut fields).expect("readable");
            black_box(message.call_id());
        });
    });
    group.bench_function("typed", |bencher| {
        bencher.iter(|| {
            let message = Message::parse(black_box(&datagram), &mut fields).expect("readable");
            read_typed(&message).expect("well formed");
        });
    });
    group.bench_function("checked", |bencher| {
        bencher.iter(|| {
            let mut message = Message::parse(black_box(&datagram), &mut fields).expect("readable");
            message.check().expect("well formed");
        });
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
