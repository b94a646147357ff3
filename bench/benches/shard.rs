//! How long the shard takes for a call, a registration, an OPTIONS: its own
//! time alone, not that of the phones around it.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use pinion_bench::{Unit, clocked, take_clocked};

/// From one unit to the next, in virtual time: 500 a second linger for 32 s.
const REST: Duration = Duration::from_millis(2);

fn shard(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shard");
    for unit in [
        Unit::Options,
        Unit::RegisterRefresh,
        Unit::RegisterWithDigest,
        Unit::Call,
        Unit::CallWithDigest,
        Unit::CallByPlan,
    ] {
        let mut work = unit.work(REST);
        group.bench_function(unit.name(), |bencher| {
            bencher.iter_custom(|rounds| {
                take_clocked();
                for _ in 0..rounds {
                    work(clocked);
                }
                take_clocked()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, shard);
criterion_main!(benches);
