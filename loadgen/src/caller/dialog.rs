//! Where requests within a dialog go, and what they say (RFC 3261 §12). Keeps
//! its room for the next dialog in the same slot.

use std::net::{Ipv4Addr, SocketAddr};

use pinion_sip::wire::{NameAddr, Uri, elements};

use super::glance::contact_uri;
use super::lines::Line;

/// The other end of a dialog.
pub struct Dialog {
    /// The remote target.
    pub uri: Vec<u8>,
    /// Route lines.
    pub routes: Vec<u8>,
    /// The other end's address with its tag.
    pub remote: Vec<u8>,
    /// Where requests are sent.
    pub next_hop: SocketAddr,
}

impl Default for Dialog {
    fn default() -> Dialog {
        Dialog {
            uri: Vec::new(),
            routes: Vec::new(),
            remote: Vec::new(),
            next_hop: (Ipv4Addr::UNSPECIFIED, 0).into(),
        }
    }
}

/// Which end of a dialog this is: the route set is the other way round for
/// the one who called (§12.1.1, §12.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Has sent the INVITE.
    Caller,
    /// Has answered it.
    Callee,
}

impl Dialog {
    /// Takes the Contact, the address and the Record-Routes of a message of the
    /// other end; `false` when the Contact is not there. What names no address
    /// is sent to `target`.
    pub fn take<'a: 'r, 'r>(
        &mut self,
        end: End,
        contact: Option<&[u8]>,
        remote: &[u8],
        record_routes: impl Iterator<Item = &'r Line<'a>>,
        target: SocketAddr,
    ) -> bool {
        let Some(uri) = contact.and_then(contact_uri) else {
            return false;
        };
        set(&mut self.uri, uri);
        set(&mut self.remote, remote);
        self.routes.clear();
        let mut first: &[u8] = b"";
        for route in record_routes.flat_map(|line| elements(line.value())) {
            let start = self.routes.len();
            for part in [b"Route: ", route, b"\r\n"] {
                self.routes.extend_from_slice(part);
            }
            if end == End::Caller {
                let len = self.routes.len() - start;
                self.routes.rotate_right(len);
            }
            if end == End::Caller || start == 0 {
                first = route;
            }
        }
        let hop = NameAddr::parse(first).map_or(uri, |route| route.uri);
        self.next_hop = address(hop, target);
        true
    }
}

/// What `buffer` holds from now on.
pub fn set(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(bytes);
}

/// Where a URI leads: names are not resolved, what is no address of the
/// target's family stands for the target.
fn address(uri: &[u8], target: SocketAddr) -> SocketAddr {
    Uri::parse(uri)
        .ok()
        .and_then(|uri| uri.socket_addr(5060))
        .filter(|address| address.is_ipv4() == target.is_ipv4())
        .unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::lines::{Lines, Name};

    fn routes(header: &[u8]) -> Vec<Line<'_>> {
        let lines = Lines::new(header);
        lines
            .filter(|line| line.name == Name::RecordRoute)
            .collect()
    }

    #[test]
    fn the_route_set_is_reversed_for_the_caller() {
        let target = "192.0.2.1:5060".parse().unwrap();
        let contact = Some(&b"<sip:a@192.0.2.9:7000>;x"[..]);
        let header = b"Record-Route: <sip:192.0.2.2;lr>, <sip:192.0.2.3:99;lr>\r\n\
            Via: x\r\nRecord-Route: <sip:p;lr>\r\n\r\n";
        let mut dialog = Dialog::default();
        for _ in 0..2 {
            assert!(dialog.take(
                End::Callee,
                contact,
                b"<sip:a>",
                routes(header).iter(),
                target
            ));
            assert_eq!(
                dialog.routes,
                b"Route: <sip:192.0.2.2;lr>\r\nRoute: <sip:192.0.2.3:99;lr>\r\nRoute: <sip:p;lr>\r\n"
            );
            assert_eq!(dialog.next_hop, "192.0.2.2:5060".parse().unwrap());
        }
        assert!(dialog.take(
            End::Caller,
            contact,
            b"<sip:a>",
            routes(header).iter(),
            target
        ));
        assert_eq!(
            dialog.routes,
            b"Route: <sip:p;lr>\r\nRoute: <sip:192.0.2.3:99;lr>\r\nRoute: <sip:192.0.2.2;lr>\r\n"
        );
        // A name is not resolved.
        assert_eq!(dialog.next_hop, target);
        assert!(dialog.take(End::Caller, contact, b"<sip:a>", [].iter(), target));
        assert_eq!(
            (&dialog.routes[..], dialog.next_hop.port()),
            (&b""[..], 7000)
        );
        assert!(!dialog.take(End::Caller, Some(b"*"), b"", routes(b"\r\n").iter(), target));
    }
}
