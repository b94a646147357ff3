//! Requests that another engine over the same database brings to a device whose
//! contacts are here: no password is asked for where a proof is given.

use alloc::sync::Arc;

use super::Asked;
use crate::auth::node::{Claim, is_claimed};
use crate::base::Text;
use crate::config::Peer;

/// What another node brings.
pub struct Brought {
    /// The node, as a device.
    pub node: Arc<Peer>,
    /// The device it is for.
    pub user: Text,
    /// Whom the device shall be asked for, if not itself.
    pub to_user: Option<Text>,
}

/// What is known of a request that another node has proven; `None` where none has.
pub fn brought(asked: &Asked<'_>) -> Option<Brought> {
    let ours = asked.config.realtime.as_ref()?.node.as_ref()?;
    let request = asked.request;
    if !is_claimed(request) {
        return None;
    }
    let (mut user, mut to_user) = (Text::new(), Text::new());
    request.parsed_request_uri()?.user_decoded(&mut user);
    request.to_uri()?.user_decoded(&mut to_user);
    let claim = Claim {
        call_id: request.call_id(),
        from_tag: request.from().ok()?.tag()?,
        user: &user,
        to_user: &to_user,
    };
    let sender = ours.key.sender(request, claim)?;
    let node = Peer::node(&sender.lossy(), &asked.config.general.defaults);
    Some(Brought {
        node: Arc::new(node),
        to_user: (*to_user != *user).then_some(to_user),
        user,
    })
}
