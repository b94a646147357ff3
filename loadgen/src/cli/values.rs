//! What the flags of a run may say, each read from its text. On `Err`, what is
//! wanted instead.

use pinion_sip::base::Transport;

use super::{BehaviourList, CpuList, Here, UnitList};
use crate::plan;

/// Units a second.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    plan::rate(text, 1e-6)
}

/// The host of an address of record.
pub(super) fn host(text: &str) -> Result<String, String> {
    let fits = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    fits.then(|| text.to_owned())
        .ok_or_else(|| "a host, perhaps with a port, is wanted".into())
}

/// How messages travel.
pub(super) fn transport(text: &str) -> Result<Transport, String> {
    match text {
        "tls" => Err("tls comes when the server speaks it; today there are udp and tcp".into()),
        _ => Transport::named(text.as_bytes()).ok_or_else(|| "udp or tcp is wanted".into()),
    }
}

/// Where the called side runs.
pub(super) fn local(text: &str) -> Result<Here, String> {
    (text == "local").then_some(Here).ok_or_else(|| {
        "only local can be said; a called side elsewhere is started there: pinion-load uas".into()
    })
}

/// What those called do.
pub(super) fn behaviour_list(text: &str) -> Result<BehaviourList, String> {
    plan::behaviours(text).map(BehaviourList)
}

/// What units there are.
pub(super) fn unit_list(text: &str) -> Result<UnitList, String> {
    plan::mix(text).map(UnitList)
}

/// CPUs, as in `0-3,5`.
pub(super) fn cpus(text: &str) -> Result<CpuList, String> {
    let wrong = || "a list such as 0-3,5 is wanted".to_owned();
    let number = |text: &str| text.parse().ok().filter(|&cpu: &usize| cpu < 4096);
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let ends = number(first).zip(number(last));
        let (first, last) = ends
            .filter(|(first, last)| first <= last)
            .ok_or_else(wrong)?;
        cpus.extend(first..=last);
    }
    Ok(CpuList(cpus))
}
