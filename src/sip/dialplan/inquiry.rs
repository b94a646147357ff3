//! What a plan has to ask outside of its call, and what it hears.
//!
//! Values only: who answers is the technology's and the shard's matter. Every
//! inquiry is answered; one that nobody answers in time, by [`Reply::Failed`].

use smol_str::SmolStr;

/// Names one inquiry of one call. Stale ones find nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Ticket(pub u32);

/// Something that is known outside of the call only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inquiry {
    /// The state of a device, such as `SIP/100` (`DEVICE_STATE`). Answered by
    /// the state's name.
    Device(SmolStr),
    /// The rows a table has for an extension (`switch => Realtime`). Answered by
    /// [`Reply::Rows`]: columns `exten`, `app` and `appdata`, by rising `exten`.
    Extension(Box<Lookup>),
    /// What only its home shard knows of a SIP device (`SIPPEER`): the name and
    /// the item. Answered by its text.
    Peer(Box<(SmolStr, SmolStr)>),
}

/// What a table of extensions is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lookup {
    /// The family, as `extconfig.conf` names it.
    pub family: Box<str>,
    /// The column `context`.
    pub context: Box<str>,
    /// The column `exten`.
    pub exten: Box<str>,
    /// The column `priority`.
    pub priority: u32,
    /// Whether rows whose `exten` begins with `_` are wanted where no row has
    /// the very name.
    pub patterns: bool,
}

/// A row of a table: columns and their values.
pub type Row = Vec<(Box<str>, Box<str>)>;

impl Inquiry {
    /// Whether it does no harm to ask again when the reply is late.
    pub fn may_be_repeated(&self) -> bool {
        match self {
            Inquiry::Device(_) | Inquiry::Extension(_) | Inquiry::Peer(_) => true,
        }
    }

    /// What decides which shard answers: the same for all that is about one
    /// thing.
    pub fn key(&self) -> &[u8] {
        match self {
            Inquiry::Device(device) => {
                let name = device.split_once('/').map_or(&**device, |(_, name)| name);
                name.as_bytes()
            }
            Inquiry::Extension(lookup) => lookup.exten.as_bytes(),
            Inquiry::Peer(peer) => peer.0.as_bytes(),
        }
    }
}

/// What an inquiry yields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// A value.
    Text(String),
    /// Rows of a table; perhaps none.
    Rows(Vec<Row>),
    /// Nobody answered.
    Failed,
}
