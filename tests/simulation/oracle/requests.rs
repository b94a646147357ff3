//! The rules for the engine as client: CSeq, CANCEL, ACK, retransmission.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use pinion_sip::base::Instant;

use super::{Failure, Oracle, Verdict, form};
use crate::message::{Msg, param};

/// 64·T1.
const T64: Duration = Duration::from_secs(32);

/// A request an engine sent.
pub(super) struct Told {
    pub(super) message: Msg,
    bytes: Vec<u8>,
    at: Instant,
    /// A provisional response reached the engine.
    provisional: bool,
    /// The first final response and when it reached the engine.
    answered: Option<(u16, Instant)>,
}

/// CSeq numbers used under one Call-ID and local tag, by remote tag.
#[derive(Default)]
pub(super) struct Dialog {
    last: BTreeMap<String, u32>,
    invites: Vec<u32>,
}

/// The ACK of a 2xx.
pub(super) struct Owed {
    pub(super) paid: bool,
    pub(super) since: Instant,
}

fn tags(message: &Msg) -> (String, String) {
    (
        message.tag("From").unwrap_or_default(),
        message.tag("To").unwrap_or_default(),
    )
}

impl Oracle {
    pub(super) fn request_sent(
        &mut self,
        now: Instant,
        to: SocketAddr,
        message: &Msg,
        bytes: &[u8],
    ) -> Verdict {
        let fail = |rule, seen: String| Err(Failure::of(rule, message, seen));
        let (method, branch) = (message.method(), message.branch());
        let (local, remote) = tags(message);
        form::request(&self.engines, to, message)?;
        let key = (branch.clone(), method.clone());
        if let Some(earlier) = self.told.get(&key) {
            if earlier.bytes != bytes {
                let seen = format!("{}\nthen\n{}", earlier.message.head(), message.head());
                return fail("a retransmission is the same bytes (§17.1)", seen);
            }
            return Ok(());
        }
        match method.as_str() {
            "ACK" => self.judge_ack(message)?,
            "CANCEL" => self.judge_cancel(message)?,
            _ => self.judge_cseq(message, local, remote)?,
        }
        let told = Told {
            message: message.clone(),
            bytes: bytes.to_vec(),
            at: now,
            provisional: false,
            answered: None,
        };
        self.told.insert(key, told);
        Ok(())
    }

    /// §12.2.1.1: strictly increasing per dialog and direction.
    fn judge_cseq(&mut self, message: &Msg, local: String, remote: String) -> Verdict {
        let number = message.cseq().0;
        let dialog = self
            .dialogs
            .entry((message.call_id().into(), local))
            .or_default();
        let floor = dialog
            .last
            .get(&remote)
            .or(dialog.last.get(""))
            .copied()
            .unwrap_or(0);
        if number <= floor {
            let seen = format!(
                "{} after {floor}, remote tag {remote:?}",
                message.get("CSeq").unwrap_or_default()
            );
            return Err(Failure::of(
                "CSeq rises within a dialog (§12.2.1.1)",
                message,
                seen,
            ));
        }
        dialog.last.insert(remote, number);
        if message.method() == "INVITE" {
            dialog.invites.push(number);
        }
        Ok(())
    }

    /// §17.1.1.3 for a non-2xx (the INVITE's branch), §13.2.2.4 for a 2xx.
    fn judge_ack(&mut self, ack: &Msg) -> Verdict {
        let fail = |rule, seen: String| Err(Failure::of(rule, ack, seen));
        let (local, remote) = tags(ack);
        if let Some(invite) = self.told.get(&(ack.branch(), "INVITE".into())) {
            let same = ["From", "Call-ID", "Route"]
                .iter()
                .all(|name| invite.message.get(name) == ack.get(name));
            if !same || invite.message.uri() != ack.uri() || invite.message.cseq().0 != ack.cseq().0
            {
                return fail(
                    "the ACK of a non-2xx mirrors its INVITE (§17.1.1.3)",
                    ack.head(),
                );
            }
            return match invite.answered {
                Some((300.., _)) => Ok(()),
                other => fail(
                    "an ACK follows a final response (§17.1.1.3)",
                    format!("{other:?}: {}", ack.head()),
                ),
            };
        }
        let key = (ack.call_id().to_string(), local, remote, ack.cseq().0);
        match self.owed_answers.get_mut(&key) {
            Some(owed) => owed.paid = true,
            None if self.voided.is_none() => {
                return fail("an ACK belongs to a 2xx (§13.2.2.4)", ack.head());
            }
            None => {}
        }
        Ok(())
    }

