//! What holds for every message: what was written is read back, and nothing
//! that arrives brings the reader down.

use proptest::collection::vec;
use proptest::prelude::*;

use super::survive::survive;
use super::*;

const SEEDS: [&[u8]; 6] = [
    include_bytes!("../../../tests/fixtures/torture/wsinv.dat"),
    include_bytes!("../../../tests/fixtures/torture/intmeth.dat"),
    include_bytes!("../../../tests/fixtures/torture/mpart01.dat"),
    include_bytes!("../../../tests/fixtures/torture/esc01.dat"),
    include_bytes!("../../../tests/fixtures/torture/unreason.dat"),
    include_bytes!("../../../tests/fixtures/ipv6/ipv4-mapped-ipv6.dat"),
];

fn token() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.!%*_+`'~-]{1,20}"
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,8}(\\.[a-z]{2,6}){0,2}",
        any::<[u8; 4]>().prop_map(|octets| core::net::Ipv4Addr::from(octets).to_string()),
        any::<u128>().prop_map(|bits| format!("[{}]", core::net::Ipv6Addr::from(bits))),
    ]
}

fn host_port() -> impl Strategy<Value = String> {
    (host(), proptest::option::of(1..=u16::MAX)).prop_map(|(host, port)| match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

fn user() -> impl Strategy<Value = String> {
    "([a-zA-Z0-9_.!~*'()&=+$,;?/#-]|%[0-9a-fA-F]{2}){1,16}"
}

fn uri() -> impl Strategy<Value = String> {
    let params = vec("[a-z]{1,6}(=[a-zA-Z0-9.:/+-]{1,8})?", 0..4);
    ("sips?", proptest::option::of(user()), host_port(), params).prop_map(
        |(scheme, user, host_port, params)| {
            let user = user.map_or(String::new(), |user| user + "@");
            let params: String = params.iter().map(|param| format!(";{param}")).collect();
            format!("{scheme}:{user}{host_port}{params}")
        },
    )
}

/// A display name with its quotes, and what is inside them.
fn display() -> impl Strategy<Value = String> {
    "([ -!#-\\[\\]-~é日]|\\\\[ -~]){0,20}"
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        method in token(), request_uri in uri(), (from, to) in (uri(), uri()),
        display in display(), tag in token(), via_host in host_port(), branch in token(),
        number in any::<u32>(), call_id in "[!-~]{1,40}", contacts in vec(uri(), 0..4),
        body in vec(any::<u8>(), 0..100), compact in any::<bool>(),
    ) {
        let mut buffer = Vec::new();
        let mut writer = Writer::new(&mut buffer, compact);
        writer.request(Method::new(method.as_bytes()), request_uri.as_bytes());
        writer.field_fmt(HeaderName::Via, format_args!("SIP/2.0/UDP {via_host};branch={branch}"));
        writer.field_fmt(HeaderName::From, format_args!("\"{display}\" <{from}>;tag={tag}"));
        writer.field_fmt(HeaderName::To, format_args!("<{to}>"));
        writer.field(HeaderName::CallId, call_id.as_bytes());
        writer.field_fmt(HeaderName::CSeq, format_args!("{number} {method}"));
        for contact in &contacts {
            writer.field_fmt(HeaderName::Contact, format_args!("<{contact}>"));
        }
        writer.end_with_body(b"application/octet-stream", &body);

        let mut fields = Fields::new();
        let mut message = Message::parse(&buffer, &mut fields).unwrap();
        prop_assert_eq!(message.check(), Ok(()));
        prop_assert_eq!(message.method().as_bytes(), method.as_bytes());
        prop_assert_eq!(message.request_uri(), request_uri.as_bytes());
        let via = message.top_via().unwrap();
        prop_assert_eq!(via.sent_by(), via_host.as_bytes());
        prop_assert_eq!(via.branch(), Some(branch.as_bytes()));
        let addr = message.from().unwrap();
        prop_assert_eq!(addr.display, display.as_bytes());
        prop_assert_eq!((addr.uri, addr.tag()), (from.as_bytes(), Some(tag.as_bytes())));
        prop_assert_eq!(message.to().unwrap().uri, to.as_bytes());
        prop_assert_eq!(message.call_id(), call_id.as_bytes());
        prop_assert_eq!(message.cseq().unwrap().number, number);
        prop_assert_eq!(message.contacts().count(), contacts.len());
        prop_assert_eq!(message.body(), &body[..]);
        survive(&buffer);
    }

    #[test]
    fn mutations_of_good_messages_do_no_harm(
        seed in 0..SEEDS.len(),
        edits in vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..8),
    ) {
        let mut datagram = SEEDS[seed].to_vec();
        for (index, byte, edit) in edits {
            let at = index.index(datagram.len());
            match edit {
                0 => datagram[at] = byte,
                1 => datagram.insert(at, byte),
                2 => datagram[at] = b"\r\n\",;<>:= @%\\\0"[usize::from(byte) % 14],
                _ => { datagram.remove(at); }
            }
        }
        survive(&datagram);
    }

    #[test]
    fn no_value_makes_a_line_of_its_own(values in vec(vec(any::<u8>(), 0..40), 1..8)) {
        let mut buffer = Vec::new();
        let mut writer = Writer::new(&mut buffer, false);
        writer.request(Method::Options, &values[0]);
        for value in &values {
            writer.field(HeaderName::Via, value);
            writer.other(value, value);
            writer.other(b"X", value);
        }
        let fields_written = values.len() * 2 + values.iter().filter(|value| is_token(value)).count();
        writer.end();
        let mut fields = Fields::new();
        if let Ok(message) = Message::parse(&buffer, &mut fields) {
            prop_assert_eq!(message.all().count(), fields_written + 1);
            prop_assert_eq!(message.body(), b"");
        }
        let lines = buffer.split(|&byte| byte == b'\n').count();
        prop_assert_eq!(lines, fields_written + 4);
    }

    #[test]
    fn any_bytes_are_a_uri_or_not(text in vec(any::<u8>(), 0..60), plain in "[sip:a-f@;=%0-9?&.\\[\\]]{0,40}") {
        for text in [&text[..], plain.as_bytes()] {
            if let Ok(uri) = Uri::parse(text) {
                prop_assert!(Uri::equivalent(&uri, &uri));
            }
        }
    }
}

#[test]
fn every_start_of_a_good_message_does_no_harm() {
    for seed in SEEDS {
        for end in 0..seed.len() {
            survive(&seed[..end]);
        }
    }
}
