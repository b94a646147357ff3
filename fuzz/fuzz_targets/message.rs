//! Any datagram: read, checked, asked everything, written back and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pinion_sip::wire::*;

#[path = "../../src/sip/wire/survive.rs"]
mod survive;

fuzz_target!(|datagram: &[u8]| survive::survive(datagram));
