//! SIGHUP: everything is read anew, and the log tells what came of it. The
//! thread that hears of signals does not wait for it.

use std::sync::Arc;

use crate::config::Parts;
use crate::control::house::House;
use crate::control::out::{Form, Out};

/// Reloads everything, on a thread of its own.
pub fn reload(house: &Arc<House>) {
    let house = Arc::clone(house);
    let work = move || {
        let Some(reloader) = &house.reloader else {
            return;
        };
        match reloader.reload(&house, Parts::ALL, false) {
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
    };
    if let Err(error) = std::thread::Builder::new()
        .name("reload".into())
        .spawn(work)
    {
        tracing::error!("SIGHUP: no thread to reload: {error}");
    }
}
