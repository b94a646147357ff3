//! The flags of the console: where it is, and what a running engine is asked.

use std::path::PathBuf;

use clap::Args;

const CONSOLE: &str = "Console";

/// The console of an engine: where it is, and what to do with a running one.
#[derive(Args, Clone, PartialEq, Debug, Default)]
pub struct Console {
    /// Socket of the console: of this engine, or of the running one for -r and -x
    ///
    /// [default: /run/pinion/pinion.sock, or pinion.sock in XDG_RUNTIME_DIR
    /// where that may not be written]
    #[arg(long = "console", value_name = "PATH", help_heading = CONSOLE)]
    pub socket: Option<PathBuf>,

    /// Attach to the running engine and carry out what is typed
    #[arg(short = 'r', long = "attach", help_heading = CONSOLE)]
    pub attach: bool,

    /// Have the running engine carry out one command
    ///
    /// Exit status: 0, 1 if the command failed, 3 if no engine is reached.
    #[arg(short = 'x', long = "execute", value_name = "COMMAND", help_heading = CONSOLE)]
    pub execute: Option<String>,

    /// Answer -x as JSON
    #[arg(long, requires = "execute", help_heading = CONSOLE)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;

    #[test]
    fn a_running_engine_is_asked_by_r_and_x() {
        let console = |arguments: &[&str]| {
            let flags = Flags::read(["pinion"].iter().chain(arguments));
            flags.map(|flags| flags.console)
        };
        let asked = console(&["-x", "core show uptime", "--json", "--console", "s"]);
        let expected = Console {
            socket: Some("s".into()),
            attach: false,
            execute: Some("core show uptime".into()),
            json: true,
        };
        assert_eq!(asked.unwrap(), expected);
        assert!(console(&["-r"]).unwrap().attach);
        let as_asterisk = console(&["-rx", "core show uptime"]).unwrap();
        assert_eq!(as_asterisk.execute.as_deref(), Some("core show uptime"));
        assert!(console(&["--json"]).is_err(), "of which command?");
    }
}
