//! How whole messages are read, refused and written.

use super::header::unquote;
use super::*;

const START: &str = "OPTIONS sip:bob@biloxi.com SIP/2.0\r\n";
const NEEDED: &str = "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa;rport\r\n\
    From: <sip:alice@atlanta.com>;tag=1\r\nTo: <sip:bob@biloxi.com>\r\n\
    Call-ID: a84b4c76e66710\r\nCSeq: 7 OPTIONS\r\n";

fn with(extra: &str) -> String {
    format!("{START}{NEEDED}{extra}\r\n")
}

/// Reads a datagram and hands it on, checked or not.
fn read<T>(datagram: impl AsRef<[u8]>, look: impl FnOnce(&mut Message) -> T) -> T {
    let mut fields = Fields::new();
    look(&mut Message::parse(datagram.as_ref(), &mut fields).unwrap())
}

fn fault(datagram: impl AsRef<[u8]>) -> Option<FaultKind> {
    read(datagram, |message| {
        message.check().err().map(|fault| fault.kind)
    })
}

fn unreadable(datagram: impl AsRef<[u8]>) -> Option<Unreadable> {
    Message::parse(datagram.as_ref(), &mut Fields::new()).err()
}

fn write(write: impl FnOnce(&mut Writer)) -> String {
    let mut buffer = Vec::new();
    let mut writer = Writer::new(&mut buffer, false);
    write(&mut writer);
    writer.end();
    String::from_utf8(buffer).unwrap()
}

#[test]
fn keep_alives_and_noise_are_unreadable() {
    for empty in [&b""[..], b"\r\n\r\n", b"\0\0\0\0", b"\r\n"] {
        assert_eq!(unreadable(empty), Some(Unreadable::Empty));
    }
    assert_eq!(
        unreadable(b"\x00\x01\x00\x08stun"),
        Some(Unreadable::NotSip)
    );
    assert_eq!(unreadable(vec![b'a'; 65_536]), Some(Unreadable::TooLong));
    assert_eq!(
        unreadable(format!("{START}To: <sip:b@c>\r\n\r\n")),
        Some(Unreadable::NoVia)
    );
    for (index, cause) in Unreadable::ALL.into_iter().enumerate() {
        assert_eq!(cause.index(), index);
    }
}

#[test]
fn line_ends_before_the_first_line_are_passed_over() {
    assert_eq!(fault(format!("\r\n\r\n{}", with(""))), None);
}

#[test]
fn fields_are_trimmed_and_found_by_any_name() {
    let datagram = with("k :  path , outbound\t\r\nSUPPORTED:timer\r\ns:\r\nX-One:\ta \r\n  b\r\n");
    read(&datagram, |message| {
        message.check().unwrap();
        let supported: Vec<_> = message.supported().collect();
        assert_eq!(supported, [&b"path"[..], b"outbound", b"timer"]);
        assert_eq!(message.value(HeaderName::Subject), Some(&b""[..]));
        let others: Vec<_> = message.others().collect();
        assert_eq!(others, [(&b"X-One"[..], &b"a \r\n  b"[..])]);
        assert_eq!(message.all().count(), 9);
    });
}

#[test]
fn joined_and_repeated_fields_are_equal() {
    let lists = |extra: &str| {
        read(with(extra), |message| {
            message.check().unwrap();
            let routes = message
                .record_routes()
                .map(|route| route.unwrap().uri.to_vec());
            routes.collect::<Vec<_>>()
        })
    };
    let joined = lists("Record-Route: <sip:a;lr>, \"x, y\" <sip:b;lr>,<sip:c,d@e>\r\n");
    let repeated = lists(
        "Record-Route: <sip:a;lr>\r\nRECORD-ROUTE: \"x, y\" <sip:b;lr>\r\nrecord-route: <sip:c,d@e>\r\n",
    );
    assert_eq!(joined, repeated);
    assert_eq!(joined.len(), 3);
}

#[test]
fn typed_values() {
    let datagram = with(
        "Max-Forwards: 70\r\nExpires: 60\r\nContact: <sip:a@b>;q=0.5, <sip:c@d>\r\nContact: *\r\n\
         Require: a\r\nAuthorization: Digest realm=\"x\"\r\nContent-Type: text/plain\r\n",
    ) + "hello";
    read(&datagram, |message| {
        message.check().unwrap();
        assert!(message.is_request());
        assert_eq!(message.method(), Method::Options);
        assert_eq!(message.request_uri(), b"sip:bob@biloxi.com");
        assert_eq!(message.status(), None);
        assert_eq!(message.call_id(), b"a84b4c76e66710");
        assert_eq!(message.max_forwards(), Ok(Some(70)));
        assert_eq!(message.expires(), Some(60));
        assert_eq!(message.contacts().count(), 3);
        assert_eq!(message.contacts().nth(2), Some(Ok(ContactValue::Star)));
        assert_eq!(message.require().collect::<Vec<_>>(), [b"a"]);
        let realms: Vec<_> = message
            .credentials(HeaderName::Authorization)
            .map(|digest| digest.realm())
            .collect();
        assert_eq!(realms, [Some(&b"x"[..])]);
        assert_eq!(message.content_type(), Some(&b"text/plain"[..]));
        assert_eq!(message.body(), b"hello");
        assert_eq!(message.datagram(), datagram.as_bytes());
    });
}

