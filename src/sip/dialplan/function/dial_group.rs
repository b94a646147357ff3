//! `DIALGROUP(group[,op])`: a list of devices to dial, as family `dialgroup` of
//! the AstDB has it.
//!
//! `Set(DIALGROUP(x)=SIP/1&SIP/2)` makes the list anew, `,add` and `,del` change
//! it. Devices stay in the order they were added.

use super::super::inquiry::{Entry, Inquiry, Reply, Verb};
use super::super::step::Step;

pub(super) fn ask(_: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    Ok(entry(arguments.trim(), Verb::Read))
}

pub(super) fn tell(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    reply.text().unwrap_or_else(|| {
        step.warn("dialgroup", || {
            format!("there is no dial group '{arguments}'")
        });
        String::new()
    })
}

pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let (group, verb) = arguments.split_once(',').unwrap_or((arguments, ""));
    let verb = match verb.trim().to_ascii_lowercase().as_str() {
        "" => Verb::Write(value.into()),
        "add" => Verb::Enlist(value.into()),
        "del" => Verb::Strike(value.into()),
        other => {
            step.warn("arguments", || {
                format!("DIALGROUP knows 'add' and 'del', not '{other}'")
            });
            return None;
        }
    };
    Some(entry(group.trim(), verb))
}

fn entry(group: &str, verb: Verb) -> Inquiry {
    Inquiry::Entry(Box::new(Entry {
        path: format!("dialgroup/{group}").into(),
        verb,
    }))
}
