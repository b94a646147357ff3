//! INVITE outside of a dialog: who calls, and whether the plan has an answer
//! (dialplan.md B.8, "INVITE result before the dialplan").

use super::admission::{self, Admission};
use super::{Asked, Extra, Inside, Row, Verdict};
use crate::base::Text;
use crate::call::Opening;
use crate::dialplan::{Match, Place};
use crate::wire::{Status, Uri};

/// The row.
pub static ROW: Row = Row {
    outside,
    inside: Inside::Relay,
};

/// Seconds a caller is asked to wait while the engine drains or is full.
pub const RETRY_AFTER_S: u32 = 10;

fn outside(asked: &mut Asked<'_>) -> Verdict {
    let max_forwards = match asked.request.max_forwards() {
        Ok(Some(0)) => return Verdict::reply(Status::TOO_MANY_HOPS),
        Ok(Some(hops)) => hops - 1,
        _ => asked.config.general.maxforwards,
    };
    if asked.draining {
        asked.counters.calls_refused += 1;
        return Verdict::reply(Status::SERVICE_UNAVAILABLE).with(Extra::RetryAfter(RETRY_AFTER_S));
    }
    let peer = match admission::admit(asked) {
        Admission::Peer(peer) => Some(peer),
        Admission::Guest => None,
        Admission::Refused(verdict) => return verdict,
    };
    let config = asked.config;
    let Ok(uri) = Uri::parse(asked.request.request_uri()) else {
        return Verdict::proven(Status::BAD_REQUEST);
    };
    if !is_local(config, uri.host) {
        return Verdict::proven(Status::FORBIDDEN);
    }
    let mut exten = Text::new();
    uri.user_decoded(&mut exten);
    if exten.is_empty() {
        exten.set(b"s");
    }
    let context = peer
        .as_ref()
        .map_or(config.general.context.as_str(), |peer| {
            peer.context.as_str()
        });
    let number = caller_number(asked, peer.as_deref());
    let place = Place {
        context,
        exten: &exten.lossy(),
        caller: &number,
        time: asked.unix,
    };
    match config.plan.exists(place) {
        Match::Yes => {}
        Match::CouldMatch => return Verdict::proven(Status::ADDRESS_INCOMPLETE),
        Match::No => return Verdict::proven(Status::NOT_FOUND),
    }
    let nat = peer.as_ref().map_or(config.general.nat, |peer| peer.nat);
    Verdict::Call(Opening {
        context: Text::from(context),
        exten,
        max_forwards,
        pinned: admission::behind_nat(nat, asked.request, asked.flow),
        peer,
    })
}

/// `allowexternaldomains=no`: only hosts of the domain list are ours.
fn is_local(config: &crate::config::Config, host: &[u8]) -> bool {
    let general = &config.general;
    general.allowexternaldomains
        || general.domains.is_empty()
        || general
            .domains
            .iter()
            .any(|domain| domain.as_bytes().eq_ignore_ascii_case(host))
}

/// The number the plan's caller-id patterns see.
fn caller_number(asked: &Asked<'_>, peer: Option<&crate::config::Peer>) -> String {
    if let Some(peer) = peer.filter(|peer| !peer.callerid.number.is_empty()) {
        return peer.callerid.number.clone();
    }
    let from = asked.request.from().ok();
    let user = from
        .and_then(|from| Uri::parse(from.uri).ok())
        .map_or(&b""[..], |uri| uri.user);
    String::from_utf8_lossy(user).into_owned()
}
