//! Events of several lines in a log of lines: each further line begins with
//! `| `. So no text of a remote's ever stands where the time of an event is
//! looked for, and whoever reads the log line by line is not deceived.

use std::io::{self, Write};

use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{self, MakeWriter};

use super::Format;

/// What stands before a further line.
const FURTHER: &[u8] = b"\n| ";

/// The queue of the log, entered event by event.
#[derive(Clone)]
pub(super) struct Lines(pub(super) NonBlocking);

impl Write for Lines {
    /// `event` is all of one event: the formatter hands it over at once.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        match marked(event) {
            Some(marked) => self.0.write_all(&marked)?,
            None => self.0.write_all(event)?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

/// A warning of the log about itself, which goes by no level and no share.
pub(super) fn own(format: Format, sentence: &str) -> String {
    let mut time = String::new();
    // Writing to a String does not fail, and a clock before 1970 has no time.
    let _ = SystemTime.format_time(&mut fmt::format::Writer::new(&mut time));
    match format {
        Format::Text => format!("{time}  WARN {sentence}\n"),
        Format::Json => {
            let (level, target) = ("WARN", "log");
            let line = serde_json::json!({
                "timestamp": time, "level": level, "message": sentence, "target": target,
            });
            format!("{line}\n")
        }
    }
}

/// An event with its further lines marked; `None` if it has none.
fn marked(event: &[u8]) -> Option<Vec<u8>> {
    let (text, end) = match event.strip_suffix(b"\n") {
        Some(text) => (text, &b"\n"[..]),
        None => (event, &b""[..]),
    };
    if !text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return None;
    }
    let lines: Vec<&[u8]> = text
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    let mut marked = lines.join(FURTHER);
    // A lone CR would take a terminal back to where the line began.
    for byte in &mut marked {
        if *byte == b'\r' {
            *byte = b' ';
        }
    }
    marked.extend_from_slice(end);
    Some(marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(event: &str) -> String {
        let marked = marked(event.as_bytes()).unwrap_or_else(|| event.into());
        String::from_utf8(marked).unwrap()
    }

    #[test]
    fn one_line_stays_as_it_is() {
        assert_eq!(marked(b"one line\n"), None);
        assert_eq!(marked(b""), None);
    }

    #[test]
    fn no_further_line_begins_by_itself() {
        assert_eq!(mark("a\r\nb\n\nc\n"), "a\n| b\n| \n| c\n");
        assert_eq!(mark("a\rb\n"), "a b\n");
        assert_eq!(mark("a\n\n"), "a\n| \n");
    }
}
