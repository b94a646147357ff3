//! What whoever answers has to offer, offered to a caller who was answered
//! before: by a re-INVITE of our own, whose answer goes back in the callee's ACK
//! (RFC 3725 §4.1).

use super::black_hole;
use super::call::{Call, body_of};
use super::exchange::{Alarm, Turn};
use super::kept::Body;
use super::leg::AckOwed;
use super::within::MOST_GLARES;
use crate::dialplan::Failure;
use crate::transaction::TransactionId;
use crate::wire::{Message, Method, Status};

/// A re-INVITE of our own to the caller that has no final response yet.
pub(super) struct Reoffer {
    offer: Body,
    /// Its transaction; `None` while it waits to be tried again.
    client: Option<TransactionId>,
    /// Times a 491 was met.
    tries: u8,
}

impl Reoffer {
    /// What the callee has offered.
    pub(super) fn offer(&self) -> &Body {
        &self.offer
    }
}

impl Call {
    /// Offers the caller what the callee he is joined to has offered.
    pub(super) fn reoffer(&mut self, turn: &mut Turn<'_>, offer: (&[u8], &[u8])) {
        let reoffer = Box::new(Reoffer {
            offer: Body::of(offer),
            client: None,
            tries: 0,
        });
        self.send_reoffer(turn, reoffer);
    }

    fn send_reoffer(&mut self, turn: &mut Turn<'_>, mut reoffer: Box<Reoffer>) {
        let max_forwards = self.device(turn, 0).maxforwards;
        let Body {
            content_type,
            bytes,
        } = &reoffer.offer;
        let offer = (content_type.as_bytes(), bytes.as_slice());
        reoffer.client = self.send_within(turn, 0, Method::Invite, max_forwards, offer);
        match reoffer.client {
            Some(_) => self.reoffer = Some(reoffer),
            None => self.reoffer_refused(turn, &reoffer.offer, Status::SERVICE_UNAVAILABLE),
        }
    }

    /// Whether a transaction is that of our own re-INVITE.
    pub(super) fn is_reoffer(&self, client: TransactionId) -> bool {
        let reoffer = self.reoffer.as_ref();
        reoffer.is_some_and(|reoffer| reoffer.client == Some(client))
    }

    /// A response to our own re-INVITE. What it answers goes to the callee, whose
    /// 2xx made the offer.
    pub(super) fn reoffer_answered(
        &mut self,
        turn: &mut Turn<'_>,
        response: &Message<'_>,
        status: Status,
    ) {
        if status.is_provisional() {
            return;
        }
        let Some(mut reoffer) = self.reoffer.take() else {
            return;
        };
        if status == Status::REQUEST_PENDING && reoffer.tries < MOST_GLARES {
            reoffer.tries += 1;
            reoffer.client = None;
            self.reoffer = Some(reoffer);
            let alarm = Alarm::Reoffer { call: self.handle };
            self.wait_after_glare(turn, 0, alarm);
        } else if !status.is_success() {
            self.reoffer_refused(turn, &reoffer.offer, status);
        } else {
            if let Some(leg) = self.legs.first_mut() {
                leg.dialog.refresh_target(response, &turn.exchange.ways);
                leg.ack_owed = response.cseq().ok().map(|cseq| AckOwed {
                    cseq: cseq.number,
                    relayed_for: None,
                });
            }
            self.acknowledge_owed(turn, 0);
            if let Some(callee) = self.bridge {
                let (content_type, body) = body_of(turn);
                self.acknowledge_with(turn, callee, content_type, body);
            }
        }
    }

    /// The wait after a 491 is over.
    pub fn retry_reoffer(&mut self, turn: &mut Turn<'_>) {
        let waiting = self.reoffer.take_if(|reoffer| reoffer.client.is_none());
        if let Some(reoffer) = waiting {
            self.send_reoffer(turn, reoffer);
            self.deliver(turn);
        }
    }

    /// Our own re-INVITE met no answer, which is told as `status`: 408, if none
    /// came in time, or 503, if it could not be sent.
    pub(super) fn reoffer_unanswered(&mut self, turn: &mut Turn<'_>, status: Status) {
        if let Some(reoffer) = self.reoffer.take() {
            self.reoffer_refused(turn, &reoffer.offer, status);
        }
    }

    /// Without the caller's answer the two have nothing in common. The callee's
    /// offer is answered all the same (§13.2.2.4), and the callee hung up; who
    /// dialled it goes on, unless the caller is gone.
    fn reoffer_refused(&mut self, turn: &mut Turn<'_>, offer: &Body, status: Status) {
        let Some(callee) = self.bridge else { return };
        let silence = black_hole::answer(offer.content_type.as_bytes(), &offer.bytes);
        self.acknowledge_with(turn, callee, b"application/sdp", &silence);
        let lost = match status.code() {
            481 | 408 => 0,
            _ => callee,
        };
        self.dialog_lost(turn, lost, Failure::from_status(status).cause());
    }

    /// Leaves our own re-INVITE, as the bridge is gone.
    pub(super) fn drop_reoffer(&mut self, turn: &mut Turn<'_>) {
        let reoffer = self.reoffer.take();
        if let Some(client) = reoffer.and_then(|reoffer| reoffer.client) {
            self.abandon_invite(turn, client, 0);
        }
    }
}
