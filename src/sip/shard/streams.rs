//! What streams have to say: a message that could not be sent, a connection
//! that broke or whose remote is known. Knows no connection itself.

use super::arrival::Arrival;
use super::shard::Shard;
use crate::base::{Flow, Instant, Transport};
use crate::machine::{Outbox, Proven};
use crate::wire::{Fields, Message, Method, Uri, set_transport};

impl Shard {
    /// A message of ours that cannot be sent: no connection takes it, or what
    /// carries it is not loaded (RFC 3261 §18.4).
    pub(super) fn unsent(&mut self, now: Instant, bytes: &[u8], flow: Flow, out: &mut Outbox) {
        let mut fields = Fields::new();
        let Ok(message) = &mut Message::parse(bytes, &mut fields) else {
            return;
        };
        if message.check().is_err() {
            return;
        }
        if message.is_request() {
            self.unsent_request(now, message, bytes, flow, out);
        } else {
            self.unsent_response(message, bytes, flow, out);
        }
    }

    /// A response whose request's connection is gone takes one to where its Via
    /// says (§18.2.2).
    fn unsent_response(
        &mut self,
        response: &Message<'_>,
        bytes: &[u8],
        flow: Flow,
        out: &mut Outbox,
    ) {
        let via = response.top_via().ok();
        let again = via
            .filter(|_| flow.connection.is_some())
            .and_then(|via| via.sent_by_address())
            .and_then(|to| {
                self.exchange
                    .ways
                    .from(Some(flow.local), to, flow.transport)
            });
        match again {
            Some(again) => {
                out.send(&again, |buffer| buffer.extend_from_slice(bytes));
            }
            None => self.exchange.counters.unsent_responses += 1,
        }
    }

    /// A request has another way, or its transaction fails with it.
    fn unsent_request(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        bytes: &[u8],
        flow: Flow,
        out: &mut Outbox,
    ) {
        let Some((id, switched)) = self.exchange.transactions.sent_by(request) else {
            if request.method() == Method::Ack
                && let Some(again) = self.another_way(request, flow)
            {
                out.send(&again, |buffer| buffer.extend_from_slice(bytes));
            }
            return;
        };
        let again = match switched {
            // §18.1.1: what took a stream for its size alone tries without.
            true => self.exchange.ways.to(flow.remote, Transport::Udp),
            false => self.another_way(request, flow),
        };
        let again = again.filter(|again| {
            self.exchange.carries(again.transport) && self.exchange.transactions.is_wanted(id)
        });
        let transactions = &mut self.exchange.transactions;
        match again {
            Some(again) => {
                let rewrite = |request: &mut [u8]| set_transport(request, again.transport);
                transactions.send_again(now, id, again, rewrite, out);
            }
            None => {
                if let Some(expired) = transactions.unsent(now, id) {
                    self.transaction_expired(now, expired, out);
                }
            }
        }
    }

    /// Where a request goes whose connection is gone: to its next hop, as
    /// written in it, by a connection of our own. `None` if it has just been
    /// tried, or is a name.
    fn another_way(&self, request: &Message<'_>, flow: Flow) -> Option<Flow> {
        flow.connection?;
        let hop = match request.routes().next() {
            Some(route) => route.ok()?.uri,
            None => request.request_uri(),
        };
        let to = Uri::parse(hop).ok()?.socket_addr(5060)?;
        let ways = &self.exchange.ways;
        ways.from(Some(flow.local), to, flow.transport)
    }

    /// A connection broke: what is on its way over it has failed (§17.1.4).
    pub(super) fn broken(&mut self, now: Instant, flow: Flow, out: &mut Outbox) {
        for id in self.exchange.transactions.lost(&flow) {
            if let Some(expired) = self.exchange.transactions.unsent(now, id) {
                self.transaction_expired(now, expired, out);
            }
        }
    }

    /// The sender of a request is known: its connection is not one of the
    /// strangers' any more. An `alias` in its Via (RFC 5923) is believed about
    /// another port of the very host it comes from, no further: without TLS
    /// nobody vouches for more.
    pub(super) fn prove_connection(&self, arrival: &Arrival<'_>, out: &mut Outbox) {
        let flow = arrival.flow;
        if flow.connection.is_none() {
            return;
        }
        let via = arrival.request.top_via().ok();
        let alias = via
            .filter(|via| via.params.has(b"alias"))
            .and_then(|via| via.sent_by_address())
            .filter(|address| address.ip() == flow.remote.ip());
        out.proven(Proven {
            flow,
            alias: alias.map(|address| address.port()),
        });
    }
}
