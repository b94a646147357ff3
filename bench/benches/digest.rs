//! How long the server's side of Digest takes: a nonce minted, one checked,
//! and a whole proof verified.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pinion_sip::auth::{Gate, Identity, Nonces, Offer, Outcome, Secret, Settings, respond};
use pinion_sip::base::{Random, UnixTime};
use pinion_sip::wire::DigestParams;

const NOW: UnixTime = UnixTime(1_700_000_010);
const SECRET: Secret<'_> = Secret::Plain(b"secret");

fn gate() -> Gate {
    let settings = Settings {
        realm: "sip.example.com",
        key: [7; 32],
        shard: 0,
        lifetime_s: 60,
        remembered: 65_536,
        algorithms: &[],
        hasher: Random::from_u64(1).hasher(),
    };
    Gate::new(settings, UnixTime(1_700_000_000))
}

/// Credentials that answer a fresh challenge of `gate`.
fn credentials(gate: &mut Gate) -> Vec<u8> {
    let challenges: Vec<String> = gate
        .challenge(NOW, Offer::First)
        .map(|challenge| String::from_utf8_lossy(&challenge.parts().concat()).into_owned())
        .collect();
    let identity = Identity {
        user: b"1001",
        secret: SECRET,
        realm: None,
    };
    let challenges = challenges
        .iter()
        .map(|challenge| DigestParams::parse(challenge.as_bytes()));
    respond(
        challenges,
        &[identity],
        b"REGISTER",
        b"sip:sip.example.com",
        7,
        1,
    )
    .expect("an answer")
}

fn digest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("digest");
    let realm = b"sip.example.com";
    let mut nonces = Nonces::new(&[7; 32], 0, realm, 60, UnixTime(1_700_000_000));
    group.bench_function("mint a nonce", |bencher| {
        bencher.iter(|| black_box(nonces.mint(NOW)));
    });
    let nonce = nonces.mint(NOW);
    group.bench_function("check a nonce", |bencher| {
        bencher.iter(|| black_box(nonces.check(NOW, black_box(nonce.as_bytes()))));
    });
    let gate = std::cell::RefCell::new(gate());
    group.bench_function("read and verify a proof with MD5", |bencher| {
        bencher.iter_batched(
            || credentials(&mut gate.borrow_mut()),
            |value| {
                let params = DigestParams::parse(&value);
                let mut gate = gate.borrow_mut();
                let outcome = gate.verify(NOW, &params, b"REGISTER", b"1001", Some(SECRET));
                assert_eq!(outcome, Outcome::Accepted);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, digest);
criterion_main!(benches);
