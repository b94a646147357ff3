//! Broken and strange messages: the shapes of RFC 4475, each named by its
//! section, put on well-formed requests; every other one is damaged further,
//! byte by byte.

use pinion_sip::base::Random;

use super::draft::{Draft, Site};

/// Bends a request.
type Shape = fn(&mut Draft, &mut Random);

/// Longest datagram made.
const MAX_BYTES: usize = 16 << 10;

const SHAPES: &[(&str, Shape)] = &[
    ("3.1.1.1 folded and spread out", |draft, _| {
        let cseq = draft.value("CSeq").replace(' ', "\r\n   ");
        draft.set("CSeq", cseq).add(
            "NewFangledHeader",
            "newfangled value\r\n continued newfangled value",
        );
        draft.add("Subject", "\r\n\t spread\r\n  out");
    }),
    ("3.1.1.2 every character a token may have", |draft, _| {
        method(draft, "!interesting-Method0123456789_*+`.%indeed'~");
    }),
    ("3.1.1.4 an escaped NUL in a user", |draft, _| {
        draft.set("To", "<sip:null-%00-null@example.invalid>");
    }),
    ("3.1.1.6 no space before the bracket", |draft, _| {
        let from = format!("caller{}", draft.value("From"));
        draft.set("From", from);
    }),
    ("3.1.1.7 long values", |draft, random| {
        for _ in 0..=random.below(8) {
            let long = "very".repeat(1 + random.below(250) as usize);
            draft.add("Unknown-Header", format!("{long};{long}=\"{long}\""));
        }
    }),
    ("3.1.1.8 a second request behind the first", |draft, _| {
        let mut second = draft.clone();
        draft.set("Content-Length", "0");
        second.rebranch();
        draft.body = second.bytes();
    }),
    ("3.1.2.1 separators without values", |draft, _| {
        let via = format!("{};;,;,,", draft.value("Via"));
        draft.set("Via", via).set("Contact", "\"\" <> ;,,;,;;,");
    }),
    ("3.1.2.2 Content-Length beyond the datagram", |draft, _| {
        draft.set("Content-Length", "9999");
    }),
    ("3.1.2.3 Content-Length below zero", |draft, _| {
        draft.set("Content-Length", "-999");
    }),
    ("3.1.2.4 numbers too large", |draft, random| {
        let digits = "9".repeat(5 + random.below(60) as usize);
        let cseq = draft.value("CSeq").replacen('1', &digits, 1);
        draft
            .set("CSeq", cseq)
            .set("Max-Forwards", digits.as_str())
            .add("Expires", digits.as_str());
    }),
    ("3.1.2.6 a quote without an end", |draft, _| {
        draft.set("To", "\"Mr. J. User <sip:j.user@example.invalid>");
    }),
    ("3.1.2.7 brackets around the Request-URI", |draft, _| {
        uri(draft, |uri| format!("<{uri}>"));
    }),
    ("3.1.2.8 white space in the Request-URI", |draft, _| {
        uri(draft, |uri| format!("{uri}; lr"));
    }),
    ("3.1.2.9 white space in the request line", |draft, _| {
        draft.start = draft.start.replace(' ', "  ");
    }),
    (
        "3.1.2.10 white space behind the request line",
        |draft, _| {
            draft.start.push_str("  ");
        },
    ),
    ("3.1.2.11 a header in the Request-URI", |draft, _| {
        uri(draft, |uri| {
            format!("{uri}?Route=%3Csip:example.invalid%3E")
        });
    }),
    ("3.1.2.12 a date in another zone", |draft, _| {
        draft.add("Date", "Fri, 01 Jan 2010 16:00:00 EST");
    }),
    ("3.1.2.13 a Contact without brackets", |draft, _| {
        draft.set(
            "Contact",
            "sip:user@example.invalid?Route=%3Csip:example.invalid%3E",
        );
    }),
    ("3.1.2.14 a space inside of an address", |draft, _| {
        draft.set("To", "\"Watson, Thomas\" < sip:t.watson@example.invalid >");
    }),
    ("3.1.2.15 a name that is no token", |draft, _| {
        let from = format!("Bell, Alexander {}", draft.value("From"));
        draft.set("From", from);
    }),
    ("3.1.2.16 another version", |draft, _| {
        draft.start = draft.start.replace("SIP/2.0", "SIP/7.0");
    }),
    ("3.1.2.17 methods that differ", |draft, _| {
        draft.set("CSeq", "8 INVITE").start.insert_str(0, "NOT");
    }),
    ("3.2.1 a branch of nothing but the cookie", |draft, _| {
        let via = draft
            .value("Via")
            .split(";branch")
            .next()
            .unwrap_or_default()
            .to_owned();
        draft.set("Via", format!("{via};branch=z9hG4bK"));
    }),
    ("3.3.1 fields missing", |draft, random| {
        for name in ["From", "To", "Call-ID", "CSeq", "Max-Forwards"] {
            if random.below(2) == 0 {
                draft.remove(name);
            }
        }
    }),
    ("3.3.2 a scheme nobody knows", |draft, _| {
        uri(draft, |_| {
            "nobodyKnowsThisScheme:totallyopaquecontent".into()
        });
    }),
    ("3.3.5 an option nobody supports", |draft, _| {
        draft.add("Require", "nothingSupportsThis, nothingSupportsThisEither");
        draft.add("Proxy-Require", "noProxiesSupportThis");
    }),
    ("3.3.8 several of what there is one of", |draft, _| {
        let copies: Vec<_> = draft.fields.iter().skip(1).cloned().collect();
        for (index, (name, value)) in copies.into_iter().enumerate() {
            draft.add(&name, format!("{value}{index}"));
        }
    }),
    ("3.3.9 two Content-Lengths", |draft, _| {
        draft.add("Content-Length", "13").add("Content-Length", "5");
    }),
    ("3.3.15 a body of an unknown kind", |draft, _| {
        draft.set("Content-Type", "application/unknownformat");
        draft.body = b"<audio>\r\n <pcmu port=\"443\"/>\r\n</audio>\r\n".to_vec();
    }),
    ("3.3.11 Max-Forwards zero", |draft, _| {
        draft.set("Max-Forwards", "0");
    }),
    ("3.4.1 a request of RFC 2543", |draft, _| {
        let via = draft
            .value("Via")
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        let from = draft
            .value("From")
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        draft
            .set("Via", via)
            .set("From", from)
            .remove("Max-Forwards")
            .remove("Contact");
    }),
    ("a field a thousand times", |draft, random| {
        let name = ["Via", "Route", "Record-Route", "Contact", "X"][random.below(5) as usize];
        for hop in 0..1000 {
            draft.add(name, format!("<sip:h{hop}>"));
        }
    }),
];

