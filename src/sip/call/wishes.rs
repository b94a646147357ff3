//! What a channel's variables ask of its INVITE (`SIPADDHEADERnn`,
//! `SIPFROMDOMAIN`, `SIP_MAX_FORWARDS`, `SIP_URI_OPTIONS`, `VXML_URL`).

use alloc::sync::Arc;

use super::outbound::More;
use crate::auth::node;
use crate::base::Text;
use crate::config::{General, Peer};
use crate::dialplan::Variables;
use crate::wire::{HeaderName, Writer};

/// Headers that say where a message belongs and how long it is: no plan adds
/// another of them.
const NEVER: &[&str] = &[
    "Call-ID",
    "Contact",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "From",
    "Max-Forwards",
    "Record-Route",
    "Route",
    "To",
    "Via",
    node::HEADER,
];

/// The device of a channel as the channel's destination and variables want it.
pub fn device(more: &More, device: Option<Arc<Peer>>, general: &General) -> Option<Arc<Peer>> {
    let value = |name| more.variables.value(name).filter(|value| !value.is_empty());
    let domain = value("SIPFROMDOMAIN");
    let hops: Option<u8> = value("SIP_MAX_FORWARDS").and_then(|hops| hops.trim().parse().ok());
    let hops = hops.filter(|&hops| hops > 0);
    if domain.is_none() && hops.is_none() && more.account.is_none() {
        return device;
    }
    let mut changed = general.device(device.as_deref()).clone();
    if let Some(domain) = domain {
        changed.fromdomain = Some(domain.into());
    }
    if let Some(hops) = hops {
        changed.maxforwards = hops;
    }
    if let Some(account) = &more.account {
        account.apply(&mut changed);
    }
    Some(Arc::new(changed))
}

/// Appends `SIP_URI_OPTIONS` to a Request-URI.
pub fn push_options(uri: &mut Text, variables: &Variables) {
    if let Some(options) = variables.value("SIP_URI_OPTIONS") {
        uri.push(b";");
        uri.push(options.trim_start_matches(';').as_bytes());
    }
}

/// Writes the headers they ask for. `"Name: value"` may stand in quotes.
pub fn write(writer: &mut Writer<'_>, variables: &Variables) {
    for (name, line) in variables.iter() {
        if !name.starts_with("SIPADDHEADER") {
            continue;
        }
        let line = line.trim().trim_matches('"');
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let name = name.trim();
        let known = HeaderName::new(name.as_bytes()).map(HeaderName::as_str);
        let name = known.unwrap_or(name);
        if !NEVER.iter().any(|never| never.eq_ignore_ascii_case(name)) {
            writer.other(name.as_bytes(), value.trim().as_bytes());
        }
    }
    if let Some(url) = variables.value("VXML_URL").filter(|url| !url.is_empty()) {
        let value = format!("<{url}>;mode=active");
        writer.other(b"Access-URL", value.as_bytes());
    }
}
