use proptest::prelude::*;

use super::*;

const LIMIT: usize = 4096;

const OPTIONS: &str = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKo\r\n\
    From: <sip:a@h>;tag=1\r\nTo: <sip:h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n";

/// What a stream says, dealt with as a connection does.
#[derive(PartialEq, Eq, Debug, Default)]
struct Heard {
    messages: Vec<Vec<u8>>,
    pings: usize,
    fault: Option<Unframed>,
}

/// Lets bytes come in parts that end at `cuts`.
fn hear(stream: &[u8], cuts: &[usize]) -> Heard {
    let (mut framer, mut heard) = (Framer::default(), Heard::default());
    let mut held = Vec::new();
    let mut start = 0;
    for &end in cuts.iter().chain([&stream.len()]) {
        held.extend_from_slice(&stream[start..end]);
        start = end;
        let mut at = 0;
        loop {
            match framer.next(&held[at..], LIMIT) {
                Frame::Partial => break,
                Frame::Blank { len, pings } => {
                    heard.pings += pings;
                    at += len;
                }
                Frame::Message { len } => {
                    heard.messages.push(held[at..at + len].to_vec());
                    at += len;
                }
                Frame::Unframed { fault, .. } => {
                    heard.fault = Some(fault);
                    return heard;
                }
            }
        }
        held.drain(..at);
    }
    heard
}

fn message(name: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{OPTIONS}{name}{}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn part() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let name = prop_oneof![
        Just("Content-Length: "),
        Just("content-length :"),
        Just("l:\r\n "),
        Just("L: ")
    ];
    // Bodies hold what would end a header or begin a message.
    let body = "(\r\n|\n|[ a-z]|Content-Length: 9\r\n\r\n){0,40}";
    prop_oneof![
        3 => (name, body).prop_map(|(name, body)| (message(name, body.as_bytes()), true)),
        1 => Just((b"\r\n".to_vec(), false)),
        1 => Just((b"\r\n\r\n".to_vec(), false)),
    ]
}

proptest! {
    #[test]
    fn any_split_of_a_stream_has_the_same_messages(
        parts in proptest::collection::vec(part(), 0..8),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream: Vec<u8> = parts.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = hear(&stream, &[]);
        let sent: Vec<Vec<u8>> = parts.into_iter().filter(|part| part.1).map(|part| part.0).collect();
        prop_assert_eq!(&whole.messages, &sent);
        prop_assert_eq!(&hear(&stream, &cuts), &whole);
        let each: Vec<usize> = (0..stream.len()).collect();
        prop_assert_eq!(&hear(&stream, &each), &whole);
    }

    #[test]
    fn no_stream_is_beyond_a_framer(stream: Vec<u8>, cut: prop::sample::Index) {
        let cut = cut.index(stream.len() + 1);
        hear(&stream, &[cut]);
    }
}

#[test]
fn two_line_ends_are_a_ping_and_swallow_nothing() {
    let options = message("l: ", b"");
    let pinged = |blank: &[u8]| {
        let stream = [blank, options.as_slice(), b"\r\n"].concat();
        let heard = hear(&stream, &[]);
        assert_eq!(heard.messages, std::slice::from_ref(&options), "{blank:?}");
        heard.pings
    };
    assert_eq!(pinged(b""), 0);
    assert_eq!(pinged(b"\r\n"), 0);
    assert_eq!(pinged(b"\r\n\r\n"), 1);
    assert_eq!(pinged(b"\r\n\r\n\r\n"), 1);
    assert_eq!(pinged(b"\r\n\r\n\r\n\r\n"), 2);
    assert_eq!(hear(b"\r\n\r\n", &[1, 2, 3]).pings, 1);
}

#[test]
fn a_line_end_before_a_message_makes_no_ping_with_one_after() {
    let stream = [b"\r\n", message("l: ", b"").as_slice(), b"\r\n"].concat();
    assert_eq!(hear(&stream, &[]).pings, 0);
}

#[test]
fn what_cannot_be_framed_is_said_why() {
    let fault = |rest: &str| hear(format!("{OPTIONS}{rest}").as_bytes(), &[]).fault;
    assert_eq!(fault("\r\n"), Some(Unframed::NoLength));
    for bad in ["-1", "x", "", "1 2", "0x10", "99999999999", "3\r\nl: 4"] {
        let header = format!("Content-Length: {bad}\r\n\r\n");
        assert_eq!(fault(&header), Some(Unframed::BadLength), "{bad}");
    }
    assert_eq!(fault("l: 3\r\nContent-Length: 3\r\n\r\nabc"), None);
    assert_eq!(fault("l: 9999\r\n\r\n"), Some(Unframed::BodyTooLarge));
    assert_eq!(fault("l: 4294967295\r\n\r\n"), Some(Unframed::BodyTooLarge));
    let long = "X: y\r\n".repeat(LIMIT);
    assert_eq!(fault(&long), Some(Unframed::HeaderTooLarge));
    let body = "y".repeat(3000);
    assert_eq!(fault(&format!("l: 3000\r\n\r\n{body}")), None);
}

#[test]
fn a_byte_is_looked_at_once_though_they_come_one_by_one() {
    let stream = message("l: ", b"");
    let mut framer = Framer::default();
    for end in 1..stream.len() {
        assert_eq!(framer.next(&stream[..end], LIMIT), Frame::Partial);
        assert!(framer.seen as usize + 2 >= end, "{end}: {framer:?}");
    }
}

#[test]
fn a_request_that_cannot_be_framed_is_refused_from_its_header() {
    let (near, far) = ("192.0.2.1:5060", "198.51.100.7:40000");
    let flow = Flow::udp(0, near.parse().unwrap(), far.parse().unwrap());
    let refusal = |header: &str, fault| {
        let mut buffer = Vec::new();
        write_refusal(&mut buffer, header.as_bytes(), fault, flow);
        String::from_utf8(buffer).unwrap()
    };
    let text = refusal(&format!("{OPTIONS}\r\n"), Unframed::NoLength);
    assert!(
        text.starts_with("SIP/2.0 400 Missing Content-Length\r\n"),
        "{text}"
    );
    assert!(text.contains("branch=z9hG4bKo"), "{text}");
    assert!(text.contains(";received=198.51.100.7"), "{text}");
    assert!(text.contains("To: <sip:h>;tag="), "{text}");
    assert!(text.ends_with("Content-Length: 0\r\n\r\n"), "{text}");
    let cut = format!("{OPTIONS}Subject: never end");
    let text = refusal(&cut, Unframed::HeaderTooLarge);
    assert!(text.starts_with("SIP/2.0 513 "), "{text}");
    let text = refusal(&cut, Unframed::BodyTooLarge);
    assert!(text.starts_with("SIP/2.0 413 "), "{text}");
    assert_eq!(refusal("SIP/2.0 200 OK\r\n\r\n", Unframed::NoLength), "");
    assert_eq!(refusal("GET / HTTP/1.1\r\n\r\n", Unframed::NoLength), "");
    let ack = OPTIONS.replace("OPTIONS", "ACK");
    assert_eq!(refusal(&ack, Unframed::NoLength), "");
}
