//! From a REGISTER to an `Update`, and from bindings to the Contacts of its
//! 200 (RFC 3261 §10.3). Pure checks: who may register what for whom was
//! decided before, and nothing is stored here.

use memchr::memchr2;
use smallvec::SmallVec;

use super::{Binding, Contact, Update};
use crate::base::{Decimal, Flow, Instant, Text};
use crate::wire::{ContactValue, Fault, HeaderName, Message, NameAddr, Status, Uri, Writer};

/// Contacts one REGISTER may name.
const CONTACTS_PER_REQUEST: usize = 32;
/// Longest contact URI kept, in bytes.
const URI_BYTES: usize = 1024;
/// As much of a User-Agent as is kept, in bytes.
const USER_AGENT_BYTES: usize = 128;
/// What a malformed `expires` of a contact means (§10.2).
const MALFORMED_EXPIRES_S: u32 = 3600;
/// No interval from here on is refused as too brief (§10.3 step 7).
const HOUR_S: u32 = 3600;

/// How requested expirations become granted ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExpiryRules {
    /// Granted when none is requested, seconds.
    pub default_s: u32,
    /// Least granted, seconds.
    pub min_s: u32,
    /// Most granted, seconds.
    pub max_s: u32,
    /// Refuse less than `min_s` with 423 instead of granting `min_s`.
    pub refuse_short: bool,
}

impl ExpiryRules {
    fn grant(&self, requested_s: u32) -> Result<u32, Rejection> {
        if requested_s == 0 {
            return Ok(0);
        }
        if self.refuse_short && requested_s < self.min_s.min(HOUR_S) {
            return Err(Rejection {
                status: Status::INTERVAL_TOO_BRIEF,
                reason: Status::INTERVAL_TOO_BRIEF.reason(),
                min_expires_s: Some(self.min_s),
            });
        }
        Ok(requested_s.max(self.min_s).min(self.max_s.max(1)))
    }
}

/// Why a REGISTER is refused before any binding is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejection {
    /// The status to answer with.
    pub status: Status,
    /// Its reason phrase.
    pub reason: &'static str,
    /// Min-Expires of a 423, seconds.
    pub min_expires_s: Option<u32>,
}

