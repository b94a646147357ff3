//! One client of the console: its commands, answered one after another, and
//! the news it takes. Each has a thread of its own, so that one that stops
//! reading holds nobody; where sessions run short it makes room.

use std::io::{self, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::audit::Operator;
use super::command;
use super::complete::complete;
use super::frame::{self, Kind};
use super::house::House;
use super::out::{Form, Out};

/// Sessions at once.
const MOST_SESSIONS: usize = 64;

/// Once all are taken, a client that has read nothing for so long makes room.
const STALLED: Duration = Duration::from_secs(5);

/// The priority of commands: a tenth of a shard's share.
const NICE: i32 = 10;

/// Bytes of an answer gathered before they are sent.
const GATHERED: usize = 16 * 1024;

/// Where threads share a CPU, shards come first: the calling thread has the
/// priority of commands from now on. Linux gives each thread one of its own.
pub fn come_second() {
    // A host that does not allow that is none the worse off.
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// A client's end of the socket, for all who write to it.
pub struct Line {
    stream: UnixStream,
    writing: Mutex<()>,
    born: Instant,
    /// Milliseconds from birth to the beginning of a write that has not ended,
    /// and 1.
    waits: AtomicU64,
}

impl Line {
    /// The line of a client.
    pub fn new(stream: UnixStream) -> Line {
        Line {
            stream,
            writing: Mutex::new(()),
            born: Instant::now(),
            waits: AtomicU64::new(0),
        }
    }

    fn send(&self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.born.elapsed().as_millis() as u64;
        self.waits.store(now + 1, Ordering::Relaxed);
        let sent = frame::write(&mut &self.stream, kind, bytes);
        self.waits.store(0, Ordering::Relaxed);
        sent
    }

    /// For how long nothing has been read that was written.
    fn stalled(&self) -> Duration {
        match self.waits.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => {
                let since = Duration::from_millis(since - 1);
                self.born.elapsed().saturating_sub(since)
            }
        }
    }

    fn hang_up(&self) {
        // It may have hung up already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// All sessions.
pub struct Desk {
    house: Arc<House>,
    lines: Mutex<Vec<Arc<Line>>>,
    /// Commands being carried out.
    busy: AtomicUsize,
}

impl Desk {
    /// Nobody is there yet.
    pub fn new(house: Arc<House>) -> Desk {
        Desk {
            house,
            lines: Mutex::default(),
            busy: AtomicUsize::new(0),
        }
    }

    /// Answers a client on a thread of its own, if there is room for it.
    pub fn seat(self: &Arc<Self>, line: Line) {
        let line = Arc::new(line);
        if !self.make_room(&line) {
            let sentence = format!("{MOST_SESSIONS} sessions are open already");
            let _ = line.send(Kind::Bye, sentence.as_bytes());
            return;
        }
        let desk = Arc::clone(self);
        let seated = Arc::clone(&line);
        let spawned = thread::Builder::new()
            .name("console".into())
            .spawn(move || {
                come_second();
                let _leaving = Leaving(&desk, &line);
                // A client that goes away is no trouble of the engine's.
                let _ = attend(&desk, &line);
            });
        if spawned.is_err() {
            self.leave(&seated);
        }
    }

    /// Ends all sessions, once the commands being carried out have finished, or
    /// after `limit`.
    pub fn close(&self, limit: Duration) {
        let start = Instant::now();
        while self.busy.load(Ordering::Acquire) > 0 && start.elapsed() < limit {
            thread::sleep(Duration::from_millis(5));
        }
        for line in self.lines().iter() {
            line.hang_up();
        }
    }

    fn make_room(&self, line: &Arc<Line>) -> bool {
        let mut lines = self.lines();
        if lines.len() >= MOST_SESSIONS {
            let worst = lines.iter().max_by_key(|line| line.stalled());
            let Some(worst) = worst.filter(|line| line.stalled() >= STALLED).cloned() else {
                return false;
            };
            worst.hang_up();
            lines.retain(|line| !Arc::ptr_eq(line, &worst));
        }
        lines.push(Arc::clone(line));
        true
    }

    fn leave(&self, line: &Arc<Line>) {
        line.hang_up();
        self.lines().retain(|seated| !Arc::ptr_eq(seated, line));
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that ends, however it does.
struct Leaving<'d>(&'d Arc<Desk>, &'d Arc<Line>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

/// A command being carried out, however it ends.
struct Busy<'d>(&'d AtomicUsize);

impl<'d> Busy<'d> {
    fn begin(count: &'d AtomicUsize) -> Busy<'d> {
        count.fetch_add(1, Ordering::AcqRel);
        Busy(count)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Answers a client until it goes.
fn attend(desk: &Desk, line: &Arc<Line>) -> io::Result<()> {
    let operator = Operator::of(&line.stream);
    let mut input = BufReader::new(line.stream.try_clone()?);
    line.send(Kind::Hello, greeting().as_bytes())?;
    let mut attached = None;
    while let Some(asked) = frame::read(&mut input)? {
        let house = &desk.house;
        let (form, colours) = match asked.kind {
            Kind::Text => (Form::Text, false),
            Kind::Colour => (Form::Text, true),
            Kind::Json => (Form::Json, false),
            Kind::Complete => {
                let words = complete(house, &asked.text()).join("\n");
                line.send(Kind::Words, words.as_bytes())?;
                continue;
            }
            Kind::Attach => {
                if attached.is_none() {
                    attached = Some(Attached::begin(house, line)?);
                }
                continue;
            }
            _ => return line.send(Kind::Bye, b"that is nothing a client says"),
        };
        let _busy = Busy::begin(&desk.busy);
        let command = asked.text();
        let mut sink = Parts {
            line,
            gathered: Vec::new(),
        };
        let out = Out::new(form, &mut sink).with_colours(colours);
        let done = command::run(house, &command, out);
        operator.record(&command, &done);
        let outcome: &[u8] = if done? { b"ok" } else { b"failed" };
        line.send(Kind::Done, outcome)?;
    }
    Ok(())
}

/// A client that hears the news, until it goes.
struct Attached<'h> {
    house: &'h House,
    number: u64,
}

impl<'h> Attached<'h> {
    fn begin(house: &'h House, line: &Arc<Line>) -> io::Result<Attached<'h>> {
        let listener = house.news.listen();
        let number = listener.number();
        let attached = Attached { house, number };
        let line = Arc::clone(line);
        let tell = move || {
            while let Some(text) = listener.next() {
                if line.send(Kind::News, text.as_bytes()).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("console".into()).spawn(tell)?;
        Ok(attached)
    }
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        self.house.news.stop(self.number);
    }
}

/// `0.1.0 4711 pbx`.
fn greeting() -> String {
    let host = nix::unistd::gethostname().unwrap_or_default();
    format!(
        "{} {} {}",
        env!("CARGO_PKG_VERSION"),
        std::process::id(),
        host.to_string_lossy()
    )
}

/// An answer on its way, in parts that end with a line where there are lines:
/// news may stand between them.
struct Parts<'l> {
    line: &'l Line,
    gathered: Vec<u8>,
}

impl Write for Parts<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHERED {
            let last = self.gathered.iter().rposition(|byte| *byte == b'\n');
            let rest = last.map_or_else(Vec::new, |last| self.gathered.split_off(last + 1));
            self.flush()?;
            self.gathered = rest;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let gathered = std::mem::take(&mut self.gathered);
        self.line.send(Kind::Out, &gathered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts in which an answer comes.
    fn parts(of: &[&str]) -> Vec<String> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let line = Line::new(ours);
        let of: Vec<String> = of.iter().map(|&text| text.to_owned()).collect();
        let writer = thread::spawn(move || {
            let gathered = Vec::new();
            let line = &line;
            let mut answer = Parts { line, gathered };
            of.iter()
                .for_each(|text| answer.write_all(text.as_bytes()).unwrap());
            answer.flush().unwrap();
        });
        let mut input = BufReader::new(theirs);
        let frames = std::iter::from_fn(|| frame::read(&mut input).unwrap());
        let parts = frames.map(|frame| frame.text()).collect();
        writer.join().unwrap();
        parts
    }

    #[test]
    fn a_part_ends_with_a_line_where_there_are_lines() {
        let row = "x".repeat(99);
        let rows: Vec<&str> = [row.as_str(), "\n"].repeat(1000);
        let parts = parts(&rows);
        assert_eq!(parts.concat(), rows.concat());
        assert!(parts.len() > 2);
        assert!(parts.iter().all(|part| part.ends_with('\n')));
    }

    #[test]
    fn a_long_line_is_not_gathered_to_its_end() {
        let parts = parts(&[&*"x".repeat(1000); 100]);
        assert!(parts.len() > 2, "{}", parts.len());
    }
}
