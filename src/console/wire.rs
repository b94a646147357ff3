//! A session with an engine, as its client sees it. One thread reads all that
//! the engine says and waits for nobody but whoever has asked: answers go there,
//! news to a thread of their own, since a terminal takes them when it likes.

use std::io::{self, BufReader, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::control::frame::{self, Frame, Kind};
use crate::control::news::{Listener, News};
use crate::control::socket::places;

/// Parts of an answer that may lie here unread.
const PARTS: usize = 16;

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
    /// Until somebody takes them.
    news: Option<Listener>,
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
        let news = News::default();
        let listener = news.listen();
        let farewell = Arc::<Mutex<String>>::default();
        let last = Arc::clone(&farewell);
        thread::spawn(move || {
            let why = listen(&mut input, &sender, &news);
            *last.lock().unwrap_or_else(PoisonError::into_inner) = why;
        });
        Ok(Engine {
            stream,
            replies,
            news: Some(listener),
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

    /// Whether the engine has gone; to be asked where no answer is due.
    pub(super) fn has_gone(&self) -> bool {
        matches!(self.replies.try_recv(), Err(TryRecvError::Disconnected))
    }

    /// Has news told from now on, and `None` once the engine has gone.
    pub(super) fn tell_news(
        &mut self,
        mut tell: impl FnMut(Option<&str>) + Send + 'static,
    ) -> io::Result<()> {
        let Some(news) = self.news.take() else {
            return Ok(());
        };
        let tell = move || {
            while let Some(text) = news.next() {
                tell(Some(&text));
            }
            tell(None);
        };
        thread::Builder::new().spawn(tell)?;
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
fn listen(input: &mut BufReader<UnixStream>, replies: &SyncSender<Reply>, news: &News) -> String {
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
                news.say(&text());
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
