//! The one database of a world: rows of devices, and where they registered.
//!
//! Owns the rows and the mood it is in; when an errand arrives is the world's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::Instant;
use pinion_sip::config::Peer;
use pinion_sip::machine::realtime::{Errand, Known, Outcome, Registration};

use crate::engine::UNIX_START;

/// How it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    /// After a while.
    Answers(Duration),
    /// Says at once that it cannot.
    Refuses,
    /// Never says anything.
    Silent,
}

/// A device's row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its options.
    pub peer: Arc<Peer>,
    /// Where it is registered.
    pub contacts: Vec<Registration>,
}

/// All rows.
pub struct Database {
    /// By name.
    pub rows: BTreeMap<String, Row>,
    /// Its mood.
    pub mood: Mood,
    /// Devices asked for by name so far.
    pub asked: Vec<String>,
    /// Rows written so far.
    pub saved: u64,
}

impl Default for Database {
    fn default() -> Database {
        Database {
            rows: BTreeMap::new(),
            mood: Mood::Answers(Duration::from_millis(2)),
            asked: Vec::new(),
            saved: 0,
        }
    }
}

impl Database {
    /// Gives a device a row.
    pub fn add(&mut self, peer: Peer) {
        let contacts = Vec::new();
        let row = Row {
            peer: Arc::new(peer),
            contacts,
        };
        self.rows.insert(row.peer.name.to_string(), row);
    }

    /// The contacts of a row, as the URIs they are.
    pub fn contacts(&self, name: &str) -> Vec<String> {
        let row = &self.rows[name];
        row.contacts
            .iter()
            .map(|contact| contact.fullcontact.lossy().into_owned())
            .collect()
    }

    /// Does an errand whose moment has come.
    pub fn serve(&mut self, now: Instant, errand: &Errand) -> Outcome {
        match errand {
            Errand::Peer(name) => {
                let name = name.lossy().into_owned();
                let row = self.rows.get(&name);
                self.asked.push(name);
                Outcome::Peer(row.map(|row| {
                    Arc::new(Known {
                        peer: Arc::clone(&row.peer),
                        contacts: row.contacts.clone(),
                    })
                }))
            }
            Errand::PeersAt(_) => Outcome::Peers(Vec::new()),
            Errand::Save(saving) => {
                self.saved += 1;
                let unix = UNIX_START.0 + now.as_micros() / 1_000_000;
                if let Some(row) = self.rows.get_mut(&*saving.name.lossy()) {
                    let renewed = |contact: &Registration| contact.regseconds.0 > unix;
                    if !saving.expired || !row.contacts.iter().any(renewed) {
                        row.contacts.clone_from(&saving.contacts);
                    }
                }
                Outcome::Saved
            }
            Errand::Lastms { .. } => Outcome::Saved,
        }
    }
}
