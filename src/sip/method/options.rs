//! OPTIONS (RFC 3261 §11): answered as an INVITE to the same address would be.

use super::admission::{self, Admission};
use super::destination::destination;
use super::{Asked, Extra, Inside, Row, Verdict};
use crate::base::Text;
use crate::dialplan::{Match, Place};
use crate::wire::Status;

/// The row.
pub static ROW: Row = Row {
    outside,
    inside: Inside::Answer(Status::OK),
};

fn outside(asked: &mut Asked<'_>) -> Verdict {
    if asked.draining {
        return Verdict::reply(Status::SERVICE_UNAVAILABLE)
            .with(Extra::RetryAfter(super::invite::RETRY_AFTER_S));
    }
    let mut proven = false;
    // Who has proven nothing learns of the general context alone: a device's
    // own would tell that the device exists.
    let sender = if asked.config.general.auth_options_requests {
        match admission::admit(asked) {
            Admission::Peer(peer) => {
                proven = true;
                Some(peer)
            }
            Admission::Guest => None,
            Admission::Refused(verdict) => return verdict,
        }
    } else {
        None
    };
    let general = &asked.config.general;
    let device = sender.as_deref().unwrap_or(&general.defaults);
    // An address without user part is the engine itself.
    let uri = asked.request.parsed_request_uri();
    let known = uri.filter(|uri| !uri.user.is_empty()).is_none_or(|uri| {
        let place = Place {
            context: general.context_of(device, uri.host),
            exten: "",
            caller: "",
            time: asked.unix,
        };
        destination(&asked.config.plan, &uri, place, &mut Text::new()) == Match::Yes
    });
    let status = if known { Status::OK } else { Status::NOT_FOUND };
    let verdict = if proven {
        Verdict::proven(status)
    } else {
        Verdict::reply(status)
    };
    if known {
        verdict.with(Extra::Capabilities)
    } else {
        verdict
    }
}
