//! `core …`: the engine as a whole.

use std::io;
use std::time::{Duration, SystemTime};

use super::{Command, Wrong, empty};
use crate::control::house::{House, Order};
use crate::control::out::{Cell, Column, Form, Out};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "core abort shutdown",
        arguments: "",
        summary: "Go on after 'core stop gracefully' or 'when convenient'",
        run: abort,
    },
    Command {
        words: "core show settings",
        arguments: "",
        summary: "What the engine was started with, and goes by",
        run: settings,
    },
    Command {
        words: "core show uptime",
        arguments: "[seconds]",
        summary: "How long the engine has run, and its configuration",
        run: uptime,
    },
    Command {
        words: "core show version",
        arguments: "",
        summary: "Which version this is",
        run: version,
    },
    Command {
        words: "core stop",
        arguments: "now|gracefully|when convenient",
        summary: "End at once, with the last call, or as soon as there is none",
        run: stop,
    },
];

fn version(_: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    Ok(out.line(format!("pinion {}", env!("CARGO_PKG_VERSION")))?)
}

fn uptime(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let spoken: fn(Duration) -> String = match arguments {
        [] => |time| format!("{} ", spoken(time)),
        ["seconds"] => |time| time.as_secs().to_string(),
        _ => return Err(Wrong::Usage),
    };
    let since = |then: SystemTime| SystemTime::now().duration_since(then).unwrap_or_default();
    let (up, reloaded) = (since(house.started), since(house.settings().since));
    out.member("uptime_s", &up.as_secs().into())?;
    out.member("since_reload_s", &reloaded.as_secs().into())?;
    out.remark(&format!("System uptime: {}", spoken(up)))?;
    Ok(out.remark(&format!("Last reload: {}", spoken(reloaded)))?)
}

/// `4 minutes, 21 seconds`, as Asterisk says it.
fn spoken(time: Duration) -> String {
    const UNITS: [(u64, &str); 5] = [
        (31_536_000, "year"),
        (604_800, "week"),
        (86_400, "day"),
        (3600, "hour"),
        (60, "minute"),
    ];
    let mut rest = time.as_secs();
    let mut parts = Vec::new();
    let of = |count: u64, unit: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {unit}{plural}")
    };
    for (seconds, unit) in UNITS {
        if rest >= seconds {
            parts.push(of(rest / seconds, unit));
            rest %= seconds;
        }
    }
    if rest > 0 || parts.is_empty() {
        parts.push(of(rest, "second"));
    }
    parts.join(", ")
}

fn settings(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 3] = [
        Column::left("Flag", "flag", 24),
        Column::left("From", "from", 12),
        Column::left("Value", "value", 0).uncut(),
    ];
    empty(arguments)?;
    let settings = house.settings();
    let general = &settings.config.general;
    let files = nofile().unwrap_or_else(|| "unknown".into());
    let facts = [
        ("Version", env!("CARGO_PKG_VERSION").to_string()),
        ("Process", std::process::id().to_string()),
        ("Shards", house.shards.count().to_string()),
        ("Maximum open file handles", files),
        ("System name", general.systemname.to_string()),
        ("Devices in files", settings.config.peers.len().to_string()),
        (
            "Contexts",
            settings.config.plan.contexts().len().to_string(),
        ),
        ("Databases", house.about.sections.len().to_string()),
    ];
    if out.form() == Form::Text {
        out.line("")?;
        out.line("PBX Core settings")?;
        out.line("-----------------")?;
        for (name, value) in &facts {
            out.line(format!("  {:<28} {value}", format!("{name}:")))?;
        }
        out.line("")?;
    }
    let facts = facts.map(|(name, value)| (name.to_string(), value.into()));
    out.member(
        "core",
        &serde_json::Value::Object(facts.into_iter().collect()),
    )?;
    let mut table = out.table("flags", &COLUMNS)?;
    for setting in &house.about.flags {
        let from: Cell = if setting.given {
            "command line"
        } else {
            "default"
        }
        .into();
        table.row(&[(&*setting.name).into(), from, (&*setting.value).into()])?;
    }
    table.end()?;
    Ok(())
}

/// How many descriptors this process may have.
fn nofile() -> Option<String> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next().map(str::to_owned)
}

fn stop(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let order = match arguments {
        ["now"] => Order::StopNow,
        ["gracefully"] => Order::StopGracefully,
        ["when", "convenient"] => Order::StopWhenConvenient,
        _ => return Err(Wrong::Usage),
    };
    house.order(order);
    let said: io::Result<()> = out.line(match order {
        Order::StopNow => "Stopping now",
        Order::StopGracefully => "New calls are refused; the engine ends with the last call",
        _ => "The engine ends as soon as there is no call",
    });
    Ok(said?)
}

fn abort(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    house.order(Order::Abort);
    Ok(out.line("The engine goes on, and takes new calls")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spoken_as_asterisk_speaks_them() {
        let spoken = |seconds| spoken(Duration::from_secs(seconds));
        assert_eq!(spoken(0), "0 seconds");
        assert_eq!(spoken(261), "4 minutes, 21 seconds");
        assert_eq!(spoken(240), "4 minutes");
        assert_eq!(spoken(31_536_060), "1 year, 1 minute");
        assert_eq!(spoken(694_861), "1 week, 1 day, 1 hour, 1 minute, 1 second");
    }
}
