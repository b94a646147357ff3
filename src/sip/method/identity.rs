//! Whom a request is from, as plans and callees are told: the identity its
//! device is trusted to assert, else the one configured, else From.

use crate::base::{Label, Text};
use crate::call::Caller;
use crate::config::{General, Peer, Presentation};
use crate::wire::{HeaderName, Message, NameAddr, Uri, elements, unescape};

/// The caller of `request`, which `peer` sent; `None` for a guest.
pub fn caller(request: &Message<'_>, peer: Option<&Peer>, general: &General) -> Caller {
    let device = peer.unwrap_or(&general.defaults);
    let asserted = if device.trustrpid {
        remote_party(request).or_else(|| asserted(request))
    } else {
        None
    };
    let mut caller = asserted.unwrap_or_else(|| configured(request, device));
    if general.shrinkcallerid {
        shrink(&mut caller.number);
    }
    caller.presentation = device.callingpres.unwrap_or(caller.presentation);
    caller
}

/// `callerid`, and From for what it leaves out.
fn configured(request: &Message<'_>, device: &Peer) -> Caller {
    let from = request.from().ok();
    let mut user = Text::new();
    if let Some(uri) = request.from_uri() {
        uri.user_decoded(&mut user);
    }
    let mut display = Text::new();
    if let Some(from) = from {
        unescape(from.display, &mut display);
    }
    let or = |configured: &str, otherwise: &[u8]| match configured {
        "" => Label::from(otherwise),
        configured => Label::from(configured),
    };
    Caller {
        number: or(&device.callerid.number, &user),
        name: or(&device.callerid.name, &display),
        presentation: Presentation::default(),
    }
}

/// Remote-Party-ID, as Asterisk and old gateways write it.
fn remote_party(request: &Message<'_>) -> Option<Caller> {
    let value = request.raw(HeaderName::RemotePartyId).next()?;
    let party = NameAddr::parse(elements(value).next()?)?;
    let says = |name: &[u8], value: &[u8]| {
        party
            .param(name)
            .is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    let withheld = party.param(b"privacy").is_some() && !says(b"privacy", b"off");
    Some(Caller {
        presentation: Presentation::new(withheld, says(b"screen", b"yes")),
        ..named(&party)?
    })
}

/// P-Asserted-Identity, withheld by `Privacy: id` (RFC 3325 §9.1, §9.3).
fn asserted(request: &Message<'_>) -> Option<Caller> {
    let value = request.raw(HeaderName::PAssertedIdentity).next()?;
    let identity = NameAddr::parse(elements(value).next()?)?;
    let mut privacy = request
        .raw(HeaderName::Privacy)
        .flat_map(|value| value.split(|byte| *byte == b';'));
    let withheld = privacy.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"id"));
    Some(Caller {
        presentation: Presentation::new(withheld, true),
        ..named(&identity)?
    })
}

/// The number and the name of an address; `None` without a number.
fn named(address: &NameAddr<'_>) -> Option<Caller> {
    let (mut number, mut name) = (Text::new(), Text::new());
    Uri::parse(address.uri).ok()?.user_decoded(&mut number);
    unescape(address.display, &mut name);
    (!number.is_empty()).then(|| Caller {
        number: Label::from(&*number),
        name: Label::from(&*name),
        presentation: Presentation::default(),
    })
}

/// Strips brackets, hyphens, blanks and inner dots from a number that is
/// nothing but digits and those.
fn shrink(number: &mut Label) {
    let shrinkable = |byte: &u8| byte.is_ascii_digit() || b"+*#()-. ".contains(byte);
    if !number.iter().all(shrinkable) {
        return;
    }
    let last = number.len().saturating_sub(1);
    let mut shrunk = Label::new();
    for (index, byte) in number.iter().enumerate() {
        let inner_dot = *byte == b'.' && index != last;
        if !inner_dot && !b"()- ".contains(byte) {
            shrunk.push(&[*byte]);
        }
    }
    *number = shrunk;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CallerId, PeerKind};
    use crate::wire::Fields;

    fn caller_of(
        lines: &str,
        change: impl FnOnce(&mut Peer, &mut General),
    ) -> (String, String, u8) {
        let text = format!(
            "INVITE sip:2@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: \"Ann\" <sip:(30)10-01@h>;tag=1\r\n{lines}\r\n"
        );
        let mut fields = Fields::new();
        let request = Message::parse(text.as_bytes(), &mut fields).unwrap();
        let (mut peer, mut general) = (Peer::new("gw", PeerKind::Peer), General::default());
        change(&mut peer, &mut general);
        let caller = caller(&request, Some(&peer), &general);
        let text = |text: &Label| text.lossy().into_owned();
        (
            text(&caller.number),
            text(&caller.name),
            caller.presentation.octet(),
        )
    }

    fn is(number: &str, name: &str, octet: u8) -> (String, String, u8) {
        (number.into(), name.into(), octet)
    }

    #[test]
    fn from_unless_configured() {
        assert_eq!(caller_of("", |_, _| {}), is("301001", "Ann", 0));
        let number = |peer: &mut Peer, _: &mut General| {
            peer.callerid = CallerId {
                name: String::new(),
                number: "7".into(),
            };
            peer.callingpres = Some(Presentation::of(0x23));
        };
        assert_eq!(caller_of("", number), is("7", "Ann", 0x23));
    }

    #[test]
    fn numbers_are_left_as_they_are_on_demand() {
        let plain = |_: &mut Peer, general: &mut General| general.shrinkcallerid = false;
        assert_eq!(caller_of("", plain), is("(30)10-01", "Ann", 0));
        for (number, shrunk) in [("+49 (30) 1.2.", "+493012."), ("ann-b", "ann-b"), ("", "")] {
            let mut text = Label::from(number);
            shrink(&mut text);
            assert_eq!(text.lossy(), shrunk);
        }
    }

    #[test]
    fn an_asserted_identity_counts_where_it_is_trusted() {
        let asserted = "P-Asserted-Identity: \"Bob\" <sip:1002@h>, <tel:+1002>\r\n";
        let remote = "Remote-Party-ID: Carl <sip:1003@h>;party=calling;privacy=full;screen=yes\r\n";
        let trust = |peer: &mut Peer, _: &mut General| peer.trustrpid = true;
        assert_eq!(caller_of(asserted, |_, _| {}), is("301001", "Ann", 0));
        assert_eq!(caller_of(asserted, trust), is("1002", "Bob", 0x01));
        let private = format!("{asserted}Privacy: critical; ID\r\n");
        assert_eq!(caller_of(&private, trust), is("1002", "Bob", 0x21));
        assert_eq!(
            caller_of(&format!("{asserted}{remote}"), trust),
            is("1003", "Carl", 0x21)
        );
        assert_eq!(
            caller_of("P-Asserted-Identity: <sip:h>\r\n", trust),
            is("301001", "Ann", 0)
        );
        let prohibited = |peer: &mut Peer, _: &mut General| {
            peer.trustrpid = true;
            peer.callingpres = Some(Presentation::of(0));
        };
        assert_eq!(caller_of(remote, prohibited), is("1003", "Carl", 0));
    }
}
