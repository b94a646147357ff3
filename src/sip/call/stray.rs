//! 2xx responses that nobody waits for any more: another fork's, or one that
//! crossed our CANCEL. Each is acknowledged and its dialog ended (RFC 3261
//! §13.2.2.4), from what the response itself says.

use super::exchange::{Outgoing, Owner, Turn};
use super::forks::EndedForks;
use crate::base::Text;
use crate::dialog::{Dialog, Role, RouteSet, Sayings, contact_uri};
use crate::transaction::TransactionId;
use crate::wire::{HeaderName, Message, Method, Status};

/// Acknowledges the 2xx of this turn, whose leg is gone, and ends its dialog
/// unless that was done.
pub fn settle(turn: &mut Turn<'_>, id: TransactionId, mut ended: EndedForks) {
    let Some((response, _)) = turn.message else {
        return;
    };
    if response.status().is_some_and(Status::is_success) {
        settle_fork(turn, &mut ended);
        turn.exchange
            .transactions
            .set_owner(id, Owner::Straggler { ended });
    }
}

/// Acknowledges the 2xx of this turn. Ends its dialog too, unless `ended` knows
/// it. Without room for the BYE's transaction each copy of the 2xx has it sent
/// again.
pub fn settle_fork(turn: &mut Turn<'_>, ended: &mut EndedForks) {
    let Some(mut dialog) = dialog_of(turn) else {
        return;
    };
    let branch = turn.exchange.loose_branch();
    send_once(turn, &dialog, Method::Ack, dialog.local_cseq, &branch);
    if ended.contains(dialog.remote_tag()) {
        return;
    }
    let cseq = dialog.next_cseq();
    let Some(reserved) = turn.reserve(Method::Bye, Owner::Nobody) else {
        // The same each time: to its receiver a retransmission.
        let mut branch = Text::from("z9hG4bK");
        branch.push(dialog.local_tag());
        branch.push(dialog.remote_tag());
        send_once(turn, &dialog, Method::Bye, cseq, &branch);
        return;
    };
    ended.insert(dialog.remote_tag());
    let request = Outgoing {
        dialog: &dialog,
        method: Method::Bye,
        cseq,
        max_forwards: turn.exchange.config.general.defaults.maxforwards,
        timers: turn.exchange.timers(None),
        owner: Owner::Nobody,
    };
    turn.request_reserved(reserved, request, |writer| writer.end());
}

/// Sends a request of a dialog that no transaction will send again.
fn send_once(turn: &mut Turn<'_>, dialog: &Dialog, method: Method<'_>, cseq: u32, branch: &[u8]) {
    let general = &turn.exchange.config.general;
    turn.out.send(&dialog.flow, |buffer| {
        dialog
            .write_request(
                buffer,
                general.sent_by(&dialog.flow),
                method,
                cseq,
                branch,
                general.defaults.maxforwards,
            )
            .end();
    });
}

/// The dialog a 2xx establishes, seen by the UAC (§12.1.2).
fn dialog_of(turn: &Turn<'_>) -> Option<Dialog> {
    let (response, flow) = turn.message?;
    let (from, to) = (response.from().ok()?, response.to().ok()?);
    let cseq = response.cseq().ok()?;
    let target = contact_uri(response);
    let sayings = Sayings {
        call_id: response.call_id(),
        local_tag: from.tag()?,
        remote_tag: to.tag().unwrap_or_default(),
        local: without_tag(response, HeaderName::From),
        remote: without_tag(response, HeaderName::To),
        target: target.unwrap_or(to.uri),
        contact: from.uri,
    };
    let mut dialog = Dialog::new(Role::Uac, &sayings, flow);
    dialog.routes = RouteSet::from_response(response);
    dialog.local_cseq = cseq.number;
    // Without a proxy between, the callee is where its 2xx came from.
    dialog.pinned = true;
    if target.is_some() {
        dialog.aim(&turn.exchange.ways);
    }
    Some(dialog)
}

/// A From or To value up to its parameters.
fn without_tag<'m>(message: &Message<'m>, name: HeaderName) -> &'m [u8] {
    let value = message.raw(name).next().unwrap_or_default();
    let end = match memchr::memrchr(b'>', value) {
        Some(bracket) => bracket + 1,
        None => memchr::memchr(b';', value).unwrap_or(value.len()),
    };
    value.get(..end).unwrap_or(value)
}
