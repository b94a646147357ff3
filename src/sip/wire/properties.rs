//! What holds for every message: what was written is read back, and nothing
//! that arrives brings the reader down.

use core::net::SocketAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SEEDS: [&[u8]; 6] = [
    include_bytes!("../../../tests/fixtures/torture/wsinv.dat"),
    include_bytes!("../../../tests/fixtures/torture/intmeth.dat"),
    include_bytes!("../../../tests/fixtures/torture/mpart01.dat"),
    include_bytes!("../../../tests/fixtures/torture/esc01.dat"),
    include_bytes!("../../../tests/fixtures/torture/unreason.dat"),
    include_bytes!("../../../tests/fixtures/ipv6/ipv4-mapped-ipv6.dat"),
];

fn source() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 77], 40_000))
}

/// A value as the writer puts it: every fold one space.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::new();
    Writer::new(&mut buffer, false).other(b"x", value);
    buffer[3..buffer.len() - 2].to_vec()
}

/// Everything a message can be asked, as far as it has an answer.
fn read_everything(message: &Message) -> String {
    let mut uris: Vec<&[u8]> = vec![message.request_uri()];
    let mut addresses: Vec<_> = message.routes().chain(message.record_routes()).collect();
    addresses.extend([message.from(), message.to()]);
    addresses.extend(message.contacts().filter_map(|contact| match contact {
        Ok(ContactValue::Addr(addr)) => Some(Ok(addr)),
        Ok(ContactValue::Star) => None,
        Err(fault) => Some(Err(fault)),
    }));
    uris.extend(addresses.iter().flatten().map(|addr| addr.uri));
    let parsed: Vec<_> = uris
        .iter()
        .map(|uri| Uri::parse(uri).map_err(|fault| fault.kind))
        .collect();
    for uri in parsed.iter().flatten() {
        let mut user = crate::base::Text::new();
        uri.user_decoded(&mut user);
        assert!(uri.user_eq(&user) && Uri::equivalent(uri, uri));
        uri.socket_addr(5060);
    }
    let names: Vec<_> = addresses
        .iter()
        .flatten()
        .map(|addr| {
            (
                unfolded(addr.display),
                addr.uri,
                addr.tag(),
                addr.q(),
                addr.expires_s(),
            )
        })
        .collect();
    let vias: Vec<_> = message
        .vias()
        .flatten()
        .map(|via| {
            let to = (via.reply_to(source(), false), via.reply_to(source(), true));
            (
                via.transport,
                via.host,
                via.port,
                via.branch(),
                via.rport(),
                via.received(),
                to,
            )
        })
        .collect();
    let digests: Vec<_> = message
        .credentials(HeaderName::Authorization)
        .map(|digest| {
            (
                digest.scheme_is_digest,
                digest.username().map(unfolded),
                digest.nonce(),
            )
        })
        .collect();
    let tokens: Vec<_> = message.require().chain(message.supported()).collect();
    format!(
        "{:?} {names:?} {vias:?} {digests:?} {tokens:?} {:?} {:?} {:?} {:?} {:?} {:?} {parsed:?}",
        message.start(),
        message.cseq().map_err(|fault| fault.kind),
        message.max_forwards().map_err(|fault| fault.kind),
        message.expires(),
        message.call_id(),
        message.content_type().map(unfolded),
        message.body(),
    )
}

/// Writes all of a message again.
fn copy(message: &Message, compact: bool) -> Vec<u8> {
    let mut buffer = Vec::new();
    let mut writer = Writer::new(&mut buffer, compact);
    match message.start() {
        StartLine::Request { method, uri } => writer.request(method, uri),
        StartLine::Response { status, reason } => {
            writer.status(status, Some(&String::from_utf8_lossy(reason)));
        }
    }
    for (name, known, value) in message.all() {
        match known {
            Some(HeaderName::ContentLength | HeaderName::ContentType) => {}
            Some(known) => writer.field(known, value),
            None => writer.other(name, value),
        }
    }
    match message.content_type() {
        Some(content_type) => writer.end_with_body(content_type, message.body()),
        None => {
            writer.field_fmt(
                HeaderName::ContentLength,
                format_args!("{}", message.body().len()),
            );
            buffer.extend_from_slice(b"\r\n");
            buffer.extend_from_slice(message.body());
        }
    }
    buffer
}

/// Reads a datagram; what passes must survive being written and read again.
fn survive(datagram: &[u8]) {
    let (mut fields, mut fields_again) = (Fields::new(), Fields::new());
    let Ok(message) = Message::parse(datagram, &mut fields) else {
        return;
    };
    let everything = read_everything(&message);
    let mut reply = Vec::new();
    let mut writer = Writer::new(&mut reply, false);
    writer.status(Status::BAD_REQUEST, None);
    writer.vias(&message, source(), true);
    writer.to_with_tag(&message, b"tag");
    writer.end();
    if message.check().is_err() || datagram.contains(&0) {
        return;
    }
    for compact in [false, true] {
        let written = copy(&message, compact);
        let again = Message::parse(&written, &mut fields_again).unwrap();
        assert_eq!(again.check(), Ok(()));
        if message.is_request() {
            assert_eq!(read_everything(&again), everything);
        }
        assert_eq!(again.body(), message.body());
    }
}

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
        let message = Message::parse(&buffer, &mut fields).unwrap();
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
