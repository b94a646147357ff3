//! The INVITE by which reading is measured, and the ways it is read; the record
//! by which filing is.

use std::hint::black_box;
use std::time::Duration;

use pinion_sip::base::Text;
use pinion_sip::machine::{Cdr, CdrId, Disposition, UnixMicros};
use pinion_sip::wire::{Fault, Message};

/// The record of a call that was answered, with names as phones have them.
pub fn record() -> Cdr {
    Cdr {
        id: CdrId {
            shard: 0,
            incarnation: 0,
            serial: 123_456,
        },
        accountcode: "sales".into(),
        src: "1001".into(),
        dst: "1002".into(),
        dcontext: "default".into(),
        clid: "\"Alice Example\" <1001>".into(),
        channel: "SIP/1001-00001a2b".into(),
        dstchannel: "SIP/1002-00001a2c".into(),
        lastapp: "Dial".into(),
        lastdata: "SIP/1002,20".into(),
        start: UnixMicros(1_709_226_359_123_456),
        answer: Some(UnixMicros(1_709_226_362_123_456)),
        end: UnixMicros(1_709_226_367_723_456),
        disposition: Disposition::Answered,
        uniqueid: "1709226359.6699".into(),
        linkedid: "1709226359.6699".into(),
        call_id: Text::from("81732NTQ4ZjA1YmE4YjE2@198.51.100.7"),
        callee_call_id: Text::from("0f2a6b19c4d85e73@192.0.2.1"),
        peer: "1001".into(),
        callee_peer: "1002".into(),
        pdd: Some(Duration::from_millis(40)),
        setup: Some(Duration::from_secs(3)),
        final_code: Some(200),
        ..Cdr::default()
    }
}

/// An INVITE of exactly 832 bytes as phones write it behind one proxy: the
/// size at which the readers of other engines were measured.
pub fn invite_of_832_bytes() -> Vec<u8> {
    INVITE.replace('\n', "\r\n").into_bytes()
}

const INVITE: &str = "\
INVITE sip:1002@sip.example.com:5060 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK7d1c9e34a0b2.1;rport
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK-524287-1---0f2a6b19c4d85e73;rport=5062;received=198.51.100.7
Max-Forwards: 69
From: \"Alice Example\" <sip:1001@sip.example.com>;tag=6a3f19c2
To: <sip:1002@sip.example.com>
Call-ID: 81732NTQ4ZjA1YmE4YjE2@198.51.100.7
CSeq: 2 INVITE
Contact: <sip:1001@198.51.100.7:5062;transport=udp>
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER
Supported: replaces, timer, outbound
User-Agent: Example Desk Phone 4.2 (firmware 7.1.30; build 2024-06-1)
Content-Type: application/sdp
Content-Length: 152

v=0
o=- 16384 1 IN IP4 198.51.100.7
s=call
c=IN IP4 198.51.100.7
t=0 0
m=audio 16384 RTP/AVP 0 101
a=rtpmap:101 telephone-event/8000
a=sendrecv
";

/// Types the fields most decisions need: Via, From, To, Call-ID, CSeq,
/// Contact, Max-Forwards; Content-Length is typed by reading the message.
pub fn read_typed(message: &Message<'_>) -> Result<(), Fault> {
    black_box(message.top_via()?);
    black_box(message.from()?);
    black_box(message.to()?);
    black_box(message.call_id());
    black_box(message.cseq()?);
    for contact in message.contacts() {
        black_box(contact?);
    }
    black_box(message.max_forwards()?);
    black_box(message.body());
    Ok(())
}

#[cfg(test)]
mod tests {
    use pinion_sip::wire::Fields;

    use super::*;

    #[test]
    fn it_has_832_bytes_and_no_fault() {
        let invite = invite_of_832_bytes();
        assert_eq!(invite.len(), 832);
        let mut fields = Fields::new();
        let mut message = Message::parse(&invite, &mut fields).expect("readable");
        message.check().expect("well formed");
        read_typed(&message).expect("well formed");
        assert_eq!(message.vias().count(), 2);
        assert!(message.body().ends_with(b"a=sendrecv\r\n"));
    }
}
