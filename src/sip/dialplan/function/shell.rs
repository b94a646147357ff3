//! `SHELL(command)`: what a command of the host writes to its output. Empty,
//! with a warning, unless the engine runs with `--allow-system`.

use super::super::inquiry::{Inquiry, Reply};
use super::super::step::Step;
use super::super::work::Work;

pub(super) fn ask(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    if arguments.is_empty() {
        step.warn("arguments", || "SHELL needs a command".into());
        return Err(String::new());
    }
    Ok(Inquiry::Work(Box::new(Work::Run {
        command: arguments.into(),
        output: true,
    })))
}

pub(super) fn tell(step: &mut Step<'_>, _: &str, reply: Reply) -> String {
    match reply {
        Reply::Text(text) => text,
        Reply::Nothing => {
            step.warn("system", || {
                "SHELL does nothing: commands need --allow-system".into()
            });
            String::new()
        }
        _ => {
            step.warn("system", || "SHELL: the command did not end in time".into());
            String::new()
        }
    }
}