impl Rejection {
    fn bad(reason: &'static str) -> Rejection {
        Rejection {
            status: Status::BAD_REQUEST,
            reason,
            min_expires_s: None,
        }
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Rejection {
        Rejection {
            status: fault.status(),
            reason: fault.reason(),
            min_expires_s: None,
        }
    }
}

/// Reads a REGISTER for `aor` that came by `flow` (§10.3 steps 6 and 7, as far
/// as no binding is needed). `to_source`, `max_contacts` and `watched` are the peer's.
pub fn read(
    message: &Message,
    aor: &[u8],
    rules: &ExpiryRules,
    flow: Flow,
    to_source: bool,
    max_contacts: u16,
    watched: bool,
) -> Result<Update, Rejection> {
    let mut contacts = SmallVec::new();
    let mut remove_all = false;
    for value in message.contacts() {
        if contacts.len() >= CONTACTS_PER_REQUEST {
            return Err(Rejection::bad("Too many Contacts"));
        }
        match value? {
            ContactValue::Addr(address) if !remove_all => {
                contacts.push(contact(&address, message.expires(), rules)?);
            }
            ContactValue::Star if contacts.is_empty() && !remove_all => remove_all = true,
            _ => return Err(Rejection::bad("Contact * is not alone")),
        }
    }
    if remove_all && message.expires() != Some(0) {
        return Err(Rejection::bad("Contact * without Expires 0"));
    }
    Ok(Update {
        aor: aor.into(),
        call_id: message.call_id().into(),
        cseq: message.cseq()?.number,
        contacts,
        remove_all,
        flow,
        to_source,
        max_contacts,
        watched,
        user_agent: user_agent(message),
    })
}

/// One contact: its own `expires` counts before the request's, that before the
/// default (§10.3 step 7).
fn contact(
    address: &NameAddr,
    request_expires_s: Option<u32>,
    rules: &ExpiryRules,
) -> Result<Contact, Rejection> {
    if address.uri.len() > URI_BYTES {
        return Err(Rejection {
            status: Status::MESSAGE_TOO_LARGE,
            reason: "Contact too long",
            min_expires_s: None,
        });
    }
    let uri = Uri::parse(address.uri)?;
    if !uri.is_sip() {
        return Err(Rejection::bad("Contact is no SIP URI"));
    }
    let q = match address.params.get(b"q") {
        None => 1000,
        Some(_) => address
            .q()
            .ok_or(Rejection::bad("Malformed q of Contact"))?,
    };
    let requested_s = match address.params.get(b"expires") {
        Some(value) => delta_seconds(value.unwrap_or_default()).unwrap_or(MALFORMED_EXPIRES_S),
        None => request_expires_s.unwrap_or(rules.default_s),
    };
    Ok(Contact {
        uri: address.uri.into(),
        q,
        expires_s: rules.grant(requested_s)?,
        address: uri.socket_addr(5060),
    })
}

/// Digits; a number beyond 32 bits counts as the greatest (§10.2).
fn delta_seconds(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |seconds: u32, digit: &u8| {
        seconds
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'))
    };
    Some(digits.iter().fold(0, add))
}

/// The first line of the User-Agent, cut to what is kept.
fn user_agent(message: &Message) -> Text {
    let value = message.value(HeaderName::UserAgent).unwrap_or_default();
    let kept = value.get(..USER_AGENT_BYTES).unwrap_or(value);
    let line_end = memchr2(b'\r', b'\n', kept).unwrap_or(kept.len());
    kept.get(..line_end).unwrap_or_default().into()
}

/// Writes one Contact for each binding, with the whole seconds it still has
/// (§10.3 step 8). Those in their grace have none and are left out.
pub fn write_contacts(now: Instant, bindings: &[Binding], writer: &mut Writer) {
    for binding in bindings.iter().filter(|binding| now < binding.expires) {
        let left_micros = binding.expires.as_micros() - now.as_micros();
        let left_s = Decimal::new(left_micros.div_ceil(1_000_000));
        // The last three digits of 1000 and so many thousandths.
        let thousandths = Decimal::new(1000 + u64::from(binding.q));
        let (point, q) = match thousandths.as_bytes() {
            [b'1', q @ ..] => (&b";q=0."[..], q),
            _ => (&b""[..], &b""[..]),
        };
        writer.parts(
            HeaderName::Contact,
            &[
                b"<",
                binding.uri(),
                b">;expires=",
                left_s.as_bytes(),
                point,
                q,
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registrar::Texts;
    use crate::wire::Fields;

    const RULES: ExpiryRules = ExpiryRules {
        default_s: 120,
        min_s: 60,
        max_s: 3600,
        refuse_short: false,
    };
    const STRICT: ExpiryRules = ExpiryRules {
        refuse_short: true,
        ..RULES
    };

    fn flow() -> Flow {
        Flow::udp(
            0,
            "192.0.2.1:5060".parse().unwrap(),
            "198.51.100.7:40000".parse().unwrap(),
        )
    }

    fn read_with(rules: &ExpiryRules, headers: &str) -> Result<Update, Rejection> {
        let text = format!(
            "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n\
             From: <sip:100@example.com>;tag=1\r\nTo: <sip:100@example.com>\r\nCall-ID: c1\r\n\
             CSeq: 7 REGISTER\r\nMax-Forwards: 70\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        let mut fields = Fields::new();
        let message = Message::parse(text.as_bytes(), &mut fields).unwrap();
        read(&message, b"100", rules, flow(), true, 10, false)
    }

    fn granted(rules: &ExpiryRules, headers: &str) -> Vec<u32> {
        read_with(rules, headers)
            .unwrap()
            .contacts
            .iter()
            .map(|contact| contact.expires_s)
            .collect()
    }

    #[test]
    fn an_update_carries_what_the_request_says() {
        let update = read_with(
            &RULES,
            "Contact: <sip:100@192.0.2.9;transport=udp>;q=0.5;expires=300, sip:100@192.0.2.10\r\nUser-Agent: Phone 1\r\n",
        )
        .unwrap();
        assert_eq!(
            (
                update.aor.as_bytes(),
                update.call_id.as_bytes(),
                update.cseq
            ),
            (&b"100"[..], &b"c1"[..], 7)
        );
        assert_eq!(
            (update.flow, update.to_source, update.max_contacts),
            (flow(), true, 10)
        );
        assert_eq!(update.user_agent.as_bytes(), b"Phone 1");
        assert!(!update.remove_all);
        assert_eq!(
            update.contacts.as_slice(),
            [
                Contact {
                    uri: "sip:100@192.0.2.9;transport=udp".into(),
                    q: 500,
                    expires_s: 300,
                    address: "192.0.2.9:5060".parse().ok(),
                },
                Contact {
                    uri: "sip:100@192.0.2.10".into(),
                    q: 1000,
                    expires_s: 120,
                    address: "192.0.2.10:5060".parse().ok(),
                },
            ]
        );
    }

    #[test]
    fn no_contact_is_a_query() {
        let update = read_with(&RULES, "Expires: 3600\r\n").unwrap();
        assert!(update.contacts.is_empty() && !update.remove_all);
    }

    #[test]
    fn the_contact_s_expires_comes_before_the_request_s_before_the_default() {
        assert_eq!(
            granted(
                &RULES,
                "Expires: 200\r\nContact: <sip:a@192.0.2.9>;expires=300\r\n"
            ),
            [300]
        );
        assert_eq!(
            granted(&RULES, "Expires: 200\r\nContact: <sip:a@192.0.2.9>\r\n"),
            [200]
        );
        assert_eq!(granted(&RULES, "Contact: <sip:a@192.0.2.9>\r\n"), [120]);
    }

    #[test]
    fn expirations_are_clamped_silently() {
        assert_eq!(
            granted(&RULES, "Contact: <sip:a@192.0.2.9>;expires=1\r\n"),
            [60]
        );
        assert_eq!(
            granted(&RULES, "Contact: <sip:a@192.0.2.9>;expires=86400\r\n"),
            [3600]
        );
        assert_eq!(
            granted(&RULES, "Contact: <sip:a@192.0.2.9>;expires=99999999999\r\n"),
            [3600]
        );
    }

    #[test]
    fn zero_removes_whatever_the_minimum() {
        assert_eq!(
            granted(&STRICT, "Contact: <sip:a@192.0.2.9>;expires=0\r\n"),
            [0]
        );
        assert_eq!(
            granted(&STRICT, "Contact: <sip:a@192.0.2.9>\r\nExpires: 0\r\n"),
            [0]
        );
    }

    #[test]
    fn a_malformed_expires_means_an_hour() {
        let rules = ExpiryRules {
            max_s: 86_400,
            ..RULES
        };
        assert_eq!(
            granted(&rules, "Contact: <sip:a@192.0.2.9>;expires=soon\r\n"),
            [3600]
        );
        assert_eq!(
            granted(&rules, "Contact: <sip:a@192.0.2.9>;expires\r\n"),
            [3600]
        );
    }

    #[test]
    fn a_brief_interval_is_refused_with_423_when_asked_to() {
        let rejection =
            read_with(&STRICT, "Contact: <sip:a@192.0.2.9>;expires=59\r\n").unwrap_err();
        assert_eq!(
            (rejection.status, rejection.min_expires_s),
            (Status::INTERVAL_TOO_BRIEF, Some(60))
        );
        assert_eq!(
            granted(&STRICT, "Contact: <sip:a@192.0.2.9>;expires=60\r\n"),
            [60]
        );
    }

    #[test]
    fn an_hour_is_never_too_brief() {
        let rules = ExpiryRules {
            min_s: 7200,
            max_s: 86_400,
            ..STRICT
        };
        assert_eq!(
            granted(&rules, "Contact: <sip:a@192.0.2.9>;expires=3600\r\n"),
            [7200]
        );
        assert!(read_with(&rules, "Contact: <sip:a@192.0.2.9>;expires=3599\r\n").is_err());
    }

    #[test]
    fn a_star_removes_all_only_alone_and_with_expires_zero() {
        assert!(
            read_with(&RULES, "Contact: *\r\nExpires: 0\r\n")
                .unwrap()
                .remove_all
        );
        for wrong in [
            "Contact: *\r\n",
            "Contact: *\r\nExpires: 60\r\n",
            "Contact: *, <sip:a@192.0.2.9>\r\nExpires: 0\r\n",
            "Contact: <sip:a@192.0.2.9>\r\nContact: *\r\nExpires: 0\r\n",
            "Contact: *, *\r\nExpires: 0\r\n",
        ] {
            assert_eq!(
                read_with(&RULES, wrong).unwrap_err().status,
                Status::BAD_REQUEST,
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_is_no_usable_contact_is_refused() {
        for wrong in [
            "Contact: <sip:a@192.0.2.9>;q=2\r\n",
            "Contact: <sip:a@192.0.2.9>;q\r\n",
            "Contact: <mailto:a@example.com>\r\n",
            "Contact: <sip:a@192.0.2.9\r\n",
        ] {
            assert_eq!(
                read_with(&RULES, wrong).unwrap_err().status,
                Status::BAD_REQUEST,
                "{wrong}"
            );
        }
        let long = format!("Contact: <sip:{}@192.0.2.9>\r\n", "a".repeat(URI_BYTES));
        assert_eq!(
            read_with(&RULES, &long).unwrap_err().status,
            Status::MESSAGE_TOO_LARGE
        );
    }

    #[test]
    fn the_number_of_contacts_is_bounded() {
        let line = "Contact: <sip:a@192.0.2.9>\r\n";
        assert_eq!(
            granted(&RULES, &line.repeat(CONTACTS_PER_REQUEST)).len(),
            CONTACTS_PER_REQUEST
        );
        assert!(read_with(&RULES, &line.repeat(CONTACTS_PER_REQUEST + 1)).is_err());
    }

    #[test]
    fn a_long_user_agent_is_cut() {
        let headers = format!("User-Agent: {}\r\n", "x".repeat(500));
        assert_eq!(
            read_with(&RULES, &headers).unwrap().user_agent.len(),
            USER_AGENT_BYTES
        );
    }

    #[test]
    fn the_200_lists_what_has_time_left() {
        let now = Instant::from_micros(5_000_000);
        let binding = |uri: &str, q, expires_micros| Binding {
            texts: Texts::new(uri.as_bytes(), b"c1", b""),
            q,
            expires: Instant::from_micros(expires_micros),
            flow: flow(),
            cseq: 1,
            node: None,
        };
        let bindings = [
            binding("sip:a@192.0.2.9", 1000, 65_000_000),
            binding("sip:b@192.0.2.9;x=y", 50, 5_000_001),
            binding("sip:c@192.0.2.9", 0, 5_000_000),
        ];
        let mut buffer = Vec::new();
        let mut writer = Writer::new(&mut buffer, false);
        write_contacts(now, &bindings, &mut writer);
        drop(writer);
        assert_eq!(
            String::from_utf8(buffer).unwrap(),
            "Contact: <sip:a@192.0.2.9>;expires=60\r\nContact: <sip:b@192.0.2.9;x=y>;expires=1;q=0.050\r\n"
        );
    }
}
