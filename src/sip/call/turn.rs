//! What is done in one turn of a call: requests of its dialogs, what its flight
//! recorder is told, and questions.

use super::exchange::{LegRef, Outgoing, Owner, Turn};
use super::resume::{Ask, Resume};
use crate::base::{Flow, Text, Transport};
use crate::config::Peer;
use crate::machine::{Body, Envelope, Lease, Question, Way, What};
use crate::transaction::{Branch, TransactionId};
use crate::wire::{HeaderName, Method, Status, Writer, set_transport};

/// Larger requests may not fit the path's datagrams, in bytes (RFC 3261
/// §18.1.1).
const MOST_IN_A_DATAGRAM: usize = 1300;

impl Turn<'_> {
    /// Opens a client transaction and sends its request: heads it, and lets
    /// `rest` write what else it has, and end it. `None` when the table is full.
    pub fn request(
        &mut self,
        request: Outgoing<'_>,
        rest: impl FnOnce(Writer<'_>),
    ) -> Option<TransactionId> {
        let reserved = self.reserve(request.method, request.owner)?;
        self.request_reserved(reserved, request, rest)
    }

    /// Takes a place in the transaction table for a request that must not fail
    /// for want of one later.
    pub fn reserve(&mut self, method: Method, owner: Owner) -> Option<(TransactionId, Branch)> {
        let reserved = self.exchange.transactions.reserve(method, owner);
        if reserved.is_err() {
            self.exchange.counters.refused_transactions += 1;
        }
        reserved.ok()
    }

    /// Sends the request a place was taken for.
    pub fn request_reserved(
        &mut self,
        (id, branch): (TransactionId, Branch),
        request: Outgoing<'_>,
        rest: impl FnOnce(Writer<'_>),
    ) -> Option<TransactionId> {
        let dialog = request.dialog;
        let general = &self.exchange.config.general;
        let queued = self.out.sends_len();
        let sent = self.out.send(&dialog.flow, |buffer| {
            let mut writer = dialog.write_request(
                buffer,
                general.sent_by(&dialog.flow),
                request.method,
                request.cseq,
                branch.as_bytes(),
                request.max_forwards,
            );
            writer.field(HeaderName::UserAgent, general.useragent.as_bytes());
            rest(writer);
        });
        let transactions = &mut self.exchange.transactions;
        let Some(bytes) = sent else {
            transactions.forget(self.now, id, self.out);
            return None;
        };
        let transport = dialog.flow.transport;
        let too_large =
            general.tcp_switch && bytes.len() > MOST_IN_A_DATAGRAM && transport == Transport::Udp;
        let unsent = (!general.missing.carries(transport)).then(|| Box::from(bytes));
        transactions.requested(self.now, id, dialog.flow, request.timers, bytes);
        if let Owner::Leg(LegRef { leg, .. }) = request.owner {
            self.record_request(Way::Out, leg, request.method, request.cseq);
        }
        let found_room = self.out.sends_len() > queued;
        match unsent {
            Some(bytes) if found_room => self.give_back(bytes, dialog.flow),
            None if found_room && too_large => self.switch(id, dialog.flow),
            _ => {}
        }
        Some(id)
    }

    /// Has the request that was just queued come back as one that cannot be sent:
    /// what would carry it is not loaded.
    #[cold]
    fn give_back(&mut self, bytes: Box<[u8]>, flow: Flow) {
        let shard = self.exchange.shard;
        self.out.unsend();
        self.out.forward(Envelope {
            from: shard,
            to: shard,
            body: Body::Unsent { bytes, flow },
        });
    }

    /// Records what happens to the call whose turn it is.
    #[inline]
    pub fn record(&mut self, what: What) {
        if let Some(flight) = &mut self.exchange.flight {
            flight.record(self.now, what);
        }
    }

    /// Records a request of one of its legs.
    pub fn record_request(&mut self, way: Way, leg: u16, method: Method<'_>, cseq: u32) {
        self.record(What::Request(way, leg, method.named(), cseq));
    }

    /// Records a response of one of its legs, to a request of that method and
    /// CSeq number.
    pub fn record_response(
        &mut self,
        way: Way,
        leg: u16,
        status: Status,
        (method, cseq): (Method<'_>, u32),
    ) {
        self.record(What::Response(way, leg, status, method.named(), cseq));
    }

    /// Records the message of this turn, of one of its legs.
    pub fn record_message(&mut self, leg: u16) {
        let Some((message, _)) = self.message else {
            return;
        };
        let (method, cseq) = (
            message.method(),
            message.cseq().map_or(0, |cseq| cseq.number),
        );
        match message.status() {
            Some(status) => self.record_response(Way::In, leg, status, (method, cseq)),
            None => self.record_request(Way::In, leg, method, cseq),
        }
    }

    /// Has the request that was just sent take a stream instead, as it is too
    /// large for a datagram (§18.1.1).
    #[cold]
    fn switch(&mut self, id: TransactionId, flow: Flow) {
        if let Some(stream) = self.exchange.ways.to(flow.remote, Transport::Tcp) {
            self.out.unsend();
            let rewrite = |request: &mut [u8]| set_transport(request, Transport::Tcp);
            let transactions = &mut self.exchange.transactions;
            transactions.send_again(self.now, id, stream, rewrite, self.out);
            transactions.switched(id);
        }
    }

    /// Puts a question when the turn ends.
    pub fn ask(&mut self, question: Question, resume: Resume) {
        self.exchange.asks.push_back(Ask { question, resume });
    }

    /// Asks for a place among the calls of a device, of which it may have
    /// `limit`. Returns what gives the place back.
    pub fn ask_for_place(&mut self, peer: &Peer, limit: u32, resume: Resume) -> Box<(Text, Lease)> {
        let (peer, lease) = (Text::from(peer.name.as_str()), self.exchange.lease());
        let place = Box::new((peer.clone(), lease));
        self.ask(Question::Admit { peer, limit, lease }, resume);
        place
    }
}
