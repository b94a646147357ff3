//! Messages as scenarios see them: lines of text, looked into without asking
//! whether they are well-formed.

use pinion_sip::wire::{HeaderName, NameAddr, Params};

/// The text of a file: UTF-8, or else Latin-1.
pub fn decode(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        error
            .as_bytes()
            .iter()
            .map(|&byte| char::from(byte))
            .collect()
    })
}

/// The status of a response; `None` for a request.
pub fn status(message: &[u8]) -> Option<u16> {
    let code = message.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    std::str::from_utf8(code).ok()?.parse().ok()
}

/// A request's method, empty in a response.
pub fn method(message: &[u8]) -> &[u8] {
    if message.starts_with(b"SIP/") {
        return b"";
    }
    let end = message.iter().position(|&byte| byte <= b' ').unwrap_or(0);
    &message[..end]
}

/// A request's Request-URI, empty in a response.
pub fn request_uri(message: &[u8]) -> &[u8] {
    if message.starts_with(b"SIP/") {
        return b"";
    }
    let line = message.split(|&byte| byte == b'\r' || byte == b'\n').next();
    let uri = line.and_then(|line| line.split(|&byte| byte == b' ').nth(1));
    uri.unwrap_or(b"")
}

/// One header field.
pub struct Field<'a> {
    /// Its name as written.
    pub name: &'a [u8],
    /// All of it, without the line end.
    pub line: &'a [u8],
    /// What follows the colon, as it stands.
    pub value: &'a [u8],
}

/// The header fields of a message, in order; folded lines are one.
pub fn fields(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let header = &message[..header_end(message)];
    let mut rest = after_line(header, 0);
    std::iter::from_fn(move || {
        let line = rest?;
        let mut end = line_end(line, 0);
        while matches!(line.get(end + 2), Some(b' ' | b'\t')) {
            end = line_end(line, end + 2);
        }
        rest = line.get(end + 2..).filter(|rest| !rest.is_empty());
        let whole = &line[..end];
        let colon = whole.iter().position(|&byte| byte == b':');
        let colon = colon.unwrap_or(whole.len());
        Some(Field {
            name: whole[..colon].trim_ascii(),
            line: whole,
            value: whole.get(colon + 1..).unwrap_or(b""),
        })
    })
}

/// The header fields called `name`, long or compact.
pub fn named<'a>(message: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = Field<'a>> {
    let known = HeaderName::ALL.iter().find(|known| says(**known, name));
    fields(message).filter(move |field| match known {
        Some(known) => says(*known, field.name),
        None => field.name.eq_ignore_ascii_case(name),
    })
}

/// The trimmed value of the first header field called `name`.
pub fn value<'a>(message: &'a [u8], name: &'a [u8]) -> Option<&'a [u8]> {
    named(message, name)
        .next()
        .map(|field| field.value.trim_ascii())
}

fn says(known: HeaderName, name: &[u8]) -> bool {
    let compact = known.compact();
    known.as_str().as_bytes().eq_ignore_ascii_case(name)
        || matches!(name, [letter] if Some(letter.to_ascii_lowercase()) == compact)
}

/// The number and the method of the CSeq.
pub fn cseq(message: &[u8]) -> Option<(u32, &[u8])> {
    let value = value(message, b"CSeq")?;
    let mut words = value.split(|&byte| byte == b' ' || byte == b'\t');
    let number = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let method = words.find(|word| !word.is_empty()).unwrap_or(b"");
    Some((number, method))
}

/// The tag of the To or From called `name`.
pub fn tag<'a>(message: &'a [u8], name: &'a [u8]) -> Option<&'a [u8]> {
    NameAddr::parse(value(message, name)?)?.tag()
}

/// The URI of the first address of the header field called `name`.
pub fn uri<'a>(message: &'a [u8], name: &'a [u8]) -> Option<&'a [u8]> {
    let first = pinion_sip::wire::elements(value(message, name)?).next()?;
    NameAddr::parse(first).map(|address| address.uri)
}

/// The branch of the topmost Via.
pub fn branch(message: &[u8]) -> Option<&[u8]> {
    let via = value(message, b"Via")?;
    let at = via.iter().position(|&byte| byte == b';')?;
    Params::new(&via[at..]).value(b"branch")
}

/// What follows the empty line.
pub fn body(message: &[u8]) -> &[u8] {
    message.get(header_end(message) + 2..).unwrap_or(b"")
}

/// Where the empty line begins: after the line end of the last header field.
fn header_end(message: &[u8]) -> usize {
    let end = memchr::memmem::find(message, b"\r\n\r\n");
    end.map_or(message.len(), |at| at + 2)
}

fn line_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or(b"");
    memchr::memmem::find(rest, b"\r\n").map_or(text.len(), |at| from + at)
}

fn after_line(text: &[u8], from: usize) -> Option<&[u8]> {
    text.get(line_end(text, from) + 2..)
        .filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP g\r\n\
        From: <sip:x@y>;tag=7\r\nSubject: one\r\n two\r\nCSeq: 12  INVITE\r\nm: <sip:c@d>;q=1, <sip:e@f>\r\n\r\nv=0\r\n";

    #[test]
    fn a_message_is_read_as_lines() {
        assert_eq!((status(REQUEST), method(REQUEST)), (None, &b"INVITE"[..]));
        assert_eq!(request_uri(REQUEST), b"sip:a@b");
        let vias: Vec<_> = named(REQUEST, b"via").map(|field| field.line).collect();
        assert_eq!(
            vias,
            [
                &b"v: SIP/2.0/UDP h;branch=z9hG4bK1"[..],
                b"Via: SIP/2.0/UDP g"
            ]
        );
        assert_eq!(value(REQUEST, b"subject"), Some(&b"one\r\n two"[..]));
        assert_eq!(cseq(REQUEST), Some((12, &b"INVITE"[..])));
        assert_eq!(tag(REQUEST, b"From"), Some(&b"7"[..]));
        assert_eq!(uri(REQUEST, b"Contact"), Some(&b"sip:c@d"[..]));
        assert_eq!(branch(REQUEST), Some(&b"z9hG4bK1"[..]));
        assert_eq!(body(REQUEST), b"v=0\r\n");
        assert_eq!(value(REQUEST, b"X-None"), None);
    }

    #[test]
    fn a_response_is_known_by_its_status() {
        assert_eq!(status(b"SIP/2.0 180 Ringing\r\n\r\n"), Some(180));
        assert_eq!(method(b"SIP/2.0 180 Ringing\r\n\r\n"), b"");
    }

    #[test]
    fn noise_is_survived() {
        for noise in [
            &b""[..],
            b"\r\n\r\n",
            b"SIP/2.0",
            b"A",
            b"A\r\n:\r\n \r\n\r\n",
            b"SIP/2.0 1\r\n",
        ] {
            assert_eq!(status(noise), None);
            let _ = (
                method(noise),
                request_uri(noise),
                body(noise),
                branch(noise),
            );
            assert!(fields(noise).count() < 3);
        }
    }

    #[test]
    fn files_are_utf_8_or_latin_1() {
        assert_eq!(decode("é".as_bytes().to_vec()), "é");
        assert_eq!(decode(vec![0xe9]), "é");
    }
}
