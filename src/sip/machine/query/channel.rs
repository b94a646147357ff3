//! The channels of a call, as Asterisk's console has them.

use core::time::Duration;

use smol_str::SmolStr;

/// How far a channel is, in Asterisk's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelState {
    /// It has called, and its plan runs.
    Ring,
    /// It is being called.
    Down,
    /// It is being called, and rings.
    Ringing,
    /// It is answered.
    Up,
}

impl ChannelState {
    /// As Asterisk's console writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            ChannelState::Ring => "Ring",
            ChannelState::Down => "Down",
            ChannelState::Ringing => "Ringing",
            ChannelState::Up => "Up",
        }
    }

    /// Asterisk's number for it.
    pub fn number(self) -> u8 {
        match self {
            ChannelState::Down => 0,
            ChannelState::Ring => 4,
            ChannelState::Ringing => 5,
            ChannelState::Up => 6,
        }
    }
}

/// One channel of a call.
#[derive(Clone, PartialEq, Debug)]
pub struct ChannelRow {
    /// `SIP/1001-0000001c`.
    pub name: SmolStr,
    /// How far it is.
    pub state: ChannelState,
    /// Whether its call began with it: there are as many calls as such channels.
    pub calls: bool,
    /// Where it is in the plan; of one that runs none, its device's context.
    pub context: SmolStr,
    /// See `context`; empty without a plan.
    pub exten: SmolStr,
    /// See `context`.
    pub priority: u32,
    /// The application at hand.
    pub application: SmolStr,
    /// What it was given, with the values of variables as far as they are known
    /// to the channel.
    pub arguments: String,
    /// Its number: the caller's, or the one called.
    pub number: SmolStr,
    /// `CHANNEL(accountcode)`.
    pub account: SmolStr,
    /// That of the channel it is joined to.
    pub peer_account: SmolStr,
    /// How long there has been such a channel.
    pub age: Duration,
    /// Names what joins it to another; the same for both.
    pub bridge: Option<u32>,
    /// `UNIQUEID`.
    pub unique_id: SmolStr,
    /// What is told of one that was asked for by its name.
    pub detail: Option<Box<ChannelDetail>>,
}

/// What else is known of a channel.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ChannelDetail {
    /// `LINKEDID`.
    pub linked_id: SmolStr,
    /// The name that goes with the number.
    pub caller_name: SmolStr,
    /// The number of the other side; empty while there is none.
    pub connected: SmolStr,
    /// What was dialled.
    pub dialled: SmolStr,
    /// Call-ID of its dialog.
    pub call_id: SmolStr,
    /// `CHANNEL(language)`.
    pub language: SmolStr,
    /// Its variables, in the order they were set.
    pub variables: Vec<(SmolStr, SmolStr)>,
}
