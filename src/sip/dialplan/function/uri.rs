//! `URIENCODE` and `URIDECODE` (RFC 2396 §2.3, §2.4).

use super::super::state::Scope;

/// `URIENCODE(text)`: all but letters, digits and `-_.!~*'()` as `%XX`.
pub(super) fn encode(_: &Scope<'_>, arguments: &str) -> String {
    let mut result = String::with_capacity(arguments.len());
    for byte in arguments.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            true => result.push(byte.into()),
            false => result.push_str(&format!("%{byte:02X}")),
        }
    }
    result
}

/// `URIDECODE(text)`: what is no `%XX` stays. Bytes that are not UTF-8 become
/// U+FFFD.
pub(super) fn decode(_: &Scope<'_>, arguments: &str) -> String {
    let mut bytes = Vec::with_capacity(arguments.len());
    let mut rest = arguments.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (*first, rest.get(1..).unwrap_or_default()),
            },
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
