//! Contact (RFC 3261 §20.10): `*` or an address with q and expires.

use super::NameAddr;
use crate::wire::part::Part;
use crate::wire::scan::number;

/// One value of a Contact header field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ContactValue<'a> {
    /// `*`: all bindings, in a REGISTER that removes them.
    Star,
    /// An address.
    Addr(NameAddr<'a>),
}

impl<'a> ContactValue<'a> {
    /// One value.
    pub fn parse(value: &'a [u8]) -> Option<ContactValue<'a>> {
        ContactValue::read(Part::new(value).trimmed())
    }

    /// One trimmed value.
    pub(crate) fn read(value: Part<'a>) -> Option<ContactValue<'a>> {
        if value.len() == 1 && value.first() == Some(b'*') {
            return Some(ContactValue::Star);
        }
        NameAddr::read(value).map(ContactValue::Addr)
    }
}

impl NameAddr<'_> {
    /// `q` in thousandths (RFC 3261 §25.1 `qvalue`); `None` when absent or no qvalue.
    pub fn q(&self) -> Option<u16> {
        let value = self.param(b"q")?;
        let (whole, fraction): (_, &[u8]) = match value {
            [whole @ (b'0' | b'1')] => (whole, b""),
            [whole @ (b'0' | b'1'), b'.', fraction @ ..] => (whole, fraction),
            _ => return None,
        };
        let digits = |place| match fraction.get(place) {
            None => Some(0),
            Some(digit @ b'0'..=b'9') => Some(u16::from(digit - b'0')),
            Some(_) => None,
        };
        let q = u16::from(whole - b'0') * 1000 + digits(0)? * 100 + digits(1)? * 10 + digits(2)?;
        (fraction.len() <= 3 && q <= 1000).then_some(q)
    }

    /// The `expires` parameter in seconds; `None` when absent or no number of
    /// 32 bits (RFC 3261 §20.19 asks to treat that as absent).
    pub fn expires_s(&self) -> Option<u32> {
        number(self.param(b"expires")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_is_read_in_thousandths() {
        let q = |text: &str| {
            NameAddr::parse(format!("<sip:a@b>;q={text}").as_bytes())
                .unwrap()
                .q()
        };
        assert_eq!(q("1"), Some(1000));
        assert_eq!(q("0.33"), Some(330));
        assert_eq!(q("0.125"), Some(125));
        assert_eq!(q("0."), Some(0));
        assert_eq!(q("1.000"), Some(1000));
        for bad in ["1.001", "2", "0.1234", "0.x", "-1", ".5"] {
            assert_eq!(q(bad), None, "{bad}");
        }
    }

    #[test]
    fn expires_is_a_number_of_32_bits() {
        let expires = |text: &str| {
            NameAddr::parse(format!("<sip:a@b>;expires={text}").as_bytes())
                .unwrap()
                .expires_s()
        };
        assert_eq!(expires("3600"), Some(3600));
        assert_eq!(expires("280297596632815"), None);
        assert_eq!(expires("soon"), None);
    }

    #[test]
    fn a_star_is_no_address() {
        assert_eq!(ContactValue::parse(b"*"), Some(ContactValue::Star));
        assert!(ContactValue::parse(b"*;q=1").is_some_and(|value| value != ContactValue::Star));
        assert_eq!(ContactValue::parse(b""), None);
    }
}
