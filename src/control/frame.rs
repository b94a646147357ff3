//! What goes over the console's socket: frames, each a line `KIND LENGTH` and
//! as many bytes. The engine greets, the client asks; news come of their own
//! accord, between other frames. Knows nothing of what frames say.

use std::io::{self, BufRead, Read, Write};

/// Most bytes of a frame.
pub const MOST_BYTES: usize = 64 * 1024;

/// Most bytes of the line before them.
const MOST_HEAD: u64 = 32;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// To the engine: a command, to be answered as text.
    Text,
    /// A command, to be answered as text with colours.
    Colour,
    /// A command, to be answered as JSON.
    Json,
    /// The beginning of a command, to be completed.
    Complete,
    /// The client takes news.
    Attach,
    /// From the engine, first of all: version, process id and host, by blanks.
    Hello,
    /// A part of a command's answer.
    Out,
    /// Its end: `ok`, or `failed`.
    Done,
    /// What may stand in place of the last word, a line each.
    Words,
    /// Lines that nobody has asked for.
    News,
    /// Why the engine ends the session, in one sentence.
    Bye,
}

const NAMES: [(Kind, &str); 11] = [
    (Kind::Text, "text"),
    (Kind::Colour, "colour"),
    (Kind::Json, "json"),
    (Kind::Complete, "complete"),
    (Kind::Attach, "attach"),
    (Kind::Hello, "hello"),
    (Kind::Out, "out"),
    (Kind::Done, "done"),
    (Kind::Words, "words"),
    (Kind::News, "news"),
    (Kind::Bye, "bye"),
];

impl Kind {
    fn name(self) -> &'static str {
        let row = NAMES.iter().find(|(kind, _)| *kind == self);
        row.map_or("", |(_, name)| name)
    }

    fn of(name: &str) -> Option<Kind> {
        let row = NAMES.iter().find(|(_, known)| *known == name);
        row.map(|(kind, _)| *kind)
    }
}

/// One frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// What it says, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Writes what `bytes` holds: one frame, or several where it is too much for
/// one.
pub fn write(out: &mut impl Write, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    let (part, rest) = bytes.split_at(bytes.len().min(MOST_BYTES));
    let mut frame = format!("{} {}\n", kind.name(), part.len()).into_bytes();
    frame.extend_from_slice(part);
    out.write_all(&frame)?;
    match rest.is_empty() {
        true => Ok(()),
        false => write(out, kind, rest),
    }
}

/// Reads a frame; `None` at the end. What is no frame is an error, and nothing
/// that follows can be read.
pub fn read(input: &mut impl BufRead) -> io::Result<Option<Frame>> {
    let mut head = Vec::new();
    input.take(MOST_HEAD).read_until(b'\n', &mut head)?;
    if head.is_empty() {
        return Ok(None);
    }
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "this is no frame");
    let head = std::str::from_utf8(&head).map_err(|_| wrong())?;
    let parts = head
        .strip_suffix('\n')
        .and_then(|head| head.split_once(' '));
    let (kind, length) = parts.ok_or_else(wrong)?;
    let kind = Kind::of(kind).ok_or_else(wrong)?;
    let length: usize = length.parse().map_err(|_| wrong())?;
    if length > MOST_BYTES {
        return Err(wrong());
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes)?;
    Ok(Some(Frame { kind, bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_were_written() {
        let mut wire = Vec::new();
        let long = vec![b'x'; MOST_BYTES + 1];
        for (kind, _) in NAMES {
            write(&mut wire, kind, b"two\nlines").unwrap();
        }
        write(&mut wire, Kind::Out, &long).unwrap();
        write(&mut wire, Kind::Attach, b"").unwrap();
        let mut input = wire.as_slice();
        for (kind, _) in NAMES {
            let frame = read(&mut input).unwrap().unwrap();
            assert_eq!((frame.kind, frame.text()), (kind, "two\nlines".into()));
        }
        let mut sizes = Vec::new();
        while let Some(frame) = read(&mut input).unwrap() {
            sizes.push((frame.kind, frame.bytes.len()));
        }
        assert_eq!(
            sizes,
            [(Kind::Out, MOST_BYTES), (Kind::Out, 1), (Kind::Attach, 0)]
        );
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for wire in [
            "text 5\nab",
            "text 99999999\n",
            "text -1\n",
            "text\n",
            "noise 1\nx",
            "text 1",
            "\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "texttexttexttexttexttexttexttexttexttext 1\nx",
        ] {
            assert!(read(&mut wire.as_bytes()).is_err(), "{wire:?}");
        }
    }
}
