//! `deny`/`permit` lists (sip.conf C.2).

use core::net::IpAddr;

/// One `deny=` or `permit=` line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// `permit` or `deny`.
    pub permit: bool,
    /// The network's address.
    pub network: IpAddr,
    /// The prefix length in bits.
    pub prefix: u8,
}

/// Rules in file order; the last that matches wins, none means permitted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Acl(pub Vec<Rule>);

impl Acl {
    /// Whether `address` may pass. An IPv4 address mapped into IPv6 counts as
    /// the IPv4 address.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0
            .iter()
            .rev()
            .find(|rule| rule.matches(address))
            .is_none_or(|rule| rule.permit)
    }
}

impl Rule {
    /// Whether `address`, in its canonical form, is of the network.
    pub(super) fn matches(&self, address: IpAddr) -> bool {
        let (network, address, width) = match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => (
                u128::from(network.to_bits()),
                u128::from(address.to_bits()),
                32,
            ),
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits(), address.to_bits(), 128)
            }
            _ => return false,
        };
        let host_bits = width - u32::from(self.prefix).min(width);
        (network ^ address).checked_shr(host_bits).unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(permit: bool, network: &str, prefix: u8) -> Rule {
        Rule {
            permit,
            network: network.parse().unwrap(),
            prefix,
        }
    }

    #[test]
    fn the_last_match_wins() {
        let acl = Acl(vec![
            rule(false, "0.0.0.0", 0),
            rule(true, "10.0.0.0", 8),
            rule(false, "10.1.0.0", 16),
        ]);
        assert!(acl.permits("10.2.3.4".parse().unwrap()));
        assert!(!acl.permits("10.1.3.4".parse().unwrap()));
        assert!(!acl.permits("192.0.2.1".parse().unwrap()));
        assert!(acl.permits("::ffff:10.2.3.4".parse().unwrap()));
        assert!(
            acl.permits("2001:db8::1".parse().unwrap()),
            "no rule of its family"
        );
    }

    #[test]
    fn an_empty_list_permits() {
        assert!(Acl::default().permits("192.0.2.1".parse().unwrap()));
    }
}
