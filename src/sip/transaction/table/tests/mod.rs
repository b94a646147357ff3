//! Whole tables under virtual time.

mod bench;
mod client;
mod randomly;
mod server;

pub(super) use bench::flow_of_tests;
