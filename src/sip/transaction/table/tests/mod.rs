//! Whole tables under virtual time.

mod bench;
mod client;
mod randomly;
mod server;
