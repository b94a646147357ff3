//! The hash algorithms of Digest and their hexadecimal results. Knows nothing
//! of what is hashed.

use md5::Md5;
use md5::block_api::compress;
use sha2::Sha256;

/// An `algorithm` value (RFC 7616 §6.1), weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Algorithm {
    /// `MD5`, what every phone knows.
    Md5,
    /// `MD5-sess`.
    Md5Sess,
    /// `SHA-256`.
    Sha256,
    /// `SHA-256-sess`.
    Sha256Sess,
}

impl Algorithm {
    const ALL: [Algorithm; 4] = [
        Algorithm::Md5,
        Algorithm::Md5Sess,
        Algorithm::Sha256,
        Algorithm::Sha256Sess,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Md5Sess => "MD5-sess",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha256Sess => "SHA-256-sess",
        }
    }

    /// Reads an `algorithm` parameter; an absent one means MD5 (RFC 7616
    /// §3.3). `None` is an algorithm unknown here.
    pub fn parse(parameter: Option<&[u8]>) -> Option<Algorithm> {
        let Some(name) = parameter else {
            return Some(Algorithm::Md5);
        };
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether it hashes with MD5.
    pub const fn is_md5(self) -> bool {
        matches!(self, Algorithm::Md5 | Algorithm::Md5Sess)
    }

    /// Whether A1 takes in the nonces (RFC 7616 §3.4.2).
    pub const fn is_session(self) -> bool {
        matches!(self, Algorithm::Md5Sess | Algorithm::Sha256Sess)
    }

    /// The hash of `parts` joined by colons, as every formula of Digest has it.
    pub(super) fn hash(self, parts: &[&[u8]]) -> Hex {
        if self.is_md5() {
            short_md5(parts).unwrap_or_else(|| hash::<Md5>(parts))
        } else {
            hash::<Sha256>(parts)
        }
    }
}

fn hash<D: md5::Digest>(parts: &[&[u8]]) -> Hex {
    let mut hasher = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    Hex::from(&hasher.finalize()[..])
}

/// A block of MD5, in bytes.
const BLOCK: usize = 64;
/// What a text must have after it in its last block: a bit, and its length.
const TAIL: usize = 9;

/// MD5 of parts that fit three blocks together, as every proof of a phone
/// does: gathered in place and hashed at once, instead of part by part.
fn short_md5(parts: &[&[u8]]) -> Option<Hex> {
    let mut blocks = [[0; BLOCK]; 3];
    let text = blocks.as_flattened_mut();
    let mut len = 0;
    for part in parts {
        let (to, after) = text.get_mut(len..)?.split_at_mut_checked(part.len())?;
        to.copy_from_slice(part);
        *after.first_mut()? = b':';
        len += part.len() + 1;
    }
    // In place of the last colon.
    len = len.saturating_sub(1);
    *text.get_mut(len)? = 0x80;
    let used = (len + TAIL).div_ceil(BLOCK);
    let bits = 8 * len as u64;
    *text.get_mut(..used * BLOCK)?.last_chunk_mut()? = bits.to_le_bytes();
    // RFC 1321 §3.3.
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    compress(&mut state, blocks.get(..used)?);
    Some(Hex::from(state.map(u32::to_le_bytes).as_flattened()))
}

/// A hash in lower-case hexadecimal digits, in place.
#[derive(Clone)]
pub(super) struct Hex {
    digits: [u8; 64],
    len: u8,
}

impl Hex {
    /// The digits.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.digits.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether `other`, in either case, is the same value; takes the same time
    /// wherever they differ.
    pub(super) fn matches(&self, other: &[u8]) -> bool {
        let digits = self.as_bytes();
        let differences = digits.iter().zip(other).fold(0, |differences, (a, b)| {
            differences | (a ^ b.to_ascii_lowercase())
        });
        digits.len() == other.len() && core::hint::black_box(differences) == 0
    }
}

