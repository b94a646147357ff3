//! Functions only the caller's technology can answer: `SIP_HEADER`, `SIPPEER`,
//! `CHECKSIPDOMAIN`, `HANGUPCAUSE` and `HANGUPCAUSE_KEYS`.

use super::super::state::Scope;

/// `SIP_HEADER(name[,n])`: the n-th header field of that name in the caller's
/// first INVITE, from 1; empty if there is none. Short names are understood.
pub(super) fn sip_header(scope: &Scope<'_>, arguments: &str) -> String {
    ask(scope, "SIP_HEADER", arguments)
}

/// `SIPPEER(name[,item])`: what is configured of a device; `ip` without an item.
pub(super) fn sip_peer(scope: &Scope<'_>, arguments: &str) -> String {
    ask(scope, "SIPPEER", arguments)
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
