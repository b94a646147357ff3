//! One dialog of a call, and what it waits for.

use alloc::sync::Arc;

use smallvec::SmallVec;

use super::forks::EndedForks;
use crate::base::{Flow, Instant, Spares, Text};
use crate::config::Peer;
use crate::dialog::{Dialog, Role, Sayings};
use crate::dialplan::{Cause, ChannelId};
use crate::transaction::TransactionId;
use crate::wire::HeaderName;

/// Spare notes about ringing callees a shard keeps at most.
const MOST_SPARES: usize = 4096;

/// Where a leg stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LegState {
    /// Its first INVITE has no final response.
    Inviting,
    /// The caller got its 2xx and has not acknowledged it.
    Unacknowledged,
    /// Both sides know that it stands.
    Confirmed,
    /// It is over; its place may be taken by another.
    Ended,
}

/// One early dialog of a callee's INVITE (RFC 3261 §13.2.2.4): a proxy
/// behind it may fork, and each branch is a dialog of its own.
#[derive(Clone, Debug)]
pub struct Early {
    /// The callee's tag.
    pub remote_tag: Text,
    /// The tag the caller knows this branch by.
    pub caller_tag: Text,
}

/// A callee that has been heard of and has not answered.
#[derive(Clone, Debug, Default)]
pub struct Ringing {
    /// When it counts as gone.
    pub until: Option<Instant>,
    /// Early dialogs.
    pub early: SmallVec<[Early; 1]>,
    /// The 2xx a picker was sent offers what the caller does, and its ACK brings
    /// the answer.
    pub offered: bool,
}

impl Ringing {
    /// Spares, for the calls of a shard.
    pub fn spares() -> Spares<Ringing> {
        Spares::new(MOST_SPARES, |ringing| !ringing.early.spilled())
    }
}

/// An ACK that is still to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AckOwed {
    /// CSeq number of our INVITE.
    pub cseq: u32,
    /// CSeq number of the INVITE it was relayed for, whose ACK brings the
    /// answer when the offer was in the 2xx (§13.2.1).
    pub relayed_for: Option<u32>,
}

/// What few ACKs are made from.
#[derive(Clone, Debug, Default)]
pub struct Acks {
    /// The credentials the INVITE was accepted with, which the ACK repeats (RFC
    /// 3261 §22.1).
    pub credentials: Option<(HeaderName, Vec<u8>)>,
    /// The last one that carried a body, sent again for a repeated 2xx.
    pub last: Box<[u8]>,
}

/// One dialog of a call.
pub struct Leg {
    /// The dialog, or what is known of it so far.
    pub dialog: Dialog,
    /// The device at the other end.
    pub peer: Option<Arc<Peer>>,
    /// The channel it belongs to; unused on the caller's leg.
    pub channel: ChannelId,
    /// Where it stands.
    pub state: LegState,
    /// Its first INVITE.
    pub invite: Option<TransactionId>,
    /// CSeq number of the caller's first INVITE (caller's leg only).
    pub invite_cseq: u32,
    /// What its callee's provisional responses said, until it is answered.
    pub ringing: Option<Box<Ringing>>,
    /// Times its INVITE was repeated with credentials.
    pub attempts: u8,
    /// An INVITE of ours whose 2xx waits for its ACK.
    pub ack_owed: Option<AckOwed>,
    /// What few ACKs of ours are made from.
    pub acks: Option<Box<Acks>>,
    /// CSeq of the last INVITE of ours that was answered by 2xx.
    pub acked_cseq: Option<u32>,
    /// Forks of its first INVITE that answered too late.
    pub ended: EndedForks,
    /// It is over, and its BYE has found no room yet.
    pub bye_owed: Option<Cause>,
    /// INVITEs of the remote whose 2xx it has not acknowledged: CSeq number
    /// and transaction.
    pub answered: SmallVec<[(u32, TransactionId); 1]>,
}

impl Leg {
    /// A leg about to be invited, or whose INVITE has just come in.
    pub fn new(dialog: Dialog, peer: Option<Arc<Peer>>, channel: ChannelId) -> Leg {
        Leg {
            invite_cseq: dialog.remote_cseq.unwrap_or(0),
            dialog,
            peer,
            channel,
            state: LegState::Inviting,
            invite: None,
            ringing: None,
            attempts: 0,
            ack_owed: None,
            acks: None,
            acked_cseq: None,
            ended: EndedForks::default(),
            bye_owed: None,
            answered: SmallVec::new(),
        }
    }

    /// No leg: it is over and has no dialog.
    pub fn of_nobody(flow: Flow) -> Leg {
        let dialog = Dialog::new(Role::Uac, &Sayings::default(), flow);
        let mut nobody = Leg::new(dialog, None, ChannelId(0));
        nobody.state = LegState::Ended;
        nobody
    }

    /// What is known of a callee that rings.
    pub fn ringing_in(&mut self, spares: &mut Spares<Ringing>) -> &mut Ringing {
        let spare = || spares.take().unwrap_or_default();
        self.ringing.get_or_insert_with(spare)
    }

    /// The callee rings no more.
    pub fn stop_ringing(&mut self, spares: &mut Spares<Ringing>) {
        if let Some(mut ringing) = self.ringing.take() {
            ringing.until = None;
            ringing.offered = false;
            ringing.early.clear();
            spares.give(ringing);
        }
    }

    /// Whether it is a leg of that channel which nobody has answered.
    pub fn rings_for(&self, channel: ChannelId) -> bool {
        self.channel == channel && self.state == LegState::Inviting
    }

    /// Whether requests inside the dialog make sense.
    pub fn is_up(&self) -> bool {
        matches!(self.state, LegState::Unacknowledged | LegState::Confirmed)
    }
}
