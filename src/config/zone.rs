//! The zone this machine's clock on the wall shows, for times that name none.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use pinion_sip::dialplan::Zone;

use super::file::Warning;
use super::whole;

/// Where the system keeps its zones, by name, and its own.
const ZONES: &str = "/usr/share/zoneinfo";
const LOCAL: &str = "/etc/localtime";

/// The zone of `TZ`, or else the system's, as a C library finds it. UTC if
/// there is neither.
pub fn local(warnings: &mut Vec<Warning>) -> Zone {
    of(
        std::env::var_os("TZ").as_deref(),
        Path::new(LOCAL),
        warnings,
    )
}

fn of(name: Option<&OsStr>, local: &Path, warnings: &mut Vec<Warning>) -> Zone {
    let Some(name) = name else {
        return file(local).unwrap_or(Zone::UTC);
    };
    let text = name.to_string_lossy();
    let name = text.strip_prefix(':').unwrap_or(&text);
    if name.is_empty() {
        return Zone::UTC;
    }
    // A path stands for itself, whatever it is joined to.
    let path = || file(&Path::new(ZONES).join(name));
    Zone::named(name).or_else(path).unwrap_or_else(|| {
        let text = format!("there is no time zone '{name}'. Times are taken as UTC.");
        warnings.push(Warning::new(&whole(PathBuf::from("TZ")), text));
        Zone::UTC
    })
}

fn file(path: &Path) -> Option<Zone> {
    let bytes = std::fs::read(path).ok()?;
    Zone::read("local", &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pinion_sip::base::UnixTime;

    /// The hour shown at 2024-07-01 12:00 UTC, and what is warned about.
    fn hour(name: Option<&str>, local: &str) -> (u16, usize) {
        let mut warnings = Vec::new();
        let zone = of(name.map(OsStr::new), Path::new(local), &mut warnings);
        let at = zone.calendar(UnixTime(1_719_835_200));
        (at.minute / 60, warnings.len())
    }

    #[test]
    fn tz_names_the_zone_and_the_system_has_one_otherwise() {
        assert_eq!(hour(Some("Europe/Berlin"), ""), (14, 0));
        assert_eq!(hour(Some(":Europe/Berlin"), ""), (14, 0));
        assert_eq!(hour(Some("EST5EDT,M3.2.0,M11.1.0"), ""), (8, 0));
        assert_eq!(hour(Some(""), ""), (12, 0));
        assert_eq!(hour(None, "/there/is/none"), (12, 0));
        assert_eq!(hour(Some("Europe/Berln"), ""), (12, 1));
    }
}
