//! Variables of another channel, which may be of another call: what is asked of
//! the call that has it. Values only.

use smol_str::SmolStr;

use super::order::channel_number;

/// Something that is asked of a channel by its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Foreign {
    /// The channel's name.
    pub channel: SmolStr,
    /// What.
    pub wish: Wish,
}

/// What can be asked of a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wish {
    /// A variable, or a function that is a mere view of the call (`IMPORT`).
    Variable(Box<str>),
    /// A variable of `SHARED`.
    Shared(Box<str>),
    /// Sets a variable of `SHARED`: a name and its value.
    Share(Box<str>, Box<str>),
}

impl Foreign {
    /// The question, if a channel can have that name.
    pub(super) fn new(channel: &str, wish: Wish) -> Option<Box<Foreign>> {
        let foreign = |_| Foreign {
            channel: channel.into(),
            wish,
        };
        channel_number(channel).map(foreign).map(Box::new)
    }

    /// The number of the channel's call.
    pub fn number(&self) -> u32 {
        channel_number(&self.channel).unwrap_or_default()
    }
}
