//! A thread that looks devices up. Askers of one name share one statement, and
//! so do all names that were asked while the statement before ran. No asker is
//! given a row that was read before it asked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::Receiver;
use pinion_sip::base::{Text, UnixTime};
use pinion_sip::machine::realtime::{Known, Outcome, Registration};

use super::Device;
use super::counters::Tally;
use super::driver::{Condition, Fault, Row};
use super::nodes::Nodes;
use super::pending::Pending;
use super::pool::{Pool, Route};
use super::reply::Reply;
use super::row::{column, decoded, encoded, pairs, registration};

/// The most names of one statement.
const NAMES: usize = 4096;

/// The most addresses of one round.
const ADDRESSES: usize = 256;

/// The least time for each statement that found nearly nothing, before the next
/// of its kind, for all readers together: fewer than 20 statements a second,
/// whoever makes names or addresses up.
const UNKNOWN: Duration = Duration::from_millis(60);

/// The least time between rows that are complained of.
const COMPLAINT: Duration = Duration::from_secs(10);

/// What a reader is told.
pub(super) enum ReadJob {
    Peer(Reply, Text),
    PeersAt(Reply, SocketAddr),
    Stop,
}

/// One thread; all askers of a name come to the same.
pub(super) struct Reader {
    pub jobs: Receiver<ReadJob>,
    pub pool: Pool,
    pub sippeers: Route,
    pub sipregs: Route,
    pub device: Device,
    pub pending: Option<Arc<Pending>>,
    /// Hears of rows whose registration has ended.
    pub ended: Ended,
    /// Who else may hold a registration.
    pub nodes: Option<Nodes>,
    pub ignoreregexpire: bool,
    pub timeout: Duration,
    pub tally: Arc<Tally>,
    /// How many readers there are.
    pub readers: u32,
    /// When names may be asked for again.
    pub names_due: Instant,
    /// When addresses may be.
    pub addresses_due: Instant,
    /// When a row was last complained of.
    pub complained: Option<Instant>,
}

/// Takes note that the registration in a row has ended. Must not block.
pub(super) type Ended = Arc<dyn Fn(&Text) + Send + Sync>;

/// Who waits for what.
#[derive(Default)]
struct Waiting {
    names: HashMap<Text, Vec<Reply>>,
    addresses: HashMap<SocketAddr, Vec<Reply>>,
    stop: bool,
}

impl Waiting {
    /// Someone more who waits. Whoever finds the room full of others, or has
    /// waited too long already, is answered: dropped, that nothing is known.
    fn add(&mut self, job: ReadJob, timeout: Duration) {
        match job {
            ReadJob::Peer(reply, _) | ReadJob::PeersAt(reply, _)
                if reply.is_older_than(timeout) => {}
            ReadJob::Peer(reply, name) => {
                if self.names.len() < NAMES || self.names.contains_key(&name) {
                    self.names.entry(name).or_default().push(reply);
                }
            }
            ReadJob::PeersAt(reply, at) => {
                if self.addresses.len() < ADDRESSES || self.addresses.contains_key(&at) {
                    self.addresses.entry(at).or_default().push(reply);
                }
            }
            ReadJob::Stop => self.stop = true,
        }
    }
}

/// Devices by name.
type Found = HashMap<Text, Arc<Known>>;

impl Reader {
    /// Serves until told to stop.
    pub fn serve(&mut self) {
        let mut waiting = Waiting::default();
        while self.gather(&mut waiting) {
            let now = Instant::now();
            let stop = waiting.stop;
            if !waiting.names.is_empty() && (stop || self.names_due <= now) {
                self.names(&mut waiting);
            }
            if !waiting.addresses.is_empty() && (stop || self.addresses_due <= now) {
                self.addresses(std::mem::take(&mut waiting.addresses));
            }
            if stop {
                return;
            }
        }
    }

