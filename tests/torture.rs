//! The torture tests of RFC 4475 and RFC 5118: what becomes of each message on
//! the wire layer, and what the valid ones are read as. The messages are in
//! `fixtures/`, one file each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pinion_sip::base::Text;
use pinion_sip::wire::{
    ContactValue, Fields, HeaderName, Message, Method, NameAddr, Scheme, StartLine, Status,
    Unreadable, Uri, Via, unescape,
};

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Verdict {
    /// A request or response to act on. Where the text speaks of a refusal, it
    /// is a matter of meaning, and others refuse it.
    Good,
    /// A request refused with this code and reason phrase.
    Refused(u16, &'static str),
    /// A response that is dropped because of this.
    Ignored(&'static str),
    /// A datagram that is dropped unread.
    Dropped(Unreadable),
}

use Verdict::{Dropped, Good, Ignored, Refused};

/// RFC 4475 by section. Where the RFC leaves a choice, the choice is strict:
/// nothing but the RFC's grammar is read, save what the RFC itself calls an
/// error of that grammar (§3.1.1.6) or of elements before it (§3.4.1).
const RFC_4475: &[(&str, Verdict)] = &[
    ("wsinv", Good),                                            // 3.1.1.1
    ("intmeth", Good),                                          // 3.1.1.2: 501 by the method
    ("esc01", Good),                                            // 3.1.1.3
    ("escnull", Good),                                          // 3.1.1.4
    ("esc02", Good),                                            // 3.1.1.5: 501 by the method
    ("lwsdisp", Good),                                          // 3.1.1.6
    ("longreq", Good),                                          // 3.1.1.7
    ("dblreq", Good),                                           // 3.1.1.8
    ("semiuri", Good),                                          // 3.1.1.9
    ("transports", Good),                                       // 3.1.1.10
    ("mpart01", Good),                                          // 3.1.1.11
    ("unreason", Good),                                         // 3.1.1.12
    ("noreason", Good),                                         // 3.1.1.13
    ("badinv01", Refused(400, "Malformed Via")),                // 3.1.2.1
    ("clerr", Refused(400, "Content-Length exceeds datagram")), // 3.1.2.2
    ("ncl", Refused(400, "Malformed Content-Length")),          // 3.1.2.3
    ("scalar02", Refused(400, "Malformed CSeq")),               // 3.1.2.4
    ("scalarlg", Ignored("Malformed CSeq")),                    // 3.1.2.5
    ("quotbal", Refused(400, "Malformed To")),                  // 3.1.2.6
    ("ltgtruri", Refused(400, "Malformed Request-URI")),        // 3.1.2.7
    ("lwsruri", Refused(400, "White space in Request-Line")),   // 3.1.2.8
    ("lwsstart", Refused(400, "White space in Request-Line")),  // 3.1.2.9
    ("trws", Refused(400, "White space in Request-Line")),      // 3.1.2.10
    ("escruri", Refused(400, "Malformed Request-URI")),         // 3.1.2.11
    ("baddate", Good),                                          // 3.1.2.12: Date means nothing here
    ("regbadct", Refused(400, "Malformed Contact")),            // 3.1.2.13
    ("badaspec", Refused(400, "Malformed To")),                 // 3.1.2.14
    ("baddn", Refused(400, "Malformed From")),                  // 3.1.2.15
    ("badvers", Refused(505, "Version Not Supported")),         // 3.1.2.16
    ("mismatch01", Refused(400, "CSeq method mismatch")),       // 3.1.2.17
    ("mismatch02", Good),                                       // 3.1.2.18: 501 by the method
    ("bigcode", Dropped(Unreadable::StatusLine)),               // 3.1.2.19
    ("badbranch", Good),                     // 3.2.1: matched by RFC 2543's rules
    ("insuf", Refused(400, "Missing From")), // 3.3.1
    ("unkscm", Refused(416, "Unsupported URI Scheme")), // 3.3.2
    ("novelsc", Refused(416, "Unsupported URI Scheme")), // 3.3.3
    ("unksm2", Good),                        // 3.3.4: 400 or 404 by the registrar
    ("bext01", Good),                        // 3.3.5: 420 by the transaction user
    ("invut", Good),                         // 3.3.6: 415 by the transaction user
    ("regaut01", Good),                      // 3.3.7: 401 by the registrar
    ("multi01", Refused(400, "Repeated CSeq")), // 3.3.8
    ("mcl01", Refused(400, "Repeated Content-Length")), // 3.3.9
    ("bcast", Good),                         // 3.3.10: dropped by its second Via
    ("zeromf", Good),                        // 3.3.11: processed by an endpoint
    ("cparam01", Good),                      // 3.3.12
    ("cparam02", Good),                      // 3.3.13
    ("regescrt", Good),                      // 3.3.14
    ("sdp01", Good),                         // 3.3.15: 406 by the transaction user
    ("inv2543", Good),                       // 3.4.1
];

const RFC_5118: &[(&str, Verdict)] = &[
    ("ipv6-good", Good),                                 // 4.1
    ("ipv6-bad", Refused(400, "Malformed Request-URI")), // 4.2
    ("port-ambiguous", Good),                            // 4.3
    ("port-unambiguous", Good),                          // 4.4
    ("via-received-param-with-delim", Good),             // 4.5
    ("via-received-param-no-delim", Good),               // 4.5
    ("ipv6-in-sdp", Good),                               // 4.6
    ("mult-ip-in-header", Good),                         // 4.7
    ("mult-ip-in-sdp", Good),                            // 4.8
    ("ipv4-mapped-ipv6", Good),                          // 4.9
    ("ipv6-bug-abnf-3-colons", Good),                    // 4.10
    ("ipv6-correct-abnf-2-colons", Good),                // 4.10
];

fn directory(set: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(set)
}

fn fixture(set: &str, name: &str) -> Vec<u8> {
    let path = directory(set).join(name).with_extension("dat");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn verdict(datagram: &[u8]) -> Verdict {
    let mut fields = Fields::new();
    let mut message = match Message::parse(datagram, &mut fields) {
        Ok(message) => message,
        Err(cause) => return Dropped(cause),
    };
    match message.check() {
        Ok(()) => Good,
        Err(fault) if message.is_request() => Refused(fault.status().code(), fault.reason()),
        Err(fault) => Ignored(fault.reason()),
    }
}

/// Reads a good fixture and looks at it.
fn good(set: &str, name: &str, look: impl FnOnce(&Message)) {
    let datagram = fixture(set, name);
    let mut fields = Fields::new();
    let mut message = Message::parse(&datagram, &mut fields).unwrap();
    message
        .check()
        .unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
    look(&message);
}

fn judge(set: &str, table: &[(&str, Verdict)]) {
    for &(name, expected) in table {
        assert_eq!(verdict(&fixture(set, name)), expected, "{name}");
    }
    let listed: BTreeSet<String> = table
        .iter()
        .map(|(name, _)| format!("{name}.dat"))
        .collect();
    let present: BTreeSet<String> = std::fs::read_dir(directory(set))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(listed, present, "every fixture has its verdict");
}

fn contacts<'a>(message: &Message<'a>) -> Vec<NameAddr<'a>> {
    let addr = |value| match value {
        Ok(ContactValue::Addr(addr)) => addr,
        other => panic!("{other:?}"),
    };
    message.contacts().map(addr).collect()
}

fn vias<'a>(message: &Message<'a>) -> Vec<Via<'a>> {
    message.vias().map(Result::unwrap).collect()
}

