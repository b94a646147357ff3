//! Whom a flood may hit. An `Aim` cannot be made without the check, and a
//! flood cannot be made without an `Aim`.

use std::fmt;
use std::net::SocketAddr;

/// A target that may be flooded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aim(SocketAddr);

/// The target is beyond this host, and nobody said that it is theirs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotYours(SocketAddr);

impl fmt::Display for NotYours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is not a loopback address: a flood harms whoever it reaches; \
             say --i-own-this-target if the target and the way to it are yours to harm",
            self.0
        )
    }
}

impl std::error::Error for NotYours {}

impl Aim {
    /// `target`, if it is a loopback address of one host or `own` says that
    /// the target is the user's. A multicast address is nobody's.
    pub fn new(target: SocketAddr, own: bool) -> Result<Aim, NotYours> {
        let ip = target.ip().to_canonical();
        if ip.is_loopback() || own && !ip.is_multicast() {
            Ok(Aim(target))
        } else {
            Err(NotYours(target))
        }
    }

    /// The target.
    pub fn target(self) -> SocketAddr {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_be_hit_without_a_word() {
        let aim = |target: &str, own| Aim::new(target.parse().unwrap(), own).is_ok();
        for loopback in [
            "127.0.0.1:5060",
            "127.8.9.10:1",
            "[::1]:5060",
            "[::ffff:127.0.0.1]:5060",
        ] {
            assert!(aim(loopback, false), "{loopback}");
        }
        for elsewhere in [
            "192.0.2.1:5060",
            "10.0.0.1:5060",
            "0.0.0.0:5060",
            "[::]:5060",
            "[2001:db8::1]:5060",
            "[::ffff:192.0.2.1]:5060",
        ] {
            assert!(!aim(elsewhere, false), "{elsewhere}");
            assert!(aim(elsewhere, true), "{elsewhere}");
        }
        for many in ["224.0.1.75:5060", "[ff02::1]:5060"] {
            assert!(!aim(many, true), "{many}");
        }
    }
}
