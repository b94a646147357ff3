//! CSeq (RFC 3261 §20.16).

use crate::wire::Method;
use crate::wire::part::Part;
use crate::wire::scan::is_token;

/// The place of a request in its dialog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CSeq<'a> {
    /// The sequence number.
    pub number: u32,
    /// The method of the request, or of the request a response answers.
    pub method: Method<'a>,
}

impl<'a> CSeq<'a> {
    /// All of `value`. The number is of 32 bits; a larger one is none.
    pub fn parse(value: &'a [u8]) -> Option<CSeq<'a>> {
        CSeq::read(Part::new(value).trimmed())
    }

    /// All of a trimmed value.
    pub(crate) fn read(mut text: Part<'a>) -> Option<CSeq<'a>> {
        let number = text.number()?;
        if !text.skip_lws() {
            return None;
        }
        let method = Method::new(text.rest());
        match method {
            Method::Other(name) if !is_token(name) => None,
            _ => Some(CSeq { number, method }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_method() {
        let cseq = CSeq::parse(b"0009\r\n INVITE").unwrap();
        assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
    }

    #[test]
    fn what_is_no_cseq() {
        for value in [
            "",
            "1",
            "INVITE",
            "1INVITE",
            "-1 INVITE",
            "4294967296 INVITE",
            "1 IN VITE",
            "1 ",
        ] {
            assert_eq!(CSeq::parse(value.as_bytes()), None, "{value}");
        }
    }
}