fn uri(text: &[u8]) -> Uri<'_> {
    Uri::parse(text).unwrap()
}

fn user(text: &[u8]) -> Vec<u8> {
    let mut user = Text::new();
    uri(text).user_decoded(&mut user);
    user.as_bytes().to_vec()
}

#[test]
fn every_message_of_rfc_4475_gets_its_verdict() {
    judge("torture", RFC_4475);
}

#[test]
fn every_message_of_rfc_5118_gets_its_verdict() {
    judge("ipv6", RFC_5118);
}

#[test]
fn wsinv_3_1_1_1() {
    good("torture", "wsinv", |message| {
        assert_eq!(message.method(), Method::Invite);
        let target = uri(message.request_uri());
        assert_eq!(
            (target.user, target.host),
            (&b"vivekg"[..], &b"chair-dnrc.example.com"[..])
        );
        assert_eq!(target.params.get(b"unknownparam"), Some(None));
        let to = message.to().unwrap();
        assert_eq!(to.uri, b"sip:vivekg@chair-dnrc.example.com");
        assert_eq!(to.tag(), Some(&b"1918181833n"[..]));
        let from = message.from().unwrap();
        let mut display = Text::new();
        unescape(from.display, &mut display);
        assert_eq!(display.as_bytes(), b"J Rosenberg \\\"");
        assert_eq!(
            (from.uri, from.tag()),
            (&b"sip:jdrosen@example.com"[..], Some(&b"98asjd8"[..]))
        );
        assert_eq!(message.max_forwards(), Ok(Some(68)));
        assert_eq!(message.call_id(), b"wsinv.ndaksdj@192.0.2.1");
        assert_eq!(message.cseq().unwrap().number, 9);
        assert_eq!(message.cseq().unwrap().method, Method::Invite);
        assert_eq!(message.value(HeaderName::Subject), Some(&b""[..]));
        assert_eq!(message.content_type(), Some(&b"application/sdp"[..]));
        assert_eq!(message.body().len(), 150);
        let branches: Vec<_> = vias(message)
            .iter()
            .map(|via| (via.transport, via.host, via.branch().unwrap()))
            .collect();
        let expected: [(&[u8], &[u8], &[u8]); 3] = [
            (b"UDP", b"192.0.2.2", b"390skdjuw"),
            (b"TCP", b"spindle.example.com", b"z9hG4bK9ikj8"),
            (b"UDP", b"192.168.255.111", b"z9hG4bK30239"),
        ];
        assert_eq!(branches, expected);
        let routes: Vec<_> = message.routes().map(Result::unwrap).collect();
        assert_eq!(routes.len(), 1);
        assert!(uri(routes[0].uri).is_loose());
        assert_eq!(
            uri(routes[0].uri).params.get(b"unknown-no-value"),
            Some(None)
        );
        let contacts = contacts(message);
        assert_eq!(contacts.len(), 1);
        assert_eq!(contacts[0].display, b"Quoted string \\\"\\\"");
        assert_eq!(contacts[0].param(b"newparam"), Some(&b"newvalue"[..]));
        assert_eq!(contacts[0].params.get(b"secondparam"), Some(None));
        assert_eq!(contacts[0].q(), Some(330));
        let others: Vec<_> = message.others().collect();
        assert_eq!(others.len(), 2);
        assert_eq!(others[0].0, b"NewFangledHeader");
        assert_eq!(
            others[0].1,
            b"newfangled value\r\n continued newfangled value"
        );
        assert_eq!(
            others[1],
            (&b"UnknownHeaderWithUnusualValue"[..], &b";;,,;;,;"[..])
        );
    });
}

