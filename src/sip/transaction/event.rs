//! What goes into the four machines and what they want done.
//!
//! Owns the vocabulary only: plain values, no bytes, no addresses, no state.

use core::time::Duration;

use super::timer::Timer;
use crate::wire::Status;

/// What happens to a client transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// A response that matches it (RFC 3261 §17.1.3).
    Response(Status),
    /// The user wants an INVITE cancelled (§9.1).
    Cancel,
    /// The transport could not send its request, or lost it (§17.1.4).
    Unsent,
    /// An alarm rang.
    Timer(Timer),
}

/// What happens to a server transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerEvent {
    /// A copy of its request (§17.2.3).
    Request,
    /// An ACK that matches it.
    Ack,
    /// The user passes a response.
    Respond(Status),
    /// An alarm rang.
    Timer(Timer),
}

/// Which message a machine wants on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outgoing {
    /// The request, once more.
    Request,
    /// The ACK of a final response other than 2xx (§17.1.1.3).
    Ack,
    /// The CANCEL of an INVITE, which starts a transaction of its own.
    Cancel,
    /// The last response the user passed; if it passed none, a 100.
    Response,
    /// A 100 the user has not written (RFC 4320 §4.1).
    Trying,
}

/// What the transaction's user has to hear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tell {
    /// The response that was just received.
    Response,
    /// The ACK that was just received: it belongs to a dialog.
    Ack,
    /// No final response came in time.
    Timeout,
    /// Its request cannot be sent (§17.1.4).
    Unsent,
    /// No ACK came for a final response.
    Unacknowledged,
}

/// What one step wants done, in the order of the fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reaction {
    /// The message to send.
    pub send: Option<Outgoing>,
    /// The alarms to set, counted from now.
    pub arm: [Option<(Timer, Duration)>; 2],
    /// What to tell the user.
    pub to_user: Option<Tell>,
    /// Whether the transaction is Terminated, which destroys it.
    pub ended: bool,
}

impl Reaction {
    /// Nothing.
    pub const NONE: Reaction = Reaction {
        send: None,
        arm: [None, None],
        to_user: None,
        ended: false,
    };

    /// Also sends.
    pub fn send(mut self, message: Outgoing) -> Reaction {
        self.send = Some(message);
        self
    }

    /// Also sets an alarm.
    pub fn arm(mut self, timer: Timer, wait: Duration) -> Reaction {
        let [first, second] = &mut self.arm;
        let free = if first.is_none() { first } else { second };
        *free = Some((timer, wait));
        self
    }

    /// Also stays for `wait` to absorb copies. A zero wait, which reliable
    /// transports have, ends the transaction at once.
    pub fn linger(self, timer: Timer, wait: Duration) -> Reaction {
        if wait.is_zero() {
            self.end()
        } else {
            self.arm(timer, wait)
        }
    }

    /// Also tells the user.
    pub fn tell(mut self, what: Tell) -> Reaction {
        self.to_user = Some(what);
        self
    }

    /// Also ends.
    pub fn end(mut self) -> Reaction {
        self.ended = true;
        self
    }
}
