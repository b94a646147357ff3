//! One contact of an AoR.

use core::net::SocketAddr;

use crate::base::Text;

/// A registration.
#[derive(Clone, PartialEq, Debug)]
pub struct RegistrationRow {
    /// The AoR.
    pub aor: Text,
    /// The contact's URI.
    pub contact: Text,
    /// Where requests to it are sent.
    pub remote: SocketAddr,
    /// For how many seconds more it is granted.
    pub left_s: u64,
    /// `User-Agent` of the REGISTER; perhaps empty.
    pub user_agent: Text,
}
