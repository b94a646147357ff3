//! Hints for devices that sip.conf has not. It reads the lines of
//! extensions.conf, for a compiled hint no longer knows where it was written.

use super::{Finding, Severity};
use crate::config::did_you_mean;
use crate::config::file::{Entry, File};
use crate::config::sip::Sip;

/// Finds the hints that watch nobody.
pub(super) fn lint(file: &File, sip: &Sip, findings: &mut Vec<Finding>) {
    let categories = file.categories.iter().filter(|category| !category.template);
    for entry in categories.flat_map(|category| &category.entries) {
        let devices = devices(entry).unwrap_or_default();
        let names = devices.split(['&', ',']).filter_map(|device| {
            let device = device.trim();
            let known = device
                .get(..4)
                .is_some_and(|tech| tech.eq_ignore_ascii_case("SIP/"));
            known.then(|| &device[4..])
        });
        let literal = names.filter(|name| !name.contains('$') && !name.is_empty());
        for name in literal {
            if sip.peers.iter().any(|peer| *peer.name == *name) {
                continue;
            }
            let hint = did_you_mean(name, sip.peers.iter().map(|peer| &*peer.name));
            findings.push(Finding {
                at: entry.at.clone(),
                severity: Severity::Warning,
                text: format!("this hint watches SIP/{name}, which sip.conf has not.{hint}"),
            });
        }
    }
}

/// The devices of a line that is a hint, without the hint's name.
fn devices(entry: &Entry) -> Option<&str> {
    let key = entry.key.to_ascii_lowercase();
    let value = match key.as_str() {
        "exten" => entry.value.split_once(',')?.1,
        _ if key.starts_with("same") => &entry.value,
        _ => return None,
    };
    let (priority, devices) = value.split_once(',')?;
    let devices = devices
        .split_once('(')
        .map_or(devices, |(devices, _)| devices);
    (priority.trim() == "hint").then_some(devices)
}
