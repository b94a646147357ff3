//! What an operator asks of one shard, and what it says: typed rows, in pages.
//! Values only: who asked, and how it is shown, is not known here.

mod channel;
mod connection;
mod device;
mod dialog;
mod history;
mod notification;
mod registration;
mod state;
mod tables;
mod timers;

use alloc::sync::Arc;

use smol_str::SmolStr;

use super::Stages;
use crate::base::Text;
use crate::config::Peer;
use crate::dialplan::{Inquiry, Order, Origination, Reply};
use crate::modules::Module;

pub use channel::{ChannelDetail, ChannelRow, ChannelState};
pub use connection::ConnectionRow;
pub use device::{ContactRow, DeviceRow};
pub use dialog::{DialogDetail, DialogRow};
pub use history::{FailureRow, HistoryRow};
pub use notification::Notification;
pub use registration::RegistrationRow;
pub use state::StateRow;
pub use tables::TableRow;
pub use timers::TimerRow;

/// A part of a table. Tables change between two pages: what is there all the
/// time is seen exactly once, what comes or goes meanwhile perhaps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Where it begins: 0, or what the page before said comes next.
    pub from: u64,
    /// Places looked at, at most: a page costs no shard more than that.
    pub most: u32,
}

impl Span {
    /// The first part of a table. Some 50 µs of a shard's time.
    pub const FIRST: Span = Span { from: 0, most: 256 };

    /// The first calls of which something is ordered in one turn of a shard: some
    /// 100 µs.
    pub const ORDERED: Span = Span { from: 0, most: 16 };

    /// All of a table, however long that takes.
    pub const ALL: Span = Span {
        from: 0,
        most: u32::MAX,
    };

    /// The part that begins at `from`.
    pub fn after(self, from: u64) -> Span {
        Span { from, ..self }
    }
}

/// Something asked of one shard. Clones ask the same of another.
#[derive(Clone, Debug)]
pub enum Query {
    /// The channels of its calls.
    Channels(Span),
    /// The channel of that name, in detail.
    Channel(Span, SmolStr),
    /// What a plan might ask, asked by an operator. The reply is fetched by
    /// `Reply`.
    Inquire(Box<Inquiry>),
    /// What has been replied to an inquiry.
    Reply(u32),
    /// Values of the AstDB whose home it is, below a path and behind another:
    /// some hundreds at most, by path.
    Entries(Box<str>, Box<str>),
    /// Sets a global, here and on the other shards.
    SetGlobal(Box<str>, Box<str>),
    /// The globals that have been set since the start.
    Globals,
    /// What its tables hold.
    Memory,
    /// Something the channels of a part of its calls shall do.
    Order(Order, Span),
    /// A telephone is rung, and does something of its own.
    Originate(Box<Origination>),
    /// The end of the calls that cannot go on without a module.
    End(Module, Span),
    /// What its calls use of modules.
    Uses(Span),
    /// The end of what these have registered, as far as sip.conf does not have
    /// them any more: AoRs whose home it is, some hundreds at most.
    Removed(Arc<[Text]>),
    /// The devices of the database it knows now, whoever's home it is.
    Known(Span),
    /// What it knows of devices whose home it is: a row for each name, in their
    /// order. Some 200 ns of its time each.
    Devices(Vec<SmolStr>),
    /// The dialogs of its calls.
    Dialogs(Span),
    /// The dialogs whose Call-IDs begin so, in detail.
    Dialog(Span, Text),
    /// Its timers.
    Timers,
    /// The connections it owns; its driver answers that.
    Connections(Span),
    /// Read a device from the database, to be known here a little later.
    Load(Text),
    /// Forget where a device is registered whose home this is.
    Unregister(Text),
    /// Ask the contacts of a device, whose home this is, whether they answer.
    Qualify(Text),
    /// Tell the contacts of a device, whose home this is, of something.
    Notify(Text, Box<Notification>),
    /// What happened to the calls one of whose Call-IDs begins so.
    History(Text, Span),
    /// The calls that failed last.
    Failures,
    /// Who is registered, of those whose home it is.
    Registrations(Span),
    /// Whether it takes new work.
    State,
    /// How long the stages of messages and calls take.
    Stages,
}