    /// Takes in who waits, until it is time to ask for some of them. Where it is
    /// and the room is full, the others wait outside; where it is not, they find
    /// it full. Returns false when nobody can come any more.
    fn gather(&mut self, waiting: &mut Waiting) -> bool {
        while !waiting.stop {
            let names = (!waiting.names.is_empty()).then_some(self.names_due);
            let addresses = (!waiting.addresses.is_empty()).then_some(self.addresses_due);
            let now = Instant::now();
            let due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
            let job = if due(names) || due(addresses) {
                let full = waiting.names.len() >= NAMES && due(names)
                    || waiting.addresses.len() >= ADDRESSES && due(addresses);
                if full {
                    return true;
                }
                self.jobs.try_recv().ok()
            } else if let Some(due) = names.into_iter().chain(addresses).min() {
                self.jobs.recv_deadline(due).ok()
            } else {
                let Ok(job) = self.jobs.recv() else {
                    return false;
                };
                Some(job)
            };
            let Some(job) = job else { return true };
            waiting.add(job, self.timeout);
        }
        true
    }

    /// When the next of a kind may be asked for, after `statements` found that
    /// few of so many.
    fn due(&self, started: Instant, statements: u32, found: usize, asked: usize) -> Instant {
        if 2 * found < asked {
            started + UNKNOWN * statements * self.readers
        } else {
            started
        }
    }

    /// Answers all askers of names, those of nobody's included who came while the
    /// database was being asked for them.
    fn names(&mut self, waiting: &mut Waiting) {
        let started = Instant::now();
        let asked = std::mem::take(&mut waiting.names);
        self.tally.read_batches.one();
        let Ok(found) = self.by_name(asked.keys()) else {
            // Dropped: answered that nothing is known.
            return;
        };
        self.names_due = self.due(started, 1, found.len(), asked.len());
        let answer = |reply: Reply, name: &Text| {
            reply.give(Outcome::Peer(found.get(name).cloned()));
        };
        while !waiting.stop && waiting.names.len() < NAMES && waiting.addresses.len() < ADDRESSES {
            match self.jobs.try_recv() {
                // Who is somebody may have registered since the statement began.
                Ok(ReadJob::Peer(reply, name))
                    if asked.contains_key(&name) && !found.contains_key(&name) =>
                {
                    answer(reply, &name);
                }
                Ok(job) => waiting.add(job, self.timeout),
                Err(_) => break,
            }
        }
        for (name, replies) in asked {
            for reply in replies {
                answer(reply, &name);
            }
        }
    }

