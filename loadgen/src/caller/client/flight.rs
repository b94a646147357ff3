//! One unit under way: its state, and what its next request needs. Buffers
//! outlive the unit and serve the next one in the same slot.

use pinion_sip::base::{Instant, SocketIndex};

use crate::caller::dialog::Dialog;
use pinion_sip::wire::{CSeq, Method};

use crate::plan::Unit;

/// Where a unit stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// INVITE sent, nothing heard.
    Calling,
    /// A provisional response to INVITE has come.
    Proceeding,
    /// CANCEL sent; the INVITE's final response is to come.
    Cancelling,
    /// 2xx acknowledged.
    Talking,
    /// BYE sent.
    Ending,
    /// A request outside any dialog sent.
    Asking,
    /// Counted as failed; a late 2xx is still ended.
    GivenUp,
}

/// One unit under way.
pub(super) struct Flight {
    pub(super) unit: Unit,
    pub(super) state: State,
    pub(super) socket: SocketIndex,
    /// Times the present request was sent again.
    pub(super) copies: u8,
    /// A challenge to the present request was answered already.
    pub(super) challenged: bool,
    /// 100 was heard.
    pub(super) tried: bool,
    /// 101 to 199 was heard.
    pub(super) rang: bool,
    /// The CANCEL was answered: it is not sent again.
    pub(super) settled: bool,
    /// Completed or failed already, as far as counts go.
    pub(super) counted: bool,
    /// CSeq of the INVITE, or of the only request.
    pub(super) cseq: u32,
    /// When the unit was to begin.
    pub(super) begun: Instant,
    /// What the present latency counts from.
    pub(super) since: Instant,
    /// When the present request was first sent.
    pub(super) sent: Instant,
    /// A whole line of credentials, or nothing.
    pub(super) credentials: Vec<u8>,
    /// What requests within the dialog need.
    pub(super) dialog: Dialog,
}

impl Default for Flight {
    fn default() -> Flight {
        Flight {
            unit: Unit::Options,
            state: State::Asking,
            socket: 0,
            copies: 0,
            challenged: false,
            tried: false,
            rang: false,
            settled: false,
            counted: false,
            cseq: 1,
            begun: Instant::START,
            since: Instant::START,
            sent: Instant::START,
            credentials: Vec::new(),
            dialog: Dialog::default(),
        }
    }
}

impl Flight {
    /// A new unit in the room of the last.
    pub(super) fn start(
        &mut self,
        unit: Unit,
        state: State,
        socket: SocketIndex,
        intended: Instant,
    ) {
        self.credentials.clear();
        self.dialog.remote.clear();
        *self = Flight {
            unit,
            state,
            socket,
            begun: intended,
            since: intended,
            credentials: std::mem::take(&mut self.credentials),
            dialog: std::mem::take(&mut self.dialog),
            ..Flight::default()
        };
    }

    /// The call is to end, as of `since`.
    pub(super) fn end(&mut self, since: Instant) {
        self.state = State::Ending;
        self.since = since;
        self.challenged = false;
    }

    /// Whether a 2xx to its INVITE has come.
    pub(super) fn has_dialog(&self) -> bool {
        matches!(self.state, State::Talking | State::Ending)
    }

    /// The method of the present request.
    /// Whether a request with that CSeq is, or was, one of its own.
    pub(super) fn asked(&self, cseq: CSeq<'_>) -> bool {
        let Some(ahead) = cseq.number.checked_sub(self.cseq) else {
            // One of those that were challenged.
            return true;
        };
        match (self.unit, cseq.method) {
            (Unit::Call, Method::Bye) => ahead == 1,
            (Unit::Call, Method::Invite | Method::Cancel)
            | (Unit::Register, Method::Register)
            | (Unit::Options, Method::Options)
            | (Unit::Message, Method::Message) => ahead == 0,
            _ => false,
        }
    }

    pub(super) fn method(&self) -> &'static str {
        match self.state {
            State::Calling | State::Proceeding | State::GivenUp => "INVITE",
            State::Cancelling => "CANCEL",
            State::Talking | State::Ending => "BYE",
            State::Asking => match self.unit {
                Unit::Call => "INVITE",
                Unit::Register => "REGISTER",
                Unit::Options => "OPTIONS",
                Unit::Message => "MESSAGE",
            },
        }
    }
}
