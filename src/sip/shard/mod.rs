//! The server's `Machine`: one core's share of the engine.
//!
//! A `Shard` solely owns its tables, sized from `Limits`. `intake` finds the
//! home of a datagram, `requests` and `responses` match it, the method's
//! `Verdict` is applied; what belongs to a leg that has moved to another shard
//! is passed on by `pickup`; and `pending` parks what waits for an answer; what
//! only the database knows is asked for, and heard, in `realtime`; `serve`
//! answers operators.

mod apply;
mod arrival;
mod due;
mod failures;
mod inquiries;
mod intake;
mod lately;
mod moved;
mod orders;
mod originations;
mod pending;
mod pickup;
mod qualify;
mod questions;
mod realtime;
mod reply;
mod requests;
mod responses;
mod serve;
mod setup;
#[expect(
    clippy::module_inception,
    reason = "the folder is named after the type it is about"
)]
mod shard;
mod streams;
mod unreachable;

pub use setup::Setup;
pub use shard::Shard;

#[cfg(test)]
mod tests;
