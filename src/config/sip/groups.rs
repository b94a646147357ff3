//! The options that put a device into groups: `callgroup`, `pickupgroup` and
//! their named kin.

use pinion_sip::config::{Groups, PickupGroups};

use super::device::Device;
use super::load::{Outcome, Setting};
use super::value::Wrong;

/// A device's groups.
pub(super) fn of(device: &mut Device) -> &mut PickupGroups {
    device.peer.pickup_groups.get_or_insert_default()
}

/// Reads a list of numbers.
pub(super) fn numbers(groups: &mut Groups, setting: &Setting<'_>) -> Outcome {
    match groups.set_numbers(setting.text) {
        true => Ok(()),
        false => Err(Wrong::new("numbers from 0 to 63, such as 1,3-5")),
    }
}

/// Reads a list of names.
pub(super) fn names(groups: &mut Groups, setting: &Setting<'_>) -> Outcome {
    groups.set_names(setting.text);
    Ok(())
}
