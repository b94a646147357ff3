//! One outbound channel of a call: what every technology's channels have in
//! common, and what few of them have.

use smol_str::{SmolStr, format_smolstr};

use super::call::{Call, Caller};
use super::exchange::Turn;
use super::kept::Body;
use super::local::Ends;
use super::resource::Account;
use super::run::{Others, RunId};
use super::sip::{Destination, Sip};
use super::tech::ChannelTech;
use crate::base::{Instant, Text, hex};
use crate::config::{General, Peer};
use crate::dialplan::{ChannelId, Failure, Redirecting, Variables};
use crate::machine::Lease;
use crate::wire::Status;

/// One outbound channel of a call.
pub struct Channel {
    /// Its name within the call.
    pub id: ChannelId,
    /// What its name has behind the number of its call; 0 for nothing.
    pub suffix: u32,
    /// The number in its `UNIQUEID`.
    pub serial: u64,
    /// Since when there is it.
    pub born: Instant,
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
    /// What it has inherited, and what its routines have set.
    pub variables: Variables,
    /// What makes it a Local channel.
    pub local: Option<Ends>,
    /// What its destination knows better than its device.
    pub account: Option<Account>,
    /// The user of its To, or `user@host`, where that is another.
    pub dnid: Option<SmolStr>,
    /// Whom it is told the call is from, instead of the caller.
    pub shown: Option<Caller>,
    /// Who redirected the call to it.
    pub redirecting: Option<Box<Redirecting>>,
    /// Interfaces dialled on the way to it.
    pub dialled: Vec<SmolStr>,
    /// The routine it is in.
    pub run: Option<RunId>,
    /// Its answer, kept until it is joined.
    pub held: Option<Held>,
    /// The `h` extension runs for it when it ends.
    pub runs_h: bool,
    /// It is about to be hung up, and goes on nowhere.
    pub doomed: bool,
}

/// An answer that nobody has been told yet.
#[derive(Debug)]
pub struct Held {
    /// Its body.
    pub body: Body,
    /// The tag of the caller's dialog that stands for the callee's.
    pub caller_tag: Text,
}

impl Channel {
    /// A channel of SIP that has not been called, without a name yet.
    pub fn to(destination: Destination) -> Channel {
        Channel {
            id: ChannelId(0),
            suffix: 0,
            serial: 0,
            born: Instant::START,
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

impl Channel {
    /// The device a channel rings.
    fn device(&self) -> Option<&Peer> {
        self.destination.peer.as_deref()
    }

    /// The context of the device it rings.
    pub fn context<'a>(&'a self, general: &'a General) -> &'a str {
        &general.device(self.device()).context
    }

    /// Its name, as `DIALEDPEERNAME` has it: one digit or more behind the
    /// number of its call, and so another than the caller's.
    pub fn name(&self, call: u32) -> SmolStr {
        let suffix = self.suffix;
        if let Some(local) = self.local() {
            return format_smolstr!("{local}-{call:08x}{suffix:x};1");
        }
        // Every answered call has its callee's name told: no formatting here.
        let mut name = Text::from("SIP/");
        match (self.device(), self.destination.address.as_deref()) {
            (Some(peer), _) => name.push(peer.name.as_bytes()),
            (None, Some(address)) => name.push(address.ip().to_string().as_bytes()),
            (None, None) => {}
        }
        name.push(b"-");
        let digits = hex(u64::from(call) << 32 | u64::from(suffix));
        let (call, suffix) = digits.split_at(8);
        name.push(call);
        let zeros = suffix.iter().take_while(|digit| **digit == b'0').count();
        name.push(suffix.get(zeros..).unwrap_or_default());
        SmolStr::new(name.lossy())
    }

    /// The name of the far side of a Local channel; any other has one side.
    pub fn far_name(&self, call: u32) -> SmolStr {
        let name = self.name(call);
        match name.strip_suffix(";1") {
            Some(both) => format_smolstr!("{both};2"),
            None => name,
        }
    }
}

impl Call {
    /// Enters a channel under a name of its own.
    pub(super) fn new_channel(&mut self, turn: &mut Turn<'_>, channel: Channel) -> ChannelId {
        let id = ChannelId(self.next_channel);
        self.next_channel += 1;
        let serial = turn.exchange.serial();
        self.channels.push(Channel {
            id,
            suffix: id.0,
            serial,
            born: turn.now,
            ..channel
        });
        id
    }

    /// Whom a channel is told the call is from.
    pub(super) fn caller_of(&self, id: ChannelId) -> &Caller {
        shown(self.channel(id), self.others.as_deref(), &self.caller)
    }
}

/// Whom a channel is told the call is from: who was chosen for it, else the
/// caller of the run that requested it.
pub(super) fn shown<'a>(
    channel: Option<&'a Channel>,
    others: Option<&'a Others>,
    caller: &'a Caller,
) -> &'a Caller {
    let Some(channel) = channel else {
        return caller;
    };
    let chosen = channel.more.as_ref().and_then(|more| more.shown.as_ref());
    let other = || Some(&others?.find(channel.run)?.caller);
    chosen.or_else(other).unwrap_or(caller)
}
