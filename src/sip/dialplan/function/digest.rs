//! `MD5`, `SHA1`, `BASE64_ENCODE` and `BASE64_DECODE`.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::{Digest, Md5};
use sha1::Sha1;

use super::super::state::Scope;

/// Takes padding or its absence, and bits that lead nowhere.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// `MD5(text)` in hexadecimal digits.
pub(super) fn md5(_: &Scope<'_>, arguments: &str) -> String {
    hexadecimal(&Md5::digest(arguments))
}

/// `SHA1(text)` in hexadecimal digits.
pub(super) fn sha1(_: &Scope<'_>, arguments: &str) -> String {
    hexadecimal(&Sha1::digest(arguments))
}

/// `BASE64_ENCODE(text)`.
pub(super) fn base64_encode(_: &Scope<'_>, arguments: &str) -> String {
    LENIENT.encode(arguments)
}

/// `BASE64_DECODE(text)`, up to what is not Base64. Bytes that are not UTF-8
/// become U+FFFD.
pub(super) fn base64_decode(_: &Scope<'_>, arguments: &str) -> String {
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    let mut count = arguments.bytes().take_while(alphabet).count();
    // A single character of four carries no byte.
    if count % 4 == 1 {
        count -= 1;
    }
    let text = arguments.get(..count).unwrap_or_default();
    let bytes = LENIENT.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
