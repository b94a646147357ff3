//! Lines for whoever is attached to the console, said without being asked. A
//! listener too slow for them loses some and learns how many; whoever speaks
//! never waits.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Lines that may wait for one listener.
const MOST_WAITING: usize = 4096;

/// Where news are said.
#[derive(Default)]
pub struct News {
    listeners: Mutex<Vec<Speaker>>,
    /// How many there are.
    heard: AtomicUsize,
    listened: AtomicU64,
}

struct Speaker {
    number: u64,
    lines: SyncSender<Arc<str>>,
    lost: Arc<AtomicU64>,
}

/// Where news are heard, until it is dropped, or they are told to stop.
pub struct Listener {
    number: u64,
    lines: Receiver<Arc<str>>,
    lost: Arc<AtomicU64>,
}

impl News {
    /// Tells all listeners; one line, or several. No line end follows the last.
    pub fn say(&self, text: &str) {
        let listeners = self.listeners.lock();
        let mut listeners = listeners.unwrap_or_else(PoisonError::into_inner);
        if listeners.is_empty() {
            return;
        }
        let text: Arc<str> = text.into();
        listeners.retain(
            |listener| match listener.lines.try_send(Arc::clone(&text)) {
                Ok(()) => true,
                Err(TrySendError::Full(_)) => {
                    listener.lost.fetch_add(1, Ordering::Relaxed);
                    true
                }
                Err(TrySendError::Disconnected(_)) => false,
            },
        );
        self.heard.store(listeners.len(), Ordering::Relaxed);
    }

    /// Whether anybody listens; what is dear to say need not be made else.
    /// Waits for nobody.
    pub fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed) > 0
    }

    /// Hears what is said from now on.
    pub fn listen(&self) -> Listener {
        let (sender, lines) = sync_channel(MOST_WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let number = self.listened.fetch_add(1, Ordering::Relaxed);
        let speaker = Speaker {
            number,
            lines: sender,
            lost: Arc::clone(&lost),
        };
        let listeners = self.listeners.lock();
        let mut listeners = listeners.unwrap_or_else(PoisonError::into_inner);
        listeners.push(speaker);
        self.heard.store(listeners.len(), Ordering::Relaxed);
        drop(listeners);
        Listener {
            number,
            lines,
            lost,
        }
    }

    /// Has the listener of that number come to its end.
    pub fn stop(&self, number: u64) {
        let listeners = self.listeners.lock();
        let mut listeners = listeners.unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.number != number);
        self.heard.store(listeners.len(), Ordering::Relaxed);
    }
}

impl Listener {
    /// What [`News::stop`] calls it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What is said next, with a line before it that tells how much was lost.
    /// Waits; `None` once nobody can say anything more.
    pub fn next(&self) -> Option<String> {
        let text = self.lines.recv().ok()?;
        match self.lost.swap(0, Ordering::Relaxed) {
            0 => Some(text.to_string()),
            lost => Some(format!("... {lost} messages were dropped ...\n{text}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_listener_loses_lines_and_learns_how_many() {
        let news = News::default();
        news.say("nobody hears this");
        let (slow, gone) = (news.listen(), news.listen());
        drop(gone);
        for number in 0..MOST_WAITING + 3 {
            news.say(&number.to_string());
        }
        assert_eq!(slow.next().unwrap(), "... 3 messages were dropped ...\n0");
        assert_eq!(slow.next().unwrap(), "1");
        assert!(news.is_heard());
        drop(slow);
        news.say("and now nobody again");
        assert!(!news.is_heard());
    }

    #[test]
    fn a_listener_ends_when_it_is_told_to_or_with_the_news() {
        let news = News::default();
        let (stopped, listener) = (news.listen(), news.listen());
        news.stop(stopped.number());
        news.say("last");
        drop(news);
        assert_eq!(stopped.next(), None);
        assert_eq!(listener.next().unwrap(), "last");
        assert_eq!(listener.next(), None);
    }
}
