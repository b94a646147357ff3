//! The URIs that REGISTERs name, remembered with their hash: the phones of a
//! domain name the same few (RFC 3261 §10.2). Holds no secret.

use arrayvec::ArrayVec;

use super::algorithm::{Algorithm, Hex};
use super::digest::hashed_a2;
use crate::base::Text;

/// Spellings of a domain remembered at once.
const MOST: usize = 4;
/// Longest URI remembered, in bytes.
const MOST_BYTES: usize = 48;

/// One URI.
struct Known {
    uri: Text,
    algorithm: Algorithm,
    a2: Hex,
}

/// H(A2) of the REGISTERs of late, by URI.
#[derive(Default)]
pub(super) struct RegisterUris {
    known: ArrayVec<Known, MOST>,
    /// The place of the next new one, when all are taken.
    next: usize,
}

impl RegisterUris {
    /// H(A2) (RFC 7616 §3.4.3), computed if it is not remembered.
    pub(super) fn hashed_a2(&mut self, algorithm: Algorithm, method: &[u8], uri: &[u8]) -> Hex {
        let is_it = |known: &&Known| known.algorithm == algorithm && *known.uri == *uri;
        let repeats = method == b"REGISTER" && uri.len() <= MOST_BYTES;
        if repeats && let Some(known) = self.known.iter().find(is_it) {
            return known.a2.clone();
        }
        let a2 = hashed_a2(algorithm, method, uri);
        if repeats {
            self.keep(Known {
                uri: uri.into(),
                algorithm,
                a2: a2.clone(),
            });
        }
        a2
    }

    fn keep(&mut self, new: Known) {
        if let Err(full) = self.known.try_push(new) {
            if let Some(oldest) = self.known.get_mut(self.next) {
                *oldest = full.element();
            }
            self.next = (self.next + 1) % MOST;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_remembered_is_what_would_be_computed(
            asked in proptest::collection::vec((0..7_usize, any::<bool>(), any::<bool>()), 1..40),
        ) {
            let mut uris = RegisterUris::default();
            for (uri, sha, invite) in asked {
                let algorithm = if sha { Algorithm::Sha256 } else { Algorithm::Md5 };
                let method: &[u8] = if invite { b"INVITE" } else { b"REGISTER" };
                let uri = "sip:a".repeat(1 + uri * 2);
                let a2 = uris.hashed_a2(algorithm, method, uri.as_bytes());
                let computed = hashed_a2(algorithm, method, uri.as_bytes());
                prop_assert_eq!(a2.as_bytes(), computed.as_bytes());
            }
        }
    }
}
