//! Hangup causes on the wire: Reason (RFC 3326, RFC 6432) and the headers
//! Asterisk has for them.

use crate::base::Decimal;
use crate::dialplan::Cause;
use crate::wire::{HeaderName, Message, Params, Writer, elements};

/// Writes why a leg ends, where there is a cause to tell; as a Reason too
/// where the device understands one (`use_q850_reason`).
pub fn write_cause(writer: &mut Writer<'_>, cause: Cause, q850: bool) {
    if cause == Cause::NONE {
        return;
    }
    let code = Decimal::new(cause.0.into());
    writer.lines(b"X-Asterisk-HangupCause: ");
    writer.lines(cause.phrase().as_bytes());
    writer.lines(b"\r\nX-Asterisk-HangupCauseCode: ");
    writer.lines(code.as_bytes());
    writer.lines(b"\r\n");
    if q850 {
        writer.own(HeaderName::Reason, &[b"Q.850;cause=", code.as_bytes()]);
    }
}

/// The Q.850 cause among a message's Reasons, if it has one.
pub fn q850_cause(message: &Message<'_>) -> Option<Cause> {
    let mut reasons = message.raw(HeaderName::Reason).flat_map(elements);
    reasons.find_map(|reason| {
        let at = memchr::memchr(b';', reason)?;
        let (protocol, params) = reason.split_at_checked(at)?;
        let named = protocol.trim_ascii().eq_ignore_ascii_case(b"Q.850");
        let cause = core::str::from_utf8(Params::new(params).value(b"cause")?).ok()?;
        let cause = cause.parse().ok().filter(|code| (1..=127).contains(code))?;
        named.then_some(Cause(cause))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Fields;

    #[test]
    fn the_q850_cause_is_found_among_reasons() {
        for (lines, expected) in [
            ("", None),
            ("Reason: Q.850;cause=17;text=\"User busy\"\r\n", Some(17)),
            ("Reason: SIP;cause=200, q.850 ; cause=34\r\n", Some(34)),
            (
                "Reason: SIP;cause=200\r\nReason: Q.850;cause=1\r\n",
                Some(1),
            ),
            ("Reason: Q.850;cause=0\r\n", None),
            ("Reason: Q.850;cause=128\r\n", None),
            ("Reason: Q.850\r\n", None),
            ("Reason: SIP;cause=17\r\n", None),
        ] {
            let text = format!("BYE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n{lines}\r\n");
            let mut fields = Fields::new();
            let message = Message::parse(text.as_bytes(), &mut fields).unwrap();
            assert_eq!(q850_cause(&message), expected.map(Cause), "{lines}");
        }
    }

    #[test]
    fn a_cause_is_written_to_those_who_understand_it() {
        let written = |cause, q850| {
            let mut lines = Vec::new();
            write_cause(&mut Writer::new(&mut lines, false), cause, q850);
            String::from_utf8(lines).unwrap()
        };
        assert_eq!(written(Cause::NONE, true), "");
        let plain = "X-Asterisk-HangupCause: User busy\r\nX-Asterisk-HangupCauseCode: 17\r\n";
        assert_eq!(written(Cause::USER_BUSY, false), plain);
        assert_eq!(
            written(Cause::USER_BUSY, true),
            format!("{plain}Reason: Q.850;cause=17\r\n")
        );
    }
}
