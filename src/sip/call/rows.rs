//! What an operator sees of a call: a row for each of its channels.

use super::call::Call;
use super::leg::LegState;
use crate::base::Instant;
use crate::machine::{ChannelRow, ChannelState};

impl Call {
    /// Tells of the applications its plans are in.
    pub fn each_application(&self, now: Instant, mut tell: impl FnMut(&str)) {
        for cursor in self.cursors() {
            if let Some(name) = cursor.application(now) {
                tell(name);
            }
        }
    }

    /// Tells of each channel: the caller's first, then those it has called.
    pub fn each_channel(&self, mut tell: impl FnMut(ChannelRow)) {
        if let Some(name) = self
            .channel_name(0)
            .filter(|_| !self.closed && self.has_caller())
        {
            let state = match self.answered_at {
                Some(_) => ChannelState::Up,
                None => ChannelState::Ring,
            };
            tell(ChannelRow { name, state });
        }
        for channel in &self.channels {
            let leg = self
                .legs
                .iter()
                .skip(1)
                .find(|leg| leg.channel == channel.id);
            let state = match leg {
                Some(leg) if leg.is_up() => ChannelState::Up,
                Some(leg) if leg.state == LegState::Ended => continue,
                Some(leg) if leg.ringing.is_some() => ChannelState::Ringing,
                _ => ChannelState::Down,
            };
            let name = channel.name(self.number);
            tell(ChannelRow { name, state });
        }
    }
}
