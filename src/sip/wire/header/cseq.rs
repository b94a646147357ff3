//! CSeq (RFC 3261 §20.16).

use crate::wire::Method;
use crate::wire::scan::{is_token, number, span, trim, trim_start};

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
        let (digits, rest) = span(trim(value), |byte| byte.is_ascii_digit());
        let method = trim_start(rest);
        if method.len() == rest.len() || !is_token(method) {
            return None;
        }
        Some(CSeq {
            number: number(digits)?,
            method: Method::new(method),
        })
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
