//! Whom a callee is told a call is from: From, Contact, P-Asserted-Identity,
//! Remote-Party-ID (RFC 3323 §4.1.1.3, RFC 3325 §9). Never decides who the
//! caller is.

use core::net::SocketAddr;

use memchr::memchr2;

use super::call::Caller;
use crate::base::{AddressText, Text, Transport};
use crate::config::{General, Peer, TrustIdOutbound};
use crate::wire::{HeaderName, Writer};

/// The From of a caller who withholds the number (RFC 3323 §4.1.1.3).
const ANONYMOUS: &[u8] = b"\"Anonymous\" <sip:anonymous@anonymous.invalid>";

/// From value, without tag, and Contact URI of requests to `device`, which
/// knows us as `ours` and is reached by `transport`.
pub fn local(
    caller: &Caller,
    device: &Peer,
    general: &General,
    (ours, transport): (SocketAddr, Transport),
) -> (Text, Text) {
    let withheld = caller.presentation.is_withheld();
    let mut user = Text::new();
    match device.fromuser.as_deref() {
        Some(fromuser) => user.push(fromuser.as_bytes()),
        None if withheld => user.push(b"anonymous"),
        None if caller.number.is_empty() => push_user(&mut user, general.callerid.as_bytes()),
        None => push_user(&mut user, &caller.number),
    }
    let ours = AddressText::socket(ours);
    let local = if withheld {
        name_addr(b"Anonymous", &user, b"anonymous.invalid")
    } else {
        name_addr(&caller.name, &user, domain(device, &ours))
    };
    let mut contact = Text::from("sip:");
    contact.push(&user);
    contact.push(b"@");
    contact.push(ours.as_bytes());
    contact.push(transport.uri_parameter());
    (local, contact)
}

/// Writes P-Asserted-Identity or Remote-Party-ID where `sendrpid` asks for
/// one: the caller's own, whatever From says. `trust_id_outbound` decides what
/// is left of a number that is withheld.
pub fn assert(writer: &mut Writer<'_>, caller: &Caller, device: &Peer, ours: SocketAddr) {
    let Some(pai) = device.sendrpid_pai.filter(|_| !caller.number.is_empty()) else {
        return;
    };
    let withheld = caller.presentation.is_withheld();
    let trust = device.trust_id_outbound;
    if withheld && trust == TrustIdOutbound::No {
        return;
    }
    let mut user = Text::new();
    push_user(&mut user, &caller.number);
    let identity = name_addr(
        &caller.name,
        &user,
        domain(device, &AddressText::socket(ours)),
    );
    if !pai {
        let privacy: &[u8] = if withheld { b"full" } else { b"off" };
        let screen: &[u8] = match caller.presentation.is_screened() {
            true => b"yes",
            false => b"no",
        };
        let rest: [&[u8]; 4] = [b";party=calling;privacy=", privacy, b";screen=", screen];
        writer.parts(
            HeaderName::RemotePartyId,
            &[&identity, rest.concat().as_slice()],
        );
    } else if withheld && trust == TrustIdOutbound::Legacy {
        writer.field(HeaderName::PAssertedIdentity, ANONYMOUS);
    } else {
        writer.field(HeaderName::PAssertedIdentity, &identity);
        if withheld {
            writer.field(HeaderName::Privacy, b"id");
        }
    }
}

/// `fromdomain`, else our address.
fn domain<'a>(device: &'a Peer, ours: &'a AddressText) -> &'a [u8] {
    match device.fromdomain.as_deref() {
        Some(configured) => configured.as_bytes(),
        None => ours.as_bytes(),
    }
}

/// `"name" <sip:user@domain>`, without a name that is empty.
pub(super) fn name_addr(name: &[u8], user: &[u8], domain: &[u8]) -> Text {
    let mut value = Text::new();
    if !name.is_empty() {
        push_quoted(&mut value, name);
        value.push(b" ");
    }
    for part in [b"<sip:", user, b"@", domain, b">"] {
        value.push(part);
    }
    value
}

/// Appends a `quoted-string` (RFC 3261 §25.1).
pub(super) fn push_quoted(value: &mut Text, text: &[u8]) {
    value.push(b"\"");
    let mut rest = text;
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        let (before, after) = rest.split_at(at);
        value.push(before);
        value.push(b"\\");
        let (special, after) = after.split_at(1);
        value.push(special);
        rest = after;
    }
    value.push(rest);
    value.push(b"\"");
}

