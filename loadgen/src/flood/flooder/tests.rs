//! The flood's machine in virtual time, against targets of a few lines.

use super::*;
use crate::flood::Aim;
use crate::plan::Users;

fn flood(profile: Profile, seed: u64) -> Flood {
    Flood {
        profile,
        aim: Aim::new(([127, 0, 0, 1], 5060).into(), false).unwrap(),
        rate: 1000,
        duration: Duration::from_secs(2),
        users: Users::Formula {
            name: "user{0..9}".parse().unwrap(),
            password: Some("secret".parse().unwrap()),
        },
        callee: "600".into(),
        seed,
    }
}

fn flooder(flood: &Flood) -> Flooder {
    Flooder::new(flood, ([127, 0, 0, 1], 40_000).into())
}

pub fn site(seed: u64) -> Site {
    flooder(&flood(Profile::Malformed, seed)).site
}

/// A target that answers every request of `flooder` with what `answer`
/// makes of it, a millisecond later; everything sent, with its time.
fn drive(
    flooder: &mut Flooder,
    answer: impl Fn(&str) -> Option<String>,
) -> Vec<(Instant, Vec<u8>)> {
    let mut out = Outbox::new(10_000);
    let mut sent = Vec::new();
    let mut now = Instant::START;
    for _ in 0..100_000 {
        if flooder.is_idle() {
            return sent;
        }
        let deadline = flooder.deadline().expect("it is not idle");
        now = now.max(deadline);
        flooder.handle(now, Input::Elapsed, &mut out);
        let batch: Vec<Vec<u8>> = out.sends().map(|(_, bytes)| bytes.to_vec()).collect();
        out.clear_sends();
        now = now + Duration::from_millis(1);
        for bytes in batch {
            if let Some(response) = answer(&String::from_utf8_lossy(&bytes)) {
                let flow = flooder.flow;
                let bytes = response.as_bytes();
                flooder.handle(now, Input::Datagram { bytes, flow }, &mut out);
            }
            sent.push((now, bytes));
        }
    }
    panic!("no end");
}

/// The response to a request, with the fields a response copies.
fn reply(request: &str, status: &str, more: &str) -> String {
    let copied = |line: &&str| {
        ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let copied: Vec<&str> = request.lines().filter(copied).collect();
    let copied = copied.join("\r\n").replace(
        "To: <sip:600@127.0.0.1:5060>",
        "To: <sip:600@127.0.0.1:5060>;tag=theirs",
    );
    format!("SIP/2.0 {status}\r\n{copied}\r\n{more}Content-Length: 0\r\n\r\n")
}

const CHALLENGE: &str =
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n";

fn is_probe(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|word| word == b"probe-")
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    for profile in Profile::ALL {
        let run = |seed| {
            let sent = drive(&mut flooder(&flood(profile, seed)), |request| {
                Some(reply(request, "401 Unauthorized", CHALLENGE))
            });
            sent.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>()
        };
        let first = run(7);
        assert!(first == run(7), "{profile:?}");
        assert!(first != run(8), "{profile:?}");
    }
}

#[test]
fn rate_and_duration_bound_it_whatever_is_answered() {
    for profile in Profile::ALL {
        let mut flooder = flooder(&flood(profile, 1));
        let sent = drive(&mut flooder, |request| {
            Some(reply(request, "401 Unauthorized", CHALLENGE))
        });
        let flood: Vec<_> = sent.iter().filter(|(_, bytes)| !is_probe(bytes)).collect();
        assert_eq!(flood.len(), 2000, "{profile:?}");
        let tally = &flooder.tally;
        assert_eq!(tally.sent + tally.followed, 2000, "{profile:?}");
        let last = flood.last().unwrap().0;
        assert!(
            last <= Instant::START + Duration::from_millis(2002),
            "{profile:?}"
        );
        assert!(tally.survived && tally.probes >= 20, "{tally:?}");
    }
}

#[test]
fn a_dead_target_is_told_and_does_not_hold_it_up() {
    let mut flooder = flooder(&flood(Profile::InviteRandom, 1));
    let sent = drive(&mut flooder, |_| None);
    assert!(!flooder.tally.survived && flooder.tally.probes_answered == 0);
    let last = sent.last().unwrap().0;
    let limit = Duration::from_secs(2) + PROBE_LIMIT + PROBE_EVERY;
    assert!(last <= Instant::START + limit, "{last:?}");
}

#[test]
fn an_answer_during_the_flood_is_no_survival() {
    let mut flooder = flooder(&flood(Profile::InviteRandom, 1));
    drive(&mut flooder, |request| {
        let first_ten = request.contains(&format!("probe-{PROBES}-"));
        (is_probe(request.as_bytes()) && first_ten).then(|| reply(request, "200 OK", ""))
    });
    assert_eq!(flooder.tally.probes_answered, 1);
    assert!(!flooder.tally.survived);
}

/// The first lines of what one profile sends to a target that challenges
/// the first request of a call and answers the second.
fn lines(profile: Profile, status: &str) -> Vec<String> {
    let sent = drive(&mut flooder(&flood(profile, 3)), |request| {
        Some(
            if request.contains("CSeq: 1 ") && !is_probe(request.as_bytes()) {
                reply(request, "401 Unauthorized", CHALLENGE)
            } else {
                reply(request, status, "Contact: <sip:them@127.0.0.1:5060>\r\n")
            },
        )
    });
    let text = |(_, bytes): &(Instant, Vec<u8>)| String::from_utf8_lossy(bytes).into_owned();
    sent.iter()
        .filter(|(_, bytes)| !is_probe(bytes))
        .map(text)
        .collect()
}

fn count(lines: &[String], starts: &str) -> usize {
    lines.iter().filter(|line| line.starts_with(starts)).count()
}

#[test]
fn a_storm_answers_its_challenges() {
    let lines = lines(Profile::RegisterStorm, "200 OK");
    let proven = lines
        .iter()
        .filter(|line| line.contains("\r\nAuthorization: Digest username=\"user"));
    assert!(proven.count().abs_diff(1000) <= 2);
}

#[test]
fn never_ack_never_acknowledges() {
    let lines = lines(Profile::NeverAck, "200 OK");
    assert_eq!(count(&lines, "INVITE "), lines.len());
    assert!(lines.iter().any(|line| line.contains("CSeq: 2 INVITE")));
}

#[test]
fn a_race_cancels_early_and_late_and_leaves_no_call() {
    let answered = lines(Profile::CancelRace, "200 OK");
    for method in [
        "INVITE ",
        "CANCEL ",
        "ACK sip:600@",
        "ACK sip:them@",
        "BYE sip:them@",
    ] {
        assert!(count(&answered, method) > 50, "{method}");
    }
    let ringing = lines(Profile::CancelRace, "180 Ringing");
    assert_eq!(count(&ringing, "BYE "), 0);
    assert!(count(&ringing, "CANCEL ") > count(&answered, "CANCEL ") / 2);
}

#[test]
fn a_scanner_guesses_where_it_is_challenged() {
    let lines = lines(Profile::Scanner, "403 Forbidden");
    assert!(count(&lines, "OPTIONS sip:100@") > 400);
    let guesses = lines
        .iter()
        .filter(|line| line.contains("Authorization: Digest username=\"100\""));
    assert!(guesses.count() > 50);
    assert!(lines.iter().all(|line| line.contains("User-Agent: ")));
}