fn method(draft: &mut Draft, method: &str) {
    let old = draft.start.split(' ').next().unwrap_or_default().to_owned();
    draft.start = draft.start.replacen(&old, method, 1);
    let cseq = draft.value("CSeq").replace(&old, method);
    draft.set("CSeq", cseq);
}

fn uri(draft: &mut Draft, bend: impl FnOnce(&str) -> String) {
    let mut line = draft.start.splitn(3, ' ');
    let mut part = || line.next().unwrap_or_default();
    let (method, uri, version) = (part(), part(), part());
    draft.start = format!("{method} {} {version}", bend(uri));
}

/// The message of that number: the shapes in turn.
pub fn message(site: &Site, number: u64) -> Vec<u8> {
    let mut random = site.random(number ^ 1 << 63);
    let name = ["OPTIONS", "INVITE", "REGISTER", "MESSAGE", "BYE"][random.below(5) as usize];
    let callee = format!("sip:{}@{}", site.callee, site.target);
    let mut draft = Draft::new(site, number, name, &site.user(number), &callee);
    if name == "INVITE" {
        draft.offer(site);
    }
    let (_, shape) = SHAPES[(number % SHAPES.len() as u64) as usize];
    shape(&mut draft, &mut random);
    let mut bytes = draft.bytes();
    if random.below(2) == 0 {
        for _ in 0..=random.below(4) {
            damage(&mut bytes, &mut random);
        }
    }
    bytes.truncate(MAX_BYTES);
    bytes
}

/// Damages some bytes, as a bad line or a bad programmer would; never all.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    const INSERTED: [&[u8]; 8] = [
        b"\0",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\"",
        b"<",
        b"\xff\xfe",
        b"%%%",
    ];
    let at = random.below(bytes.len() as u64) as usize;
    let end = (at + 1 + random.below(32) as usize).min(bytes.len());
    match random.below(5) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 if end - at < bytes.len() => drop(bytes.drain(at..end)),
        2 => bytes.truncate(at + 1),
        3 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        _ => {
            let inserted = INSERTED[random.below(INSERTED.len() as u64) as usize];
            bytes.splice(at..at, inserted.iter().copied());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flood::flooder::tests::site;

    #[test]
    fn every_shape_changes_what_it_bends() {
        let site = site(1);
        for (name, shape) in SHAPES {
            let plain = Draft::new(&site, 5, "OPTIONS", "a", "sip:b@example.invalid");
            // A shape may draw to leave all as it is, but not always.
            let changed = (0..20).any(|seed| {
                let mut bent = plain.clone();
                shape(&mut bent, &mut Random::from_u64(seed));
                bent.bytes() != plain.bytes()
            });
            assert!(changed, "{name}");
        }
    }

    #[test]
    fn no_message_asks_to_be_answered_elsewhere() {
        let site = site(2);
        for number in 0..5000 {
            let bytes = message(&site, number);
            assert!((1..=MAX_BYTES).contains(&bytes.len()));
            assert!(!bytes.windows(5).any(|word| word == b"maddr"), "{number}");
        }
    }
}
