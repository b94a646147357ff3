//! What the records of calls must say: each once, in the order of time, and of
//! every call that was answered.

use std::collections::{BTreeMap, BTreeSet};

use pinion_sip::machine::{Cdr, CdrId, Disposition};

use super::{Failure, Oracle, Verdict};

/// The records seen so far.
#[derive(Default)]
pub struct Records {
    ids: BTreeSet<(usize, CdrId)>,
    /// Channels rung, and the Call-IDs of their legs.
    legs: BTreeSet<(usize, String, Vec<u8>)>,
    /// Callers' Call-IDs, and how many records of their own channels say that
    /// they were answered.
    answered: BTreeMap<String, u32>,
    /// Call-IDs of callees: of callers, too, who have picked up a call.
    callees: BTreeSet<String>,
    /// Callers were sent elsewhere after their answer: to more than one callee.
    pub redirected: bool,
}

impl Oracle {
    /// An engine handed a record out.
    pub fn recorded(&mut self, engine: usize, cdr: &Cdr) -> Verdict {
        let call_id = String::from_utf8_lossy(&cdr.call_id).into_owned();
        let fail = |rule| {
            Err(Failure {
                rule,
                seen: format!("{cdr:?}"),
                call_id: Some(call_id.clone()),
            })
        };
        if !self.records.ids.insert((engine, cdr.id)) {
            return fail("a record has a name of its own");
        }
        let leg = (
            engine,
            cdr.dstchannel.to_string(),
            cdr.callee_call_id.to_vec(),
        );
        if !cdr.callee_call_id.is_empty() && !self.records.legs.insert(leg) {
            return fail("a channel to a callee has one record");
        }
        let callee = String::from_utf8_lossy(&cdr.callee_call_id);
        self.records.callees.insert(callee.into_owned());
        let answered = cdr.disposition == Disposition::Answered;
        let answer = cdr.answer.unwrap_or(cdr.start);
        if cdr.start > answer || answer > cdr.end || answered != cdr.answer.is_some() {
            return fail("a record's times are in order");
        }
        if answered && cdr.uniqueid == cdr.linkedid {
            *self.records.answered.entry(call_id).or_default() += 1;
        }
        Ok(())
    }

    /// A call that its caller knows to have been answered is over. The record of
    /// one who has picked up another call is that call's.
    pub fn judge_record(&self, call_id: &str) -> Verdict {
        match self.records.answered.get(call_id) {
            Some(1) => Ok(()),
            None if self.records.callees.contains(call_id) => Ok(()),
            Some(_) if self.records.redirected => Ok(()),
            count => Err(Failure {
                rule: "an answered call has one record that says so",
                seen: format!("{count:?}"),
                call_id: Some(call_id.into()),
            }),
        }
    }
}
