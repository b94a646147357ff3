//! Calls: a caller's leg, the legs its dialplan opens, and what joins them.
//!
//! A `Call` never leaves its shard. It is told of requests, responses,
//! answers and alarms one at a time, as a `Turn`, and does what follows by
//! going down: transactions, then the outbox. Nothing below calls back.
//!
//! - `exchange`: what all calls of a shard stand on; `turn`: what one turn of
//!   work does; `resume`: what waits for an answer
//! - `kept`: requests that wait for their final response
//! - `flight_recorder`: what happened to a call last
//! - `leg`: one dialog of a call, and what it waits for
//! - `ledger`: the records of a call, while it lasts
//! - `call`: the call itself, from its first INVITE to its last BYE
//! - `run`: the runs through the dialplan one call holds; `run_end`: what the end
//!   of one is to whoever it ran for
//! - `channels`: the call as one of its runs sees it (`Channels`)
//! - `holdings`: what its channels hold outside of it, and give back
//! - `originate`: calls that the engine begins itself; `black_hole`: the answer
//!   their telephones get first
//! - `outbound`: what outbound channels have in common
//! - `resource`, `wishes`: what a SIP destination and a channel's variables say
//! - `apart`: what a channel does beside ringing for its caller
//! - `departure`: callees that go on without their callers, in calls of their own
//! - `picker`, `pickup`: callers who answer calls that ring elsewhere
//! - `tech`, `sip`, `local`: the technologies Dial may name
//! - `node`: calls to and from other engines over the same database
//! - `foreign`: what plans of other calls read and set of a channel's variables
//! - `functions`: what a plan asks of SIP by functions
//! - `caller`: what the caller is told
//! - `diversion`: who diverted it, as messages say it
//! - `identity`: whom callees are told a call is from
//! - `invite`: the INVITEs that open legs; `callee`: the responses to them
//! - `moved`: where callees that are elsewhere want to be rung
//! - `within`: requests inside the dialogs, relayed from leg to leg
//! - `reoffer`: what is offered to a caller who was answered before
//! - `ending`: how a call ends
//! - `reason`: hangup causes on the wire
//! - `orders`: what channels do because somebody else wants it
//! - `rows`, `channel_rows`: what an operator sees of a call
//! - `stray`: 2xx responses that nobody waits for any more

mod apart;
mod black_hole;
#[expect(
    clippy::module_inception,
    reason = "the folder is named after the type it is about"
)]
mod call;
mod callee;
mod caller;
mod channel_rows;
mod channels;
mod departure;
mod diversion;
mod ending;
mod exchange;
mod flight_recorder;
mod foreign;
mod forks;
mod functions;
mod holdings;
mod identity;
mod invite;
mod kept;
mod ledger;
mod leg;
mod limit;
mod local;
mod moved;
mod node;
mod orders;
mod originate;
mod outbound;
mod picker;
mod pickup;
mod reason;
mod reoffer;
mod resource;
mod resume;
mod rows;
mod run;
mod run_end;
mod sip;
mod stray;
mod tech;
mod turn;
mod wishes;
mod within;

pub use call::{
    ALLOW, ALLOW_BUT_REGISTER, Call, Caller, Opening, end_with, name_addr, push_address,
};
pub use exchange::{Alarm, Exchange, LegRef, MovedName, Outgoing, Owner, Responding, Turn};
pub use flight_recorder::{FlightRecorder, MOST_BYTES, Moments};
pub use forks::EndedForks;
pub use identity::push_user;
pub use kept::Kept;
pub use leg::Ringing;
pub use limit::Occupancy;
pub use node::{NODE_CONTEXT, Onward, node_plan};
pub use picker::{PickUp, Picker};
pub use resume::{Ask, Asker, ParkedMessage, Resume, Unsaved, Waiting};
pub use stray::settle;
pub use within::relayable;
