//! A caller who picks up a ringing call: what its leg takes along when it moves
//! into that call, and what it leaves behind.

use alloc::sync::Arc;

use super::black_hole;
use super::call::Call;
use super::exchange::Turn;
use super::leg::LegState;
use super::run::RunId;
use crate::base::{Level, ShardId, lossy};
use crate::config::{Groups, Peer};
use crate::dialog::Dialog;
use crate::dialplan::{Cause, Pick};
use crate::machine::Question;
use crate::wire::ReplyHead;

/// A caller's leg whose INVITE has no final response: all that another call
/// needs to have it for its own.
#[derive(Debug)]
pub struct Picker {
    /// Its dialog, as far as there is one.
    pub dialog: Dialog,
    /// Its device; `None` for a guest.
    pub peer: Option<Arc<Peer>>,
    /// The head of the responses to its INVITE.
    pub head: ReplyHead,
    /// What answers the offer of that INVITE by silence: empty where it is no SDP,
    /// so that nobody takes the leg. `None`: it offers nothing.
    pub silence: Option<Box<[u8]>>,
}

/// A leg that is offered to a ringing call.
#[derive(Debug)]
pub struct PickUp {
    /// The shard that is asked for such a call.
    pub to: ShardId,
    /// Which one is wanted.
    pub pick: Pick,
    /// The groups the picker may pick up from.
    pub groups: Groups,
    /// The leg.
    pub picker: Picker,
}

impl Call {
    /// What to ask the n-th shard from here so that the caller answers a call
    /// there. `None`: there is no such shard, or the caller cannot pick up.
    pub(super) fn offer_leg(
        &mut self,
        turn: &mut Turn<'_>,
        run: RunId,
        (pick, nth): (Pick, u16),
    ) -> Option<Question> {
        let (here, shards) = (turn.exchange.shard, turn.exchange.shards);
        if nth >= shards {
            return None;
        }
        let Some(picker) = self.picker().filter(|_| run == RunId::CALLER) else {
            self.note(turn, Level::Warn, "no-picker", || {
                "Pickup: only a caller who has not been answered can pick up a call".into()
            });
            return None;
        };
        if picker.silence.as_deref().is_some_and(<[u8]>::is_empty) {
            // Its 2xx would have to answer that (RFC 3261 §13.2.1).
            self.note(turn, Level::Warn, "no-sdp-to-answer", || {
                let invite = self.unanswered.as_ref();
                let kind = lossy(invite.map_or(b"", |invite| invite.body.content_type.as_bytes()));
                format!(
                    "Pickup: a caller who offers {kind} and not application/sdp picks nothing up"
                )
            });
            return None;
        }
        let groups = groups_of(picker.peer.as_deref(), &pick);
        self.moving = true;
        let to = (u32::from(here) + u32::from(nth)) % u32::from(shards);
        Some(Question::PickUp(Arc::new(PickUp {
            to: to as ShardId,
            pick,
            groups,
            picker,
        })))
    }

    fn picker(&self) -> Option<Picker> {
        let leg = self.legs.first();
        let leg = leg.filter(|leg| leg.state == LegState::Inviting && leg.invite.is_some())?;
        let invite = self.unanswered.as_ref()?;
        let (kind, offer) = (&invite.body.content_type, &invite.body.bytes);
        let silence = || black_hole::answer(kind.as_bytes(), offer).into();
        Some(Picker {
            dialog: leg.dialog.clone(),
            peer: leg.peer.clone(),
            head: invite.head.clone(),
            silence: (!offer.is_empty()).then(silence),
        })
    }

    /// The caller's leg is another call's now: nothing is sent, and what is left
    /// of this call ends. Its record is the other's.
    pub fn moved(&mut self, turn: &mut Turn<'_>) {
        let Some(leg) = self.legs.first_mut() else {
            return;
        };
        leg.state = LegState::Ended;
        if let Some(server) = leg.invite.take() {
            turn.exchange.transactions.part_with(server);
        }
        if let Some(invite) = self.unanswered.take() {
            turn.exchange.kept.give(invite);
        }
        let _ = self.stop_plan();
        self.hang_up(turn, Cause::NORMAL_CLEARING);
    }
}

/// The groups a device picks up from, where its plan has set no others.
fn groups_of(peer: Option<&Peer>, pick: &Pick) -> Groups {
    let Pick::Group { numbers, names } = pick else {
        return Groups::default();
    };
    let own = peer.and_then(|peer| peer.pickup_groups.as_ref());
    let mut groups = own.map_or_else(Groups::default, |groups| groups.pickup.clone());
    if let Some(numbers) = numbers
        && !groups.set_numbers(numbers)
    {
        groups.set_numbers("");
    }
    if let Some(names) = names {
        groups.set_names(names);
    }
    groups
}
