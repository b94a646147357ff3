//! `core …`: the engine as a whole.

use std::io;
use std::time::{Duration, SystemTime};

use pinion_sip::machine::{Page, Query, Span};

use super::{Command, Wrong};
use crate::control::house::{House, Order};
use crate::control::out::{Column, Out};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "core show channels",
        arguments: "",
        summary: "The channels of all calls",
        run: channels,
    },
    Command {
        words: "core show uptime",
        arguments: "",
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

fn version(_: &House, _: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    Ok(out.line(format!("pinion {}", env!("CARGO_PKG_VERSION")))?)
}

fn uptime(house: &House, _: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let since = |then: SystemTime| SystemTime::now().duration_since(then).unwrap_or_default();
    out.line(format!("System uptime: {} ", spoken(since(house.started))))?;
    let reloaded = spoken(since(house.settings().since));
    Ok(out.line(format!("Last reload: {reloaded} "))?)
}

/// `4 minutes, 21 seconds`, as Asterisk says it.
fn spoken(time: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [
        (604_800, "week"),
        (86_400, "day"),
        (3600, "hour"),
        (60, "minute"),
    ];
    let mut rest = time.as_secs();
    let mut parts = Vec::new();
    let mut say = |count: u64, unit: &str| {
        let plural = if count == 1 { "" } else { "s" };
        parts.push(format!("{count} {unit}{plural}"));
    };
    for (seconds, unit) in UNITS {
        if rest >= seconds {
            say(rest / seconds, unit);
            rest %= seconds;
        }
    }
    say(rest, "second");
    parts.join(", ")
}

fn channels(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 2] = [
        Column::left("Channel", "name", 20),
        Column::left("State", "state", 7),
    ];
    if !arguments.is_empty() {
        return Err(Wrong::Usage);
    }
    let mut table = out.table("channels", &COLUMNS)?;
    for (_, page) in house.shards.pages(Query::Channels(Span::FIRST)) {
        let Page::Channels(rows) = page else { continue };
        rows.rows
            .iter()
            .try_for_each(|row| table.row(&[(&*row.name).into(), row.state.as_str().into()]))?;
    }
    let count = table.end()?;
    Ok(out.remark(&format!("{count} active channels"))?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spoken_as_asterisk_speaks_them() {
        let spoken = |seconds| spoken(Duration::from_secs(seconds));
        assert_eq!(spoken(0), "0 seconds");
        assert_eq!(spoken(261), "4 minutes, 21 seconds");
        assert_eq!(spoken(694_861), "1 week, 1 day, 1 hour, 1 minute, 1 second");
    }
}
