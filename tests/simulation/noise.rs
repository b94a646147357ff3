//! Datagrams of somebody who knows SIP, has no password and means no good.
//!
//! Owns the stranger's address and what it sends: whole messages, mutilated
//! ones, and bytes that never were one.

use pinion_sip::base::Random;

use crate::message::Msg;

/// Where strangers are.
pub const STRANGER: ([u8; 4], u16) = ([10, 1, 0, 1], 5060);

const METHODS: [&str; 12] = [
    "INVITE",
    "REGISTER",
    "OPTIONS",
    "MESSAGE",
    "BYE",
    "CANCEL",
    "ACK",
    "SUBSCRIBE",
    "NOTIFY",
    "REFER",
    "INFO",
    "FOO",
];

/// One datagram.
pub fn draw(random: &mut Random) -> Vec<u8> {
    let mut bytes = whole(random).bytes();
    for _ in 0..random.below(4) {
        mutilate(random, &mut bytes);
    }
    bytes
}

fn whole(random: &mut Random) -> Msg {
    let method = METHODS[random.below(METHODS.len() as u64) as usize];
    let word = format!("{:x}", random.next_u64());
    let user = ["1001", "1002", "abc", "*"][random.below(4) as usize];
    let request = Msg::request(method, &format!("sip:{user}@10.9.9.1"))
        .with(
            "Via",
            format!("SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK{word};rport"),
        )
        .with("Max-Forwards", random.below(100))
        .with("From", format!("<sip:1001@10.9.9.1>;tag={word}"))
        .with("To", format!("<sip:{user}@10.9.9.1>"))
        .with("Call-ID", &word)
        .with("CSeq", format!("{} {method}", random.below(1 << 32)))
        .with("Contact", "<sip:x@10.1.0.1>;expires=60")
        .body("application/sdp", b"v=0\r\ns=stranger\r\n");
    match random.below(4) {
        0 => Msg::response(&request, 100 + random.below(600) as u16, &word),
        1 => request.with(
            "Authorization",
            "Digest username=\"1001\", realm=\"pinion\", nonce=\"x\", uri=\"\", response=\"\"",
        ),
        _ => request,
    }
}

/// Changes, drops, repeats or cuts somewhere.
fn mutilate(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len() as u64) as usize;
    let to = (at + random.below(40) as usize).min(bytes.len());
    match random.below(5) {
        0 => bytes[at] = random.below(256) as u8,
        1 => bytes[at] = b"\r\n \t:;,<>\"@\\\0"[random.below(13) as usize],
        2 => drop(bytes.drain(at..to)),
        3 => {
            let again = bytes[at..to].to_vec();
            bytes.splice(at..at, again);
        }
        _ => bytes.truncate(at + 1),
    }
    if bytes.is_empty() {
        bytes.push(b'\n');
    }
}
