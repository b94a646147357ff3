//! The trial a datagram must survive, by property tests and by fuzzing, whose
//! crate takes in this file by its path. Names come from the module around it.

use core::net::SocketAddr;

use super::*;

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
        let mut user = Default::default();
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
                digest.nonce().map(unfolded),
            )
        })
        .collect();
    let tokens: Vec<_> = message
        .require()
        .chain(message.supported())
        .map(unfolded)
        .collect();
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
pub fn survive(datagram: &[u8]) {
    let (mut fields, mut fields_again) = (Fields::new(), Fields::new());
    let Ok(mut message) = Message::parse(datagram, &mut fields) else {
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
        let mut again = Message::parse(&written, &mut fields_again).unwrap();
        assert_eq!(again.check(), Ok(()));
        if message.is_request() {
            assert_eq!(read_everything(&again), everything);
        }
        assert_eq!(again.body(), message.body());
    }
}
