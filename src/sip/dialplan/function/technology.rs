//! Functions only the caller's technology can answer: `SIP_HEADER`, `SIPPEER`,
//! `CHECKSIPDOMAIN`, `HANGUPCAUSE` and `HANGUPCAUSE_KEYS`.

use super::super::inquiry::{Inquiry, Reply};
use super::super::state::Scope;
use super::super::step::Step;

/// `SIP_HEADER(name[,n])`: the n-th header field of that name in the caller's
/// first INVITE, from 1; empty if there is none. Short names are understood.
pub(super) fn sip_header(scope: &Scope<'_>, arguments: &str) -> String {
    ask(scope, "SIP_HEADER", arguments)
}

/// Items of a device that only its home shard knows.
const LIVE: [&str; 6] = ["curcalls", "expire", "ip", "port", "status", "useragent"];

/// `SIPPEER(name[,item])`: what is known of a device; `ip` without an item. Items
/// of media and of the mailbox are empty.
pub(super) fn sip_peer(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    if let Some(known) = step.channels.read("SIPPEER", arguments) {
        return Err(known);
    }
    let (name, item) = arguments.split_once(',').unwrap_or((arguments, "ip"));
    let item = item.trim().to_ascii_lowercase();
    match LIVE.contains(&item.as_str()) {
        true => Ok(Inquiry::Peer(Box::new((name.trim().into(), item.into())))),
        false => Err(String::new()),
    }
}

pub(super) fn tell(_: &mut Step<'_>, _: &str, reply: Reply) -> String {
    match reply {
        Reply::Text(text) => text,
        _ => String::new(),
    }
}

/// `CHECKSIPDOMAIN(domain)`: the domain if it is one of ours, else nothing.
pub(super) fn check_sip_domain(scope: &Scope<'_>, arguments: &str) -> String {
    ask(scope, "CHECKSIPDOMAIN", arguments)
}

/// `HANGUPCAUSE(channel,tech|ast)`: the last response a dialled channel sent,
/// as `SIP 486 Busy Here`, or what its cause is called.
pub(super) fn hangup_cause(scope: &Scope<'_>, arguments: &str) -> String {
    ask(scope, "HANGUPCAUSE", arguments)
}

/// `HANGUPCAUSE_KEYS()`: the channels dialled that responded, joined by commas.
pub(super) fn hangup_cause_keys(scope: &Scope<'_>, arguments: &str) -> String {
    ask(scope, "HANGUPCAUSE_KEYS", arguments)
}

fn ask(scope: &Scope<'_>, function: &str, arguments: &str) -> String {
    scope.channels.read(function, arguments).unwrap_or_default()
}

#[cfg(test)]
mod tests;
