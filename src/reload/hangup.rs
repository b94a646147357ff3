//! SIGHUP: everything is read anew, and the log tells what came of it. The
//! thread that hears of signals does not wait for it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::Builder;

use crate::config::Parts;
use crate::control::house::House;
use crate::control::out::{Form, Out};

/// The way to the thread that reloads: one at a time, and one more for all who
/// ask meanwhile.
pub struct Hangup(SyncSender<()>);

impl Hangup {
    /// For the engine of a house.
    pub fn new(house: &Arc<House>) -> io::Result<Hangup> {
        let (sender, asked) = sync_channel(1);
        let house = Arc::clone(house);
        let work = move || asked.iter().for_each(|()| reload(&house));
        Builder::new().name("reload".into()).spawn(work)?;
        Ok(Hangup(sender))
    }

    /// Asks for a reload of everything as it is now, or later.
    pub fn ask(&self) {
        match self.0.try_send(()) {
            // One that has not begun reads what there is when it does.
            Ok(()) | Err(TrySendError::Full(())) => {}
            Err(TrySendError::Disconnected(())) => {
                tracing::error!("SIGHUP: a reload has failed for good; a restart mends that");
            }
        }
    }
}

fn reload(house: &House) {
    let Some(reloader) = &house.reloader else {
        return;
    };
    match reloader.reload(house, Parts::ALL, false) {
        Err(sentence) => tracing::error!("SIGHUP: all stays as it was: {sentence}"),
        Ok(difference) => {
            let mut text = Vec::new();
            let mut out = Out::new(Form::Text, &mut text);
            // Writing to memory does not fail.
            let _ = difference.tell(false, &mut out);
            for line in String::from_utf8_lossy(&text).lines() {
                tracing::info!("SIGHUP: {line}");
            }
        }
    }
}
