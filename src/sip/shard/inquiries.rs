//! What plans ask, answered by the shard that knows.

use super::shard::Shard;
use crate::base::{Instant, Text};
use crate::dialplan::{Inquiry, Reply};

impl Shard {
    /// Answers an inquiry whose key is at home here.
    pub(super) fn inquired(&mut self, now: Instant, inquiry: &Inquiry) -> Reply {
        match inquiry {
            Inquiry::Device(_) => {
                let name = Text::from(inquiry.key());
                Reply::Text(self.device_state(now, &name).into())
            }
            // Tables are a worker's; no shard has one.
            Inquiry::Extension(_) => Reply::Failed,
        }
    }

    /// A SIP device's state (`ast_devstate_str`). Calls count for peers whose
    /// calls are limited.
    fn device_state(&self, now: Instant, name: &Text) -> &'static str {
        if self.exchange.device(name).is_none() {
            "INVALID"
        } else if self.reachable(now, name).is_empty() {
            "UNAVAILABLE"
        } else if self.occupancy.held(name) > 0 {
            "INUSE"
        } else {
            "NOT_INUSE"
        }
    }
}
