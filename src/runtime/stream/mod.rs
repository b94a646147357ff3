//! The streams of one shard: its listeners, and the connections it has accepted
//! or opened, each of which stays with it. Turns bytes into messages with their
//! flows, and back. Never blocks, never looks into a message.
//!
//! ```text
//!   Pump ── Streams ── Listener     one per listening address
//!              └────── Connection   Layer (TCP as it is), Framer, queue
//! ```
//!
//! Sockets are plain and watched by the pump's own epoll set: a task of the
//! executor for each connection would cost more memory than the connection, and
//! its io_uring turns more time than the read.
//!
//! A message for a connection of another shard travels to that shard's pump; what
//! cannot be sent comes back as a [`Loss`] to the shard whose it is.

mod closing;
mod connection;
mod layer;
mod limits;
mod listener;
mod opening;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::{ConnectionId, Flow, Handle, Instant, Lanes, ShardId, Slab, SocketIndex};
use pinion_sip::machine::{ConnectionRow, Proven, Rows, Span};

use self::closing::Reason;
use self::connection::{Connection, End, Remote, Spares, State, Waiting};
use self::limits::MOST_CONNECTIONS;
use crate::counters::Counters;
use crate::park::{Park, Token};

pub(crate) use connection::Heard;
pub use limits::StreamOptions;
pub(crate) use limits::Tally;
pub(crate) use listener::{Listener, open};

/// Bytes read from one connection at once.
const READ_BYTES: usize = 64 << 10;

/// Something that was to be sent and is lost, and whose it is.
pub(crate) enum Loss {
    /// A message that no connection takes.
    Unsent {
        to: ShardId,
        bytes: Box<[u8]>,
        flow: Flow,
    },
    /// A connection over which one shard, or several, have sent.
    Broken { to: ShardId, flow: Flow },
}

/// What time it is.
#[derive(Clone, Copy)]
enum Alarm {
    /// A connection of ours should stand.
    Connected,
    /// A stranger should be known.
    Known,
    /// The remote may have said nothing for long.
    Idle,
    /// A connection has been leaving long enough.
    Left,
}

/// The streams of one shard.
pub(crate) struct Streams {
    shard: ShardId,
    shards: ShardId,
    options: StreamOptions,
    tally: Arc<Tally>,
    /// The socket index of the first listener.
    first: SocketIndex,
    listeners: Vec<Listener>,
    connections: Slab<Connection>,
    /// Where the next message to a remote goes that names no connection.
    by_remote: HashMap<(SocketIndex, SocketAddr), Handle>,
    alarms: Lanes<(Handle, Alarm)>,
    /// When muted listeners are heard again.
    muted_until: Option<Instant>,
    buffer: Vec<u8>,
    spares: Spares,
    /// Connections with something to send.
    listed: Vec<Handle>,
    losses: Vec<Loss>,
}

impl Streams {
    /// No connections yet. The listeners' indices begin at `first`.
    pub(crate) fn new(
        (shard, shards): (ShardId, ShardId),
        options: StreamOptions,
        tally: Arc<Tally>,
        first: SocketIndex,
        listeners: Vec<Listener>,
    ) -> Streams {
        let used = !listeners.is_empty();
        let most = options.connections.min(MOST_CONNECTIONS);
        Streams {
            shard,
            shards,
            options,
            tally,
            first,
            listeners,
            connections: Slab::new(if used { most as u32 } else { 0 }),
            by_remote: HashMap::new(),
            alarms: Lanes::new(),
            muted_until: None,
            buffer: vec![0; if used { READ_BYTES } else { 0 }],
            spares: Spares::default(),
            listed: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// Has the park watch the listeners.
    pub(crate) fn watch(&self, park: &Park) -> io::Result<()> {
        for (index, listener) in self.listeners.iter().enumerate() {
            park.add_stream(Token::Listener(index as u32), listener.as_fd(), false)?;
        }
        Ok(())
    }

    /// When [`Streams::expire`] is next wanted.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.alarms
            .deadline()
            .into_iter()
            .chain(self.muted_until)
            .min()
    }

    /// Connections held.
    pub(crate) fn len(&self) -> u32 {
        self.connections.len()
    }

    /// Connections, as operators see them.
    pub(crate) fn rows(&self, span: Span) -> Rows<ConnectionRow> {
        let used = self.connections.used_slots() as u64;
        let end = span.from.saturating_add(span.most.max(1).into()).min(used);
        let slots = (span.from..end).filter_map(|slot| u32::try_from(slot).ok());
        let held = slots.filter_map(|slot| self.connections.at(slot));
        let row = |(_, connection): (Handle, &Connection)| ConnectionRow {
            remote: connection.flow.remote,
            transport: connection.flow.transport,
            accepted: connection.remote != Remote::Sought,
        };
        Rows {
            rows: held.map(row).collect(),
            next: (end < used).then_some(end),
        }
    }

    /// Whether something is lost that nobody has been told of.
    pub(crate) fn has_losses(&self) -> bool {
        !self.losses.is_empty()
    }

    /// What is lost.
    pub(crate) fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }

