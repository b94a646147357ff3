//! The one database of a world: rows of devices, and where they registered.
//!
//! Owns the rows and the mood it is in; when an errand arrives is the world's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::auth::node::Node;
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
    /// Engines that say that they live.
    pub nodes: Vec<Arc<Node>>,
}

impl Default for Database {
    fn default() -> Database {
        Database {
            rows: BTreeMap::new(),
            mood: Mood::Answers(Duration::from_millis(2)),
            asked: Vec::new(),
            saved: 0,
            nodes: Vec::new(),
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

    /// Gives a device another row, and leaves it its contacts.
    pub fn change(&mut self, peer: Peer) {
        let row = self.rows.get_mut(peer.name.as_str()).expect("the row");
        row.peer = Arc::new(peer);
    }

    /// The contacts of a row, as the URIs they are.
    pub fn contacts(&self, name: &str) -> Vec<String> {
        let row = &self.rows[name];
        row.contacts
            .iter()
            .map(|contact| contact.fullcontact.lossy().into_owned())
            .collect()
    }

    /// Does an errand of `own`, if it is one of several, whose moment has come.
    pub fn serve(&mut self, now: Instant, errand: &Errand, own: Option<&Node>) -> Outcome {
        match errand {
            Errand::Peer(name) => {
                let name = name.lossy().into_owned();
                let row = self.rows.get(&name);
                self.asked.push(name);
                Outcome::Peer(row.map(|row| {
                    let mut contacts = row.contacts.clone();
                    for contact in contacts.iter_mut().filter(|_| own.is_some()) {
                        contact.node = self.other_node(&contact.regserver, own);
                    }
                    Arc::new(Known {
                        peer: Arc::clone(&row.peer),
                        contacts,
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
                        for contact in &mut row.contacts {
                            contact.regserver = own.map(|own| own.name.clone()).unwrap_or_default();
                        }
                    }
                }
                Outcome::Saved
            }
            Errand::Lastms { .. } => Outcome::Saved,
        }
    }

    /// The live node of that name, if it is not `own`.
    fn other_node(&self, name: &str, own: Option<&Node>) -> Option<Arc<Node>> {
        let is_it = |node: &&Arc<Node>| node.name == name && Some(&***node) != own;
        self.nodes.iter().find(is_it).cloned()
    }
}