    fn by_name<'n>(&mut self, names: impl Iterator<Item = &'n Text>) -> Result<Found, Fault> {
        // A name that is no text names no row.
        let keys: Vec<String> = names
            .filter_map(|name| std::str::from_utf8(name).ok())
            .map(|name| encoded(name).into_owned())
            .collect();
        if keys.is_empty() {
            return Ok(Found::new());
        }
        let rows = self.select(&[Condition::OneOf("name", &keys)])?;
        let rows = best_by_name(rows, &keys);
        let known = self.known(rows)?;
        Ok(known.into_iter().collect())
    }

    fn select(&mut self, conditions: &[Condition<'_>]) -> Result<Vec<Row>, Fault> {
        let select = |pool: &mut Pool, route: &Route| {
            pool.run(route, |driver, table| driver.select(table, conditions, &[]))
        };
        select(&mut self.pool, &self.sippeers)
    }

    /// Rows of `sippeers` as devices, in the same order, with what the database
    /// knows of their registrations.
    fn known(&mut self, rows: Vec<Row>) -> Result<Vec<(Text, Arc<Known>)>, Fault> {
        let registered = self.registered(&rows)?;
        let now = UnixTime(super::unix_now());
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(key) = column(&row, "name").map(str::to_owned) else {
                continue;
            };
            let name = decoded(&key);
            let peer = match (self.device)(&name, &pairs(&row)) {
                Ok(peer) => peer,
                Err(sentence) => {
                    self.complain(&sentence);
                    continue;
                }
            };
            let name = Text::from(&*name);
            let held = match &registered {
                Some(registered) => registered.get(&key),
                None => Some(&row),
            };
            let contacts = match self.pending.as_ref().and_then(|p| p.saving(&name)) {
                Some(saving) => saving.contacts.clone(),
                None => held
                    .and_then(|row| self.registration(row))
                    .into_iter()
                    .collect(),
            };
            let contacts = self.running(&name, contacts, now);
            all.push((name, Arc::new(Known { peer, contacts })));
        }
        Ok(all)
    }

    /// The rows of `sipregs` by name; `None` where that family is not mapped.
    fn registered(&mut self, rows: &[Row]) -> Result<Option<HashMap<String, Row>>, Fault> {
        if !self.sipregs.is_mapped() {
            return Ok(None);
        }
        let names = rows.iter().filter_map(|row| column(row, "name"));
        let names: Vec<String> = names.map(str::to_owned).collect();
        if names.is_empty() {
            return Ok(Some(HashMap::new()));
        }
        let found = self.pool.run(&self.sipregs, |driver, table| {
            driver.select(table, &[Condition::OneOf("name", &names)], &[])
        })?;
        let named = found.into_iter().filter_map(|row| {
            let name = column(&row, "name")?.to_owned();
            Some((name, row))
        });
        Ok(Some(named.collect()))
    }

    /// The registration a row holds, and the other node that has it.
    fn registration(&self, row: &Row) -> Option<Registration> {
        let mut held = registration(row)?;
        let nodes = self.nodes.as_ref();
        held.node = nodes.and_then(|nodes| nodes.find(&held.regserver));
        Some(held)
    }

    /// Those which have not ended; all, where ends are ignored. A row whose
    /// registration has ended unnoticed is cleared.
    fn running(
        &self,
        name: &Text,
        mut contacts: Vec<Registration>,
        now: UnixTime,
    ) -> Vec<Registration> {
        if self.ignoreregexpire {
            return contacts;
        }
        let before = contacts.len();
        contacts.retain(|contact| contact.regseconds > now);
        if contacts.len() < before {
            (self.ended)(name);
        }
        contacts
    }

    fn complain(&mut self, sentence: &str) {
        let now = Instant::now();
        if self.complained.is_none_or(|last| now - last >= COMPLAINT) {
            self.complained = Some(now);
            tracing::warn!("a row is not used: {sentence}");
        }
    }

    /// Answers all askers of addresses.
    fn addresses(&mut self, asked: HashMap<SocketAddr, Vec<Reply>>) {
        let started = Instant::now();
        self.tally.read_batches.one();
        let addresses: Vec<SocketAddr> = asked.keys().copied().collect();
        let Ok(found) = self.by_address(&addresses) else {
            // Dropped: answered that nothing is known.
            return;
        };
        let statements = RULES.len() as u32;
        self.addresses_due = self.due(started, statements, found.len(), asked.len());
        for (address, replies) in asked {
            let peers = found.get(&address).cloned().unwrap_or_default();
            for reply in replies {
                reply.give(Outcome::Peers(peers.clone()));
            }
        }
    }

    /// The rules of A.11.2, each a statement for all addresses that the rules
    /// before found nobody for.
    fn by_address(
        &mut self,
        addresses: &[SocketAddr],
    ) -> Result<HashMap<SocketAddr, Vec<Arc<Known>>>, Fault> {
        let mut found: HashMap<SocketAddr, Vec<Arc<Known>>> = HashMap::new();
        for rule in RULES {
            let missing: Vec<SocketAddr> = addresses
                .iter()
                .filter(|address| !found.contains_key(address))
                .copied()
                .collect();
            if missing.is_empty() {
                break;
            }
            let rows = self.rows_at(rule, &missing)?;
            let places: Vec<Place> = rows
                .iter()
                .map(|(row, at)| Place::of(rule, row, at))
                .collect();
            let known = self.known(rows.into_iter().map(|(row, _)| row).collect())?;
            for address in missing {
                let name_matches = |(name, known): &(Text, Arc<Known>)| {
                    let here = |place: &Place| place.name == *name && place.is(rule, address);
                    places.iter().any(here).then(|| Arc::clone(known))
                };
                let matching: Vec<Arc<Known>> = known.iter().filter_map(name_matches).collect();
                if !matching.is_empty() {
                    found.insert(address, matching);
                }
            }
        }
        Ok(found)
    }

    /// The rows of `sippeers` that a rule finds, each with the row that holds
    /// its registration's address, if that is another.
    fn rows_at(
        &mut self,
        rule: Rule,
        addresses: &[SocketAddr],
    ) -> Result<Vec<(Row, Option<Row>)>, Fault> {
        let mut hosts: Vec<String> = addresses.iter().map(|a| host(a.ip())).collect();
        let mut ports: Vec<String> = addresses.iter().map(|a| a.port().to_string()).collect();
        for list in [&mut hosts, &mut ports] {
            list.sort_unstable();
            list.dedup();
        }
        let at = Condition::OneOf(rule.column, &hosts);
        let port = Condition::OneOf("port", &ports);
        let insecure = Condition::Contains("insecure", "port");
        let split = rule.column == "ipaddr" && self.sipregs.is_mapped();
        if !split {
            let second = if rule.exact { port } else { insecure };
            let rows = self.select(&[at, second])?;
            return Ok(rows.into_iter().map(|row| (row, None)).collect());
        }
        let conditions = if rule.exact { vec![at, port] } else { vec![at] };
        let registered = self.pool.run(&self.sipregs, |driver, table| {
            driver.select(table, &conditions, &[])
        })?;
        let mut by_name: HashMap<String, Row> = HashMap::new();
        for row in registered {
            if let Some(name) = column(&row, "name").map(str::to_owned) {
                by_name.entry(name).or_insert(row);
            }
        }
        let names: Vec<String> = by_name.keys().cloned().collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let named = Condition::OneOf("name", &names);
        let rows = if rule.exact {
            self.select(&[named])?
        } else {
            self.select(&[named, insecure])?
        };
        let with_place = |row: Row| {
            let place = by_name.get(column(&row, "name")?)?.clone();
            Some((row, Some(place)))
        };
        Ok(rows.into_iter().filter_map(with_place).collect())
    }
}

