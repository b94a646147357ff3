//! What a shard tells those who guard the engine: who was turned away, and
//! why. Values only; how a line of a log looks is the driver's business.

use crate::base::{Flow, Text};

/// Why a remote is worth remembering.
///
/// The first three follow an answered challenge (unless `alwaysauthreject=no`
/// lets the request go without one): its nonce went to the source address and
/// came back, so the address is no forgery. Over UDP the others may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suspicion {
    /// A device is known, and its secret was not.
    InvalidPassword,
    /// No device has that name.
    InvalidAccountId,
    /// The device exists, and its ACL denies the source or the contact.
    FailedAcl,
    /// A request was refused for its form.
    RequestBadFormat,
    /// A guest asked for an extension that does not exist.
    RequestNotAllowed,
}

impl Suspicion {
    /// Its name in Asterisk's security log.
    pub fn name(self) -> &'static str {
        match self {
            Suspicion::InvalidPassword => "InvalidPassword",
            Suspicion::InvalidAccountId => "InvalidAccountID",
            Suspicion::FailedAcl => "FailedACL",
            Suspicion::RequestBadFormat => "RequestBadFormat",
            Suspicion::RequestNotAllowed => "RequestNotAllowed",
        }
    }
}

/// A request that was turned away. All but the flow is as the remote says, and
/// may be made up.
#[derive(Clone, Debug)]
pub struct SecurityEvent {
    /// Why.
    pub suspicion: Suspicion,
    /// Whom it claims to be: the user of To for REGISTER, else of From.
    pub account: Text,
    /// Its method.
    pub method: Text,
    /// Its Call-ID.
    pub call_id: Text,
    /// The path it came by.
    pub flow: Flow,
}