    /// Does what a socket is ready for. What is heard goes to `deliver`; how
    /// many messages.
    pub(crate) fn ready(
        &mut self,
        now: Instant,
        token: Token,
        park: &Park,
        counters: &mut Counters,
        deliver: &mut dyn FnMut(Heard<'_>, Flow),
    ) -> u64 {
        match token {
            Token::Listener(index) => {
                self.accept(now, index as usize, park, counters);
                0
            }
            Token::Connection(handle) => self.serve(now, handle, park, counters, deliver),
        }
    }

    fn set(&mut self, now: Instant, wait: Duration, handle: Handle, alarm: Alarm) {
        self.alarms.set(now, wait, (handle, alarm));
    }

    /// Does what a connection is ready for.
    fn serve(
        &mut self,
        now: Instant,
        handle: Handle,
        park: &Park,
        counters: &mut Counters,
        deliver: &mut dyn FnMut(Heard<'_>, Flow),
    ) -> u64 {
        let Some(connection) = self.connections.get_mut(handle) else {
            return 0;
        };
        if connection.state == State::Connecting {
            match connection.stands() {
                Ok(true) => self.connected(now, handle, counters),
                Ok(false) => {}
                Err(_) => self.unreachable(handle, counters),
            }
            return 0;
        }
        // One that has been heard to its end has room to send, or is broken.
        let heard = connection.state == State::Heard;
        if connection.watched || heard {
            self.list(handle);
        }
        let Some(connection) = self.connections.get_mut(handle).filter(|_| !heard) else {
            return 0;
        };
        let (messages, end) = connection.read(
            now,
            self.options.max_message,
            &mut self.buffer,
            &mut self.spares,
            deliver,
        );
        counters.tcp_received += messages;
        if connection.queued() > 0 {
            self.list(handle);
        }
        match end {
            // Pongs are answers, too, that a remote may leave unread.
            None => drop(self.has_room(handle, 0, counters)),
            Some(End::Broken) => self.close(handle, Reason::Broken, counters),
            Some(End::Remote) => self.leave(now, handle, Reason::Remote, park, counters),
            Some(End::Unframed) => self.leave(now, handle, Reason::Unframed, park, counters),
        }
        messages
    }

    /// Sends a message that `from` wants sent by `flow`, by the end of the turn.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        from: ShardId,
        flow: &Flow,
        bytes: &[u8],
        park: &Park,
        counters: &mut Counters,
    ) {
        let found = match flow.connection {
            Some(connection) => self.find(connection, flow.remote),
            None => self.by_remote.get(&(flow.socket, flow.remote)).copied(),
        };
        let handle = match found {
            Some(handle) => Some(handle),
            None if flow.connection.is_some() => None,
            None => self.connect(now, flow, park, counters),
        };
        let taken = handle.is_some_and(|handle| self.queue(handle, from, flow, bytes, counters));
        if !taken {
            self.give_back(from, flow, bytes);
        }
    }

    /// A message cannot be sent: `to`, whose it is, will hear of it.
    pub(crate) fn give_back(&mut self, to: ShardId, flow: &Flow, bytes: &[u8]) {
        self.losses.push(Loss::Unsent {
            to,
            bytes: bytes.into(),
            flow: *flow,
        });
    }

    /// The connection of a name, if it is still the one to that remote.
    fn find(&self, connection: ConnectionId, remote: SocketAddr) -> Option<Handle> {
        let (handle, held) = self.connections.at(connection.get() & SLOT_MASK)?;
        (name(handle) == connection && held.flow.remote == remote).then_some(handle)
    }

    /// Queues a message at a connection; false if that is closed by it.
    fn queue(
        &mut self,
        handle: Handle,
        from: ShardId,
        flow: &Flow,
        bytes: &[u8],
        counters: &mut Counters,
    ) -> bool {
        let Some(connection) = self.connections.get_mut(handle) else {
            return false;
        };
        connection.users |= 1 << (from % 64);
        match connection.state {
            State::Heard | State::Leaving => return false,
            State::Connecting => {
                let waiting: usize = connection.waiting.iter().map(|one| one.bytes.len()).sum();
                let fits = waiting == 0 || waiting + bytes.len() <= self.options.queue;
                if fits {
                    connection.waiting.push(Waiting {
                        from,
                        flow: *flow,
                        bytes: bytes.into(),
                    });
                }
                return fits;
            }
            State::Open => {}
        }
        if !self.has_room(handle, bytes.len(), counters) {
            return false;
        }
        if let Some(connection) = self.connections.get_mut(handle) {
            connection.push(bytes, &mut self.spares);
        }
        counters.tcp_sent += 1;
        self.list(handle);
        true
    }

    /// Whether so many bytes more may wait at a connection, as any number may
    /// where nothing does; it is closed otherwise. A turn's burst is no reason
    /// for that, a remote that does not read is.
    fn has_room(&mut self, handle: Handle, len: usize, counters: &mut Counters) -> bool {
        let most = self.options.queue;
        let Some(connection) = self.connections.get_mut(handle) else {
            return false;
        };
        let fits = |queued: usize| queued == 0 || queued + len <= most;
        if fits(connection.queued()) {
            return true;
        }
        let reason = match connection.flush(&mut self.spares) {
            Ok(_) if fits(connection.queued()) => return true,
            Ok(_) => Reason::Slow,
            Err(_) => Reason::Broken,
        };
        self.close(handle, reason, counters);
        false
    }

    fn list(&mut self, handle: Handle) {
        if let Some(connection) = self.connections.get_mut(handle)
            && !std::mem::replace(&mut connection.listed, true)
        {
            self.listed.push(handle);
        }
    }

    /// Sends what has been queued in this turn, as far as there is room.
    pub(crate) fn flush(&mut self, park: &Park, counters: &mut Counters) {
        if self.listed.is_empty() {
            return;
        }
        let mut listed = std::mem::take(&mut self.listed);
        for handle in listed.drain(..) {
            let Some(connection) = self.connections.get_mut(handle) else {
                continue;
            };
            connection.listed = false;
            let Ok(waits) = connection.flush(&mut self.spares) else {
                self.close(handle, Reason::Broken, counters);
                continue;
            };
            match connection.state {
                State::Heard if !waits => {
                    drop(self.forget(handle));
                    continue;
                }
                State::Leaving if !waits => connection.shut(),
                _ => {}
            }
            let token = Token::Connection(handle);
            let wakes_by = (connection.state != State::Heard, waits);
            if waits != connection.watched
                && park
                    .change_stream(token, connection.as_fd(), wakes_by)
                    .is_ok()
            {
                connection.watched = waits;
            }
        }
        self.listed = listed;
    }

    /// The remote of a connection has proven who it is.
    pub(crate) fn prove(&mut self, proven: &Proven) {
        let flow = &proven.flow;
        let Some(handle) = flow
            .connection
            .and_then(|connection| self.find(connection, flow.remote))
        else {
            return;
        };
        let Some(connection) = self.connections.get_mut(handle) else {
            return;
        };
        if connection.remote == Remote::Stranger {
            connection.remote = Remote::Known;
            self.tally.part();
        }
        if let Some(port) = proven.alias.filter(|&port| port != flow.remote.port())
            && connection.alias != Some(port)
        {
            let socket = flow.socket;
            let other = |port| (socket, SocketAddr::new(flow.remote.ip(), port));
            let before = connection.alias.replace(port);
            if let Some(before) = before {
                self.unlead(other(before), handle);
            }
            self.by_remote.insert(other(port), handle);
        }
    }

    /// Does what is due.
    pub(crate) fn expire(&mut self, now: Instant, park: &Park, counters: &mut Counters) {
        if self.muted_until.is_some_and(|until| until <= now) {
            self.muted_until = None;
            for (index, listener) in self.listeners.iter_mut().enumerate() {
                if std::mem::take(&mut listener.muted) {
                    // One that cannot be watched again is heard of by nobody.
                    let token = Token::Listener(index as u32);
                    let _ = park.change_stream(token, listener.as_fd(), (true, false));
                }
            }
        }
        while let Some((handle, alarm)) = self.alarms.expire(now) {
            self.rang(now, handle, alarm, counters);
        }
    }

    fn rang(&mut self, now: Instant, handle: Handle, alarm: Alarm, counters: &mut Counters) {
        let Some(connection) = self.connections.get(handle) else {
            return;
        };
        match alarm {
            Alarm::Connected if connection.state == State::Connecting => {
                self.unreachable(handle, counters);
            }
            Alarm::Known if connection.remote == Remote::Stranger => {
                self.close(handle, Reason::Stranger, counters);
            }
            // One that ends has another alarm.
            Alarm::Idle if connection.state != State::Open => {}
            Alarm::Idle if now.since(connection.heard) >= self.options.idle => {
                self.close(handle, Reason::Idle, counters);
            }
            Alarm::Idle => self.set(now, self.options.idle / 4, handle, Alarm::Idle),
            Alarm::Left => drop(self.forget(handle)),
            Alarm::Connected | Alarm::Known => {}
        }
    }
}

/// The part of a connection's name that is its slot.
const SLOT_MASK: u32 = MOST_CONNECTIONS as u32 - 1;

/// A connection's name among those of its shard: slot and, in what is left of
/// 32 bits, how often it was let; never 0.
fn name(handle: Handle) -> ConnectionId {
    let bits = SLOT_MASK.count_ones();
    let most = u32::MAX >> bits;
    let generation = handle.generation % most + 1;
    ConnectionId::new(generation << bits | handle.slot).unwrap_or(ConnectionId::MIN)
}
