//! The technologies a dialplan may dial, by name (`ast_channel_tech`).

use super::call::Call;
use super::exchange::Turn;
use super::local::Local;
use super::sip::Sip;
use crate::dialplan::{Cause, ChannelId};

/// What Dial sees of a technology: `SIP/…`, `Local/…`. A technology makes channels of a
/// call and answers by queueing events on it; none of its verbs waits.
pub trait ChannelTech: Sync {
    /// The word before the slash.
    fn name(&self) -> &'static str;

    /// Makes a channel to `resource`, or says why there is none.
    fn request(
        &self,
        call: &mut Call,
        turn: &mut Turn<'_>,
        resource: &str,
    ) -> Result<ChannelId, Cause>;

    /// Starts ringing it.
    fn call(&self, call: &mut Call, turn: &mut Turn<'_>, channel: ChannelId);

    /// Ends it; `elsewhere` says that another channel answered.
    fn hangup(
        &self,
        call: &mut Call,
        turn: &mut Turn<'_>,
        channel: ChannelId,
        cause: Cause,
        elsewhere: bool,
    );
}

/// One row a technology.
static TECHS: &[&dyn ChannelTech] = &[&Local, &Sip];

/// Finds a technology by the word before the slash, in any case.
pub fn tech(name: &str) -> Option<&'static dyn ChannelTech> {
    TECHS
        .iter()
        .copied()
        .find(|tech| tech.name().eq_ignore_ascii_case(name))
}
