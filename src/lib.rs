//! pinion, the server: configuration from files on one side, the pumps and
//! workers that drive the protocol on the other.

pub mod config;
