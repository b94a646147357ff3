//! What a caller's INVITE says of where it was to go: who diverted the call and
//! why (RFC 5806), and the context of a telephone number (RFC 3966). It becomes
//! variables; nothing is decided by it.

use crate::base::{Text, lossy};
use crate::dialplan::{Cursor, Party, PartyField};
use crate::wire::{HeaderName, Message, NameAddr, Scheme, Uri, elements};

/// Reasons that RFC 5806 names, and what `PRIREDIRECTREASON` calls them; others
/// are `UNKNOWN`.
const REASONS: [(&[u8], &str); 6] = [
    (b"away", "UNREACHABLE"),
    (b"no-answer", "NOANSWER"),
    (b"out-of-service", "UNREACHABLE"),
    (b"unavailable", "UNREACHABLE"),
    (b"unconditional", "UNCONDITIONAL"),
    (b"user-busy", "BUSY"),
];

/// Tells a plan that is about to begin.
pub(super) fn tell(request: &Message<'_>, uri: &Uri<'_>, cursor: &mut Cursor) {
    let set = |cursor: &mut Cursor, name: &str, value: &[u8]| {
        // A full table of variables keeps what it has, as a plan's Set does.
        let _ = cursor.variables_mut().set(name, &lossy(value));
    };
    if uri.scheme == Scheme::Tel
        && let Some(context) = uri.params.value(b"phone-context")
    {
        set(cursor, "SIPURIPHONECONTEXT", context);
    }
    // The last to divert stands first.
    let Some(value) = request.value(HeaderName::Diversion) else {
        return;
    };
    let Some(by) = elements(value).next().and_then(NameAddr::parse) else {
        return;
    };
    if let Some(reason) = by.params.value(b"reason") {
        let reason = reason.trim_ascii();
        let quoted = reason.strip_prefix(b"\"");
        let reason = quoted
            .and_then(|text| text.strip_suffix(b"\""))
            .unwrap_or(reason);
        let known = REASONS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(reason));
        let cause = known.map_or("UNKNOWN", |(_, cause)| cause);
        set(cursor, "__PRIREDIRECTREASON", cause.as_bytes());
        set(cursor, "__SIPREDIRECTREASON", reason);
    }
    if let Ok(uri) = Uri::parse(by.uri) {
        set(cursor, "__SIPRDNISDOMAIN", uri.host);
        let mut user = Text::new();
        uri.user_decoded(&mut user);
        cursor.set_party(Party::From, PartyField::Number, &user.lossy());
    }
}
