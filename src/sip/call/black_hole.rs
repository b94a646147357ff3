//! An answer that takes no media: for a telephone that has offered some before
//! there is anybody to talk to (RFC 3725 §4.3). What it is offered in its place
//! later is what the one it talks to offers.

/// A description of no media at all: an offer of nothing, where an offer is due
/// (RFC 3264 §5).
pub const OFFER: &[u8] = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n";

/// Answers an SDP offer: every stream is taken as it was offered (RFC 3264 §6),
/// inactive, and leads nowhere. Streams that take keys are refused. Empty for
/// what is no SDP.
pub fn answer(content_type: &[u8], offer: &[u8]) -> Vec<u8> {
    let is_sdp = content_type
        .get(..15)
        .is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/sdp"));
    if !is_sdp {
        return Vec::new();
    }
    let mut answer = OFFER.to_vec();
    let mut taken = false;
    for line in offer.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
        match line {
            [b'm', b'=', stream @ ..] => {
                taken = write_stream(&mut answer, stream);
            }
            [b'a', b'=', ..] if taken && is_format(line) => push_line(&mut answer, line),
            _ => {}
        }
    }
    answer
}

/// `media port protocol formats`; whether the stream is taken.
fn write_stream(answer: &mut Vec<u8>, stream: &[u8]) -> bool {
    let mut words = stream.splitn(4, |&byte| byte == b' ');
    let mut word = || words.next().unwrap_or_default();
    let (media, port, protocol, formats) = (word(), word(), word(), word());
    let taken = protocol == b"RTP/AVP" && port != b"0";
    let port: &[u8] = if taken { b"9" } else { b"0" };
    for part in [
        b"m=", media, b" ", port, b" ", protocol, b" ", formats, b"\r\n",
    ] {
        answer.extend_from_slice(part);
    }
    if taken {
        push_line(answer, b"a=inactive");
    }
    taken
}

/// What says which format a number is.
fn is_format(line: &[u8]) -> bool {
    line.starts_with(b"a=rtpmap:") || line.starts_with(b"a=fmtp:")
}

fn push_line(answer: &mut Vec<u8>, line: &[u8]) {
    answer.extend_from_slice(line);
    answer.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_is_answered_and_leads_nowhere() {
        let offer = "v=0\r\no=x 1 1 IN IP4 192.0.2.1\r\ns=x\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
            m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\na=fmtp:101 0-16\r\n\
            m=video 0 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n\
            m=audio 4002 RTP/SAVP 0\r\na=crypto:1 x\r\na=rtpmap:0 PCMU/8000\r\n";
        let expected = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
            m=audio 9 RTP/AVP 0 101\r\na=inactive\r\na=rtpmap:0 PCMU/8000\r\na=fmtp:101 0-16\r\n\
            m=video 0 RTP/AVP 99\r\n\
            m=audio 0 RTP/SAVP 0\r\n";
        let answered = answer(b"application/sdp;charset=utf-8", offer.as_bytes());
        assert_eq!(String::from_utf8(answered).unwrap(), expected);
    }

    #[test]
    fn what_is_no_offer_has_no_answer() {
        assert!(answer(b"", b"").is_empty());
        assert!(answer(b"text/plain", b"m=audio 1 RTP/AVP 0").is_empty());
    }
}
