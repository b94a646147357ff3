//! SIPp scenario files: read, checked and run.
//!
//! ```text
//!   file.xml ── compile ──► Scenario ─┐
//!   users.csv ─ Table ────────────────┼─► ScenarioCaller (a Machine) ── Session per call
//!   flags ───── Settings ─────────────┘        finds the call by Call-ID
//! ```
//!
//! A scenario is compiled once; everything it asks for that cannot be done
//! here is named then, with file and line. A [`Session`] walks through the
//! steps of one call and is driven like everything else: by messages and time
//! as values. [`run()`] puts it on real cores; beside that and the files that
//! are named, nothing here does I/O.
//!
//! SIPp 3.6 is the measure, with these exceptions. In the actions of a `recv`,
//! `[last_*]` is the message just received, and a step that `condexec` skips
//! does not branch, as SIPp's manual has it. Where SIPp and RFC 3261 differ
//! without the scenario's doing (the digest URI, what ends a call given up,
//! answers to copies), the RFC is followed. Regular expressions take the first
//! alternative that matches, not the longest.

mod caller;
mod compile;
mod distribution;
mod flags;
mod pattern;
mod problem;
mod run;
mod score;
mod session;
mod settings;
mod step;
mod table;
mod template;
mod text;
mod variable;

#[cfg(test)]
mod tests;

pub use caller::{Load, Program, ScenarioCaller, Seat};
pub use compile::{Loaded, compile, load};
pub use flags::{Keywords, ScenarioArgs};
pub use problem::{Problem, Severity};
pub use run::run;
pub use score::{Cause, Failure, Score, Verdict};
pub use session::{Begin, Context, Progress, Session};
pub use settings::{Behaviours, Settings};
pub use step::{Loudness, Role, Scenario, Stop};
pub use table::{Order, Table};
