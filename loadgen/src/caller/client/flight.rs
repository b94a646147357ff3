//! One unit under way: its state, and what its next request needs. Buffers
//! outlive the unit and serve the next one in the same slot.

use std::net::{Ipv4Addr, SocketAddr};

use pinion_sip::base::{Instant, SocketIndex};

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
    /// A challenge was answered already.
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
    /// Where requests within the dialog go.
    pub(super) next_hop: SocketAddr,
    /// A whole line of credentials, or nothing.
    pub(super) credentials: Vec<u8>,
    /// The remote target.
    pub(super) uri: Vec<u8>,
    /// Route lines.
    pub(super) routes: Vec<u8>,
    /// To with its tag.
    pub(super) to: Vec<u8>,
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
            next_hop: (Ipv4Addr::UNSPECIFIED, 0).into(),
            credentials: Vec::new(),
            uri: Vec::new(),
            routes: Vec::new(),
            to: Vec::new(),
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
        target: SocketAddr,
    ) {
        for buffer in [
            &mut self.credentials,
            &mut self.uri,
            &mut self.routes,
            &mut self.to,
        ] {
            buffer.clear();
        }
        *self = Flight {
            unit,
            state,
            socket,
            begun: intended,
            since: intended,
            next_hop: target,
            credentials: std::mem::take(&mut self.credentials),
            uri: std::mem::take(&mut self.uri),
            routes: std::mem::take(&mut self.routes),
            to: std::mem::take(&mut self.to),
            ..Flight::default()
        };
    }

    /// The method of the present request.
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
