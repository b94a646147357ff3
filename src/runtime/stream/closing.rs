//! How connections end, and who hears of it.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use pinion_sip::base::{Flow, Handle, Instant, SocketIndex};

use super::connection::{Connection, Remote, State};
use super::{Alarm, Loss, Streams};
use crate::counters::Counters;
use crate::park::{Park, Token};

/// How long a connection that we close may go on to hear our last words. Where
/// the remote has said its last, what waits leaves as fast as it reads.
const LEAVING: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Remote,
    Broken,
    Idle,
    Stranger,
    Slow,
    Unframed,
}

impl Streams {
    /// Ends a connection once what is queued has left: nothing more is read.
    pub(super) fn leave(
        &mut self,
        now: Instant,
        handle: Handle,
        reason: Reason,
        park: &Park,
        counters: &mut Counters,
    ) {
        let Some(connection) = self.connections.get_mut(handle) else {
            return;
        };
        if connection.state != State::Open {
            drop(self.forget(handle));
            return;
        }
        let (state, longest) = match reason {
            Reason::Remote => {
                // Its end would be heard again and again.
                let token = Token::Connection(handle);
                let _ = park.change_stream(token, connection.as_fd(), (false, false));
                connection.watched = false;
                (State::Heard, self.options.idle)
            }
            _ => (State::Leaving, LEAVING),
        };
        connection.state = state;
        let (flow, alias) = (connection.flow, connection.alias);
        count(reason, counters);
        // What is sent there from now on takes another one.
        self.lead_nowhere(&flow, alias, handle);
        self.list(handle);
        self.tell(handle);
        self.set(now, longest, handle, Alarm::Left);
    }

    /// Ends a connection at once.
    pub(super) fn close(&mut self, handle: Handle, reason: Reason, counters: &mut Counters) {
        count(reason, counters);
        self.tell(handle);
        drop(self.forget(handle));
    }

    /// Lets those who have sent over a connection know that it is gone.
    fn tell(&mut self, handle: Handle) {
        let Some(connection) = self.connections.get_mut(handle) else {
            return;
        };
        let users = std::mem::take(&mut connection.users);
        let flow = connection.flow;
        let told = (0..self.shards).filter(|shard| users >> (shard % 64) & 1 == 1);
        // What was sent to an alias is known by that.
        let alias = connection.alias.map(|port| Flow {
            remote: SocketAddr::new(flow.remote.ip(), port),
            ..flow
        });
        for to in told {
            let known = [flow].into_iter().chain(alias);
            self.losses
                .extend(known.map(|flow| Loss::Broken { to, flow }));
        }
    }

    /// Closes a connection and forgets all that leads to it.
    pub(super) fn forget(&mut self, handle: Handle) -> Option<Connection> {
        let connection = self.connections.remove(handle)?;
        self.tally.close();
        if connection.remote == Remote::Stranger {
            self.tally.part();
        }
        self.lead_nowhere(&connection.flow, connection.alias, handle);
        Some(connection)
    }

    /// Whatever names no connection does not take this one any more.
    fn lead_nowhere(&mut self, flow: &Flow, alias: Option<u16>, handle: Handle) {
        for port in alias.into_iter().chain([flow.remote.port()]) {
            let to = SocketAddr::new(flow.remote.ip(), port);
            self.unlead((flow.socket, to), handle);
        }
    }

    pub(super) fn unlead(&mut self, to: (SocketIndex, SocketAddr), handle: Handle) {
        if self.by_remote.get(&to) == Some(&handle) {
            self.by_remote.remove(&to);
        }
    }
}

fn count(reason: Reason, counters: &mut Counters) {
    let counter = match reason {
        Reason::Remote => &mut counters.tcp_closed_by_remote,
        Reason::Broken => &mut counters.tcp_broken,
        Reason::Idle => &mut counters.tcp_closed_idle,
        Reason::Stranger => &mut counters.tcp_closed_strangers,
        Reason::Slow => &mut counters.tcp_closed_slow,
        Reason::Unframed => &mut counters.tcp_closed_unframed,
    };
    *counter += 1;
}
