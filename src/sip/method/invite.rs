//! INVITE outside of a dialog: who calls, and whether the plan has an answer
//! (dialplan.md B.8, "INVITE result before the dialplan").

use super::admission::{self, Admission};
use super::destination::destination;
use super::node::{Brought, brought};
use super::{Asked, Extra, Inside, Row, Verdict, identity};
use crate::base::Text;
use crate::call::{NODE_CONTEXT, Opening};
use crate::dialplan::{Match, Place};
use crate::machine::Suspicion;
use crate::wire::Status;

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
        // The callee's `maxforwards` is the only bound.
        _ => u8::MAX,
    };
    if asked.draining {
        asked.counters.calls_refused += 1;
        return Verdict::reply(Status::SERVICE_UNAVAILABLE).with(Extra::RetryAfter(RETRY_AFTER_S));
    }
    if let Some(brought) = brought(asked) {
        return from_node(asked, brought, max_forwards);
    }
    let peer = match admission::admit(asked) {
        Admission::Peer(peer) => Some(peer),
        Admission::Guest => None,
        Admission::Refused(verdict) => return verdict,
    };
    let config = asked.config;
    let Some(uri) = asked.request.parsed_request_uri() else {
        return Verdict::proven(Status::BAD_REQUEST);
    };
    let general = &config.general;
    if !general.allowexternaldomains && !general.is_local(uri.host) {
        return Verdict::proven(Status::FORBIDDEN);
    }
    let device = peer.as_deref().unwrap_or(&general.defaults);
    let context = general.context_of(device, uri.host);
    let caller = identity::caller(asked.request, peer.as_deref(), general);
    let place = Place {
        context,
        exten: "",
        caller: &caller.number.lossy(),
        time: asked.unix,
    };
    let mut exten = Text::new();
    match destination(&config.plan, &uri, place, &mut exten) {
        Match::Yes => {}
        Match::CouldMatch if device.allowoverlap => {
            return Verdict::proven(Status::ADDRESS_INCOMPLETE);
        }
        Match::CouldMatch | Match::No => {
            if peer.is_none() {
                asked.suspicion = Some(Suspicion::RequestNotAllowed);
            }
            return Verdict::proven(Status::NOT_FOUND);
        }
    }
    Verdict::Call(Opening {
        context: Text::from(context),
        exten,
        max_forwards,
        pinned: admission::behind_nat(device.nat, asked.request, asked.flow),
        from_node: false,
        peer,
        caller,
    })
}

/// A call that another node brings, for the contacts here of the device it names.
fn from_node(asked: &Asked<'_>, brought: Brought, max_forwards: u8) -> Verdict {
    let Brought {
        node,
        user,
        to_user,
    } = brought;
    let exten = match to_user {
        Some(mut exten) => {
            exten.push(b"@");
            exten.push(&user);
            exten
        }
        None => user,
    };
    Verdict::Call(Opening {
        context: Text::from(NODE_CONTEXT),
        exten,
        max_forwards,
        pinned: admission::behind_nat(node.nat, asked.request, asked.flow),
        from_node: true,
        caller: identity::caller(asked.request, Some(&node), &asked.config.general),
        peer: Some(node),
    })
}
