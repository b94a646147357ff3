//! Finds the home of a datagram without parsing it.

use memchr::memchr;

/// What a datagram is, at first glance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Glance<'a> {
    /// Blank: a keep-alive.
    KeepAlive,
    /// A message of that Call-ID; empty if none was found.
    Message(&'a [u8]),
}

/// Looks for the Call-ID line. What it returns hashes like the parsed value;
/// a message too odd to show one here is parsed where it arrived.
pub fn glance(datagram: &[u8]) -> Glance<'_> {
    if datagram
        .iter()
        .all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | b'\t' | 0))
    {
        return Glance::KeepAlive;
    }
    let mut rest = datagram;
    while let Some(end) = memchr(b'\n', rest) {
        rest = rest.get(end + 1..).unwrap_or_default();
        if let Some(value) = call_id_value(rest) {
            return Glance::Message(value);
        }
        if matches!(rest, [b'\r', b'\n', ..] | [b'\n', ..]) {
            break;
        }
    }
    Glance::Message(b"")
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
            assert_eq!(
                glance(message.as_bytes()),
                Glance::Message(b"abc@h"),
                "{header}"
            );
        }
    }

    #[test]
    fn a_body_is_not_searched() {
        assert_eq!(
            glance(b"OPTIONS sip:x SIP/2.0\r\nVia: v\r\n\r\ni: no\r\n"),
            Glance::Message(b"")
        );
        assert_eq!(
            glance(b"INFO sip:x SIP/2.0\r\nInfo: x\r\ni: yes\r\n\r\n"),
            Glance::Message(b"yes")
        );
    }

    #[test]
    fn blank_datagrams_keep_alive() {
        for blank in [&b""[..], b"\r\n", b"\r\n\r\n", b"\r\n\0"] {
            assert_eq!(glance(blank), Glance::KeepAlive);
        }
    }
}
