//! Commands of the host's shell, each until its deadline. What is still running
//! then is killed; what that has started itself is not.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;

/// The most of an output that is kept, in bytes.
const LONGEST: u64 = 64 << 10;

/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(2);

/// `SYSTEMSTATUS`: how a command went.
pub(super) fn status(command: &str, timeout: Duration) -> &'static str {
    let ended = start(command, Stdio::null()).and_then(|mut child| end(&mut child, timeout));
    match ended {
        Ok(status) if status.success() => "SUCCESS",
        // What the shell says where there is no such command.
        Ok(status) if status.code() == Some(127) => "FAILURE",
        Ok(_) => "APPERROR",
        Err(error) => {
            tracing::warn!("a command of the dialplan did not end: {error}");
            "FAILURE"
        }
    }
}

/// What a command writes to its output.
pub(super) fn output(command: &str, timeout: Duration) -> Option<String> {
    let until = Instant::now() + timeout;
    let mut child = start(command, Stdio::piped()).ok()?;
    let pipe = child.stdout.take()?;
    let (sender, receiver) = bounded(1);
    // The pipe may be held open by what the command has started.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.take(LONGEST).read_to_end(&mut bytes);
        drop(sender.send(read.map(|_| bytes)));
    });
    let bytes = receiver.recv_deadline(until).ok();
    let left = until.saturating_duration_since(Instant::now());
    end(&mut child, left).ok()?;
    let bytes = bytes?.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn start(command: &str, output: Stdio) -> io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()
}

/// Waits until a command ends, or ends it.
fn end(child: &mut Child, timeout: Duration) -> io::Result<ExitStatus> {
    let until = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_status_tells_how_a_command_went() {
        assert_eq!(status("exit 0", LONG), "SUCCESS");
        assert_eq!(status("exit 3", LONG), "APPERROR");
        assert_eq!(status("no-such-command-anywhere", LONG), "FAILURE");
        assert_eq!(status("sleep 1000", Duration::from_millis(50)), "FAILURE");
    }

    #[test]
    fn an_output_is_what_was_written() {
        assert_eq!(output("echo 'a b'; echo c >&2", LONG).unwrap(), "a b\n");
        assert_eq!(output("sleep 1000", Duration::from_millis(50)), None);
    }
}
