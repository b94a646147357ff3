//! What an operator sees of a call's plans and dialogs.

use smol_str::SmolStr;

use super::call::Call;
use super::leg::{Leg, LegState};
use crate::base::{Instant, Text, Transport};
use crate::dialog::Role;
use crate::machine::{DialogDetail, DialogRow};
use crate::wire::Uri;

impl Call {
    /// Tells of the applications its plans are in.
    pub fn each_application(&self, now: Instant, mut tell: impl FnMut(&str)) {
        for cursor in self.cursors() {
            if let Some(name) = cursor.application(now) {
                tell(name);
            }
        }
    }

    /// Tells what carries each of its legs.
    pub fn each_transport(&self, mut tell: impl FnMut(Transport)) {
        let legs = self.legs.iter();
        for leg in legs.filter(|leg| leg.state != LegState::Ended) {
            tell(leg.dialog.flow.transport);
        }
    }

    /// The name of the caller's channel.
    pub fn caller_channel(&self) -> SmolStr {
        self.channel_name(0).unwrap_or_default()
    }

    /// The Call-IDs of its legs, the caller's first where there is a caller.
    pub fn call_ids(&self) -> impl Iterator<Item = &[u8]> {
        let all = self.legs.iter().map(|leg| leg.dialog.call_id());
        all.filter(|call_id| !call_id.is_empty())
    }

    /// Tells of each dialog and the number of its leg: the caller's first.
    pub fn each_dialog(&self, now: Instant, mut tell: impl FnMut(DialogRow, u16)) {
        for (index, leg) in (0..).zip(&self.legs) {
            if leg.state == LegState::Ended && leg.bye_owed.is_none() {
                continue;
            }
            let user = match index {
                0 => SmolStr::new(self.caller.number.lossy()),
                _ => Uri::parse(leg.dialog.target()).map_or(SmolStr::default(), |uri| {
                    SmolStr::new(crate::base::lossy(uri.user))
                }),
            };
            let answered = self.answered_at.filter(|_| leg.is_up());
            let row = DialogRow {
                call_id: Text::from(leg.dialog.call_id()),
                remote: leg.dialog.flow.remote,
                user,
                peer: leg.peer.as_ref().map(|peer| peer.name.clone()),
                last: last_request(leg),
                answered: answered.map(|then| now.since(then)),
                detail: None,
            };
            tell(row, index);
        }
    }

    /// What else is known of the dialog of a leg.
    pub fn detail(&self, index: u16) -> Option<DialogDetail> {
        let leg = self.leg(index)?;
        let dialog = &leg.dialog;
        let over = leg.state == LegState::Ended;
        Some(DialogDetail {
            incoming: dialog.role == Role::Uas,
            channel: self.channel_name(index).filter(|_| !over),
            local: dialog.flow.local,
            local_tag: Text::from(dialog.local_tag()),
            remote_tag: Text::from(dialog.remote_tag()),
            target: Text::from(dialog.target()),
            routes: dialog.routes.text(),
            local_cseq: dialog.local_cseq,
            remote_cseq: dialog.remote_cseq,
            pinned: dialog.pinned,
            transport: dialog.flow.transport,
            over,
        })
    }
}

/// The request that brought a dialog where it stands.
fn last_request(leg: &Leg) -> &'static str {
    match (leg.dialog.role, leg.state) {
        (_, LegState::Ended) => "Tx: BYE",
        (Role::Uas, LegState::Confirmed) => "Rx: ACK",
        (Role::Uas, _) => "Rx: INVITE",
        (Role::Uac, LegState::Confirmed) if leg.ack_owed.is_none() => "Tx: ACK",
        (Role::Uac, _) => "Tx: INVITE",
    }
}
