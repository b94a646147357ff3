//! `sip notify`: a device told of something it has not subscribed to.

use alloc::sync::Arc;

use crate::base::{Instant, Text};
use crate::call::{Owner, push_user};
use crate::machine::{Notification, Outbox};
use crate::shard::Shard;
use crate::shard::apply::Outward;
use crate::wire::Method;

impl Shard {
    /// Sends a NOTIFY to each contact of a device; to how many. What another
    /// node holds is that one's to tell. Nobody waits for the responses.
    pub(super) fn notify(
        &mut self,
        now: Instant,
        name: &Text,
        notification: &Notification,
        out: &mut Outbox,
    ) -> u32 {
        let Some(peer) = self.exchange.device(name).cloned() else {
            return 0;
        };
        let config = Arc::clone(&self.exchange.config);
        let mut from = Text::new();
        push_user(&mut from, config.general.callerid.as_bytes());
        let mut told = 0;
        for binding in self.contacts_of(now, name) {
            if binding.node.is_some() || !self.exchange.carries(binding.flow.transport) {
                continue;
            }
            let outward = Outward {
                method: Method::Notify,
                peer: &peer,
                from: &from,
                max_forwards: peer.maxforwards,
                content_type: notification.content_type.as_bytes(),
                body: notification.content.as_bytes(),
                headers: &notification.headers,
                owner: Owner::Nobody,
            };
            told += u32::from(self.send_outward(now, &binding, outward, out));
        }
        told
    }
}
