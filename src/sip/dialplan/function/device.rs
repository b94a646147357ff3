//! `DEVICE_STATE(device)`: whether a device can take a call.

use super::super::inquiry::{Inquiry, Reply};
use super::super::step::Step;

pub(super) fn ask(_: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    match arguments.trim() {
        "" => Err("INVALID".into()),
        device => Ok(Inquiry::Device(device.into())),
    }
}

pub(super) fn tell(_: &mut Step<'_>, _: &str, reply: Reply) -> String {
    match reply {
        Reply::Text(state) => state,
        Reply::Rows(_) | Reply::Failed => "UNKNOWN".into(),
    }
}
