//! What makes two requests the same transaction (RFC 3261 §17.2.3), or the
//! same request over two paths (§8.2.2.2).
//!
//! Identities are keyed hashes, of 128 bits for a transaction, and of 64 or 32
//! for what paths share: no bytes are kept for them, and a remote cannot choose
//! two that collide.

use core::hash::{BuildHasher, Hasher as _};
use core::num::NonZeroU64;

use super::branch::strip_cookie;
use crate::base::{Hasher, Random};
use crate::wire::{HeaderName, Message, Method, Via};

/// The port of a sent-by that names none (§18.2.2).
const DEFAULT_PORT: u16 = 5060;

/// One identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key {
    hash: u64,
    check: u64,
}

impl Key {
    /// Where it stands in an index.
    pub fn hash(self) -> u64 {
        self.hash
    }
}

/// A server transaction's identity, and whether RFC 2543's rules made it,
/// under which an ACK also has to carry the right To tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ServerKey {
    pub key: Key,
    pub old: bool,
}

/// What tells a request from every other: found once, when it arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Of its transaction; an ACK's is its INVITE's.
    pub(super) server: ServerKey,
    /// What it shares with copies of itself that took another path.
    pub(super) merged: Option<NonZeroU64>,
    pub(super) invite: bool,
}

impl Identity {
    /// Whether the request is from before branches identified transactions, so
    /// that its Request-URI had to help.
    pub fn is_old(&self) -> bool {
        self.server.old
    }

    /// A number that copies of the request share.
    pub fn number(&self) -> u64 {
        self.server.key.hash
    }
}

/// Which To tag an RFC 2543 identity is made with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ToTag {
    /// The request's own.
    Own,
    /// None: an ACK's request had none before the response gave it one.
    Absent,
}

/// What separates the kinds of identity from each other.
#[derive(Clone, Copy)]
enum Space {
    Branch = 1,
    Old = 2,
    Merged = 3,
}

/// Makes keys; seeded, so that only this table's owner can.
pub(super) struct Keys {
    hash: Hasher,
    check: Hasher,
}

impl Keys {
    pub fn new(random: &mut Random) -> Keys {
        Keys {
            hash: random.hasher(),
            check: random.hasher(),
        }
    }

    /// The identity of a request.
    pub fn identity(&self, request: &Message) -> Identity {
        let method = match request.method() {
            Method::Ack => Method::Invite,
            method => method,
        };
        Identity {
            server: self.server(request, method, ToTag::Own),
            merged: self.merged(request),
            invite: request.method() == Method::Invite,
        }
    }

    /// The server transaction `request` belongs to, taken as one of `method`:
    /// an ACK and a CANCEL look for their INVITE (§9.2, §17.2.3).
    pub fn server(&self, request: &Message, method: Method, to_tag: ToTag) -> ServerKey {
        let via = request.top_via().ok();
        let branch = via.as_ref().and_then(Via::branch);
        match (&via, branch.and_then(strip_cookie)) {
            (Some(via), Some(branch)) => {
                let mut words = self.words(Space::Branch);
                words.folded([branch, via.host]);
                words.number(port_of(via));
                words.bytes(method.as_bytes());
                ServerKey {
                    key: words.finish(),
                    old: false,
                }
            }
            _ => ServerKey {
                key: self.old(request, via.as_ref(), method, to_tag),
                old: true,
            },
        }
    }

    /// Identity of a request from before the magic cookie.
    fn old(&self, request: &Message, via: Option<&Via>, method: Method, to_tag: ToTag) -> Key {
        let mut words = self.words(Space::Old);
        words.bytes(request.request_uri());
        if to_tag == ToTag::Own {
            words.bytes(to_tag_of(request));
        } else {
            words.bytes(b"");
        }
        words.bytes(from_tag_of(request));
        words.bytes(request.call_id());
        words.bytes(&cseq_number_of(request).to_be_bytes());
        match via {
            Some(via) => {
                words.folded([via.transport, via.host]);
                words.number(port_of(via));
                words.folded([via.branch().unwrap_or_default(), b""]);
            }
            None => words.bytes(request.raw(HeaderName::Via).next().unwrap_or_default()),
        }
        words.bytes(method.as_bytes());
        words.finish()
    }

    /// What a request shares with copies of itself that took another path.
    /// `None` where §8.2.2.2 does not look: a request within a dialog, ACK,
    /// and CANCEL, which goes with its INVITE.
    fn merged(&self, request: &Message) -> Option<NonZeroU64> {
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return None;
        }
        if request.to().ok()?.tag().is_some() {
            return None;
        }
        let cseq = request.cseq().ok()?;
        let mut words = self.words(Space::Merged);
        words.bytes(from_tag_of(request));
        words.bytes(request.call_id());
        words.bytes(&cseq.number.to_be_bytes());
        words.bytes(cseq.method.as_bytes());
        Some(NonZeroU64::MIN | words.finish().hash)
    }

    /// A short text as a number.
    pub fn word(&self, text: &[u8]) -> u32 {
        self.hash.hash_one(text) as u32
    }

    fn words(&self, space: Space) -> Words {
        let mut words = Words {
            hash: self.hash.build_hasher(),
            check: self.check.build_hasher(),
        };
        words.hash.write_u8(space as u8);
        words.check.write_u8(space as u8);
        words
    }
}

pub(super) fn to_tag_of<'a>(message: &Message<'a>) -> &'a [u8] {
    message
        .to()
        .ok()
        .and_then(|to| to.tag())
        .unwrap_or_default()
}

fn from_tag_of<'a>(message: &Message<'a>) -> &'a [u8] {
    message
        .from()
        .ok()
        .and_then(|from| from.tag())
        .unwrap_or_default()
}

fn cseq_number_of(message: &Message) -> u32 {
    message.cseq().map_or(0, |cseq| cseq.number)
}

fn port_of(via: &Via) -> u64 {
    via.port.unwrap_or(DEFAULT_PORT).into()
}

/// Bytes of a word that are hashed at once.
const HALF: usize = 32;

/// A key in the making.
struct Words {
    hash: <Hasher as BuildHasher>::Hasher,
    check: <Hasher as BuildHasher>::Hasher,
}

impl Words {
    /// Adds a word whose case matters. Its length goes along, so that words do
    /// not run into each other.
    fn bytes(&mut self, word: &[u8]) {
        self.part(word);
        self.number(word.len() as u64);
    }

    /// Adds two words whose case does not matter (§7.3.1), side by side.
    fn folded(&mut self, words: [&[u8]; 2]) {
        let [first, second] = words.map(<[u8]>::len);
        for n in 0..first.max(second).div_ceil(HALF) {
            // Whole blocks, filled up with zeros, take no loop over bytes.
            let mut block = [0; 2 * HALF];
            for (half, word) in block.chunks_exact_mut(HALF).zip(words) {
                let chunk = word.chunks(HALF).nth(n).unwrap_or_default();
                for (to, from) in half.iter_mut().zip(chunk) {
                    *to = *from;
                }
            }
            block.make_ascii_lowercase();
            self.part(&block);
        }
        self.number((first as u64) << 32 | second as u64);
    }

    fn number(&mut self, number: u64) {
        self.hash.write_u64(number);
        self.check.write_u64(number);
    }

    fn part(&mut self, bytes: &[u8]) {
        self.hash.write(bytes);
        self.check.write(bytes);
    }

    fn finish(self) -> Key {
        Key {
            hash: self.hash.finish(),
            check: self.check.finish(),
        }
    }
}
