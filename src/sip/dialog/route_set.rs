//! The route set of a dialog (RFC 3261 §12.1, §12.2.1.1, §16.12.1).

use crate::base::Text;
use crate::wire::{Message, Uri};

/// More Record-Routes than this are refused by the caller; a chain of this
/// many proxies does not exist.
const MOST: usize = 32;

/// The proxies that asked to stay on the path, nearest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RouteSet(Box<[Text]>);

impl RouteSet {
    /// The route set a UAS takes from a request: Record-Route in order (§12.1.1).
    pub fn from_request(request: &Message) -> RouteSet {
        RouteSet(record_routes(request).collect())
    }

    /// The route set a UAC takes from a response: Record-Route reversed (§12.1.2).
    pub fn from_response(response: &Message) -> RouteSet {
        let mut routes: Box<[Text]> = record_routes(response).collect();
        routes.reverse();
        RouteSet(routes)
    }

    /// A route set of one preloaded route (`outboundproxy`).
    pub fn of(uri: &[u8]) -> RouteSet {
        RouteSet(core::iter::once(Text::from(uri)).collect())
    }

    /// Whether requests go to the remote target directly.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a Route header has it, for display; empty for none.
    pub fn text(&self) -> Text {
        let mut text = Text::new();
        for route in &self.0 {
            if !text.is_empty() {
                text.push(b",");
            }
            text.push(b"<");
            text.push(route);
            text.push(b">");
        }
        text
    }

    /// Where a request to `target` goes first: the first route, else the target.
    pub fn next_hop<'a>(&'a self, target: &'a [u8]) -> &'a [u8] {
        self.0.first().map_or(target, |route| route.as_bytes())
    }

    /// The Request-URI and the Route values for a request to `target`: with a
    /// loose first hop the target and all routes; with a strict one the hop
    /// itself and the rest of the routes, the target last (§12.2.1.1).
    pub fn apply<'a>(&'a self, target: &'a [u8]) -> (&'a [u8], impl Iterator<Item = &'a [u8]>) {
        let strict = self
            .0
            .first()
            .filter(|first| Uri::parse(first).is_ok_and(|uri| !uri.is_loose()));
        let (uri, skipped, last) = match strict {
            Some(first) => (first.as_bytes(), 1, Some(target)),
            None => (target, 0, None),
        };
        (
            uri,
            self.0.iter().skip(skipped).map(Text::as_bytes).chain(last),
        )
    }
}

fn record_routes<'a>(message: &Message<'a>) -> impl Iterator<Item = Text> {
    message
        .record_routes()
        .filter_map(Result::ok)
        .take(MOST)
        .map(|route| Text::from(route.uri))
}
