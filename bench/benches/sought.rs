//! What a shard spends on one message while an operator looks for others: for an
//! address, which is compared, and for a number, for which it is read.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pinion_bench::invite_of_832_bytes;
use pinion_sip::base::Flow;
use pinion_sip::machine::Sought;

fn sought(criterion: &mut Criterion) {
    let datagram = invite_of_832_bytes();
    let flow = Flow::udp(
        0,
        "192.0.2.1:5060".parse().expect("an address"),
        "192.0.2.10:5060".parse().expect("an address"),
    );
    let watched = "192.0.2.77".parse().expect("an address");
    let mut group = criterion.benchmark_group("sought");
    for (name, sought) in [
        ("address", Sought::Address(watched, None)),
        ("number", Sought::Number("4711".into())),
    ] {
        let sought = [sought];
        group.bench_function(name, |bencher| {
            bencher.iter(|| Sought::any(black_box(&sought), &flow, black_box(&datagram)));
        });
    }
    group.finish();
}

criterion_group!(benches, sought);
criterion_main!(benches);