/// How a row may be an address's: by its `host` or by where it registered, with
/// the port, or with `insecure=port`.
#[derive(Clone, Copy)]
struct Rule {
    column: &'static str,
    exact: bool,
}

/// In their order.
const RULES: [Rule; 4] = [
    Rule {
        column: "host",
        exact: true,
    },
    Rule {
        column: "ipaddr",
        exact: true,
    },
    Rule {
        column: "host",
        exact: false,
    },
    Rule {
        column: "ipaddr",
        exact: false,
    },
];

/// Where a found row is.
struct Place {
    name: Text,
    ip: Option<IpAddr>,
    port: Option<u16>,
}

impl Place {
    fn of(rule: Rule, row: &Row, registered: &Option<Row>) -> Place {
        let placed = registered.as_ref().unwrap_or(row);
        let parsed = |name| column(placed, name).unwrap_or_default();
        Place {
            name: Text::from(&*decoded(column(row, "name").unwrap_or_default())),
            ip: parsed(rule.column).parse().ok(),
            port: parsed("port").parse().ok(),
        }
    }

    fn is(&self, rule: Rule, address: SocketAddr) -> bool {
        self.ip == Some(address.ip().to_canonical())
            && (!rule.exact || self.port == Some(address.port()))
    }
}

/// An address as columns hold it.
fn host(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}

/// One row for each name: with `host` `dynamic`, else the first. A lenient
/// collation may find a name that is spelt otherwise: it is another name.
fn best_by_name(rows: Vec<Row>, keys: &[String]) -> Vec<Row> {
    let asked: std::collections::HashSet<&str> = keys.iter().map(String::as_str).collect();
    let mut best: HashMap<String, Row> = HashMap::with_capacity(rows.len());
    for row in rows {
        let Some(name) = column(&row, "name").filter(|name| asked.contains(name)) else {
            continue;
        };
        let dynamic = |row: &Row| column(row, "host") == Some("dynamic");
        match best.entry(name.to_owned()) {
            Entry::Vacant(free) => drop(free.insert(row)),
            Entry::Occupied(mut taken) if !dynamic(taken.get()) && dynamic(&row) => {
                taken.insert(row);
            }
            Entry::Occupied(_) => {}
        }
    }
    best.into_values().collect()
}
