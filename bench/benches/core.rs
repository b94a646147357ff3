//! What the protocol costs without I/O. Compare ratios on one machine in one
//! run: `cargo bench -p pinion-bench`.

use criterion::{Criterion, criterion_group, criterion_main};
use pinion_bench::{Rig, invite};
use pinion_sip::wire::{Fields, Message};

fn parse(criterion: &mut Criterion) {
    let datagram = invite(1);
    let mut fields = Fields::new();
    criterion.bench_function("parse and check an INVITE", |bencher| {
        bencher.iter(|| {
            let mut message = Message::parse(&datagram, &mut fields).expect("well formed");
            message.check().expect("well formed");
        });
    });
}

fn shard(criterion: &mut Criterion) {
    let mut rig = Rig::new();
    criterion.bench_function("OPTIONS", |bencher| bencher.iter(|| rig.options()));
    let mut rig = Rig::new();
    criterion.bench_function("a REGISTER refreshed", |bencher| {
        bencher.iter(|| rig.register())
    });
    let mut rig = Rig::new();
    criterion.bench_function("a call", |bencher| bencher.iter(|| rig.call()));
}

criterion_group!(core, parse, shard);
criterion_main!(core);
