//! `database …`, `realtime …`, `dialplan set global`: what a plan might ask,
//! asked by an operator. A reply that is not here yet is fetched later.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use crate::base::Instant;
use crate::call::{Ask, Resume};
use crate::dialplan::{Inquiry, Reply};
use crate::machine::Question;
use crate::shard::Shard;

/// Replies kept for operators who do not fetch them.
const MOST_REPLIES: usize = 64;

/// Values of the AstDB told at once.
const MOST_ENTRIES: usize = 256;

/// Names and values.
type Pairs = Vec<(Box<str>, Box<str>)>;

/// The inquiries of operators.
#[derive(Default)]
pub(in crate::shard) struct Inquiries {
    last: u32,
    replies: VecDeque<(u32, Reply)>,
}

impl Inquiries {
    /// Keeps the reply to an inquiry.
    pub(in crate::shard) fn replied(&mut self, number: u32, reply: Reply) {
        if self.replies.len() == MOST_REPLIES {
            self.replies.pop_front();
        }
        self.replies.push_back((number, reply));
    }

    fn take(&mut self, number: u32) -> Option<Reply> {
        let mut known = self.replies.iter();
        let at = known.position(|(known, _)| *known == number)?;
        self.replies.remove(at).map(|(_, reply)| reply)
    }
}

impl Shard {
    /// Asks whoever knows; what fetches the reply.
    pub(super) fn inquire(&mut self, inquiry: Inquiry) -> u32 {
        self.inquiries.last = self.inquiries.last.wrapping_add(1);
        let number = self.inquiries.last;
        self.exchange.asks.push_back(Ask {
            question: Question::Inquiry(inquiry),
            resume: Resume::Operator(number),
        });
        number
    }

    /// Fetches a reply, once.
    pub(super) fn fetch_reply(&mut self, number: u32) -> Option<Reply> {
        self.inquiries.take(number)
    }

    /// The values below `path`, all of them if it is empty, from behind `last`.
    pub(super) fn entries(&self, path: &str, last: &str) -> Pairs {
        let store = &self.commons.store;
        let told = |(path, value): (&str, &str)| (path.into(), value.into());
        store
            .behind(path, last)
            .take(MOST_ENTRIES)
            .map(told)
            .collect()
    }

    /// Sets a global everywhere; false where there is no room.
    pub(super) fn set_global(&mut self, now: Instant, name: &str, value: &str) -> bool {
        self.exchange.set_global(now, name, value)
    }

    /// The globals set since the start.
    pub(super) fn globals(&self) -> Pairs {
        let all = self.exchange.globals.all().into_iter();
        all.map(|change| (change.name, change.value)).collect()
    }
}
