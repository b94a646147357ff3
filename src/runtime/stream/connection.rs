//! One connection: what has come of a message that is not whole, and what waits
//! to be sent. Opens and closes nothing; knows no other connection.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};

use pinion_sip::base::{Flow, Instant, ShardId};
use pinion_sip::wire::{Frame, Framer, Unframed, write_refusal};

use super::layer::Layer;

/// What a ping gets (RFC 5626 §4.4.1).
const PONG: &[u8] = b"\r\n";

/// Room a buffer keeps for its next use, in bytes; a larger one is let go.
const KEPT_BYTES: usize = 64 << 10;

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// We asked for it, and hear nothing yet.
    Connecting,
    /// Both sides speak.
    Open,
    /// The remote has said its last; closed as soon as what waits has left.
    Heard,
    /// It will be closed; what comes is not read any more, only taken, so that
    /// our last words arrive.
    Leaving,
}

/// Which side asked for it, and what is known of the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Remote {
    /// It came to us, and has not proven who it is.
    Stranger,
    /// It came to us, and has.
    Known,
    /// We went to it.
    Sought,
}

/// A message that waits for a connection to stand.
pub(super) struct Waiting {
    /// Whose it is.
    pub from: ShardId,
    /// The path it was given.
    pub flow: Flow,
    pub bytes: Box<[u8]>,
}

/// What a connection has heard.
pub(crate) enum Heard<'b> {
    /// A whole message.
    Message(&'b [u8]),
    /// What no message can be made of, and nothing after it: as much of its
    /// header as came, and the answer it gets, if any.
    Unframed { header: &'b [u8], answer: &'b [u8] },
}

/// Why nothing more is read from a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The remote has said its last.
    Remote,
    /// It broke.
    Broken,
    /// What it sends cannot be read.
    Unframed,
}

/// A connection of a shard.
pub(super) struct Connection {
    socket: TcpStream,
    layer: Box<dyn Layer>,
    /// The path of its messages; the connection it names is this one.
    pub flow: Flow,
    pub state: State,
    pub remote: Remote,
    /// When the remote was heard last.
    pub heard: Instant,
    /// Another port of the remote's host that leads here as well.
    pub alias: Option<u16>,
    /// Bit n: shard n, counted round, has sent over it.
    pub users: u64,
    /// Whether room to send is watched for.
    pub watched: bool,
    /// Whether it is on the list of those that have something to send.
    pub listed: bool,
    /// What waits for it to stand; empty for one that does.
    pub waiting: Vec<Waiting>,
    framer: Framer,
    /// What has come of a message that is not whole.
    partial: Vec<u8>,
    /// What is to be sent, from `sent` on.
    queue: Vec<u8>,
    sent: usize,
}

impl Connection {
    pub fn new(
        socket: TcpStream,
        layer: Box<dyn Layer>,
        flow: Flow,
        (state, remote): (State, Remote),
        now: Instant,
    ) -> Connection {
        Connection {
            socket,
            layer,
            flow,
            state,
            remote,
            heard: now,
            alias: None,
            users: 0,
            watched: false,
            listed: false,
            waiting: Vec::new(),
            framer: Framer::default(),
            partial: Vec::new(),
            queue: Vec::new(),
            sent: 0,
        }
    }

    /// Whether a connection asked for has come to stand; an error if it never
    /// will.
    pub fn stands(&self) -> io::Result<bool> {
        match self.socket.take_error()? {
            Some(error) => Err(error),
            None => Ok(self.socket.peer_addr().is_ok()),
        }
    }