/// Appends a user part, escaping what RFC 3261 §25.1 does not allow in one.
pub fn push_user(text: &mut Text, user: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(byte);
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    let mut rest = user;
    while !rest.is_empty() {
        let plain = rest.iter().position(|byte| !allowed(byte));
        let (before, after) = rest.split_at(plain.unwrap_or(rest.len()));
        text.push(before);
        rest = after;
        if let Some((&byte, after)) = rest.split_first() {
            text.push(&[b'%', digit(byte >> 4), digit(byte & 15)]);
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Label;
    use crate::config::{PeerKind, Presentation};

    #[test]
    fn neither_name_nor_number_breaks_out_of_its_place() {
        let value = name_addr(b"A \"B\" \\", b"1", b"h");
        assert_eq!(value.lossy(), "\"A \\\"B\\\" \\\\\" <sip:1@h>");
        let mut user = Text::new();
        push_user(&mut user, b"100>;x=y@evil%");
        assert_eq!(user.lossy(), "100%3E;x=y%40evil%25");
    }

    /// From, Contact and the asserted headers of a call from Ann.
    fn told(octet: u8, change: impl FnOnce(&mut Peer)) -> String {
        let caller = Caller {
            number: Label::from("1001"),
            name: Label::from("Ann"),
            presentation: Presentation::of(octet),
        };
        let mut device = Peer::new("gw", PeerKind::Peer);
        change(&mut device);
        let ours = "192.0.2.1:5060".parse().unwrap();
        let (local, contact) = local(
            &caller,
            &device,
            &General::default(),
            (ours, Transport::Udp),
        );
        let mut lines = Vec::new();
        assert(&mut Writer::new(&mut lines, false), &caller, &device, ours);
        let asserted = String::from_utf8(lines).unwrap().replace("\r\n", "|");
        format!("{}|{}|{asserted}", local.lossy(), contact.lossy())
    }

    #[test]
    fn a_number_that_may_be_shown() {
        let plain = "\"Ann\" <sip:1001@192.0.2.1:5060>|sip:1001@192.0.2.1:5060|";
        assert_eq!(told(0, |_| {}), plain);
        assert_eq!(
            told(1, |device| device.sendrpid_pai = Some(false)),
            format!(
                "{plain}Remote-Party-ID: \"Ann\" <sip:1001@192.0.2.1:5060>;party=calling;privacy=off;screen=yes|"
            )
        );
        let trunk = |device: &mut Peer| {
            device.sendrpid_pai = Some(true);
            device.fromuser = Some("account".into());
            device.fromdomain = Some("example.com".into());
        };
        assert_eq!(
            told(0, trunk),
            "\"Ann\" <sip:account@example.com>|sip:account@192.0.2.1:5060|\
             P-Asserted-Identity: \"Ann\" <sip:1001@example.com>|"
        );
    }

    #[test]
    fn a_withheld_number_is_shown_to_the_trusted_alone() {
        let anonymous =
            "\"Anonymous\" <sip:anonymous@anonymous.invalid>|sip:anonymous@192.0.2.1:5060|";
        assert_eq!(told(0x20, |_| {}), anonymous);
        let pai = |trust| {
            told(0x20, |device| {
                device.sendrpid_pai = Some(true);
                device.trust_id_outbound = trust;
            })
        };
        assert_eq!(pai(TrustIdOutbound::No), anonymous);
        assert_eq!(
            pai(TrustIdOutbound::Legacy),
            format!(
                "{anonymous}P-Asserted-Identity: \"Anonymous\" <sip:anonymous@anonymous.invalid>|"
            )
        );
        assert_eq!(
            pai(TrustIdOutbound::Yes),
            format!(
                "{anonymous}P-Asserted-Identity: \"Ann\" <sip:1001@192.0.2.1:5060>|Privacy: id|"
            )
        );
        assert_eq!(
            told(0x20, |device| device.sendrpid_pai = Some(false)),
            format!(
                "{anonymous}Remote-Party-ID: \"Ann\" <sip:1001@192.0.2.1:5060>;party=calling;privacy=full;screen=no|"
            )
        );
    }
}
