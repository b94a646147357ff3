//! How a run is told: as text, as JSON, as one HTML page, and beside another
//! run. Reads [`crate::results::Results`]; measures nothing and judges only
//! what two runs show of each other.

mod chart;
mod compare;
mod figure;
mod html;
mod interval;
mod json;
mod text;

pub use compare::{Comparison, Judgement, compare};
pub use figure::{MAIN_STAGES, main_stages};
pub use html::html;
pub use json::{FileError, read, write};
pub use text::text;

#[cfg(test)]
mod sample;