#[test]
fn a_response() {
    let datagram = format!("SIP/2.0 180 Ringing now\r\n{NEEDED}\r\n");
    read(&datagram, |message| {
        message.check().unwrap();
        assert!(!message.is_request());
        assert_eq!(message.status(), Some(Status::RINGING));
        assert_eq!(message.method(), Method::Options);
        assert_eq!(message.request_uri(), b"");
    });
    assert_eq!(
        fault("SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"),
        Some(FaultKind::Missing(HeaderName::Via))
    );
}

#[test]
fn the_body_is_as_long_as_content_length_says() {
    let body = |datagram: String| read(datagram, |message| message.body().to_vec());
    assert_eq!(body(with("Content-Length: 2\r\n") + "abcd"), b"ab");
    assert_eq!(body(with("") + "abcd"), b"abcd");
    assert_eq!(
        fault(with("Content-Length: 5\r\n") + "abcd"),
        Some(FaultKind::BodyTooShort)
    );
    let malformed = Some(FaultKind::Malformed(HeaderName::ContentLength));
    for length in ["-1", "five", "", "1 2", "4294967296"] {
        assert_eq!(
            fault(with(&format!("l: {length}\r\n")) + "abcd"),
            malformed,
            "{length}"
        );
    }
}

#[test]
fn single_fields_occur_once() {
    for (name, value) in [
        (HeaderName::CallId, "x"),
        (HeaderName::CSeq, "7 OPTIONS"),
        (HeaderName::From, "<sip:a@b>;tag=1"),
        (HeaderName::To, "<sip:a@b>"),
    ] {
        let extra = format!("{}: {value}\r\n", name.as_str());
        assert_eq!(fault(with(&extra)), Some(FaultKind::Repeated(name)));
    }
    for name in [
        HeaderName::ContentLength,
        HeaderName::MaxForwards,
        HeaderName::Expires,
    ] {
        let extra = format!("{0}: 0\r\n{0}: 0\r\n", name.as_str());
        assert_eq!(fault(with(&extra)), Some(FaultKind::Repeated(name)));
    }
}

#[test]
fn mandatory_fields_are_missed() {
    for name in [
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ] {
        let kept = NEEDED
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with(name.as_str()));
        let lines: String = kept.collect();
        assert_eq!(
            fault(format!("{START}{lines}\r\n")),
            Some(FaultKind::Missing(name))
        );
        let empty = format!("{START}{lines}{}:\r\n\r\n", name.as_str());
        assert_eq!(fault(empty), Some(FaultKind::Missing(name)));
    }
}

#[test]
fn lines_that_are_no_fields() {
    assert_eq!(fault(with("no colon\r\n")), Some(FaultKind::FieldLine));
    assert_eq!(fault(with(": no name\r\n")), Some(FaultKind::FieldLine));
    assert_eq!(fault(with("na(me: x\r\n")), Some(FaultKind::FieldLine));
    assert_eq!(
        fault(format!("{START} folded: x\r\n{NEEDED}\r\n")),
        Some(FaultKind::FieldLine)
    );
    assert_eq!(
        fault(with("x: a\nContact: *\r\n")),
        Some(FaultKind::BareLineEnd)
    );
    assert_eq!(fault(with("x: a\rb\r\n")), Some(FaultKind::BareLineEnd));
    assert_eq!(
        fault(with("").replace("\r\n", "\n")),
        Some(FaultKind::BareLineEnd)
    );
    assert_eq!(
        fault(format!("{START}{NEEDED}")),
        Some(FaultKind::NoEmptyLine)
    );
    assert_eq!(
        fault(format!("{START}{NEEDED}To")),
        Some(FaultKind::FieldLine)
    );
}

#[test]
fn a_fault_points_at_its_place() {
    let datagram = with("Contact: <sip:a@b;;>\r\n");
    let at = read(&datagram, |message| message.check().unwrap_err().at);
    assert_eq!(&datagram[usize::from(at)..][..3], ";;>");
    let datagram = with("Date: a\r\nDate: b\r\n");
    let at = read(&datagram, |message| message.check().unwrap_err().at);
    assert_eq!(&datagram[usize::from(at)..][..7], "Date: b");
}

