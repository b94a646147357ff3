//! ACK and CANCEL, written from the request they follow.

use crate::wire::{Fields, HeaderName, Message, Method, Writer};

/// Appends the ACK of a final response other than 2xx to our INVITE
/// `request` (§17.1.1.3): its To is the response's.
pub(super) fn write_ack(buffer: &mut Vec<u8>, request: &[u8], response: &Message) {
    let to = response.raw(HeaderName::To).next();
    write(buffer, request, Method::Ack, to, b"");
}

/// Appends the CANCEL of our INVITE `request` (§9.1). `extra` is complete
/// header lines to add; may be empty.
pub(super) fn write_cancel(buffer: &mut Vec<u8>, request: &[u8], extra: &[u8]) {
    write(buffer, request, Method::Cancel, None, extra);
}

fn write(buffer: &mut Vec<u8>, request: &[u8], method: Method, to: Option<&[u8]>, extra: &[u8]) {
    let mut fields = Fields::new();
    let Ok(request) = Message::parse(request, &mut fields) else {
        return;
    };
    let Ok(cseq) = request.cseq() else { return };
    // The names are as short as the INVITE's.
    let compact =
        |(name, known, _): (&[u8], _, _)| known == Some(HeaderName::Via) && name.len() == 1;
    let mut writer = Writer::new(buffer, request.all().any(compact));
    writer.request(method, request.request_uri());
    if let Some(via) = request.raw(HeaderName::Via).next() {
        writer.field(HeaderName::Via, via);
    }
    writer.copy(&request, HeaderName::Route);
    writer.copy(&request, HeaderName::MaxForwards);
    writer.copy(&request, HeaderName::From);
    match to {
        Some(to) => writer.field(HeaderName::To, to),
        None => writer.copy(&request, HeaderName::To),
    }
    writer.copy(&request, HeaderName::CallId);
    writer.field_fmt(HeaderName::CSeq, format_args!("{} {method}", cseq.number));
    for line in extra.split(|&byte| byte == b'\n') {
        if let Some(colon) = memchr::memchr(b':', line)
            && let Some((name, value)) = line.split_at_checked(colon)
        {
            let value = value.strip_prefix(b":").unwrap_or(value);
            writer.other(name.trim_ascii(), value.trim_ascii());
        }
    }
    writer.end();
}
