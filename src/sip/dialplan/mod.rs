//! extensions.conf, compiled, and the calls that run through it.
//!
//! A [`Plan`] is built once and shared; a [`Cursor`] takes one call through
//! it. Neither knows SIP: applications see the world through [`Channels`] and
//! hear of it by [`Event`]s.

mod app;
mod arguments;
mod automaton;
mod builder;
pub mod cause;
mod channel;
mod course;
mod cursor;
mod expression;
#[cfg(test)]
mod fake;
mod foreign;
mod frames;
mod function;
mod general;
mod inquiry;
mod missing;
mod order;
mod origination;
mod party;
mod pattern;
mod pickup;
mod plan;
mod position;
mod record;
mod replay;
mod schedule;
mod search;
mod state;
mod step;
mod substitute;
mod switch;
#[cfg(test)]
mod table;
mod template;
mod variables;
mod work;
mod zone;

pub use app::{ApplicationId, MediaApps, applications, doubts, needs_media};
pub use arguments::split_call;
pub use builder::{ContextId, Duplicate, Line, PlanBuilder};
pub use cause::{Cause, Failure};
pub use channel::{ChannelEvent, ChannelId, Channels, Forward, Indication, NoMedia, Shown};
pub use cursor::{Cursor, Fell, Progress, Routine};
pub use foreign::{Foreign, Wish};
pub use function::{functions, shared_key};
pub use general::General;
pub use inquiry::{
    Count, Deed, Entry, Hold, Inquiry, Lookup, Message, Reply, Row, Rows, Ticket, Verb,
    Whereabouts, device_name,
};
pub use order::{Action, Order, Whom};
pub use origination::{Goal, Originated, Origination, PATIENCE};
pub use party::{Party, PartyField, Redirecting, presentation};
pub use pattern::{Match, Pattern};
pub use pickup::Pick;
pub use plan::{Context, Extension, Include, Instruction, Place, Plan, Seek, split_hint};
pub use record::{Fork, Origin, Said, Sheet};
pub use schedule::Schedule;
pub use search::Visit;
pub use step::{Ending, Event};
pub use substitute::{Names, substitute};
pub use switch::{Switch, SwitchKind};
pub use template::Template;
pub use variables::{Full, Variables};
pub use work::{Fetch, Manner, Records, Work, origin};
pub use zone::{Calendar, Zone};
