//! Who registers and calls in every comparison; the peer's configuration
//! knows the same users.

use std::ops::Range;

/// The first user.
pub const FIRST: u32 = 100_000;

/// Everybody's password.
pub const PASSWORD: &str = "secret";

/// The realm of challenges.
pub const REALM: &str = "bench.test";

/// Every user.
pub fn all() -> Range<u32> {
    FIRST..FIRST + 40_000
}

/// Those who are in the database.
pub fn stored() -> Range<u32> {
    FIRST..FIRST + 100_000
}

/// Those who call, and those who are called.
pub fn callers() -> Range<u32> {
    FIRST..FIRST + 1_000
}

/// Those who are called.
pub fn callees() -> Range<u32> {
    FIRST + 1_000..FIRST + 2_000
}

/// Those whose registrations are measured: two halves of equal size.
pub fn registered() -> [Range<u32>; 2] {
    [FIRST..FIRST + 20_000, FIRST + 20_000..FIRST + 40_000]
}
