//! The gate against phones of every kind, honest and not.

use super::*;
use crate::auth::{Identity, respond};

const NOW: UnixTime = UnixTime(1_800_000_000);
const SECRET: Secret<'static> = Secret::Plain(b"s3cret");
const URI: &[u8] = b"sip:example.com";

fn gate_offering(algorithms: &[Algorithm]) -> Gate {
    let settings = Settings {
        realm: "pinion",
        key: [7; 32],
        shard: 1,
        lifetime_s: 60,
        remembered: 64,
        algorithms,
        hasher: Hasher::with_seeds(1, 2, 3, 4),
    };
    Gate::new(settings, UnixTime(NOW.0 - 1))
}

fn gate() -> Gate {
    gate_offering(&[])
}

fn later(seconds: u64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

fn challenge(gate: &mut Gate, now: UnixTime, offer: Offer) -> Vec<String> {
    gate.challenge(now, offer)
        .map(|challenge| String::from_utf8(challenge.parts().concat()).unwrap())
        .collect()
}

/// What a phone of user 100 sends in answer to `challenge`.
fn answer(challenge: &str, secret: Secret, nc: u32) -> String {
    let identity = Identity {
        user: b"100",
        secret,
        realm: None,
    };
    let params = DigestParams::parse(challenge.as_bytes());
    let value = respond(
        [params].into_iter(),
        &[identity],
        b"REGISTER",
        URI,
        0xc0ffee,
        nc,
    );
    String::from_utf8(value.unwrap()).unwrap()
}

fn verify(gate: &mut Gate, now: UnixTime, credentials: &str) -> Outcome {
    verify_as(gate, now, credentials, b"REGISTER", b"100", Some(SECRET))
}

fn verify_as(
    gate: &mut Gate,
    now: UnixTime,
    credentials: &str,
    method: &[u8],
    user: &[u8],
    secret: Option<Secret>,
) -> Outcome {
    let params = DigestParams::parse(credentials.as_bytes());
    gate.verify(now, &params, method, user, secret)
}

/// A gate, and honest credentials for its first challenge.
fn proven() -> (Gate, String) {
    let mut gate = gate();
    let challenge = challenge(&mut gate, NOW, Offer::First).remove(0);
    let credentials = answer(&challenge, SECRET, 1);
    (gate, credentials)
}

#[test]
fn a_challenge_has_the_form_phones_expect() {
    let challenges = challenge(&mut gate(), NOW, Offer::First);
    let [only] = &challenges[..] else {
        panic!("{challenges:?}")
    };
    let nonce = only
        .strip_prefix("Digest realm=\"pinion\", nonce=\"")
        .unwrap();
    let digit = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let rest = nonce.trim_start_matches(digit);
    assert_eq!(rest, "\", qop=\"auth\", algorithm=MD5");
    assert!(challenge(&mut gate(), NOW, Offer::Stale)[0].ends_with(", algorithm=MD5, stale=true"));
}

#[test]
fn the_secret_is_accepted_once_per_count() {
    let mut gate = gate();
    let challenge = challenge(&mut gate, NOW, Offer::First).remove(0);
    let first = answer(&challenge, SECRET, 1);
    assert_eq!(verify(&mut gate, NOW, &first), Outcome::Accepted);
    assert_eq!(verify(&mut gate, NOW, &first), Outcome::Stale, "a replay");
    let second = answer(&challenge, SECRET, 2);
    assert_eq!(verify(&mut gate, later(60), &second), Outcome::Accepted);
    let third = answer(&challenge, SECRET, 3);
    assert_eq!(
        verify(&mut gate, later(61), &third),
        Outcome::Stale,
        "too old"
    );
}

#[test]
fn phones_challenged_in_one_second_do_not_take_each_other_for_replays() {
    let mut gate = gate();
    let challenges = [
        challenge(&mut gate, NOW, Offer::First),
        challenge(&mut gate, NOW, Offer::First),
    ];
    for challenge in challenges.iter().flatten() {
        assert_eq!(
            verify(&mut gate, NOW, &answer(challenge, SECRET, 1)),
            Outcome::Accepted
        );
    }
}

#[test]
fn a_wrong_secret_is_refused_and_spends_nothing() {
    let mut gate = gate();
    let challenge = challenge(&mut gate, NOW, Offer::First).remove(0);
    let wrong = answer(&challenge, Secret::Plain(b"guess"), 1);
    assert_eq!(verify(&mut gate, NOW, &wrong), Outcome::Refused);
    assert_eq!(
        verify(&mut gate, NOW, &answer(&challenge, SECRET, 1)),
        Outcome::Accepted
    );
}

#[test]
fn credentials_hold_for_their_user_and_method_only() {
    let (mut gate, credentials) = proven();
    let known = Some(SECRET);
    assert_eq!(
        verify_as(&mut gate, NOW, &credentials, b"REGISTER", b"101", known),
        Outcome::Refused
    );
    assert_eq!(
        verify_as(&mut gate, NOW, &credentials, b"INVITE", b"100", known),
        Outcome::Refused
    );
    let renamed = credentials.replace("username=\"100\"", "username=\"101\"");
    assert_eq!(verify(&mut gate, NOW, &renamed), Outcome::Refused);
    assert_eq!(verify(&mut gate, NOW, &credentials), Outcome::Accepted);
}

#[test]
fn an_unknown_user_is_answered_like_a_wrong_secret() {
    let (mut gate, credentials) = proven();
    let unknown = |gate: &mut Gate, now, credentials: &str| {
        verify_as(gate, now, credentials, b"REGISTER", b"100", None)
    };
    assert_eq!(unknown(&mut gate, NOW, &credentials), Outcome::Refused);
    assert_eq!(unknown(&mut gate, later(61), &credentials), Outcome::Stale);
    assert_eq!(
        unknown(&mut gate, NOW, "Digest realm=\"pinion\""),
        Outcome::Malformed
    );
    let decoy = String::from_utf8(gate.decoy.as_bytes().to_vec()).unwrap();
    let challenge = challenge(&mut gate, NOW, Offer::First).remove(0);
    let lucky = answer(&challenge, Secret::Plain(decoy.as_bytes()), 1);
    assert_eq!(
        unknown(&mut gate, NOW, &lucky),
        Outcome::Refused,
        "not even by the decoy"
    );
}

#[test]
fn a_nonce_of_somebody_else_is_stale() {
    let mut gate = gate();
    let foreign = answer(
        "Digest realm=\"pinion\", nonce=\"7d70bb0d\", qop=\"auth\"",
        SECRET,
        1,
    );
    assert!(!gate.is_fresh(NOW, &DigestParams::parse(foreign.as_bytes())));
    assert_eq!(verify(&mut gate, NOW, &foreign), Outcome::Stale);
}

#[test]
fn freshness_is_judged_without_a_secret() {
    let (gate, credentials) = proven();
    let params = DigestParams::parse(credentials.as_bytes());
    assert!(gate.is_fresh(later(60), &params));
    assert!(!gate.is_fresh(later(61), &params));
    assert!(!gate.is_fresh(NOW, &DigestParams::parse(b"Digest realm=\"pinion\"")));
}

#[test]
fn a_phone_without_qop_has_one_use_of_a_nonce() {
    let mut gate = gate();
    let challenge = challenge(&mut gate, NOW, Offer::First).remove(0);
    let old = challenge.replace(", qop=\"auth\"", "");
    let credentials = answer(&old, SECRET, 1);
    assert!(!credentials.contains("cnonce"));
    assert_eq!(verify(&mut gate, NOW, &credentials), Outcome::Accepted);
    assert_eq!(verify(&mut gate, NOW, &credentials), Outcome::Stale);
    assert_eq!(
        verify(&mut gate, NOW, &answer(&challenge, SECRET, 1)),
        Outcome::Stale
    );
    assert_eq!(
        verify(&mut gate, NOW, &answer(&challenge, SECRET, 2)),
        Outcome::Accepted
    );
}

#[test]
fn a_count_cannot_be_raised_without_the_secret() {
    let (mut gate, credentials) = proven();
    assert_eq!(verify(&mut gate, NOW, &credentials), Outcome::Accepted);
    let raised = credentials.replace("nc=00000001", "nc=00000002");
    assert_eq!(verify(&mut gate, NOW, &raised), Outcome::Refused);
    let bare = credentials.replace(", qop=auth, nc=00000001", "");
    assert_eq!(verify(&mut gate, NOW, &bare), Outcome::Refused);
}

#[test]
fn improper_parameters_are_malformed() {
    let (mut gate, credentials) = proven();
    for (from, to) in [
        ("username=", "name="),
        ("nonce=\"", "once=\""),
        ("uri=\"sip:example.com\"", "uri=\"\""),
        ("response=", "reply="),
        ("cnonce=", "conce="),
        ("nc=00000001", "nc=x"),
        ("nc=00000001", "nc=100000000"),
        (", nc=00000001", ""),
        ("qop=auth", "qop=auth-int"),
    ] {
        let improper = credentials.replacen(from, to, 1);
        assert_ne!(improper, credentials);
        assert_eq!(
            verify(&mut gate, NOW, &improper),
            Outcome::Malformed,
            "{improper}"
        );
    }
    assert_eq!(verify(&mut gate, NOW, &credentials), Outcome::Accepted);
}

#[test]
fn another_spelling_of_the_request_uri_is_accepted() {
    // `verify` is never told the Request-URI: the digest covers the one given.
    let (mut gate, credentials) = proven();
    let changed = credentials.replace("sip:example.com", "sip:example.org");
    assert_eq!(verify(&mut gate, NOW, &changed), Outcome::Refused);
    assert_eq!(verify(&mut gate, NOW, &credentials), Outcome::Accepted);
}

#[test]
fn both_algorithms_are_offered_in_order_with_one_nonce() {
    let mut gate = gate_offering(&[Algorithm::Sha256, Algorithm::Md5]);
    let challenges = challenge(&mut gate, NOW, Offer::First);
    let [sha, md5] = &challenges[..] else {
        panic!("{challenges:?}")
    };
    assert_eq!(sha.replace("SHA-256", "MD5"), *md5);
    assert_eq!(
        verify(&mut gate, NOW, &answer(sha, SECRET, 1)),
        Outcome::Accepted
    );
    assert_eq!(
        verify(&mut gate, NOW, &answer(md5, SECRET, 2)),
        Outcome::Accepted
    );
}

#[test]
fn sessions_are_verified_when_offered() {
    for algorithm in [Algorithm::Md5Sess, Algorithm::Sha256Sess] {
        let mut gate = gate_offering(&[algorithm]);
        let challenge = challenge(&mut gate, NOW, Offer::First).remove(0);
        assert_eq!(
            verify(&mut gate, NOW, &answer(&challenge, SECRET, 1)),
            Outcome::Accepted
        );
    }
}

#[test]
fn md5secret_is_asked_for_md5() {
    let digits = Algorithm::Md5.hash(&[b"100:pinion:s3cret"]);
    let md5secret = Some(Secret::Md5(digits.as_bytes()));
    let mut gate = gate_offering(&[Algorithm::Sha256, Algorithm::Md5]);
    let sha = answer(&challenge(&mut gate, NOW, Offer::First)[0], SECRET, 1);
    assert_eq!(
        verify_as(&mut gate, NOW, &sha, b"REGISTER", b"100", md5secret),
        Outcome::Unsuited
    );
    let challenges = challenge(&mut gate, NOW, Offer::Md5);
    assert!(challenges.len() == 1 && challenges[0].ends_with("algorithm=MD5"));
    let md5 = answer(&challenges[0], SECRET, 1);
    assert_eq!(
        verify_as(&mut gate, NOW, &md5, b"REGISTER", b"100", md5secret),
        Outcome::Accepted
    );
}

#[test]
fn a_secret_that_suits_no_offer_is_refused_rather_than_asked_forever() {
    let digits = Algorithm::Md5.hash(&[b"100:pinion:s3cret"]);
    let md5secret = Some(Secret::Md5(digits.as_bytes()));
    let mut gate = gate_offering(&[Algorithm::Sha256]);
    let sha = answer(&challenge(&mut gate, NOW, Offer::First)[0], SECRET, 1);
    assert_eq!(
        verify_as(&mut gate, NOW, &sha, b"REGISTER", b"100", md5secret),
        Outcome::Refused
    );
    assert_eq!(
        challenge(&mut gate, NOW, Offer::Md5).len(),
        1,
        "never a 401 without a challenge"
    );
}

#[test]
fn an_algorithm_not_offered_is_unsuited() {
    let (mut gate, credentials) = proven();
    for algorithm in ["SHA-256", "MD5-sess", "SHA-512-256", "\"\""] {
        let other = credentials.replace("algorithm=MD5", &format!("algorithm={algorithm}"));
        assert_eq!(
            verify(&mut gate, NOW, &other),
            Outcome::Unsuited,
            "{algorithm}"
        );
    }
    let unnamed = credentials.replace(", algorithm=MD5", "");
    assert_eq!(
        verify(&mut gate, NOW, &unnamed),
        Outcome::Accepted,
        "absent means MD5"
    );
}

#[test]
fn credentials_of_other_realms_and_schemes_are_passed_over() {
    let gate = gate();
    let values = [
        "Basic realm=\"pinion\"",
        "Digest username=\"1\", realm=\"elsewhere\"",
        "Digest username=\"2\", realm=\"Pinion\"",
        "Digest username=\"3\", realm=\"pini\\on\"",
        "Digest username=\"4\", realm=\"pinion\"",
    ];
    let params = |values: &'static [&str]| {
        values
            .iter()
            .map(|value| DigestParams::parse(value.as_bytes()))
    };
    let values: &'static [&str] = values.to_vec().leak();
    let found = gate.find(params(values)).unwrap();
    assert_eq!(found.username(), Some(&b"3"[..]));
    assert!(gate.find(params(&values[..3])).is_none());
}

