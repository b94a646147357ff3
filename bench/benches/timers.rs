//! How long an alarm takes, from setting to expiry, among as many as a busy
//! shard holds.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use pinion_sip::base::{Instant, Lanes};

/// The durations transactions ask for most: T1 doubled up to T2, T4, 64·T1.
const DURATIONS_MS: [u64; 6] = [500, 1_000, 2_000, 4_000, 5_000, 32_000];

const APART: Duration = Duration::from_micros(20);

fn timers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timers");
    group.bench_function("set six and expire six, common durations", |bencher| {
        let mut lanes = Lanes::new();
        let mut now = Instant::START;
        let mut round = |lanes: &mut Lanes<u64>| {
            now = now + APART;
            for ms in DURATIONS_MS {
                lanes.set(now, Duration::from_millis(ms), ms);
            }
            while lanes.expire(now).is_some() {}
        };
        // Past the longest duration as many expire as are set.
        for _ in 0..32_000_000 / 20 {
            round(&mut lanes);
        }
        bencher.iter(|| round(&mut lanes));
    });
    group.bench_function("set and expire at an odd time", |bencher| {
        let mut lanes = Lanes::new();
        let mut now = Instant::START;
        let mut round = |lanes: &mut Lanes<u64>| {
            now = now + APART;
            let odd = Duration::from_micros(1_000_000 + now.as_micros() * 7_919 % 1_000_000);
            lanes.set_at(now + odd, 0);
            while lanes.expire(now).is_some() {}
        };
        for _ in 0..100_000 {
            round(&mut lanes);
        }
        bencher.iter(|| round(&mut lanes));
    });
    group.finish();
}

criterion_group!(benches, timers);
criterion_main!(benches);
