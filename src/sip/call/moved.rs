//! Where a callee who is elsewhere wants to be rung (RFC 3261 §8.1.3.4), as
//! `Dial` takes it.

use smol_str::{SmolStr, format_smolstr};

use super::diversion;
use crate::base::{Text, lossy};
use crate::dialplan::Forward;
use crate::wire::{ContactValue, Message, Uri};

/// The place a 3xx names: that of its highest q, and the first of those. With
/// `promiscredir` it is rung where it is; else it is an extension of the
/// callee's context. One that `Dial` would read as something else is none.
pub fn forward(response: &Message<'_>, promiscredir: bool, context: &str) -> Option<Forward> {
    let addresses = response
        .contacts()
        .filter_map(|contact| match contact.ok()? {
            ContactValue::Addr(address) => Some(address),
            ContactValue::Star => None,
        });
    let best = addresses.reduce(|best, next| {
        let q = |q: Option<u16>| q.unwrap_or(1000);
        if q(next.q()) > q(best.q()) {
            next
        } else {
            best
        }
    })?;
    let uri = Uri::parse(best.uri).ok()?;
    let mut user = Text::new();
    uri.user_decoded(&mut user);
    let user = user.lossy();
    let special = |c: char| c.is_control() || "/@&!:,;^\"<>".contains(c);
    if user.is_empty() || user.contains(special) {
        return None;
    }
    let to = match promiscredir {
        // A telephone number (RFC 3966) is at no host.
        true if !uri.host.is_empty() => {
            let host = lossy(uri.host);
            match uri.port {
                Some(port) => format_smolstr!("SIP/{user}@{host}:{port}"),
                None => format_smolstr!("SIP/{user}@{host}"),
            }
        }
        _ => SmolStr::new(&*user),
    };
    Some(Forward {
        to,
        context: context.into(),
        from: diversion::of_refusal(response, &user),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Fields;

    fn to(contacts: &str, promiscredir: bool) -> Option<String> {
        let text = format!("SIP/2.0 302 Moved\r\nVia: SIP/2.0/UDP h\r\n{contacts}\r\n");
        let mut fields = Fields::new();
        let message = Message::parse(text.as_bytes(), &mut fields).unwrap();
        let forward = forward(&message, promiscredir, "c")?;
        assert_eq!(forward.context, "c");
        Some(forward.to.into())
    }

    #[test]
    fn the_contact_of_the_highest_q_is_taken() {
        for (contacts, extension, address) in [
            (
                "Contact: <sip:200@192.0.2.1:5070>\r\n",
                Some("200"),
                Some("SIP/200@192.0.2.1:5070"),
            ),
            (
                "Contact: <sip:1@h>;q=0.2, <sip:2@h>;q=0.9\r\nContact: sip:3@h;q=0.5\r\n",
                Some("2"),
                Some("SIP/2@h"),
            ),
            (
                "Contact: <sip:1@h>, <sip:2@h>\r\n",
                Some("1"),
                Some("SIP/1@h"),
            ),
            ("Contact: <sip:%2a1@h>\r\n", Some("*1"), Some("SIP/*1@h")),
            ("", None, None),
            ("Contact: *\r\n", None, None),
            ("Contact: <sip:h>\r\n", None, None),
            ("Contact: <tel:+491>\r\n", Some("+491"), Some("+491")),
        ] {
            assert_eq!(to(contacts, false).as_deref(), extension, "{contacts}");
            assert_eq!(to(contacts, true).as_deref(), address, "{contacts}");
        }
    }

    #[test]
    fn a_callee_cannot_name_another_context_or_technology() {
        for user in ["1%40secret", "SIP%2F1", "1%2Fn", "1%261", "1%0a"] {
            assert_eq!(to(&format!("Contact: <sip:{user}@h>\r\n"), false), None);
        }
    }
}
