//! What a plan has to ask outside of its call, and what it hears.
//!
//! Values only: who answers is the technology's and the shard's matter. Every
//! inquiry is answered; one that nobody answers in time, by [`Reply::Failed`].

use smol_str::SmolStr;

use super::foreign::Foreign;
use super::order::Order;
use super::origination::Origination;
use super::pickup::Pick;
use super::work::Work;

/// The names of devices' states, by their numbers (`ast_devstate_str`).
pub(super) const DEVICE_STATES: [&str; 9] = [
    "UNKNOWN",
    "NOT_INUSE",
    "INUSE",
    "BUSY",
    "INVALID",
    "UNAVAILABLE",
    "RINGING",
    "RINGINUSE",
    "ONHOLD",
];

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
    /// Something the channel shall hold from now on. Answered by `1`, or by `0`
    /// where it does not get it.
    Take {
        /// What.
        hold: Hold,
        /// Whether to wait until it is free.
        wait: bool,
    },
    /// Undoes one `Take` of a lock: `1`, or `0` if the channel does not hold it.
    Unlock(SmolStr),
    /// How many are in groups (`GROUP_COUNT`, `GROUP_MATCH_COUNT`).
    Count(Box<Count>),
    /// Values of the AstDB.
    Entry(Box<Entry>),
    /// A MESSAGE to a device: `SUCCESS` when it has been sent to where the device
    /// is registered, else `FAILURE`.
    Message(Box<Message>),
    /// Rows of a realtime family.
    Rows(Box<Rows>),
    /// Something outside of the engine.
    Work(Box<Work>),
    /// Something that channels shall do, of that shard or, without one, of that
    /// which the name leads to. Answered by how many have done it. Behind the
    /// last shard nobody can be asked.
    Order(Box<Order>, Option<u16>),
    /// Something of another channel's variables. Answered by a value, by the empty
    /// text where something is set, and by [`Reply::Nothing`] if there is no such
    /// channel, or no room.
    Foreign(Box<Foreign>),
    /// A telephone is rung, and does something of its own. Answered by the text of
    /// what becomes of it ([`Originated`](super::Originated)), once that is known.
    Originate(Box<Origination>),
    /// The caller answers a call that rings on the n-th shard, counted from the
    /// asker's own. Answered by [`Reply::Nothing`] if no such call rings there, by
    /// a text if that never got known, and not at all if it has come about. Behind
    /// the last shard nobody can be asked.
    Pickup(Box<Pick>, u16),
}

/// Where an inquiry is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whereabouts<'k> {
    /// On the shard that is home to this key.
    Home(&'k [u8]),
    /// By those who ask databases.
    Database,
    /// By those who do whatever else takes waiting.
    Workers,
    /// On the shard that the number in a channel's name leads to.
    Number(u32),
}

/// What a channel holds outside of its call, until it gives it back or ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hold {
    /// A place in a group, the only one of that category. The empty name is no
    /// group: it is left.
    Group {
        /// The group's name.
        group: SmolStr,
        /// The category; perhaps empty.
        category: SmolStr,
    },
    /// A lock.
    Lock(SmolStr),
}

impl Hold {
    /// What decides which shard keeps it. Groups of all categories are counted
    /// in one place, as a count without a category is one over all of them.
    pub fn key(&self) -> &[u8] {
        match self {
            Hold::Group { .. } => GROUPS,
            Hold::Lock(name) => name.as_bytes(),
        }
    }
}

/// The key of all groups.
const GROUPS: &[u8] = b"groups";

/// Groups to be counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Count {
    /// The group's name.
    pub group: SmolStr,
    /// The category; all of them if empty.
    pub category: SmolStr,
    /// Whether both are regular expressions.
    pub patterns: bool,
}

/// What shall be done at one path of the AstDB.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// `family/key`, or `family`.
    pub path: Box<str>,
    /// What.
    pub verb: Verb,
}

impl Entry {
    /// The part that decides which shard has the values.
    pub fn family(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }
}