    /// Takes what has come, as much as `buffer` holds, and has `deliver` take
    /// each whole message. Pings are answered, what cannot be read is refused,
    /// and told to `deliver` as well. How many messages there were, and the end
    /// if that was it.
    pub fn read(
        &mut self,
        now: Instant,
        max_message: usize,
        buffer: &mut [u8],
        spares: &mut Spares,
        deliver: &mut dyn FnMut(Heard<'_>, Flow),
    ) -> (u64, Option<End>) {
        let len = match self.layer.read(&mut self.socket, buffer) {
            Ok(0) => return (0, Some(End::Remote)),
            Ok(len) => len,
            Err(error) => return (0, (!is_passing(&error)).then_some(End::Broken)),
        };
        self.heard = now;
        if self.state == State::Leaving {
            return (0, None);
        }
        let come = &buffer[..len];
        if self.partial.is_empty() {
            let (dealt_with, messages, end) = self.take(come, max_message, spares, deliver);
            self.partial.extend_from_slice(&come[dealt_with..]);
            return (messages, end);
        }
        let mut held = std::mem::take(&mut self.partial);
        held.extend_from_slice(come);
        let (dealt_with, messages, end) = self.take(&held, max_message, spares, deliver);
        // What is left of the last message keeps a buffer, nothing else does.
        if dealt_with < held.len() {
            held.drain(..dealt_with);
            self.partial = held;
        }
        (messages, end)
    }

    /// Deals with all that is whole in `bytes`: how much of it, how many
    /// messages, and the end if it cannot go on.
    fn take(
        &mut self,
        bytes: &[u8],
        max_message: usize,
        spares: &mut Spares,
        deliver: &mut dyn FnMut(Heard<'_>, Flow),
    ) -> (usize, u64, Option<End>) {
        let (mut at, mut messages) = (0, 0);
        let flow = self.flow;
        loop {
            let rest = &bytes[at..];
            match self.framer.next(rest, max_message) {
                Frame::Partial => return (at, messages, None),
                Frame::Blank { len, pings } => {
                    for _ in 0..pings {
                        self.push(PONG, spares);
                    }
                    at += len;
                }
                Frame::Message { len } => {
                    deliver(Heard::Message(&rest[..len]), flow);
                    messages += 1;
                    at += len;
                }
                Frame::Unframed { fault, header_len } => {
                    let header = &rest[..header_len];
                    let answer = self.refuse(header, fault, spares);
                    deliver(Heard::Unframed { header, answer }, flow);
                    return (bytes.len(), messages, Some(End::Unframed));
                }
            }
        }
    }

    /// Queues the answer to what no message can be made of, and returns it.
    fn refuse(&mut self, header: &[u8], fault: Unframed, spares: &mut Spares) -> &[u8] {
        if self.queue.capacity() == 0 {
            self.queue = spares.take();
        }
        let at = self.queue.len();
        write_refusal(&mut self.queue, header, fault, self.flow);
        &self.queue[at..]
    }

    /// Queues bytes, to be sent by [`Connection::flush`].
    pub fn push(&mut self, bytes: &[u8], spares: &mut Spares) {
        if self.queue.capacity() == 0 {
            self.queue = spares.take();
        }
        self.queue.extend_from_slice(bytes);
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.queue.len() - self.sent
    }

    /// Sends what waits, as far as there is room; whether some waits still.
    pub fn flush(&mut self, spares: &mut Spares) -> io::Result<bool> {
        while self.sent < self.queue.len() {
            match self.layer.write(&mut self.socket, &self.queue[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // What is gone makes room before the rest is moved often.
                    if self.sent > self.queue.len() / 2 {
                        self.queue.drain(..self.sent);
                        self.sent = 0;
                    }
                    return Ok(true);
                }
                Err(error) => return Err(error),
            }
        }
        self.sent = 0;
        spares.give(std::mem::take(&mut self.queue));
        self.layer.flush(&mut self.socket)
    }

    /// Says that nothing more will be sent.
    pub fn shut(&mut self) {
        // A connection that is gone already has heard it.
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether an error says only that it is too early.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// Buffers for what is about to be sent, used over and over: a connection holds
/// one only while something waits.
#[derive(Default)]
pub(super) struct Spares(Vec<Vec<u8>>);

impl Spares {
    /// Buffers kept at most.
    const MOST: usize = 256;

    fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_else(|| Vec::with_capacity(2048))
    }

    fn give(&mut self, mut buffer: Vec<u8>) {
        if (1..=KEPT_BYTES).contains(&buffer.capacity()) && self.0.len() < Self::MOST {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}
