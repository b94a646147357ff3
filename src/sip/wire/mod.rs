//! SIP on the wire: one datagram read in place, one message written to a buffer.
//!
//! Owns the grammar of RFC 3261 §25 and the verdicts on what breaks it. It
//! never copies what it reads, never allocates for a well-formed message, and
//! never decides what a message means: methods, dialogs and extensions are
//! judged by others.

mod check;
mod class;
mod controls;
mod error;
mod fields;
mod frame;
pub mod header;
mod message;
mod method;
mod part;
mod read;
mod reply;
mod scan;
mod start;
mod status;
mod uri;
mod writer;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod survive;
#[cfg(test)]
mod tests;

pub use controls::Controls;
pub use error::{Fault, FaultKind, Unreadable};
pub use fields::{Fields, MAX_FIELDS};
pub use frame::{Frame, Framer, Unframed, write_refusal};
pub use header::{
    CSeq, ContactValue, DigestParams, HeaderName, NameAddr, Params, Via, set_transport, unescape,
    unquote,
};
pub use message::{MAX_BODY_BYTES, Message};
pub use method::Method;
pub use read::MAX_FIELD_BYTES;
pub use reply::{ReplyHead, reply_flow, write_reply};
pub use scan::{Elements, elements, is_token};
pub use start::StartLine;
pub use status::Status;
pub use uri::{Scheme, Uri};
pub use writer::Writer;
pub(crate) use writer::is_even;
