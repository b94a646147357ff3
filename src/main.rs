//! The program: arguments in, exit status out.

use std::process::ExitCode;

use pinion::flags::{self, Flags};
use pinion::{command, console};

fn main() -> ExitCode {
    if let Some(reason) = pinion_runtime::unsuited() {
        eprintln!("pinion: {reason}");
        return ExitCode::FAILURE;
    }
    let flags = match Flags::read(std::env::args_os()) {
        Ok(flags) => flags,
        Err(answer) if !answer.use_stderr() => {
            // Help into a closed pipe is help nobody wants.
            let _ = answer.print();
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprintln!(
                "pinion: {} (pinion --help explains the flags)",
                flags::sentence(&mistake)
            );
            return ExitCode::from(2);
        }
    };
    let asked = &flags.console;
    if let Some(command) = &asked.execute {
        return console::execute(asked.socket.as_deref(), command, asked.json).into();
    }
    if asked.attach {
        return console::attach(asked.socket.as_deref()).into();
    }
    let outcome = match &flags.command {
        Some(command) => command::run(command, &mut std::io::stdout().lock()),
        None => pinion::run(&flags).map(|()| 0),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            eprintln!("pinion: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}
