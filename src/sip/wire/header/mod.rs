//! The header fields that have a type of their own, one file per family.

mod contact;
mod cseq;
mod digest;
mod name;
mod name_addr;
mod params;
mod via;

pub use contact::ContactValue;
pub use cseq::CSeq;
pub use digest::{DigestParams, unescape};
pub use name::HeaderName;
pub use name_addr::NameAddr;
pub use params::{Params, unquote};
pub use via::{Via, set_transport};