#[test]
fn limits_are_kept() {
    let many = |count: usize| with(&"X-A: 1\r\n".repeat(count - 5));
    assert_eq!(fault(many(MAX_FIELDS)), None);
    let datagram = many(MAX_FIELDS + 1);
    assert_eq!(fault(&datagram), Some(FaultKind::TooManyFields));
    let refusal = read(&datagram, |message| message.check().unwrap_err());
    assert_eq!(
        (refusal.status(), refusal.reason()),
        (Status::BAD_REQUEST, "Too many headers")
    );
    let long = |len: usize| with(&format!("X-A: {}\r\n", "x".repeat(len - 5)));
    assert_eq!(fault(long(MAX_FIELD_BYTES)), None);
    assert_eq!(
        fault(long(MAX_FIELD_BYTES + 1)),
        Some(FaultKind::FieldTooLong)
    );
    let body = |len: usize| with("") + &"x".repeat(len);
    assert_eq!(fault(body(MAX_BODY_BYTES)), None);
    assert_eq!(
        fault(body(MAX_BODY_BYTES + 1)),
        Some(FaultKind::BodyTooLong)
    );
}

#[test]
fn faults_become_statuses() {
    let status = |kind| Fault::new(kind, 70_000).status().code();
    assert_eq!(status(FaultKind::Version), 505);
    assert_eq!(status(FaultKind::Scheme), 416);
    assert_eq!(status(FaultKind::BodyTooLong), 413);
    assert_eq!(status(FaultKind::FieldTooLong), 513);
    assert_eq!(status(FaultKind::Missing(HeaderName::To)), 400);
    assert_eq!(Fault::new(FaultKind::Uri, 70_000).at, u16::MAX);
}

#[test]
fn addresses_that_break_their_grammar() {
    let to = |value: &str| fault(with("").replace("<sip:bob@biloxi.com>", value));
    for value in [
        "< sip:b@c>",
        "<sip:b@c >",
        "<sip:b c@d>",
        "Bell, A <sip:b@c>",
        "<b@c>",
        "\"x",
    ] {
        assert_eq!(
            to(value),
            Some(FaultKind::Malformed(HeaderName::To)),
            "{value}"
        );
    }
    assert_eq!(to("<http://example.com/~x>"), None);
    assert_eq!(
        fault(with("Route: sip:a@b\r\n")),
        Some(FaultKind::Malformed(HeaderName::Route))
    );
    assert_eq!(
        fault(with("Via: x\r\n")),
        Some(FaultKind::Malformed(HeaderName::Via))
    );
    let mut id = with("").replace("a84b4c76e66710", "a b");
    assert_eq!(fault(&id), Some(FaultKind::Malformed(HeaderName::CallId)));
    id = with("Max-Forwards: 256\r\n");
    assert_eq!(
        fault(&id),
        Some(FaultKind::Malformed(HeaderName::MaxForwards))
    );
}

