//! The engines over one database: each says in a table of theirs (family
//! `nodes`) where it takes requests, what proves them, and that it lives. A
//! thread of its own keeps our row fresh and the others known.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use pinion_sip::auth::node::{Key, Node};

use super::driver::{Condition, Fault, Row, Update};
use super::mapping::{Mapping, Password};
use super::pool::{Pool, Route, rows};
use super::row::{column, decoded, encoded};
use super::unix_now;

/// How often our row says that we live.
const BEAT: Duration = Duration::from_secs(10);

/// How soon that is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// The least time between looks for a node that is not known.
const LOOK: Duration = Duration::from_secs(1);

/// A row not renewed for longer is a dead node's.
const DEAD_S: u64 = 60;

/// This engine, as its row says.
#[derive(Clone, Debug)]
pub struct OwnNode {
    /// `name`: `systemname`.
    pub name: String,
    /// `address`.
    pub address: SocketAddr,
    /// `secret`: 64 hexadecimal digits.
    secret: Password,
    key: Key,
}

impl OwnNode {
    /// An engine whose requests others prove with `secret`.
    pub fn new(name: &str, address: SocketAddr, secret: &[u8; 32]) -> OwnNode {
        let digits: Vec<String> = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        OwnNode {
            name: name.into(),
            address,
            secret: Password::new(digits.concat()),
            key: Key::of(secret),
        }
    }

    /// The secret that an earlier process of that name has left, by which
    /// others know us still. Asks the database, and waits for it.
    pub fn known_secret(mapping: &Mapping, name: &str, timeout: Duration) -> Option<[u8; 32]> {
        let key = [encoded(name).into_owned()];
        let ours = [Condition::OneOf("name", &key)];
        let found = rows(mapping, "nodes", &ours, &[], timeout).ok()?;
        let ours = found.iter().find(|row| is_named(row, name))?;
        secret(column(ours, "secret")?)
    }

    /// As shards know it.
    pub fn node(&self) -> Node {
        Node {
            name: (&*self.name).into(),
            address: self.address,
            key: self.key.clone(),
        }
    }
}

/// The others, by name, each with its `seen`.
type Live = Arc<RwLock<HashMap<String, (Arc<Node>, u64)>>>;

/// What the thread is told.
pub(super) enum NodeJob {
    /// A row names a node that is not known.
    Look,
    /// We go.
    Stop,
}

/// The other nodes that live, as readers see them.
#[derive(Clone)]
pub(super) struct Nodes {
    own: String,
    live: Live,
    jobs: Sender<NodeJob>,
}

impl Nodes {
    /// Nobody known yet.
    pub fn new(own: &OwnNode, jobs: Sender<NodeJob>) -> Nodes {
        Nodes {
            own: own.name.clone(),
            live: Live::default(),
            jobs,
        }
    }

    /// The other node of that name, if it lives. One that is not known is
    /// looked for, and known to who asks later.
    pub fn find(&self, name: &str) -> Option<Arc<Node>> {
        if name.is_empty() || name == self.own {
            return None;
        }
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        let found = live.get(name).filter(|(_, seen)| is_live(*seen));
        if found.is_none() {
            // A full queue looks anyway.
            let _: Result<(), TrySendError<_>> = self.jobs.try_send(NodeJob::Look);
        }
        found.map(|(node, _)| Arc::clone(node))
    }

    /// Has our row say that we are gone.
    pub fn stop(&self, until: Instant) {
        let _ = self.jobs.send_deadline(NodeJob::Stop, until);
    }
}

fn is_live(seen: u64) -> bool {
    seen.saturating_add(DEAD_S) >= unix_now()
}

/// The thread.
pub(super) struct Roll {
    pub own: OwnNode,
    pub live: Live,
    pub jobs: Receiver<NodeJob>,
    pub pool: Pool,
    pub route: Route,
    /// Whether our row has been written.
    pub entered: bool,
    /// Whether the table could not be asked, or what else has been told.
    pub told: Option<String>,
}

impl Roll {
    /// For the nodes that readers shall see.
    pub fn new(
        own: OwnNode,
        nodes: &Nodes,
        jobs: Receiver<NodeJob>,
        pool: Pool,
        route: Route,
    ) -> Roll {
        Roll {
            own,
            live: Arc::clone(&nodes.live),
            jobs,
            pool,
            route,
            entered: false,
            told: None,
        }
    }

    /// Serves until told to stop, or until nobody is left to tell it.
    pub fn serve(&mut self) {
        loop {
            let beaten = self.beat();
            let looked = Instant::now();
            let next = looked + if beaten.is_ok() { BEAT } else { RETRY };
            self.tell(beaten.err().map(|fault| {
                format!("the table of nodes: {fault}. No call goes by way of another node")
            }));
            loop {
                match self.jobs.recv_deadline(next) {
                    Ok(NodeJob::Look) if looked.elapsed() >= LOOK => break,
                    Ok(NodeJob::Look) => {}
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Ok(NodeJob::Stop) => {
                        // Who cannot say that it goes is found out by its silence.
                        let _ = self.write(0);
                        return;
                    }
                }
            }
        }
    }

