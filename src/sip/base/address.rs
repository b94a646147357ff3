//! Addresses as text without formatting machinery: one stands in every Via,
//! Contact and From this engine writes.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::decimal::Decimal;

/// The digits of each octet and the dot after them, and how many these are.
static OCTETS: [([u8; 4], u8); 256] = octets();

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
const fn octets() -> [([u8; 4], u8); 256] {
    let mut table = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let digits = if octet < 10 {
            1
        } else if octet < 100 {
            2
        } else {
            3
        };
        let (mut at, mut rest) = (digits, octet);
        while at > 0 {
            at -= 1;
            table[octet].0[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        table[octet].1 = digits as u8 + 1;
        octet += 1;
    }
    table
}

/// Room for the longest: `[` an IPv6 address with IPv4 tail and scope `]:65535`.
const LONGEST: usize = 72;

/// The text of an address, as `Display` writes it.
#[derive(Clone, Copy, Debug)]
pub struct AddressText {
    bytes: [u8; LONGEST],
    len: u8,
}

impl AddressText {
    /// `host:port`; an IPv6 host in brackets.
    pub fn socket(address: SocketAddr) -> AddressText {
        let mut text = AddressText::empty();
        match address {
            SocketAddr::V4(address) => {
                text.v4(*address.ip());
                text.push(b":");
                text.push(Decimal::new(address.port().into()).as_bytes());
            }
            SocketAddr::V6(_) => text.display(address),
        }
        text
    }

    /// `host`; an IPv6 host without brackets.
    pub fn ip(address: IpAddr) -> AddressText {
        let mut text = AddressText::empty();
        match address {
            IpAddr::V4(address) => text.v4(address),
            IpAddr::V6(_) => text.display(address),
        }
        text
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn empty() -> AddressText {
        AddressText {
            bytes: [0; LONGEST],
            len: 0,
        }
    }

    fn v4(&mut self, address: Ipv4Addr) {
        for octet in address.octets() {
            let (digits, len) = OCTETS.get(usize::from(octet)).copied().unwrap_or_default();
            let start = usize::from(self.len);
            if let Some(room) = self.bytes.get_mut(start..start + digits.len()) {
                room.copy_from_slice(&digits);
                self.len += len;
            }
        }
        // No dot stands after the last.
        self.len = self.len.saturating_sub(1);
    }

    /// IPv6 has rules of its own for what is left out (RFC 5952 §4).
    fn display(&mut self, address: impl core::fmt::Display) {
        // `LONGEST` has room for any address.
        let _ = core::fmt::Write::write_fmt(self, format_args!("{address}"));
    }

    fn push(&mut self, part: &[u8]) {
        let start = usize::from(self.len);
        if let Some(room) = self.bytes.get_mut(start..start + part.len()) {
            room.copy_from_slice(part);
            self.len += part.len() as u8;
        }
    }
}

impl core::fmt::Write for AddressText {
    fn write_str(&mut self, part: &str) -> core::fmt::Result {
        self.push(part.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_address_is_as_displayed(address: SocketAddr) {
            let text = |text: AddressText| String::from_utf8(text.as_bytes().to_vec()).unwrap();
            prop_assert_eq!(text(AddressText::socket(address)), address.to_string());
            prop_assert_eq!(text(AddressText::ip(address.ip())), address.ip().to_string());
        }
    }

    #[test]
    fn the_text_is_that_of_display() {
        for text in [
            "0.0.0.0:0",
            "127.0.0.1:5060",
            "255.255.255.255:65535",
            "[::]:1",
            "[2001:db8::1]:5060",
            "[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
            "[::ffff:255.255.255.255]:65535",
            "[fe80::1111:2222:3333:4444%4294967295]:65535",
        ] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(AddressText::socket(address).as_bytes(), text.as_bytes());
            assert_eq!(
                AddressText::ip(address.ip()).as_bytes(),
                address.ip().to_string().as_bytes()
            );
        }
    }
}
