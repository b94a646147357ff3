//! MESSAGE (RFC 3428). Outside of dialogs it goes to the registered contacts
//! of the peer it names; inside it passes to the other side.

use alloc::sync::Arc;

use super::admission::{self, Admission};
use super::{Asked, Inside, Row, Verdict, identity, node};
use crate::base::Text;
use crate::config::PeerKind;
use crate::dialplan::{Match, Place};
use crate::wire::Status;

/// The row.
pub static ROW: Row = Row {
    outside,
    inside: Inside::Relay,
};

fn outside(asked: &mut Asked<'_>) -> Verdict {
    let general = &asked.config.general;
    let max_forwards = match asked.request.max_forwards() {
        Ok(Some(0)) => return Verdict::reply(Status::TOO_MANY_HOPS),
        Ok(Some(hops)) => hops - 1,
        // The recipient's `maxforwards` is the only bound.
        _ => u8::MAX,
    };
    if !general.accept_outofcall_message {
        return Verdict::reply(Status::METHOD_NOT_ALLOWED).with(super::Extra::Allow);
    }
    let brought = node::brought(asked);
    let mut user = Text::new();
    if let Some(uri) = asked.request.parsed_request_uri() {
        uri.user_decoded(&mut user);
    }
    // Before the sender's proof: it would be spent when this is decided again.
    let recipient = asked.by_name(&user);
    let proves = brought.is_none() && general.auth_message_requests && !asked.answers_a_challenge();
    let recipient = match recipient {
        Err(errand) if !proves => return Verdict::Await(errand),
        recipient => recipient,
    };
    let from_node = brought.is_some();
    let sender = if let Some(brought) = brought {
        Some(brought.node)
    } else if general.auth_message_requests {
        match admission::admit(asked) {
            Admission::Peer(peer) => Some(peer),
            Admission::Guest => None,
            Admission::Refused(verdict) => return verdict,
        }
    } else {
        match admission::identify(asked) {
            Ok(sender) => sender,
            Err(first) => return first.into(),
        }
    };
    // Who got here without a proof has none to spend.
    let recipient = match recipient {
        Ok(recipient) => recipient,
        Err(errand) => return Verdict::Await(errand),
    };
    let Some(recipient) = recipient.filter(|peer| peer.kind != PeerKind::User) else {
        return Verdict::proven(Status::NOT_FOUND);
    };
    if !recipient.takes(asked.request.method()) {
        return Verdict::proven(Status::FORBIDDEN);
    }
    let caller = identity::caller(asked.request, sender.as_deref(), general);
    let device = sender.as_deref().unwrap_or(&general.defaults);
    if let Some(context) = &device.outofcall_message_context {
        let place = Place {
            context,
            exten: &user.lossy(),
            caller: &caller.number.lossy(),
            time: asked.unix,
        };
        if asked.config.plan.exists(place) != Match::Yes {
            return Verdict::proven(Status::NOT_FOUND);
        }
    }
    Verdict::Message {
        max_forwards: max_forwards.min(recipient.maxforwards),
        peer: Arc::clone(recipient),
        from: Text::from(&*caller.number),
        from_node,
    }
}
