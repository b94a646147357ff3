//! Sets of characters, by which a whole block of bytes is judged at once.

use wide::u8x32;

/// How many bytes are looked at together.
pub(crate) const BLOCK: usize = 32;

/// A set of ASCII characters. No byte beyond ASCII belongs to one.
pub(crate) struct Class {
    /// For each low half of a byte one bit for each high half with which it is
    /// in the set; all of it twice, as bytes are looked up in two halves of a
    /// block.
    rows: [u8; BLOCK],
}

/// The bit of each high half; those beyond ASCII have none.
const COLUMNS: [u8; BLOCK] = {
    let half = [1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0];
    twice(half)
};

/// `token`.
pub(crate) static TOKEN: Class = alphanum_and(b"-.!%*_+`'~");
/// The values of header parameters, a little wider than `gen-value`: visible
/// characters that separate nothing, as addresses and URIs need.
pub(crate) static PARAM_VALUE: Class = visible_without(b"\",;<>\\");
/// `user`, and `#`: phones dial service codes so.
pub(crate) static USER: Class = alphanum_and(b"-_.!~*'()&=+$,;?/#");
/// `password`.
pub(crate) static PASSWORD: Class = alphanum_and(b"-_.!~*'()&=+$,");
/// `paramchar`, and `=`.
pub(crate) static URI_PARAM: Class = alphanum_and(b"-_.!~*'()[]/:&+$=");
/// `hname`, `hvalue`, and what joins them.
pub(crate) static URI_HEADER: Class = alphanum_and(b"-_.!~*'()[]/?:+$=&");
/// The characters of names and IPv4 addresses. Underscores are among them:
/// they occur in private names and mean no harm.
pub(crate) static HOST: Class = alphanum_and(b"-._");
/// What a URI of any scheme may hold: no white space, controls, quotes or
/// angle brackets (RFC 3986 appendix C).
pub(crate) static OPAQUE: Class = visible_without(b"<>\"");
/// All that is seen: no white space, no controls.
pub(crate) static VISIBLE: Class = visible_without(b"");

impl Class {
    /// One bit for each byte of a block that does not belong.
    pub(crate) fn others(&self, block: u8x32) -> u32 {
        let (low, high) = (block & u8x32::splat(15), block.unbounded_shr_scalar(4));
        let row = u8x32::new(self.rows).swizzle_half_relaxed(low);
        let column = u8x32::new(COLUMNS).swizzle_half_relaxed(high);
        (row & column).simd_eq(u8x32::ZERO).to_bitmask()
    }
}

const fn alphanum_and(others: &[u8]) -> Class {
    let mut rows = [0; BLOCK / 2];
    let mut byte = 0_u8;
    while byte < 0x80 {
        if byte.is_ascii_alphanumeric() || is_one_of(byte, others) {
            rows = with(rows, byte);
        }
        byte += 1;
    }
    Class { rows: twice(rows) }
}

const fn visible_without(others: &[u8]) -> Class {
    let mut rows = [0; BLOCK / 2];
    let mut byte = 0_u8;
    while byte < 0x80 {
        if byte.is_ascii_graphic() && !is_one_of(byte, others) {
            rows = with(rows, byte);
        }
        byte += 1;
    }
    Class { rows: twice(rows) }
}

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
const fn with(mut rows: [u8; BLOCK / 2], byte: u8) -> [u8; BLOCK / 2] {
    rows[byte as usize % 16] |= 1 << (byte / 16);
    rows
}

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
const fn twice(half: [u8; BLOCK / 2]) -> [u8; BLOCK] {
    let mut both = [0; BLOCK];
    let mut at = 0;
    while at < BLOCK {
        both[at] = half[at % 16];
        at += 1;
    }
    both
}

const fn is_one_of(byte: u8, mut bytes: &[u8]) -> bool {
    while let [first, rest @ ..] = bytes {
        if *first == byte {
            return true;
        }
        bytes = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told_by_its_place() {
        let belongs = |class: &Class, byte: u8| {
            let others = class.others(u8x32::splat(byte));
            assert!(others == 0 || others == u32::MAX);
            others == 0
        };
        for byte in 0..=u8::MAX {
            let letter = byte.is_ascii_alphanumeric();
            assert_eq!(belongs(&VISIBLE, byte), byte.is_ascii_graphic());
            assert_eq!(belongs(&HOST, byte), letter || b"-._".contains(&byte));
            assert_eq!(
                belongs(&OPAQUE, byte),
                byte.is_ascii_graphic() && !b"<>\"".contains(&byte)
            );
        }
    }
}
