//! A made-up run for the tests of this folder.

use hdrhistogram::Histogram;
use pinion_sip::base::Random;

use crate::results::{Generator, Results, Second, Sides, Stage, Units, VERSION, Verdict};

/// 50 000 calls, all well; `seed` moves the latencies a little.
pub fn call(seed: u64) -> Results {
    let mut random = Random::from_u64(seed);
    let seconds = 30;
    let mut results = Results {
        version: VERSION,
        scenario: "call".into(),
        flags: ["call", "--rate", "5000", "--uas", "local"]
            .map(String::from)
            .into(),
        seed,
        started_unix_ms: 1_764_000_000_000,
        wall_s: f64::from(seconds),
        arrival: "constant 5000/s".into(),
        offered: 5000.0,
        achieved: 4999.2,
        units: Units {
            begun: 150_000,
            completed: 149_976,
            failed: 24,
            in_flight_at_end: 0,
        },
        failures: [("status 503".into(), 20), ("timeout B".into(), 4)].into(),
        retransmissions: [("INVITE: peer silent".into(), 37)].into(),
        sides: Some(Sides {
            caller_answered: 149_976,
            caller_ended: 149_976,
            callee_ended: 149_976,
            callee_answered: 149_976,
            ghosts: 0,
        }),
        generator: Generator {
            cpu_s: vec![12.5],
            cpu_us_per_unit: 83.3,
            send_lateness: stage(&mut random, 150_000, 8),
            timer_slip: stage(&mut random, 40_000, 30),
            kernel_drops: 0,
            rcvbuf_errors: 0,
            busiest: 0.42,
            send_drops: 0,
            skipped: 0,
        },
        verdict: Verdict::Valid,
        ..Results::default()
    };
    results.environment.cpu = "Model <X> 3.0 GHz".into();
    results.environment.cores = 4;
    results.environment.kernel = "6.1.0".into();
    results
        .environment
        .sysctls
        .insert("net.core.rmem_max".into(), "212992".into());
    for (name, typical_us) in [
        ("invite-100", 110),
        ("invite-18x", 260),
        ("invite-200", 420),
        ("ack", 90),
        ("bye-200", 170),
    ] {
        results
            .stages
            .insert(name.into(), stage(&mut random, 150_000, typical_us));
    }
    results.series = (0..seconds)
        .map(|second| Second {
            at_s: f64::from(second),
            begun: 5000,
            completed: 4900 + random.below(200),
            failed: random.below(3),
            p50_us: 400 + random.below(40),
            p99_us: 2000 + random.below(1500),
        })
        .collect();
    results
}

/// Samples around `typical_us` with a long tail.
pub fn stage(random: &mut Random, count: u64, typical_us: u64) -> Stage {
    Stage::new(&histogram(random, count, typical_us))
}

/// The same as a histogram.
pub fn histogram(random: &mut Random, count: u64, typical_us: u64) -> Histogram<u64> {
    let mut histogram = Histogram::new(3).expect("three digits are within bounds");
    for _ in 0..count {
        let uniform = (random.below(1 << 53) as f64 + 0.5) / (1u64 << 53) as f64;
        let sample = value_at(1.0 - uniform, typical_us);
        let recorded = histogram.record(sample as u64);
        recorded.expect("the histogram grows");
    }
    histogram
}

/// What the `quantile` of such samples is.
pub fn value_at(quantile: f64, typical_us: u64) -> f64 {
    typical_us as f64 * (0.5 + 0.5 * (1.0 - quantile).powf(-0.35))
}
