//! However a message is shaped, the kernel's choice is `shard_of`.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// A message, its Call-ID, and whether the filter's reach covers it.
#[derive(Clone, Debug)]
struct Shaped {
    text: String,
    call_id: String,
    plain: bool,
}

/// Lines that are none of a Call-ID, though they hold much of one.
const OTHERS: [&str; 8] = [
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
    "v: SIP/2.0/UDP call.example.com:5060;branch=z9hG4bK-call",
    "From: \"Call-In\" <sip:recall@example.com>;tag=77",
    "Call-Info: <http://www.example.com/alice/>;purpose=info",
    "k: x",
    "Info-Package: i",
    "In-Reply-To: 70710@saturn.bell-tel.com",
    "s:",
];

/// The same, that a filter takes for one at first sight, and gives up.
const DECOYS: [&str; 6] = [
    "From: \"Call-ID\" <sip:recall@example.com>;tag=77",
    "Subject: shall-identify the call",
    "Call-ID-Of: nothing@all",
    "Subject: the Call-ID: of@another",
    "Reply-To: <sip:ali:secret@example.com>",
    "X-Email-ID: 9",
];

fn cased(name: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<bool>(), name.len()).prop_map(move |upper| {
        let letters = name.chars().zip(upper);
        letters
            .map(|(letter, upper)| match upper {
                true => letter.to_ascii_uppercase(),
                false => letter.to_ascii_lowercase(),
            })
            .collect()
    })
}

fn shaped() -> impl Strategy<Value = Shaped> {
    let start = prop_oneof![
        Just("INVITE sip:1002@pbx.example.com SIP/2.0"),
        Just("SIP/2.0 200 OK"),
        Just("SIP/2.0 487 Request Terminated"),
    ];
    let others = prop::collection::vec(prop::sample::select(&OTHERS[..]), 0..6);
    let decoy = prop::option::weighted(0.2, prop::sample::select(&DECOYS[..]));
    let name = prop_oneof![3 => cased("call-id"), 1 => cased("i")];
    let before = prop_oneof![4 => Just(""), 1 => prop::sample::select(&[" ", "\t", " \t"][..])];
    let behind = prop::sample::select(&["", " ", " ", "\t", "  ", " \r\n ", "\r\n\t"][..]);
    let call_id = "[-a-zA-Z0-9.!%*_+`'~()<>:\\\\\"/\\[\\]?{}]{1,48}(@[a-z0-9.]{1,12})?";
    let trailing = prop::sample::select(&["", " ", "\t "][..]);
    (
        start, others, decoy, name, before, behind, call_id, trailing,
    )
        .prop_map(
            |(start, others, decoy, name, before, behind, call_id, trailing)| {
                let mut text = format!("{start}\r\n");
                for line in others.iter().chain(&decoy) {
                    text.push_str(line);
                    text.push_str("\r\n");
                }
                let reach = match name.len() {
                    1 => cbpf::COMPACT_REACH,
                    _ => cbpf::NAME_REACH,
                };
                let plain = decoy.is_none()
                    && text.len() + name.len() < reach as usize
                    && !before.contains('\t')
                    && (name.len() > 1 || before.is_empty());
                text.push_str(&format!("{name}{before}:{behind}{call_id}{trailing}\r\n"));
                text.push_str("CSeq: 314159 INVITE\r\nContent-Length: 9\r\n\r\ni: no\r\n\r\n");
                Shaped {
                    text,
                    call_id,
                    plain,
                }
            },
        )
}

fn every_shape_comes_to_its_home(way: Way, considered: fn(&Shaped) -> bool) {
    let mut groups = bind(&["127.0.0.1:0"]);
    let Some(_steering) = steer(&groups, way) else {
        return;
    };
    let bench = Bench::new(groups.remove(0), "127.0.0.1");
    let strategy = (
        shaped().prop_filter("out of reach", considered),
        0..32_usize,
    );
    let mut runner = TestRunner::new(Config {
        cases: 2000,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&strategy, |(shaped, phone)| {
            let received = bench.pass(phone, shaped.text.as_bytes());
            prop_assert_eq!(received, shard_of(shaped.call_id.as_bytes(), SHARDS));
            Ok(())
        })
        .unwrap();
}

#[test]
fn ebpf_finds_the_home_of_every_shape() {
    every_shape_comes_to_its_home(Way::Ebpf, |_| true);
}

#[test]
fn cbpf_finds_the_home_of_every_shape_in_its_reach() {
    every_shape_comes_to_its_home(Way::Cbpf, |shaped| shaped.plain);
}
