//! Networks as `deny`, `permit` and `localnet` write them. What they decide is
//! `pinion_sip::config::Acl`'s matter.

use std::net::IpAddr;

use pinion_sip::config::{Acl, Rule};

use super::value::{Form, Wrong, list};

/// An address and a prefix length; the address's host bits are zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Network(pub IpAddr, pub u8);

impl Form for Network {
    const ACCEPTED: &'static str =
        "a network such as 192.0.2.0/24, 192.0.2.0/255.255.255.0, 192.0.2.1 or 2001:db8::/32";

    fn read(text: &str) -> Option<Network> {
        let (address, mask) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.trim().parse().ok()?;
        let prefix = match mask.trim() {
            "" if text.contains('/') => return None,
            "" => width(address),
            mask => mask
                .parse()
                .ok()
                .or_else(|| prefix_of(address, mask.parse().ok()?))?,
        };
        (prefix <= width(address)).then(|| Network(masked(address, prefix), prefix).canonical())
    }
}

impl Network {
    /// An IPv4 network written as mapped into IPv6 is the IPv4 network: that
    /// is how rules are matched.
    fn canonical(self) -> Network {
        match (self.0, self.0.to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(v4)) if self.1 >= 96 => Network(v4.into(), self.1 - 96),
            _ => self,
        }
    }
}

/// Appends what one `deny=` or `permit=` line says: networks with commas,
/// each with `!` for the opposite (`ast_append_acl`).
pub(super) fn append(acl: &mut Acl, permit: bool, text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err(Wrong::new(Network::ACCEPTED));
    }
    for item in list(text) {
        let (permit, network) = match item.strip_prefix('!') {
            Some(network) => (!permit, network.trim()),
            None => (permit, item),
        };
        let Network(network, prefix) = Network::parse(network)?;
        acl.0.push(Rule {
            permit,
            network,
            prefix,
        });
    }
    Ok(())
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The length of a netmask without holes, of the address's family.
fn prefix_of(address: IpAddr, mask: IpAddr) -> Option<u8> {
    let (ones, solid) = match mask {
        IpAddr::V4(mask) => (mask.to_bits().leading_ones(), mask.to_bits().count_ones()),
        IpAddr::V6(mask) => (mask.to_bits().leading_ones(), mask.to_bits().count_ones()),
    };
    (address.is_ipv4() == mask.is_ipv4() && ones == solid).then_some(ones as u8)
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => {
            IpAddr::V4((v4.to_bits() & u32::MAX.checked_shl(32 - prefix).unwrap_or(0)).into())
        }
        IpAddr::V6(v6) => {
            IpAddr::V6((v6.to_bits() & u128::MAX.checked_shl(128 - prefix).unwrap_or(0)).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, expected) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.77/24", "192.0.2.0/24"),
            ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("0.0.0.0/0.0.0.0", "0.0.0.0/0"),
            ("2001:db8:1::/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::/ffff:ffff::", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ] {
            let Network(address, prefix) = Network::read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(format!("{address}/{prefix}"), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_network() {
        for text in [
            "",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/255.0.255.0",
            "10.0.0.0/ffff::",
            "host",
            "10.0.0",
        ] {
            assert_eq!(Network::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_line_may_list_networks_and_turn_some_round() {
        let mut acl = Acl::default();
        append(&mut acl, false, "0.0.0.0/0").unwrap();
        append(&mut acl, true, "10.0.0.0/8, !10.1.0.0/16").unwrap();
        assert!(acl.permits("10.2.0.1".parse().unwrap()));
        assert!(!acl.permits("10.1.0.1".parse().unwrap()));
        assert!(!acl.permits("192.0.2.1".parse().unwrap()));
        assert!(
            append(&mut acl, false, "").is_err(),
            "an empty deny would let everybody pass"
        );
        assert_eq!(
            append(&mut acl, true, "10.0.0.0/8,x"),
            Err(Wrong::new(Network::ACCEPTED))
        );
    }
}
