//! `core reload`, `sip reload`, `dialplan reload`, `reload dry-run`: files read
//! anew, and what has changed in them.

use super::{Command, Wrong};
use crate::config::Parts;
use crate::control::house::House;
use crate::control::out::Out;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "core reload",
        arguments: "",
        summary: "Go by the files as they are now",
        run: |house, arguments, out| reload(house, Parts::ALL, arguments, out),
    },
    Command {
        words: "dialplan reload",
        arguments: "[dry-run]",
        summary: "Go by extensions.conf as it is now",
        run: |house, arguments, out| reload(house, Parts::PLAN, arguments, out),
    },
    Command {
        words: "reload dry-run",
        arguments: "",
        summary: "What a reload would change",
        run: dry_run,
    },
    Command {
        words: "sip reload",
        arguments: "[dry-run]",
        summary: "Go by sip.conf as it is now",
        run: |house, arguments, out| reload(house, Parts::SIP, arguments, out),
    },
];

fn reload(house: &House, parts: Parts, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    match arguments {
        [] => bring(house, parts, false, out),
        ["dry-run"] if parts != Parts::ALL => bring(house, parts, true, out),
        _ => Err(Wrong::Usage),
    }
}

fn dry_run(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    match arguments {
        [] => bring(house, Parts::ALL, true, out),
        _ => Err(Wrong::Usage),
    }
}

/// Reads parts anew; `dry`: only tells what would change, line by line.
pub(super) fn bring(
    house: &House,
    parts: Parts,
    dry: bool,
    out: &mut Out<'_>,
) -> Result<(), Wrong> {
    let Some(reloader) = &house.reloader else {
        return Ok(out.fail("There is nothing to reload from")?);
    };
    match reloader.reload(house, parts, dry) {
        Err(sentence) => Ok(out.fail(format!("All stays as it was: {sentence}"))?),
        Ok(difference) => {
            if !dry && parts == Parts::PLAN {
                out.remark("Dialplan reloaded.")?;
            }
            Ok(difference.tell(dry, out)?)
        }
    }
}