#[test]
fn intmeth_3_1_1_2() {
    const METHOD: &[u8] = b"!interesting-Method0123456789_*+`.%indeed'~";
    const USER: &[u8] = b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*";
    good("torture", "intmeth", |message| {
        assert_eq!(message.method(), Method::Other(METHOD));
        assert_eq!(message.cseq().unwrap().method, Method::Other(METHOD));
        assert_eq!(message.cseq().unwrap().number, 139122385);
        let target = uri(message.request_uri());
        assert_eq!(target.user, USER);
        assert_eq!(
            target.password,
            Some(&b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"[..])
        );
        assert_eq!(target.host, b"example.com");
        assert_eq!(
            message.top_via().unwrap().branch(),
            Some(&b"z9hG4bK-.!%66*_+`'~"[..])
        );
        let to = message.to().unwrap();
        let mut display = Text::new();
        unescape(to.display, &mut display);
        assert_eq!(display.as_bytes(), b"BEL:\x07 NUL:\0 DEL:\x7f");
        assert_eq!(uri(to.uri).user, USER);
        let from = message.from().unwrap();
        assert_eq!(from.display, b"token1~` token2'+_ token3*%!.-");
        assert_eq!(from.tag(), Some(&b"_token~1'+`*%!-."[..]));
        assert_eq!(
            from.param(b"fromparam''~+*_!.-%"),
            Some("\"работающий\"".as_bytes())
        );
        assert_eq!(
            message.call_id(),
            br#"intmeth.word%ZK-!.*_+'@word`~)(><:\/"][?}{"#
        );
        assert_eq!(message.max_forwards(), Ok(Some(255)));
        let others: Vec<_> = message.others().collect();
        assert_eq!(
            others,
            [(
                &b"extensionHeader-!.%*+_`'~"[..],
                "\u{feff}大停電".as_bytes()
            )]
        );
    });
}

#[test]
fn escapes_3_1_1_3_to_3_1_1_5() {
    good("torture", "esc01", |message| {
        assert_eq!(user(message.request_uri()), b"sips:user@example.com");
        assert!(uri(message.request_uri()).user_eq(b"sips:user@example.com"));
        assert_eq!(user(message.to().unwrap().uri), b"user");
        assert_eq!(user(message.from().unwrap().uri), b"I have spaces");
        let contact = contacts(message)[0];
        assert_eq!(user(contact.uri), b"caller");
        let plain = uri(b"sip:caller@host5.example.net;lr;name=value%2541");
        assert!(Uri::equivalent(&uri(contact.uri), &plain));
        let twice = uri(b"sip:caller@host5.example.net;lr;name=valueA");
        assert!(!Uri::equivalent(&uri(contact.uri), &twice));
    });
    good("torture", "escnull", |message| {
        assert_eq!(user(message.to().unwrap().uri), b"null-\0-null");
        let contacts = contacts(message);
        assert_eq!(
            (user(contacts[0].uri), user(contacts[1].uri)),
            (vec![0], vec![0, 0])
        );
        assert!(!Uri::equivalent(
            &uri(contacts[0].uri),
            &uri(contacts[1].uri)
        ));
        assert!(message.body().is_empty());
    });
    good("torture", "esc02", |message| {
        assert_eq!(message.method(), Method::Other(b"RE%47IST%45R"));
        assert_eq!(message.to().unwrap().display, b"%Z%45");
        assert_eq!(contacts(message).len(), 2);
        let others: Vec<_> = message.others().collect();
        assert_eq!(
            others,
            [(&b"C%6Fntact"[..], &b"<sip:alias2@host2.example.com>"[..])]
        );
    });
}

#[test]
fn lwsdisp_3_1_1_6() {
    good("torture", "lwsdisp", |message| {
        let from = message.from().unwrap();
        assert_eq!(
            (from.display, from.uri),
            (&b"caller"[..], &b"sip:caller@example.com"[..])
        );
    });
}

#[test]
fn longreq_3_1_1_7() {
    good("torture", "longreq", |message| {
        let to = message.to().unwrap();
        assert!(
            to.display
                .starts_with(b"I have a user name of extremeextreme")
        );
        assert_eq!(uri(to.uri).port, Some(6000));
        assert_eq!(uri(to.uri).params.iter().count(), 3);
        let tag = format!("12{}424", "982".repeat(50));
        assert_eq!(message.from().unwrap().tag(), Some(tag.as_bytes()));
        let id = format!("longreq.one{}longcallid", "really".repeat(20));
        assert_eq!(message.call_id(), id.as_bytes());
        let vias = vias(message);
        assert_eq!(vias.len(), 34);
        assert_eq!(vias[0].host, b"sip33.example.com");
        assert_eq!(vias[33].received(), Some(&b"192.0.2.5"[..]));
        assert_eq!(vias[33].branch().map(<[u8]>::len), Some(4 + 200 + 11));
        assert_eq!(message.body().len(), 150);
    });
}

#[test]
fn dblreq_3_1_1_8() {
    good("torture", "dblreq", |message| {
        assert_eq!(message.method(), Method::Register);
        assert!(message.body().is_empty());
        assert_eq!(message.vias().count(), 1);
    });
}

#[test]
fn semiuri_3_1_1_9() {
    good("torture", "semiuri", |message| {
        assert_eq!(user(message.request_uri()), b"user;par=u@example.net");
        assert_eq!(message.tokens(HeaderName::Accept).count(), 6);
        assert_eq!(
            message.tokens(HeaderName::Accept).nth(4),
            Some(&b"message/sip"[..])
        );
    });
}

#[test]
fn transports_3_1_1_10() {
    good("torture", "transports", |message| {
        let transports: Vec<_> = vias(message).iter().map(|via| via.transport).collect();
        let expected: [&[u8]; 5] = [b"UDP", b"SCTP", b"TLS", b"UNKNOWN", b"TCP"];
        assert_eq!(transports, expected);
    });
}

#[test]
fn mpart01_3_1_1_11() {
    good("torture", "mpart01", |message| {
        assert_eq!(message.method(), Method::Message);
        assert_eq!(message.body().len(), 553);
        assert!(message.body().contains(&0));
        assert!(message.body().ends_with(b"--7a9cbec02ceef655--\r\n"));
        assert_eq!(message.top_via().unwrap().rport(), Some(None));
        assert_eq!(message.top_via().unwrap().port, Some(5070));
        assert_eq!(
            message.value(HeaderName::Identity).map(<[u8]>::len),
            Some(172)
        );
    });
}

#[test]
fn reasons_3_1_1_12_and_3_1_1_13() {
    good("torture", "unreason", |message| {
        let reason = "= 2**3 * 5**2 но сто девяносто девять - простое".as_bytes();
        assert_eq!(
            message.start(),
            StartLine::Response {
                status: Status::OK,
                reason
            }
        );
        assert_eq!(message.method(), Method::Invite);
    });
    good("torture", "noreason", |message| {
        assert_eq!(
            message.start(),
            StartLine::Response {
                status: Status::TRYING,
                reason: b""
            }
        );
    });
}

#[test]
fn meaning_3_3_and_3_4() {
    good("torture", "unksm2", |message| {
        assert_eq!(uri(message.to().unwrap().uri).scheme, Scheme::Other);
        assert_eq!(message.from().unwrap().uri, b"http://www.example.com");
        assert_eq!(contacts(message)[0].uri, b"name:John_Smith");
    });
    good("torture", "bext01", |message| {
        let expected: [&[u8]; 2] = [b"nothingSupportsThis", b"nothingSupportsThisEither"];
        assert_eq!(message.require().collect::<Vec<_>>(), expected);
        assert_eq!(message.tokens(HeaderName::ProxyRequire).count(), 2);
    });
    good("torture", "regaut01", |message| {
        let credentials: Vec<_> = message.credentials(HeaderName::Authorization).collect();
        assert_eq!(credentials.len(), 1);
        assert!(!credentials[0].scheme_is_digest);
    });
    good("torture", "bcast", |message| {
        assert_eq!(vias(message)[1].host, b"255.255.255.255");
    });
    good("torture", "zeromf", |message| {
        assert_eq!(message.max_forwards(), Ok(Some(0)))
    });
    good("torture", "cparam01", |message| {
        let contact = contacts(message)[0];
        assert_eq!(contact.uri, b"sip:+19725552222@gw1.example.net");
        assert!(contact.params.has(b"unknownparam"));
    });
    good("torture", "cparam02", |message| {
        let contact = contacts(message)[0];
        assert!(contact.params.is_empty());
        assert!(uri(contact.uri).params.has(b"unknownparam"));
    });
    good("torture", "regescrt", |message| {
        assert_eq!(
            uri(contacts(message)[0].uri).headers,
            b"Route=%3Csip:sip.example.com%3E"
        );
    });
    good("torture", "inv2543", |message| {
        assert_eq!(message.top_via().unwrap().branch(), None);
        assert_eq!(message.from().unwrap().tag(), None);
        assert_eq!(message.max_forwards(), Ok(None));
        assert_eq!(message.body().len(), 105);
    });
}

#[test]
fn ipv6_references() {
    good("ipv6", "ipv6-good", |message| {
        assert_eq!(uri(message.request_uri()).host, b"[2001:db8::10]");
        assert_eq!(message.top_via().unwrap().host, b"[2001:db8::9:1]");
        assert_eq!(
            uri(contacts(message)[0].uri).socket_addr(5060),
            "[2001:db8::1]:5060".parse().ok()
        );
    });
    good("ipv6", "port-ambiguous", |message| {
        assert_eq!(uri(message.request_uri()).port, None);
        assert_eq!(
            uri(message.request_uri()).socket_addr(5060),
            "[2001:db8::10:5070]:5060".parse().ok()
        );
    });
    good("ipv6", "port-unambiguous", |message| {
        assert_eq!(
            uri(message.request_uri()).socket_addr(5060),
            "[2001:db8::10]:5070".parse().ok()
        );
    });
    good("ipv6", "via-received-param-with-delim", |message| {
        assert_eq!(
            message.top_via().unwrap().received(),
            Some(&b"[2001:db8::9:255]"[..])
        );
    });
    good("ipv6", "via-received-param-no-delim", |message| {
        assert_eq!(
            message.top_via().unwrap().received(),
            Some(&b"2001:db8::9:255"[..])
        );
        assert_eq!(
            message.top_via().unwrap().branch(),
            Some(&b"z9hG4bKas3"[..])
        );
    });
    good("ipv6", "mult-ip-in-header", |message| {
        let sent_by: Vec<_> = vias(message).iter().map(Via::sent_by).collect();
        let expected: [&[u8]; 3] = [b"[2001:db8::9:1]:6050", b"192.0.2.1", b"[2001:db8::9:255]"];
        assert_eq!(sent_by, expected);
    });
    good("ipv6", "ipv4-mapped-ipv6", |message| {
        assert_eq!(message.top_via().unwrap().port, Some(19823));
        assert_eq!(
            uri(contacts(message)[0].uri).socket_addr(5060),
            "[::ffff:192.0.2.2]:5060".parse().ok()
        );
    });
    for name in ["ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons"] {
        good("ipv6", name, |message| {
            assert_eq!(
                uri(message.request_uri()).socket_addr(5060),
                "[2001:db8::192.0.2.1]:5060".parse().ok()
            );
        });
    }
}
