//! The rules one message obeys by itself, or beside the one it answers.
//!
//! Owns no memory; who said what before is judged elsewhere.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{Failure, Verdict};
use crate::message::{Msg, address_of, param, uri_of};

/// A request of an engine, on its way to `to`.
pub(super) fn request(engines: &BTreeSet<SocketAddr>, to: SocketAddr, message: &Msg) -> Verdict {
    let fail = |rule| {
        Err(Failure::of(
            rule,
            message,
            format!("to {to}: {}", message.head()),
        ))
    };
    let vias = message.all("Via");
    let ours = vias
        .first()
        .and_then(|via| via.strip_prefix("SIP/2.0/UDP "))
        .and_then(address_of);
    if vias.len() != 1 || !ours.is_some_and(|ours| engines.contains(&ours)) {
        return fail("a request has one Via and it is ours (§18.1.1)");
    }
    if !message.branch().starts_with("z9hG4bK") || message.get("Max-Forwards").is_none() {
        return fail("a request has a branch and Max-Forwards (§8.1.1)");
    }
    if message.tag("From").is_none_or(|tag| tag.is_empty()) {
        return fail("a request has a From tag (§8.1.1.3)");
    }
    if message.cseq().1 != message.method() {
        return fail("CSeq names the request's method (§8.1.1.5)");
    }
    if message.method() == "INVITE" && !has_our_contact(engines, message) {
        return fail("an INVITE has one Contact and it is ours (§8.1.1.8)");
    }
    // Before a strict router the Request-URI is the router's (§12.2.1.1).
    let route = message
        .all("Route")
        .first()
        .map(|route| uri_of(route))
        .filter(|uri| uri.contains(";lr"));
    let next = route
        .as_deref()
        .or(Some(message.uri()))
        .and_then(address_of);
    if next != Some(to) {
        return fail("a request goes to its first Route or its Request-URI (§8.1.2)");
    }
    Ok(())
}

fn has_our_contact(engines: &BTreeSet<SocketAddr>, message: &Msg) -> bool {
    let contacts = message.all("Contact");
    let address = contacts
        .first()
        .and_then(|contact| address_of(&uri_of(contact)));
    contacts.len() == 1 && address.is_some_and(|address| engines.contains(&address))
}

/// A response of an engine to `request`.
pub(super) fn response(engines: &BTreeSet<SocketAddr>, request: &Msg, response: &Msg) -> Verdict {
    echoes(request, response)?;
    let fail = |rule| Err(Failure::of(rule, response, response.head()));
    let status = response.status();
    if status > 100 && response.tag("To").is_none() {
        return fail("a response above 100 has a To tag (§8.2.6.2)");
    }
    if status == 408 && response.method() != "INVITE" {
        return fail("no 408 to a non-INVITE (RFC 4320 §4.2)");
    }
    if response.method() == "INVITE"
        && (200..300).contains(&status)
        && !has_our_contact(engines, response)
    {
        return fail("a 2xx to an INVITE has one Contact and it is ours (§12.1.1)");
    }
    Ok(())
}

/// §8.2.6.2 and §18.2.1: what a response copies from its request.
fn echoes(request: &Msg, response: &Msg) -> Verdict {
    let rule = "a response echoes Via, From, To, Call-ID, CSeq (§8.2.6.2)";
    let fail = |name: &str| {
        let seen = format!(
            "{name}: asked {:?}, answered {:?}",
            request.get(name),
            response.get(name)
        );
        Err(Failure::of(rule, response, seen))
    };
    for name in ["From", "Call-ID", "CSeq"] {
        if request.get(name) != response.get(name) {
            return fail(name);
        }
    }
    let (asked, answered) = (
        request.get("To").unwrap_or_default(),
        response.get("To").unwrap_or_default(),
    );
    let untagged = match param(answered, "tag") {
        Some(tag) if param(asked, "tag").is_none() => {
            answered.replacen(&format!(";tag={tag}"), "", 1)
        }
        _ => answered.to_string(),
    };
    if untagged != asked {
        return fail("To");
    }
    let (asked, answered) = (request.all("Via"), response.all("Via"));
    if asked.len() != answered.len() || asked.get(1..) != answered.get(1..) {
        return fail("Via");
    }
    let kept = |via: &str| {
        let parts = via
            .split(';')
            .map(str::trim)
            .filter(|part| !part.starts_with("rport") && !part.starts_with("received"));
        parts.map(str::to_string).collect::<Vec<_>>()
    };
    if asked.first().map(|via| kept(via)) != answered.first().map(|via| kept(via)) {
        return fail("Via");
    }
    Ok(())
}