impl Query {
    /// The same of the part of the table that begins at `from`.
    #[must_use]
    pub fn after(self, from: u64) -> Query {
        match self {
            Query::Channels(span) => Query::Channels(span.after(from)),
            Query::Channel(span, name) => Query::Channel(span.after(from), name),
            Query::Order(order, span) => Query::Order(order, span.after(from)),
            Query::End(module, span) => Query::End(module, span.after(from)),
            Query::Uses(span) => Query::Uses(span.after(from)),
            Query::Known(span) => Query::Known(span.after(from)),
            Query::Dialogs(span) => Query::Dialogs(span.after(from)),
            Query::Connections(span) => Query::Connections(span.after(from)),
            Query::Dialog(span, call_id) => Query::Dialog(span.after(from), call_id),
            Query::History(prefix, span) => Query::History(prefix, span.after(from)),
            Query::Registrations(span) => Query::Registrations(span.after(from)),
            whole => whole,
        }
    }
}

/// Rows of a table.
#[derive(Clone, PartialEq, Debug)]
pub struct Rows<T> {
    /// The rows, in no particular order.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<u64>,
}

/// What is said to a [`Query`].
#[derive(Clone, PartialEq, Debug)]
pub enum Page {
    /// The machine knows nothing of that.
    Unknown,
    /// To `Channels` and `Channel`.
    Channels(Rows<ChannelRow>),
    /// To `Inquire`: what `Reply` fetches it by.
    Inquired(u32),
    /// To `Reply`; `None` while there is none.
    Replied(Option<Reply>),
    /// To `Entries`: paths and values; more may follow the last.
    Entries(Vec<(Box<str>, Box<str>)>),
    /// To `Globals`: names and values, by name.
    Globals(Vec<(Box<str>, Box<str>)>),
    /// To `Memory`.
    Memory(Vec<TableRow>),
    /// To `Removed`: how many were there. To `Notify`: how many were sent one. To
    /// `Originate`, `Load`, `Unregister` and `Qualify`: 1 if there was anything to
    /// do, and room for it, else 0.
    Done(u32),
    /// To `Order` and `End`: how many channels have obeyed, call by call. Nothing
    /// comes next once one channel is all that is wanted, and has obeyed.
    Obeyed(Rows<u32>),
    /// To `Uses`: a module as often as it is used.
    Uses(Rows<Module>),
    /// To `Known`.
    Known(Rows<Arc<Peer>>),
    /// To `Devices`.
    Devices(Vec<DeviceRow>),
    /// To `Dialogs` and `Dialog`.
    Dialogs(Rows<DialogRow>),
    /// To `Timers`.
    Timers(Vec<TimerRow>),
    /// To `History`.
    History(Rows<HistoryRow>),
    /// To `Failures`.
    Failures(Rows<FailureRow>),
    /// To `Registrations`.
    Registrations(Rows<RegistrationRow>),
    /// To `State`.
    State(StateRow),
    /// To `Stages`.
    Stages(Box<Stages>),
    /// To `Connections`.
    Connections(Rows<ConnectionRow>),
}

impl Page {
    /// Where the next page begins; `None` after the last.
    pub fn next(&self) -> Option<u64> {
        match self {
            Page::Channels(rows) => rows.next,
            Page::Obeyed(rows) => rows.next,
            Page::Uses(rows) => rows.next,
            Page::Known(rows) => rows.next,
            Page::Dialogs(rows) => rows.next,
            Page::Connections(rows) => rows.next,
            Page::History(rows) => rows.next,
            Page::Failures(rows) => rows.next,
            Page::Registrations(rows) => rows.next,
            _ => None,
        }
    }
}
