//! Calls between engines over one database: whoever gets one for a telephone
//! that another holds brings it there, by the address that node has written
//! into the database, with a proof instead of a password.

use alloc::sync::Arc;

use super::call::push_address;
use super::exchange::Exchange;
use super::identity::push_user;
use crate::auth::node::{Claim, HEADER, Node};
use crate::base::Text;
use crate::config::Peer;
use crate::dialplan::{Line, Plan, PlanBuilder};

/// The context a call that another node brings starts in.
pub const NODE_CONTEXT: &str = "node";

/// What happens to a call that another node brings: the device rings, until
/// that node or a telephone ends it. The extension is `user@device` or `device`.
pub fn node_plan() -> Plan {
    let mut builder = PlanBuilder::new();
    let context = builder.context(NODE_CONTEXT);
    let line = Line {
        exten: "_.",
        caller: None,
        priority: 1,
        label: None,
        application: "Dial",
        arguments: "SIP/${EXTEN}",
        at: "another node",
    };
    // The only line of its plan is no duplicate.
    let _ = builder.add(context, line);
    builder.build()
}

/// A request on its way to the node that holds a contact of its recipient.
pub struct Onward {
    node: Arc<Node>,
    user: Text,
    to_user: Text,
    /// Its Request-URI: the device, at that node.
    pub uri: Text,
    /// The URI of its To: whom the contact shall be asked for, there.
    pub to: Text,
}

impl Onward {
    /// To the device called `user`, for `to_user` of it if that is another.
    pub fn new(node: &Arc<Node>, user: &[u8], to_user: Option<&[u8]>) -> Onward {
        let to_user = to_user.unwrap_or(user);
        let uri = |user: &[u8]| {
            let mut uri = Text::from("sip:");
            push_user(&mut uri, user);
            uri.push(b"@");
            push_address(&mut uri, node.address);
            uri
        };
        Onward {
            node: Arc::clone(node),
            user: Text::from(user),
            to_user: Text::from(to_user),
            uri: uri(user),
            to: uri(to_user),
        }
    }

    /// The value of [`HEADER`] that proves where it comes from.
    fn proof(&self, exchange: &Exchange, call_id: &[u8], from_tag: &[u8]) -> Text {
        let rules = exchange.config.realtime.as_ref();
        let ours = rules.and_then(|rules| rules.node.as_ref());
        let mut sender = Text::new();
        push_user(&mut sender, ours.map_or(b"", |node| node.name.as_bytes()));
        let claim = Claim {
            call_id,
            from_tag,
            user: &self.user,
            to_user: &self.to_user,
        };
        self.node.key.prove(&sender, claim)
    }

    /// The node as the device a request goes to, with that proof.
    pub fn device(&self, exchange: &Exchange, call_id: &[u8], from_tag: &[u8]) -> Arc<Peer> {
        let defaults = &exchange.config.general.defaults;
        let mut device = Peer::node(&self.node.name, defaults);
        let proof = self.proof(exchange, call_id, from_tag);
        device.header = vec![(HEADER.into(), proof.lossy().into_owned())];
        Arc::new(device)
    }
}
