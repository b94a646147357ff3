//! Asterisk-style files, read and checked into `pinion_sip::config::Config`.
//!
//! `file` knows lines and categories, and nothing of their meaning; the other
//! modules know the meaning, and nothing of comments, templates or includes.

pub mod extensions;
pub mod file;
pub mod sip;
