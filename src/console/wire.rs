//! A session with an engine, as its client sees it. One thread reads all that
//! the engine says: answers go to whoever has asked, news to whoever takes
//! them.

use std::io::{self, BufReader, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::control::frame::{self, Frame, Kind};
use crate::control::socket::places;

/// Parts of an answer that may lie here unread.
const PARTS: usize = 16;

/// Takes news.
type Tell = Box<dyn FnMut(&str) + Send>;

/// What an engine answers.
pub(super) enum Reply {
    /// A part of what a command says.
    Part(Vec<u8>),
    /// Its end; whether it did what it was asked.
    Done(bool),
    /// How a line may go on.
    Words(Vec<String>),
}

/// A session.
pub(super) struct Engine {
    stream: UnixStream,
    replies: Receiver<Reply>,
    tell: Arc<Mutex<Option<Tell>>>,
    farewell: Arc<Mutex<String>>,
    /// Which version runs.
    pub(super) version: String,
    /// Its process.
    pub(super) pid: String,
    /// On which host.
    pub(super) host: String,
}

impl Engine {
    /// Reaches the engine at `socket`, or at the first place where one answers.
    pub(super) fn reach(socket: Option<&Path>) -> Result<Engine, String> {
        let places: Vec<PathBuf> = match socket {
            Some(path) => vec![path.into()],
            None => places(),
        };
        let mut refusals = Vec::new();
        for path in &places {
            match UnixStream::connect(path) {
                Ok(stream) => {
                    let begun = Engine::begin(stream);
                    return begun.map_err(|why| format!("{}: {why}", path.display()));
                }
                Err(error) => refusals.push(refusal(path, &error)),
            }
        }
        Err(refusals.join("; "))
    }

    fn begin(stream: UnixStream) -> Result<Engine, String> {
        let trouble = |error: io::Error| format!("the engine does not answer: {error}");
        let mut input = BufReader::new(stream.try_clone().map_err(trouble)?);
        let hello = match frame::read(&mut input).map_err(trouble)? {
            Some(hello) if hello.kind == Kind::Hello => hello.text(),
            Some(bye) if bye.kind == Kind::Bye => return Err(bye.text()),
            _ => return Err("the engine does not greet".into()),
        };
        let mut parts = hello.splitn(3, ' ').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let (version, pid, host) = (part(), part(), part());
        let (sender, replies) = sync_channel(PARTS);
        let (tell, farewell) = <(Arc<Mutex<Option<Tell>>>, Arc<Mutex<String>>)>::default();
        let (teller, last) = (Arc::clone(&tell), Arc::clone(&farewell));
        thread::spawn(move || {
            let why = listen(&mut input, &sender, &teller);
            let tell = teller.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(mut tell) = tell {
                tell("The engine has ended the session; Enter leaves.");
            }
            *last.lock().unwrap_or_else(PoisonError::into_inner) = why;
        });
        Ok(Engine {
            stream,
            replies,
            tell,
            farewell,
            version,
            pid,
            host,
        })
    }

    /// Asks something.
    pub(super) fn ask(&mut self, kind: Kind, text: &str) -> io::Result<()> {
        frame::write(&mut self.stream, kind, text.as_bytes())
    }

    /// What is answered next; `None` once the engine has gone.
    pub(super) fn reply(&mut self) -> Option<Reply> {
        self.replies.recv().ok()
    }

    /// Takes news from now on.
    pub(super) fn take_news(&mut self, tell: impl FnMut(&str) + Send + 'static) -> io::Result<()> {
        *self.tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(tell));
        self.ask(Kind::Attach, "")
    }

    /// Why the engine has gone.
    pub(super) fn farewell(&self) -> String {
        // The thread that reads has said why before it ended.
        while self.replies.recv().is_ok() {}
        let farewell = self.farewell.lock();
        let farewell = farewell.unwrap_or_else(PoisonError::into_inner);
        match farewell.is_empty() {
            true => "the engine has ended the session".into(),
            false => farewell.clone(),
        }
    }
}

/// Reads until the engine goes; why it did, if it says so.
fn listen(
    input: &mut BufReader<UnixStream>,
    replies: &SyncSender<Reply>,
    tell: &Mutex<Option<Tell>>,
) -> String {
    loop {
        let Frame { kind, bytes } = match frame::read(input) {
            Ok(Some(frame)) => frame,
            Ok(None) => return String::new(),
            Err(error) => return format!("the engine has gone: {error}"),
        };
        let text = || String::from_utf8_lossy(&bytes);
        let reply = match kind {
            Kind::Done => Reply::Done(bytes == b"ok"),
            Kind::Words => Reply::Words(text().lines().map(str::to_owned).collect()),
            Kind::News => {
                let mut tell = tell.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(tell) = tell.as_mut() {
                    tell(&text());
                }
                continue;
            }
            Kind::Bye => return text().into_owned(),
            _ => Reply::Part(bytes),
        };
        if replies.send(reply).is_err() {
            return String::new();
        }
    }
}

fn refusal(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound => format!("no engine at {path}: there is no such socket"),
        ErrorKind::ConnectionRefused => format!("no engine at {path}: the one that was has ended"),
        ErrorKind::PermissionDenied => {
            format!("{path} is not for this user; astctlgroup of asterisk.conf opens it to a group")
        }
        _ => format!("no engine at {path}: {error}"),
    }
}
