//! Nodes of one database: how one proves to another that it is one of them.
//!
//! Each node writes a secret beside its address into the database; whoever
//! reads that table may bring it requests for its users. A request is proven by
//! a MAC over its Call-ID, its From tag, and both users it names, under the
//! receiver's secret. It says nothing about whom a request is from.

use core::fmt;
use core::hash::Hasher as _;
use core::net::SocketAddr;

use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher24};
use smol_str::SmolStr;

use crate::base::{Text, hex};
use crate::wire::Message;

/// The header field that carries a proof: `name;proof=` and 32 digits.
pub const HEADER: &str = "X-Pinion-Node";

/// One engine of several over one database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// `systemname`, which `regserver` of a row says.
    pub name: SmolStr,
    /// Where it takes requests.
    pub address: SocketAddr,
    /// What requests to it are proven with.
    pub key: Key,
}

/// A key of proofs. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 16]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<set>")
    }
}

/// What of a request is proven.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Its Call-ID.
    pub call_id: &'a [u8],
    /// Its From tag.
    pub from_tag: &'a [u8],
    /// The user of its Request-URI, unescaped: whose contacts it is for.
    pub user: &'a [u8],
    /// The user of its To, unescaped: whom these shall be asked for.
    pub to_user: &'a [u8],
}

impl Key {
    /// The key a secret stands for.
    pub fn of(secret: &[u8; 32]) -> Key {
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(Sha256::digest(secret)) {
            *to = from;
        }
        Key(key)
    }

    /// The value of [`HEADER`] on a request to the node whose key this is.
    /// `sender` goes before its proof as it is.
    pub fn prove(&self, sender: &[u8], claim: Claim<'_>) -> Text {
        let mut value = Text::from(sender);
        let proof = self.mac(sender, claim);
        value.push(b";proof=");
        value.push(&proof);
        value
    }

    /// The sender of a request that brings a proof; `None` where it has none
    /// or a wrong one.
    pub fn sender(&self, request: &Message<'_>, claim: Claim<'_>) -> Option<Text> {
        values(request).find_map(|value| {
            let at = value.iter().rposition(|byte| *byte == b';')?;
            let (sender, proof) = value.split_at(at);
            let proof = proof.strip_prefix(b";proof=")?;
            is_same(proof, &self.mac(sender, claim)).then(|| Text::from(sender))
        })
    }

    /// SipHash-2-4 with 128 bits, each text preceded by its length: nobody who
    /// lacks the key tells it from chance.
    fn mac(&self, sender: &[u8], claim: Claim<'_>) -> [u8; 32] {
        let mut mac = SipHasher24::new_with_key(&self.0);
        for text in [
            sender,
            claim.call_id,
            claim.from_tag,
            claim.user,
            claim.to_user,
        ] {
            mac.write(&(text.len() as u64).to_le_bytes());
            mac.write(text);
        }
        let sum = mac.finish128();
        let mut digits = [0; 32];
        let halves = [hex(sum.h1), hex(sum.h2)];
        for (to, from) in digits.iter_mut().zip(halves.as_flattened()) {
            *to = *from;
        }
        digits
    }
}

/// Whether a request brings a proof, right or wrong.
pub fn is_claimed(request: &Message<'_>) -> bool {
    values(request).next().is_some()
}

fn values<'a>(request: &Message<'a>) -> impl Iterator<Item = &'a [u8]> {
    let fields = request.others();
    fields
        .filter(|(name, _)| name.eq_ignore_ascii_case(HEADER.as_bytes()))
        .map(|(_, value)| value)
}

/// Compares in a time that does not tell where the first difference is.
fn is_same(proof: &[u8], expected: &[u8; 32]) -> bool {
    let Ok(proof) = <&[u8; 32]>::try_from(proof) else {
        return false;
    };
    let pairs = proof.iter().zip(expected);
    let differences = pairs.fold(0, |differences, (a, b)| differences | (a ^ b));
    core::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Fields;

    const CLAIM: Claim<'static> = Claim {
        call_id: b"c1",
        from_tag: b"t1",
        user: b"ann",
        to_user: b"ann",
    };

    fn sender(key: &Key, lines: &str, claim: Claim<'_>) -> Option<String> {
        let text = format!("INVITE sip:ann@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n{lines}\r\n");
        let mut fields = Fields::new();
        let request = Message::parse(text.as_bytes(), &mut fields).unwrap();
        let found = key.sender(&request, claim);
        found.map(|name| name.lossy().into_owned())
    }

    #[test]
    fn a_proof_holds_for_what_it_was_made_for_alone() {
        let key = Key::of(&[7; 32]);
        let line = format!("x-pinion-node: {}\r\n", key.prove(b"a;b", CLAIM).lossy());
        assert_eq!(sender(&key, &line, CLAIM).as_deref(), Some("a;b"));
        for other in [
            Claim {
                call_id: b"c2",
                ..CLAIM
            },
            Claim {
                from_tag: b"t2",
                ..CLAIM
            },
            Claim {
                user: b"bob",
                ..CLAIM
            },
            Claim {
                to_user: b"4711",
                ..CLAIM
            },
            // The same bytes, cut otherwise.
            Claim {
                call_id: b"c1t",
                from_tag: b"1",
                ..CLAIM
            },
        ] {
            assert_eq!(sender(&key, &line, other), None, "{other:?}");
        }
        assert_eq!(sender(&Key::of(&[8; 32]), &line, CLAIM), None);
        assert_eq!(sender(&key, &line.replace("a;b", "a"), CLAIM), None);
    }

    #[test]
    fn what_is_no_proof_proves_nothing() {
        let key = Key::of(&[7; 32]);
        let value = key.prove(b"a", CLAIM);
        let short = &value.lossy()[..value.len() - 1];
        let long = format!("{}0", value.lossy());
        for value in ["", "a", "a;proof=", ";proof=", short, &long] {
            let line = format!("X-Pinion-Node: {value}\r\n");
            assert_eq!(sender(&key, &line, CLAIM), None, "{value}");
        }
        assert_eq!(sender(&key, "", CLAIM), None);
    }

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", Key::of(&[7; 32])), "<set>");
    }
}
