//! What plans ask, answered by the shard that knows.

use super::shard::Shard;
use crate::base::{Instant, Text, lossy};
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
            Inquiry::Peer(peer) => {
                let (name, item) = &**peer;
                let name = Text::from(name.as_str());
                Reply::Text(self.peer_item(now, &name, item).unwrap_or_default())
            }
        }
    }

    /// What `SIPPEER` tells of the contact a device would be called at first.
    fn peer_item(&self, now: Instant, name: &Text, item: &str) -> Option<String> {
        let contact = || self.location.bindings(now, name).into_iter().next();
        match item {
            "ip" => Some(contact()?.flow.remote.ip().to_string()),
            "port" => Some(contact()?.flow.remote.port().to_string()),
            "expire" => Some(match contact() {
                Some(contact) => contact.expires.since(now).as_secs().to_string(),
                None => "-1".into(),
            }),
            "useragent" => Some(lossy(contact()?.user_agent()).into_owned()),
            "status" if self.reachable(now, name).is_empty() => Some("UNREACHABLE".into()),
            "status" => Some("OK".into()),
            "curcalls" => Some(self.occupancy.held(name).to_string()),
            _ => None,
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