#[test]
fn a_new_gate_refuses_what_was_minted_before_it() {
    let (_, credentials) = proven();
    let settings = Settings {
        realm: "pinion",
        key: [7; 32],
        shard: 1,
        lifetime_s: 60,
        remembered: 64,
        algorithms: &[],
        hasher: Hasher::with_seeds(1, 2, 3, 4),
    };
    let mut replaced = Gate::new(settings, NOW);
    assert_eq!(verify(&mut replaced, NOW, &credentials), Outcome::Stale);
    let challenge = challenge(&mut replaced, NOW, Offer::Stale).remove(0);
    assert_eq!(
        verify(&mut replaced, NOW, &answer(&challenge, SECRET, 1)),
        Outcome::Accepted
    );
}

#[test]
fn a_proof_holds_for_its_user_secret_and_method_whoever_minted_the_nonce() {
    for challenge in [
        "Digest realm=\"r\", nonce=\"fixed\"",
        "Digest realm=\"r\", nonce=\"fixed\", qop=\"auth\", algorithm=SHA-256",
    ] {
        let credentials = answer(challenge, SECRET, 3);
        let params = DigestParams::parse(credentials.as_bytes());
        assert!(proves(&params, b"REGISTER", b"100", SECRET));
        assert!(!proves(&params, b"INVITE", b"100", SECRET));
        assert!(!proves(&params, b"REGISTER", b"101", SECRET));
        assert!(!proves(
            &params,
            b"REGISTER",
            b"100",
            Secret::Plain(b"other")
        ));
    }
    let bare = DigestParams::parse(b"Digest realm=\"r\"");
    assert!(!proves(&bare, b"REGISTER", b"100", SECRET));
}
