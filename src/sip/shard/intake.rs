//! Finds the home of a datagram without parsing it.

use memchr::memchr;

/// Whether a datagram is blank: a keep-alive.
pub fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram
        .iter()
        .all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | b'\t' | 0))
}

/// Looks for the Call-ID line. What it returns hashes like the parsed value;
/// it is empty in a message too odd to show one here, which is parsed where it
/// arrived.
pub fn call_id(datagram: &[u8]) -> &[u8] {
    let mut rest = datagram;
    while let Some(end) = memchr(b'\n', rest) {
        rest = rest.get(end + 1..).unwrap_or_default();
        if let Some(value) = call_id_value(rest) {
            return value;
        }
        if matches!(rest, [b'\r', b'\n', ..] | [b'\n', ..]) {
            break;
        }
    }
    b""
}

/// The value of a line that begins with `Call-ID:` or `i:`.
fn call_id_value(line: &[u8]) -> Option<&[u8]> {
    let name = match line.first()? | 0x20 {
        b'c' => line
            .get(..7)
            .filter(|name| name.eq_ignore_ascii_case(b"call-id"))?
            .len(),
        b'i' => 1,
        _ => return None,
    };
    let after_name = line.get(name..)?.trim_ascii_start();
    let value = after_name.strip_prefix(b":")?.trim_ascii_start();
    let end = value
        .iter()
        .position(|byte| *byte <= b' ')
        .unwrap_or(value.len());
    value.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_id_is_found_in_any_spelling() {
        for header in [
            "Call-ID: abc@h",
            "call-id:abc@h",
            "CALL-ID : \r\n abc@h",
            "i: abc@h",
            "I:abc@h \t",
        ] {
            let message = format!("OPTIONS sip:x SIP/2.0\r\nVia: v\r\n{header}\r\n\r\n");
            assert_eq!(call_id(message.as_bytes()), b"abc@h", "{header}");
        }
    }

    #[test]
    fn a_body_is_not_searched() {
        assert_eq!(
            call_id(b"OPTIONS sip:x SIP/2.0\r\nVia: v\r\n\r\ni: no\r\n"),
            b""
        );
        assert_eq!(
            call_id(b"INFO sip:x SIP/2.0\r\nInfo: x\r\ni: yes\r\n\r\n"),
            b"yes"
        );
    }

    #[test]
    fn blank_datagrams_keep_alive() {
        for blank in [&b""[..], b"\r\n", b"\r\n\r\n", b"\r\n\0"] {
            assert!(is_keep_alive(blank));
        }
    }
}
