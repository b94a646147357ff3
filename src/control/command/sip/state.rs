//! Where a device is and how it answers, in Asterisk's words.

use std::net::SocketAddr;

use pinion_sip::config::{Nat, Peer};
use pinion_sip::machine::{ContactRow, DeviceRow};
use pinion_sip::registrar::Reach;
use pinion_sip::wire::Uri;
use serde_json::{Value, json};

/// The contact that stands for a device where there is room for one: the first
/// that is not known to be gone.
pub(super) fn first(row: Option<&DeviceRow>) -> Option<&ContactRow> {
    let contacts = &row?.contacts;
    let answers = |contact: &&ContactRow| contact.reach != Reach::Unreachable;
    contacts.iter().find(answers).or_else(|| contacts.first())
}

/// Where a contact is.
pub(super) fn address(contact: Option<&ContactRow>) -> Option<SocketAddr> {
    let mut address = contact?.binding.flow.remote;
    address.set_ip(address.ip().to_canonical());
    Some(address)
}

/// The user a device has registered as, or is called by before it has.
pub(super) fn username(peer: &Peer, contact: Option<&ContactRow>) -> Option<String> {
    let registered = || {
        let uri = Uri::parse(contact?.binding.uri()).ok()?;
        Some(String::from_utf8_lossy(uri.user).into_owned())
    };
    registered()
        .filter(|user| !user.is_empty())
        .or_else(|| peer.defaultuser.clone())
}

/// How a device answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    /// It is not asked.
    Unmonitored,
    /// It has not answered yet.
    Unknown,
    /// In so many milliseconds.
    Ok(u128),
    /// In so many, and so too late.
    Lagged(u128),
    /// Not at all.
    Unreachable,
}

impl Status {
    pub(super) fn of(peer: &Peer, contact: Option<&ContactRow>) -> Status {
        if peer.asked_within().is_none() {
            return Status::Unmonitored;
        }
        match contact.map_or(Reach::Unknown, |contact| contact.reach) {
            Reach::Unknown => Status::Unknown,
            // A millisecond is the least there is.
            Reach::Reachable(trip) => Status::Ok(trip.as_millis().max(1)),
            Reach::Lagged(trip) => Status::Lagged(trip.as_millis()),
            Reach::Unreachable => Status::Unreachable,
        }
    }

    pub(super) fn text(self) -> String {
        match self {
            Status::Unmonitored => "Unmonitored".into(),
            Status::Unknown => "UNKNOWN".into(),
            Status::Ok(ms) => format!("OK ({ms} ms)"),
            Status::Lagged(ms) => format!("LAGGED ({ms} ms)"),
            Status::Unreachable => "UNREACHABLE".into(),
        }
    }

    /// The status and the milliseconds, for programs.
    pub(super) fn json(self) -> (Value, Value) {
        let (name, ms) = match self {
            Status::Unmonitored => ("unmonitored", None),
            Status::Unknown => ("unknown", None),
            Status::Ok(ms) => ("ok", Some(ms)),
            Status::Lagged(ms) => ("lagged", Some(ms)),
            Status::Unreachable => ("unreachable", None),
        };
        (json!(name), json!(ms.and_then(|ms| u64::try_from(ms).ok())))
    }
}

/// `nat`, as it bears on one contact: `auto_force_rport` applies to one that
/// is not where it says.
pub(super) fn force_rport(nat: Nat, contact: Option<&ContactRow>) -> &'static str {
    let elsewhere = || {
        let contact = contact?;
        let uri = Uri::parse(contact.binding.uri()).ok()?;
        Some(uri.socket_addr(5060)? != contact.binding.flow.remote)
    };
    match (nat.auto_force_rport, nat.force_rport) {
        (true, _) if elsewhere() == Some(true) => "Auto (Yes)",
        (true, _) => "Auto (No)",
        (false, true) => "Yes",
        (false, false) => "No",
    }
}
