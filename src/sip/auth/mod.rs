//! Digest authentication in both roles (RFC 7616, RFC 8760; RFC 2617 and 2069
//! for old phones).
//!
//! `Gate` is the server's role: it challenges and verifies without memory of
//! its challenges, and accepts each proof once. `respond` is the client's
//! role, for challenges we are given. `node` is what engines of one database
//! prove to each other instead. None knows a peer, a dialog or a database: names
//! and secrets are arguments, and are never shown.

mod algorithm;
mod challenge;
mod client;
mod digest;
mod gate;
mod guard;
pub mod node;
mod nonce;
mod uris;

pub use algorithm::Algorithm;
pub use challenge::{Challenge, Challenges};
pub use client::{Identity, respond};
pub use digest::{Secret, md5_of};
pub use gate::{Gate, Offer, Outcome, Settings, proves};
pub use guard::ReplayGuard;
pub use nonce::{NONCE_LEN, NonceText, Nonces, Stamp};