impl Hex {
    /// Takes digits already written, in lower case; more than 64 are cut off.
    pub(super) fn from_digits(written: &[u8]) -> Hex {
        let mut digits = [0; 64];
        for (to, from) in digits.iter_mut().zip(written) {
            *to = from.to_ascii_lowercase();
        }
        Hex {
            digits,
            len: written.len().min(64) as u8,
        }
    }
}

impl From<&[u8]> for Hex {
    /// Writes up to 32 bytes.
    fn from(bytes: &[u8]) -> Hex {
        let mut digits = [0; 64];
        let written = encode(bytes, &mut digits);
        Hex {
            digits,
            len: written as u8,
        }
    }
}

/// Writes `bytes` as lower-case digits as far as `digits` has room, and
/// returns how many were written.
pub(super) fn encode(bytes: &[u8], digits: &mut [u8]) -> usize {
    let (pairs, _) = digits.as_chunks_mut::<2>();
    let mut written = 0;
    for ([high, low], byte) in pairs.iter_mut().zip(bytes) {
        (*high, *low) = (digit(byte >> 4), digit(byte & 15));
        written += 2;
    }
    written
}

fn digit(nibble: u8) -> u8 {
    // Without a branch, which half of all digits would have guessed wrong.
    b'0' + nibble + u8::from(nibble > 9) * (b'a' - b'9' - 1)
}

/// Reads 1 to 16 hexadecimal digits, of either case.
pub(super) fn decode(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0, |value, &byte| {
        let nibble = char::from(byte).to_digit(16)?;
        Some(value << 4 | u64::from(nibble))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hashes_are_those_of_the_standards() {
        assert_eq!(
            Algorithm::Md5.hash(&[b"abc"]).as_bytes(),
            b"900150983cd24fb0d6963f7d28e17f72"
        );
        assert_eq!(
            Algorithm::Sha256.hash(&[b""]).as_bytes(),
            b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn parts_are_joined_by_colons() {
        assert_eq!(
            Algorithm::Md5.hash(&[b"a", b"", b"c"]).as_bytes(),
            Algorithm::Md5.hash(&[b"a::c"]).as_bytes()
        );
    }

    proptest! {
        #[test]
        fn short_or_long_the_hash_is_the_same(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..90), 1..7),
        ) {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let at_once = short_md5(&parts);
            let len = parts.join(&b':').len();
            prop_assert_eq!(at_once.is_some(), len <= 3 * BLOCK - TAIL, "{} bytes", len);
            if let Some(at_once) = at_once {
                let by_parts = hash::<Md5>(&parts);
                prop_assert_eq!(at_once.as_bytes(), by_parts.as_bytes());
            }
        }
    }

    #[test]
    fn every_name_reads_back_in_either_case_and_absent_is_md5() {
        for algorithm in Algorithm::ALL {
            assert_eq!(
                Algorithm::parse(Some(algorithm.name().as_bytes())),
                Some(algorithm)
            );
            let lower = algorithm.name().to_ascii_lowercase();
            assert_eq!(Algorithm::parse(Some(lower.as_bytes())), Some(algorithm));
        }
        assert_eq!(Algorithm::parse(None), Some(Algorithm::Md5));
        assert_eq!(Algorithm::parse(Some(b"SHA-512-256")), None);
    }

    #[test]
    fn a_match_ignores_case_and_nothing_else() {
        let hex = Hex::from(&[0xab, 0x01][..]);
        assert!(hex.matches(b"ab01") && hex.matches(b"AB01"));
        for wrong in [&b"ab02"[..], b"ab0", b"ab010", b"", b"bb01"] {
            assert!(!hex.matches(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn decode_reads_hexadecimal_only() {
        assert_eq!(decode(b"00000001"), Some(1));
        assert_eq!(decode(b"fFffffffffffffff"), Some(u64::MAX));
        for wrong in [&b""[..], b"g", b"+1", b"00000000000000001"] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
    }
}