    /// Says that we live, and learns who else does.
    fn beat(&mut self) -> Result<(), Fault> {
        let rows = self
            .pool
            .run(&self.route, |driver, table| driver.select(table, &[], &[]))?;
        let ours = rows.iter().find(|row| is_named(row, &self.own.name));
        if let Some(ours) = ours {
            let is = |name, value: &str| column(ours, name) == Some(value);
            let same = is("secret", self.own.secret.reveal())
                && is("address", &self.own.address.to_string());
            if !same && self.entered {
                let name = &self.own.name;
                tracing::error!("another node is called {name}, too: each needs a --systemname");
            }
            self.write(unix_now())?;
        } else {
            self.enter()?;
        }
        self.entered = true;
        let others = rows.iter().filter(|row| !is_named(row, &self.own.name));
        let live = others
            .filter_map(|row| {
                let (node, seen) = node(row)?;
                is_live(seen).then(|| (node.name.to_string(), (Arc::new(node), seen)))
            })
            .collect();
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
        Ok(())
    }

    /// Makes our row.
    fn enter(&mut self) -> Result<(), Fault> {
        let (name, address) = (encoded(&self.own.name), self.own.address.to_string());
        let seen = unix_now().to_string();
        let row = [
            ("name", &*name),
            ("address", &address),
            ("secret", self.own.secret.reveal()),
            ("seen", &seen),
        ];
        let inserted = self
            .pool
            .run(&self.route, |driver, table| driver.insert(table, &row));
        inserted.map(drop)
    }

    /// Writes all of our row.
    fn write(&mut self, seen: u64) -> Result<(), Fault> {
        let rows = [vec![
            encoded(&self.own.name).into_owned(),
            self.own.address.to_string(),
            self.own.secret.reveal().to_owned(),
            seen.to_string(),
        ]];
        let written = self.pool.run(&self.route, |driver, table| {
            driver.update(&[Update {
                table,
                key: "name",
                columns: &["address", "secret", "seen"],
                rows: &rows,
                only: None,
            }])
        });
        written.map(drop)
    }

    /// Says what is the matter, once, and that it is over.
    fn tell(&mut self, sentence: Option<String>) {
        match &sentence {
            Some(sentence) if self.told.is_none() => tracing::error!("{sentence}"),
            None if self.told.is_some() => tracing::info!("the table of nodes is there again"),
            _ => {}
        }
        self.told = sentence;
    }
}

fn is_named(row: &Row, name: &str) -> bool {
    column(row, "name").is_some_and(|found| decoded(found) == name)
}

/// What a row says; `None` where it says nothing that makes sense.
fn node(row: &Row) -> Option<(Node, u64)> {
    let node = Node {
        name: (&*decoded(column(row, "name")?)).into(),
        address: column(row, "address")?.parse().ok()?,
        key: Key::of(&secret(column(row, "secret")?)?),
    };
    Some((node, column(row, "seen")?.parse().ok()?))
}

fn secret(digits: &str) -> Option<[u8; 32]> {
    let mut secret = [0; 32];
    if digits.len() != 2 * secret.len() {
        return None;
    }
    for (byte, at) in secret.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(secret: &str, address: &str) -> Row {
        let column = |name: &str, value: &str| (name.into(), Some(value.to_owned()));
        vec![
            column("name", "a^3Bb"),
            column("address", address),
            column("secret", secret),
            column("seen", "1700000000"),
        ]
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let own = OwnNode::new("a;b", "[::1]:5060".parse().unwrap(), &[0xa7; 32]);
        let read = row(own.secret.reveal(), &own.address.to_string());
        assert_eq!(node(&read), Some((own.node(), 1_700_000_000)));
        assert!(is_named(&read, "a;b"));
    }

    #[test]
    fn a_row_that_makes_no_sense_is_nobodys() {
        let secret = "a7".repeat(32);
        for (secret, address) in [
            ("", "127.0.0.1:5060"),
            (&secret[1..], "127.0.0.1:5060"),
            (&"äö".repeat(16), "127.0.0.1:5060"),
            (&secret, "localhost"),
        ] {
            assert_eq!(node(&row(secret, address)), None);
        }
    }

    #[test]
    fn our_secret_is_never_shown() {
        let own = OwnNode::new("a", "127.0.0.1:5060".parse().unwrap(), &[0xa7; 32]);
        assert!(!format!("{own:?}{:?}", own.node()).contains("a7a7"));
    }
}
