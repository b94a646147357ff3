//! How connections begin: accepted from a listener, or asked for by us. Knows
//! who may come in, not what is said.

use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Duration;

use pinion_sip::base::{Flow, Handle, Instant, SocketIndex, Transport};

use super::connection::{Connection, Remote, State};
use super::layer::Plain;
use super::{Alarm, Loss, Streams, name};
use crate::counters::Counters;
use crate::park::{Park, Token};

/// Connections taken from one listener in one turn.
const ACCEPTED_PER_TURN: usize = 64;

/// How long a listener is left alone after the host had nothing left to accept
/// a connection with.
const MUTED: Duration = Duration::from_millis(100);

impl Streams {
    /// Takes connections from a listener, a bounded number.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        index: usize,
        park: &Park,
        counters: &mut Counters,
    ) {
        for _ in 0..ACCEPTED_PER_TURN {
            let Some(listener) = self.listeners.get(index) else {
                return;
            };
            match listener.accept() {
                Ok(Some((socket, local, remote))) => {
                    let flow = Flow {
                        transport: Transport::Tcp,
                        owner: self.shard,
                        ..Flow::udp(self.first + index as SocketIndex, local, remote)
                    };
                    self.welcome(now, socket, flow, park, counters);
                }
                Ok(None) => return,
                Err(error) => {
                    counters.tcp_accept_errors += 1;
                    // Other errors are of the one connection that was next.
                    if let Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) =
                        error.raw_os_error()
                    {
                        self.mute(now, index, park);
                        return;
                    }
                }
            }
        }
    }

    /// Leaves a listener alone for a while: it would be ready all the time.
    fn mute(&mut self, now: Instant, index: usize, park: &Park) {
        if let Some(listener) = self.listeners.get_mut(index) {
            let token = Token::Listener(index as u32);
            let deaf = park.change_stream(token, listener.as_fd(), (false, false));
            listener.muted = deaf.is_ok();
            self.muted_until = Some(now + MUTED);
        }
    }

    /// Takes a connection that came in, if there is room for it.
    fn welcome(
        &mut self,
        now: Instant,
        socket: TcpStream,
        flow: Flow,
        park: &Park,
        counters: &mut Counters,
    ) {
        if !self.tally.meet(self.options.auth_limit) {
            counters.tcp_refused_strangers += 1;
            return;
        }
        let from = (State::Open, Remote::Stranger);
        match self.hold(now, socket, flow, from, park) {
            Some(handle) => {
                counters.tcp_accepted += 1;
                self.set(now, self.options.auth_timeout, handle, Alarm::Known);
                self.set(now, self.options.idle / 4, handle, Alarm::Idle);
            }
            None => {
                self.tally.part();
                counters.tcp_refused_full += 1;
            }
        }
    }

    /// Keeps a connection and watches it; `None` if there is no room, in which
    /// case it is closed.
    fn hold(
        &mut self,
        now: Instant,
        socket: TcpStream,
        flow: Flow,
        from: (State, Remote),
        park: &Park,
    ) -> Option<Handle> {
        if !self.tally.open(self.options.connections) {
            return None;
        }
        let connection = Connection::new(socket, Box::new(Plain), flow, from, now);
        let handle = self.connections.insert(connection).ok();
        let watched = handle.and_then(|handle| {
            let connection = self.connections.get_mut(handle)?;
            connection.flow.connection = Some(name(handle));
            connection.watched = from.0 == State::Connecting;
            let token = Token::Connection(handle);
            park.add_stream(token, connection.as_fd(), connection.watched)
                .ok()
        });
        match (handle, watched) {
            (Some(handle), Some(())) => {
                let to = (flow.socket, flow.remote);
                self.by_remote.entry(to).or_insert(handle);
                Some(handle)
            }
            (handle, _) => {
                handle.map(|handle| self.connections.remove(handle));
                self.tally.close();
                None
            }
        }
    }

    /// Begins to open a connection.
    pub(super) fn connect(
        &mut self,
        now: Instant,
        flow: &Flow,
        park: &Park,
        counters: &mut Counters,
    ) -> Option<Handle> {
        let index = usize::from(flow.socket.checked_sub(self.first)?);
        let begun = self.listeners.get(index)?.connect(flow.remote).ok();
        let own = Flow {
            owner: self.shard,
            ..*flow
        };
        let from = (State::Connecting, Remote::Sought);
        let handle = begun.and_then(|socket| self.hold(now, socket, own, from, park));
        match handle {
            Some(handle) => self.set(now, self.options.connect_timeout, handle, Alarm::Connected),
            None => counters.tcp_unreachable += 1,
        }
        handle
    }

    /// A connection we asked for stands: what has waited for it can go.
    pub(super) fn connected(&mut self, now: Instant, handle: Handle, counters: &mut Counters) {
        let Some(connection) = self.connections.get_mut(handle) else {
            return;
        };
        counters.tcp_opened += 1;
        connection.state = State::Open;
        connection.heard = now;
        for waiting in std::mem::take(&mut connection.waiting) {
            connection.push(&waiting.bytes, &mut self.spares);
            counters.tcp_sent += 1;
        }
        self.list(handle);
        self.set(now, self.options.idle / 4, handle, Alarm::Idle);
    }

    /// A connection we asked for will not stand: what has waited for it goes
    /// back to whose it is.
    pub(super) fn unreachable(&mut self, handle: Handle, counters: &mut Counters) {
        counters.tcp_unreachable += 1;
        let Some(mut connection) = self.forget(handle) else {
            return;
        };
        let waiting = std::mem::take(&mut connection.waiting).into_iter();
        self.losses.extend(waiting.map(|waiting| Loss::Unsent {
            to: waiting.from,
            bytes: waiting.bytes,
            flow: waiting.flow,
        }));
    }
}
