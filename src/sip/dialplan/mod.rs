//! extensions.conf, compiled, and the calls that run through it.

pub mod cause;
mod channel;
mod plan;

pub use cause::{Cause, Failure};
pub use channel::{ChannelEvent, ChannelId, Channels, Indication, NoMedia};
pub use plan::Plan;
