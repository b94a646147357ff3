//! Who is where: the bindings of addresses-of-record (RFC 3261 §10).
//!
//! `Location` lives on the AoR's home shard and is the only owner of its
//! bindings. It is asked by values that may cross shards.

mod binding;
mod location;
mod qualify;
mod register;
mod wheel;

pub use binding::{Binding, Bindings, Contact, Refusal, Texts, Update};
pub use location::{GRACE, Location};
pub use qualify::{Qualifier, Reach, Watch};
pub use register::{ExpiryRules, Rejection, read, write_contacts};
