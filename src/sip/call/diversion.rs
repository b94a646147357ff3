//! Who diverted a call and why (RFC 5806), as an INVITE or a 3xx says it, as
//! plans know it, and as it is told to others; and the context of a telephone
//! number (RFC 3966). Nothing is decided by it.

use core::net::SocketAddr;

use smol_str::SmolStr;

use super::identity::{name_addr, push_quoted, push_user};
use crate::base::{AddressText, Text, lossy};
use crate::dialplan::{Cursor, Party, PartyField, Redirecting};
use crate::wire::{
    HeaderName, Message, NameAddr, Scheme, Uri, Writer, elements, is_token, unescape, unquote,
};

/// Why a call is diverted: in Diversion, in `REDIRECTING(reason)`, in
/// `PRIREDIRECTREASON` (`sip_reason_table`).
const REASONS: [(&str, &str, &str); 13] = [
    ("unknown", "unknown", "UNKNOWN"),
    ("user-busy", "cfb", "BUSY"),
    ("no-answer", "cfnr", "NOANSWER"),
    ("unavailable", "unavailable", "UNREACHABLE"),
    ("unconditional", "cfu", "UNCONDITIONAL"),
    ("time-of-day", "time_of_day", "UNKNOWN"),
    ("do-not-disturb", "dnd", "UNKNOWN"),
    ("deflection", "deflection", "UNKNOWN"),
    ("follow-me", "follow_me", "UNKNOWN"),
    ("out-of-service", "out_of_order", "UNREACHABLE"),
    ("away", "away", "UNREACHABLE"),
    ("cf_dte", "cf_dte", "UNKNOWN"),
    ("send_to_vm", "send_to_vm", "UNKNOWN"),
];

/// Why, where a device that diverts a call does not say.
const UNSAID: &str = "cfu";

/// Tells a plan that is about to begin.
pub(super) fn tell(request: &Message<'_>, uri: &Uri<'_>, cursor: &mut Cursor) {
    let set = |cursor: &mut Cursor, name: &str, value: &str| {
        // A full table of variables keeps what it has, as a plan's Set does.
        let _ = cursor.variables_mut().set(name, value);
    };
    if uri.scheme == Scheme::Tel
        && let Some(context) = uri.params.value(b"phone-context")
    {
        set(cursor, "SIPURIPHONECONTEXT", &lossy(context));
    }
    let Some(by) = last(request) else {
        return;
    };
    if let Some(reason) = reason(&by) {
        let known = REASONS
            .iter()
            .find(|row| row.0.eq_ignore_ascii_case(&reason));
        let cause = known.map_or("UNKNOWN", |row| row.2);
        set(cursor, "__PRIREDIRECTREASON", cause);
        set(cursor, "__SIPREDIRECTREASON", &reason);
    }
    if let Ok(uri) = Uri::parse(by.uri) {
        set(cursor, "__SIPRDNISDOMAIN", &lossy(uri.host));
    }
    let to = request.to().map(|to| user(to.uri)).unwrap_or_default();
    cursor.set_redirecting(&redirecting(&by, to));
    let counter = by.params.value(b"counter").map(unquote).map(lossy);
    if let Some(counter) = counter.filter(|counter| counter.parse::<u16>().is_ok()) {
        cursor.set_party(Party::From, PartyField::Count, &counter);
    }
}

/// Who sends a call elsewhere by a 3xx: whom it names, else who was called.
pub(super) fn of_refusal(response: &Message<'_>, to: &str) -> Redirecting {
    if let Some(by) = last(response) {
        return redirecting(&by, to.into());
    }
    let called = response.to().map(|to| (user(to.uri), text(to.display)));
    let (number, name) = called.unwrap_or_default();
    Redirecting {
        number,
        name,
        reason: UNSAID.into(),
        to: to.into(),
    }
}

/// Writes a Diversion. The host is ours, which is reached as `ours`.
pub(super) fn write(writer: &mut Writer<'_>, by: &Redirecting, ours: SocketAddr) {
    let mut user = Text::new();
    push_user(&mut user, by.number.as_bytes());
    let host = AddressText::ip(ours.ip());
    let address = match ours.is_ipv6() {
        true => name_addr(
            by.name.as_bytes(),
            &user,
            &[b"[", host.as_bytes(), b"]"].concat(),
        ),
        false => name_addr(by.name.as_bytes(), &user, host.as_bytes()),
    };
    let known = REASONS.iter().find(|row| row.1 == by.reason);
    let reason = known.map_or(by.reason.as_str(), |row| row.0);
    let mut word = Text::new();
    match is_token(reason.as_bytes()) {
        true => word.push(reason.as_bytes()),
        false => push_quoted(&mut word, text(unquote(reason.as_bytes())).as_bytes()),
    }
    writer.parts(HeaderName::Diversion, &[&address, b";reason=", &word]);
}

/// The last to divert, who stands first.
fn last<'a>(message: &Message<'a>) -> Option<NameAddr<'a>> {
    let value = message.value(HeaderName::Diversion)?;
    elements(value).next().and_then(NameAddr::parse)
}

fn reason(by: &NameAddr<'_>) -> Option<SmolStr> {
    let reason = by.params.value(b"reason")?.trim_ascii();
    Some(text(unquote(reason)))
}

fn redirecting(by: &NameAddr<'_>, to: SmolStr) -> Redirecting {
    let reason = reason(by).map_or(UNSAID.into(), |reason| {
        let mut rows = REASONS.iter();
        let known = rows.find(|row| row.0.eq_ignore_ascii_case(&reason));
        known.map_or(reason, |row| row.1.into())
    });
    Redirecting {
        number: user(by.uri),
        name: text(by.display),
        reason,
        to,
    }
}

/// The user of a URI.
fn user(uri: &[u8]) -> SmolStr {
    let mut user = Text::new();
    if let Ok(uri) = Uri::parse(uri) {
        uri.user_decoded(&mut user);
    }
    SmolStr::new(user.lossy())
}

/// What stands between quotes, without its escapes.
fn text(inside: &[u8]) -> SmolStr {
    let mut meant = Text::new();
    unescape(inside, &mut meant);
    SmolStr::new(meant.lossy())
}