    /// §9.1.
    fn judge_cancel(&mut self, cancel: &Msg) -> Verdict {
        let fail = |rule, seen: String| Err(Failure::of(rule, cancel, seen));
        let Some(invite) = self.told.get(&(cancel.branch(), "INVITE".into())) else {
            return fail("a CANCEL has its INVITE's branch (§9.1)", cancel.head());
        };
        let names = ["From", "To", "Call-ID", "Via", "Route"];
        let same = names
            .iter()
            .all(|name| invite.message.get(name) == cancel.get(name));
        if !same
            || invite.message.uri() != cancel.uri()
            || invite.message.cseq().0 != cancel.cseq().0
        {
            return fail("a CANCEL mirrors its INVITE (§9.1)", cancel.head());
        }
        if !invite.provisional {
            return fail("no CANCEL before a 1xx (§9.1)", cancel.head());
        }
        if invite.answered.is_some() && self.came_home_final(cancel) {
            return fail("no CANCEL after a final response (§9.1)", cancel.head());
        }
        Ok(())
    }

    /// Whether the home shard knows of a final response to this CANCEL's INVITE.
    fn came_home_final(&self, cancel: &Msg) -> bool {
        self.told.contains_key(&(cancel.branch(), "ACK".into()))
            || self.owed_answers.keys().any(|(call_id, ours, _, cseq)| {
                call_id == cancel.call_id()
                    && Some(ours) == cancel.tag("From").as_ref()
                    && *cseq == cancel.cseq().0
            })
    }

    pub(super) fn response_arrived(&mut self, now: Instant, response: &Msg) {
        let key = (response.branch(), response.method());
        if let Some(told) = self.told.get(&key)
            && key.1 == "INVITE"
            && let Some(tag) = response.tag("To")
        {
            self.forks
                .entry(told.message.body.clone())
                .or_default()
                .insert(tag);
        }
        if let Some(told) = self.told.get_mut(&(response.branch(), response.method())) {
            let status = response.status();
            told.provisional |= status < 200;
            if status >= 200 && told.answered.is_none() {
                told.answered = Some((status, now));
            }
        }
    }

    /// A final to an INVITE owes an ACK if its transaction still lives.
    pub(super) fn response_came_home(&mut self, now: Instant, response: &Msg) {
        let (branch, status) = (response.branch(), response.status());
        if response.method() != "INVITE" || status < 200 {
            return;
        }
        let Some(told) = self.told.get(&(branch.clone(), "INVITE".into())) else {
            return;
        };
        let cancelled = self
            .told
            .get(&(branch.clone(), "CANCEL".into()))
            .map(|cancel| cancel.at);
        let dead = self.forgotten(told.at)
            || (!told.provisional && now.since(told.at) >= T64)
            || cancelled.is_some_and(|at| now.since(at) >= T64)
            || told.answered.is_some_and(|(_, at)| now.since(at) >= T64);
        let tag = param(response.get("To").unwrap_or_default(), "tag").unwrap_or_default();
        if status < 300 {
            let local = response.tag("From").unwrap_or_default();
            let key = (
                response.call_id().to_string(),
                local,
                tag,
                response.cseq().0,
            );
            self.owed_answers.entry(key).or_insert(Owed {
                paid: dead,
                since: now,
            });
        } else if !dead {
            self.owed_acks.push((branch, tag));
        }
    }
}