#[test]
fn a_reply_is_written_from_its_request() {
    let datagram = with("v: SIP/2.0/TCP b;branch=2\r\n");
    let reply = read(&datagram, |request| {
        write(|writer| {
            writer.status(Status::BUSY_HERE, None);
            writer.vias(request, "198.51.100.9:6000".parse().unwrap(), false);
            writer.copy(request, HeaderName::From);
            writer.to_with_tag(request, b"mine");
            writer.copy(request, HeaderName::CallId);
            writer.copy(request, HeaderName::CSeq);
        })
    });
    assert_eq!(
        reply,
        "SIP/2.0 486 Busy Here\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa;received=198.51.100.9;rport=6000\r\n\
         Via: SIP/2.0/TCP b;branch=2\r\n\
         From: <sip:alice@atlanta.com>;tag=1\r\n\
         To: <sip:bob@biloxi.com>;tag=mine\r\n\
         Call-ID: a84b4c76e66710\r\n\
         CSeq: 7 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn vias_tell_where_a_request_came_from() {
    let stamped = |via: &str, force| {
        let datagram = format!("{START}Via: {via}\r\n\r\n");
        let text = read(&datagram, |request| {
            write(|writer| writer.vias(request, "[::ffff:192.0.2.1]:6000".parse().unwrap(), force))
        });
        text.split("\r\n")
            .next()
            .unwrap()
            .strip_prefix("Via: ")
            .unwrap()
            .to_owned()
    };
    let same = "SIP/2.0/UDP 192.0.2.1;branch=a";
    assert_eq!(stamped(same, false), same);
    assert_eq!(
        stamped(same, true),
        format!("{same};received=192.0.2.1;rport=6000")
    );
    let named = "SIP / 2.0 / UDP example.com;received=9.9.9.9;x=\"a;b\", SIP/2.0/UDP c;rport";
    assert_eq!(
        stamped(named, false),
        "SIP / 2.0 / UDP example.com;x=\"a;b\";received=192.0.2.1, SIP/2.0/UDP c;rport"
    );
    assert_eq!(
        stamped("SIP/2.0/UDP c;received;x", false),
        "SIP/2.0/UDP c;x;received=192.0.2.1"
    );
    assert_eq!(stamped("nonsense;;", true), "nonsense;;");
    let source = "received=192.0.2.1;rport=6000";
    for (via, expected) in [
        ("SIP/2.0/UDP c;rport;branch=a", "SIP/2.0/UDP c;branch=a"),
        ("SIP/2.0/UDP c;branch=a; rport", "SIP/2.0/UDP c;branch=a"),
        ("SIP/2.0/UDP c;rport=1;branch=a", "SIP/2.0/UDP c;branch=a"),
        ("SIP/2.0/UDP c;rport;x;RPORT=2", "SIP/2.0/UDP c;x"),
        ("SIP/2.0/UDP c;rport;received=1.1.1.1;x", "SIP/2.0/UDP c;x"),
        ("SIP/2.0/UDP c;rport;received;x", "SIP/2.0/UDP c;x"),
    ] {
        assert_eq!(stamped(via, false), format!("{expected};{source}"));
    }
}

#[test]
fn lines_end_wherever_blocks_of_bytes_do() {
    for pad in 0..140 {
        let filler = "x".repeat(pad);
        let datagram = format!("{START}X-A: {filler}\r\nX-B: 1\r\nX-C: 2\r\n{NEEDED}\r\n");
        read(&datagram, |message| {
            assert_eq!(message.check(), Ok(()), "{pad}");
            let others: Vec<_> = message.others().collect();
            let expected: [(&[u8], &[u8]); 3] =
                [(b"X-A", filler.as_bytes()), (b"X-B", b"1"), (b"X-C", b"2")];
            assert_eq!(others, expected);
        });
    }
}

#[test]
fn what_is_copied_stays_in_its_line() {
    let copied = |subject: &str| {
        let datagram = format!("{START}{NEEDED}Subject: {subject}\r\n\r\n");
        let text = read(&datagram, |request| {
            write(|writer| writer.copy(request, HeaderName::Subject))
        });
        text.split("\r\n").next().unwrap().to_owned()
    };
    assert_eq!(copied("a b"), "Subject: a b");
    assert_eq!(copied("a\r\n  b"), "Subject: a b");
    assert_eq!(copied("a\rb\0c\td"), "Subject: a b c\td");
}

#[test]
fn a_tag_is_added_once() {
    let to = |value: &str| {
        let datagram = with("").replace("<sip:bob@biloxi.com>", value);
        read(&datagram, |request| {
            write(|writer| writer.to_with_tag(request, b"new"))
        })
    };
    assert!(to("<sip:b@c>;tag=old").starts_with("To: <sip:b@c>;tag=old\r\n"));
    assert!(to("sip:b@c;x").starts_with("To: sip:b@c;x;tag=new\r\n"));
    assert!(to("\"open <sip:b@c>").starts_with("To: \"open <sip:b@c>\r\n"));
}

#[test]
fn values_never_leave_their_line() {
    let text = write(|writer| {
        writer.request(Method::Invite, b"sip:a b\r\nX: y@c");
        writer.field(HeaderName::Subject, b"a\r\n\t b\r\nVia: x\nc\0d\r");
        writer.field_fmt(HeaderName::Reason, format_args!("x{}y", "\r\nVia: z"));
        writer.other(b"X-Good", b"\r\n\r\n");
        writer.other(b"X Bad", b"x");
        writer.other(b"", b"x");
        writer.status(Status::OK, Some("a\r\nb"));
    });
    assert_eq!(
        text,
        "INVITE sip:a%20b%0D%0AX:%20y@c SIP/2.0\r\n\
         Subject: a b  Via: x c d \r\n\
         Reason: x  Via: zy\r\n\
         X-Good:     \r\n\
         SIP/2.0 200 a  b\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn compact_names_and_bodies() {
    let mut buffer = b"before".to_vec();
    let mut writer = Writer::new(&mut buffer, true);
    writer.field(HeaderName::CallId, b"x");
    writer.field(HeaderName::CSeq, b"1 ACK");
    writer.end_with_body(b"application/sdp", b"v=0\n\0\r\n");
    assert_eq!(
        buffer,
        b"beforei: x\r\nCSeq: 1 ACK\r\nc: application/sdp\r\nl: 7\r\n\r\nv=0\n\0\r\n"
    );
}

#[test]
fn quotes_come_off_whole_strings_only() {
    assert_eq!(unquote(b"\"a\""), b"a");
    assert_eq!(unquote(b"\"a"), b"\"a");
    assert_eq!(unquote(b"\""), b"\"");
}
