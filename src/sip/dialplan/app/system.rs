//! `System(command)` and `TrySystem(command)`: a command of the host runs, and
//! the plan goes on when it has ended. `SYSTEMSTATUS` is `SUCCESS`, `APPERROR`
//! where the command says so, or `FAILURE`, which ends the call with `System`.
//!
//! Nothing runs unless the engine has `--allow-system`: that is a `FAILURE`
//! which ends no call.

use super::super::inquiry::{Inquiry, Reply};
use super::super::step::{Next, Step};
use super::super::work::Work;

pub(super) fn system(step: &mut Step<'_>, arguments: &str) -> Next {
    run(step, arguments, true)
}

pub(super) fn try_system(step: &mut Step<'_>, arguments: &str) -> Next {
    run(step, arguments, false)
}

fn run(step: &mut Step<'_>, command: &str, ends: bool) -> Next {
    if command.is_empty() {
        super::complain(step, "System", "it needs a command");
        return failed(step, ends);
    }
    let work = Work::Run {
        command: command.into(),
        output: false,
    };
    step.ask(
        Inquiry::Work(Box::new(work)),
        move |step, reply| match reply {
            Reply::Text(status) if status == "SUCCESS" || status == "APPERROR" => {
                step.set("SYSTEMSTATUS", &status);
                Next::Continue
            }
            Reply::Nothing => {
                step.warn("system", || {
                    "System does nothing: commands need --allow-system".into()
                });
                failed(step, false)
            }
            _ => failed(step, ends),
        },
    )
}

fn failed(step: &mut Step<'_>, ends: bool) -> Next {
    step.set("SYSTEMSTATUS", "FAILURE");
    if ends { step.fail() } else { Next::Continue }
}

#[cfg(test)]
mod tests {
    use super::super::super::fake::call;
    use super::super::super::*;

    /// `SYSTEMSTATUS` and whether the call goes on.
    fn status(application: &str, reply: Reply) -> (String, bool) {
        let line = format!("s,1,{application}(touch x,y)");
        let (mut cursor, mut fake, _) = call(&[&line, "s,2,Wait(1)"], "s");
        let work = Work::Run {
            command: "touch x,y".into(),
            output: false,
        };
        assert_eq!(fake.asked, [Inquiry::Work(Box::new(work))]);
        let progress = cursor.handle(Event::Reply(Ticket(0), reply), &mut fake);
        let status = cursor.variables().value("SYSTEMSTATUS").unwrap();
        (status.into(), matches!(progress, Progress::Waiting(_)))
    }

    #[test]
    fn system_and_trysystem_tell_how_it_went() {
        for (reply, text, goes_on) in [
            (Reply::Text("SUCCESS".into()), "SUCCESS", true),
            (Reply::Text("APPERROR".into()), "APPERROR", true),
            (Reply::Text("FAILURE".into()), "FAILURE", false),
            (Reply::Failed, "FAILURE", false),
            (Reply::Nothing, "FAILURE", true),
        ] {
            assert_eq!(status("System", reply.clone()), (text.into(), goes_on));
            assert_eq!(status("TrySystem", reply), (text.into(), true));
        }
    }
}
