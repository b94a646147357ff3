//! One outbound channel of a call: what every technology's channels have in
//! common, and what few of them have.

use super::call::{Call, Caller};
use super::local::Ends;
use super::run::{Others, RunId};
use super::sip::{Destination, Sip};
use super::tech::ChannelTech;
use crate::base::Text;
use crate::dialplan::{ChannelId, Failure, Variables};
use crate::machine::Lease;
use crate::wire::Status;

/// One outbound channel of a call.
pub struct Channel {
    /// Its name within the call.
    pub id: ChannelId,
    /// The run that requested it.
    pub run: RunId,
    /// Its technology.
    pub tech: &'static dyn ChannelTech,
    /// Where it leads.
    pub destination: Destination,
    /// Legs that may still answer.
    pub open_legs: u16,
    /// The best reason so far why it failed.
    pub failure: Option<(Status, Failure)>,
    /// Its place in the callee's call limit.
    pub lease: Option<Box<(Text, Lease)>>,
    /// What few channels have.
    pub more: Option<Box<More>>,
}

/// What few channels have.
#[derive(Default)]
pub struct More {
    /// What it has inherited.
    pub variables: Variables,
    /// What makes it a Local channel.
    pub local: Option<Ends>,
}

impl Channel {
    /// A channel of SIP that has not been called, without a name yet.
    pub fn to(destination: Destination) -> Channel {
        Channel {
            id: ChannelId(0),
            run: RunId::CALLER,
            tech: &Sip,
            destination,
            open_legs: 0,
            failure: None,
            lease: None,
            more: None,
        }
    }

    /// What few channels have; this one from now on.
    pub fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// What makes it a Local channel, if it is one.
    pub fn local(&self) -> Option<&Ends> {
        self.more.as_ref()?.local.as_ref()
    }

    /// See [`Channel::local`].
    pub fn local_mut(&mut self) -> Option<&mut Ends> {
        self.more.as_mut()?.local.as_mut()
    }
}

impl Call {
    /// Enters a channel under a name of its own.
    pub(super) fn new_channel(&mut self, channel: Channel) -> ChannelId {
        let id = ChannelId(self.next_channel);
        self.next_channel += 1;
        self.channels.push(Channel { id, ..channel });
        id
    }

    /// Whom a channel is told the call is from.
    pub(super) fn caller_of(&self, id: ChannelId) -> &Caller {
        shown(self.channel(id), self.others.as_deref(), &self.caller)
    }
}

/// Whom a channel is told the call is from: the caller of the run that
/// requested it.
pub(super) fn shown<'a>(
    channel: Option<&'a Channel>,
    others: Option<&'a Others>,
    caller: &'a Caller,
) -> &'a Caller {
    let other = channel.and_then(|channel| others?.find(channel.run));
    other.map_or(caller, |other| &other.caller)
}