/// A MESSAGE a plan sends (RFC 3428).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The device it is for.
    pub to: Box<str>,
    /// The user it is from.
    pub from: Box<str>,
    /// Its text.
    pub body: Box<str>,
    /// Headers it has beside.
    pub headers: Vec<(Box<str>, Box<str>)>,
}

/// What can be done in the AstDB. [`Reply::Nothing`] says that there is no such
/// value, or no room for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verb {
    /// The value.
    Read,
    /// Sets the value.
    Write(Box<str>),
    /// Removes the value, which is the answer.
    Remove,
    /// Removes the value and all below its path.
    RemoveTree,
    /// The names right below the path, joined by commas.
    Names,
    /// Whether one of these keys of the family has a value.
    HasAny(Vec<Box<str>>),
    /// Puts members, joined by `&`, into the list that is the value.
    Enlist(Box<str>),
    /// Takes members out of the list.
    Strike(Box<str>),
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

impl Inquiry {
    /// Whether it does no harm to ask again when the reply is late.
    pub fn may_be_repeated(&self) -> bool {
        match self {
            Inquiry::Device(_)
            | Inquiry::Extension(_)
            | Inquiry::Peer(_)
            | Inquiry::Count(_)
            | Inquiry::Foreign(_) => true,
            Inquiry::Take { hold, .. } => matches!(hold, Hold::Group { .. }),
            Inquiry::Message(_)
            | Inquiry::Unlock(_)
            | Inquiry::Rows(_)
            | Inquiry::Work(_)
            | Inquiry::Order(..)
            | Inquiry::Originate(_)
            | Inquiry::Pickup(..) => false,
            Inquiry::Entry(entry) => !matches!(entry.verb, Verb::Remove | Verb::RemoveTree),
        }
    }

    /// Who answers it. The key of a home is the same for all that is about one
    /// thing.
    pub fn whereabouts(&self) -> Whereabouts<'_> {
        Whereabouts::Home(match self {
            Inquiry::Device(device) => device_name(device).as_bytes(),
            Inquiry::Peer(peer) => peer.0.as_bytes(),
            Inquiry::Message(message) => message.to.as_bytes(),
            Inquiry::Take { hold, .. } => hold.key(),
            Inquiry::Unlock(name) => name.as_bytes(),
            Inquiry::Count(_) => GROUPS,
            Inquiry::Entry(entry) => entry.family().as_bytes(),
            Inquiry::Extension(_) | Inquiry::Rows(_) => return Whereabouts::Database,
            Inquiry::Work(_) => return Whereabouts::Workers,
            // The call has made something else of these.
            Inquiry::Originate(_) | Inquiry::Pickup(..) => b"",
            Inquiry::Foreign(foreign) => return Whereabouts::Number(foreign.number()),
            Inquiry::Order(order, shard) => {
                let number = shard.map(u32::from).or_else(|| order.whom.number());
                return Whereabouts::Number(number.unwrap_or(0));
            }
        })
    }
}

/// The name in `SIP/name`.
pub fn device_name(device: &str) -> &str {
    device.split_once('/').map_or(device, |(_, name)| name)
}

/// A row of a table: columns and their values.
pub type Row = Vec<(Box<str>, Box<str>)>;

/// Rows of a realtime family, and what shall become of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows {
    /// The family, as `extconfig.conf` names it.
    pub family: Box<str>,
    /// Columns and the values they have in those rows.
    pub matches: Row,
    /// What.
    pub deed: Deed,
}

/// What is done to rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// They are read: [`Reply::Rows`].
    Read,
    /// A column is set: [`Reply::Text`], how many rows there were.
    Update(Box<str>, Box<str>),
    /// A row like that is added: [`Reply::Text`], its number.
    Store,
    /// They are read and removed: [`Reply::Rows`].
    Destroy,
}

/// What an inquiry yields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// A value.
    Text(String),
    /// Rows of a table; perhaps none.
    Rows(Vec<Row>),
    /// There is no such thing.
    Nothing,
    /// Nobody answered.
    Failed,
}

impl Reply {
    /// The value, or none.
    pub fn text(self) -> Option<String> {
        match self {
            Reply::Text(text) => Some(text),
            Reply::Rows(_) | Reply::Nothing | Reply::Failed => None,
        }
    }
}
