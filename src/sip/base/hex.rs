//! Numbers as hexadecimal digits and back, eight digits at a time.

/// Eight equal bytes.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The 16 lower-case digits of a number.
pub fn hex(number: u64) -> [u8; 16] {
    let [high, low] = [(number >> 32) as u32, number as u32].map(digits);
    let both = u128::from(high) << 64 | u128::from(low);
    both.to_be_bytes()
}

/// The number of 16 digits of any case; `None` if one is no digit.
pub fn from_hex(digits: &[u8; 16]) -> Option<u64> {
    let both = u128::from_be_bytes(*digits);
    let high = number((both >> 64) as u64)?;
    Some(u64::from(high) << 32 | u64::from(number(both as u64)?))
}

/// Eight digits, the first in the highest byte.
fn digits(number: u32) -> u64 {
    let mut nibbles = u64::from(number);
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & each(0x0f);
    // 6 more than 9 is the first that needs a fifth bit.
    let letters = (nibbles + each(6)) >> 4 & each(1);
    nibbles + each(b'0') + letters * u64::from(b'a' - b'0' - 10)
}

/// The number of eight digits of any case, the first in the highest byte.
fn number(text: u64) -> Option<u32> {
    let letters = text >> 6 & each(1);
    let mut nibbles = (text & each(0x0f)) + letters * 9;
    nibbles = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles >> 8) & 0x0000_ffff_0000_ffff;
    let number = (nibbles | nibbles >> 16) as u32;
    // What was no digit does not come back. A letter's bit 5 is its case.
    (digits(number) == text | letters << 5).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digits_are_those_of_formatting(number: u64) {
            let text = format!("{number:016x}");
            let digits = hex(number);
            prop_assert_eq!(&digits[..], text.as_bytes());
            prop_assert_eq!(from_hex(&digits), Some(number));
            prop_assert_eq!(from_hex(&digits.map(|digit| digit.to_ascii_uppercase())), Some(number));
        }

        #[test]
        fn what_is_no_digit_is_refused(number: u64, at in 0_usize..16, byte: u8) {
            let mut digits = hex(number);
            digits[at] = byte;
            prop_assert_eq!(from_hex(&digits).is_some(), byte.is_ascii_hexdigit());
        }
    }
}
