//! A thread that looks devices up. All names that wait share one statement, and
//! so do all askers of one: those who come while it runs are served by the next,
//! for what it reads may be older than what they know.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, TryRecvError};
use pinion_sip::base::{Text, UnixTime};
use pinion_sip::machine::realtime::{Known, Outcome, Registration, Saving};

use super::Device;
use super::counters::Tally;
use super::driver::{Condition, Fault, Row};
use super::nodes::Nodes;
use super::pending::Pending;
use super::pool::{Pool, Route};
use super::reply::Reply;
use super::row::{column, decoded, encoded, pairs, registration};
use budget::Budget;
use waiting::{Lane, Round};

mod addresses;
mod budget;
mod waiting;

/// The most names of one statement.
const NAMES: usize = 4096;

/// The most addresses of one round.
const ADDRESSES: usize = 256;

/// The most jobs taken in before those who wait are served.
const JOBS: usize = 16_384;

/// What a statement costs that looks for names nobody has.
const NAMES_EACH: Duration = Duration::from_millis(100);

/// What one costs that looks for such addresses. Together these are fewer than
/// 20 statements a second, whoever makes names and addresses up.
const ADDRESSES_EACH: Duration = Duration::from_micros(112_500);

/// The least time between rows that are complained of.
const COMPLAINT: Duration = Duration::from_secs(10);

/// What a reader is told.
pub(super) enum ReadJob {
    Peer(Reply, Text),
    PeersAt(Reply, SocketAddr),
    Stop,
}

/// What strangers may cost, all readers together.
#[derive(Clone)]
pub(super) struct Budgets {
    names: Arc<Budget>,
    addresses: Arc<Budget>,
}

impl Budgets {
    /// Nothing spent.
    pub fn new() -> Budgets {
        Budgets {
            names: Arc::new(Budget::new(NAMES_EACH, 3 * NAMES_EACH)),
            addresses: Arc::new(Budget::new(ADDRESSES_EACH, 2 * ADDRESSES_EACH)),
        }
    }
}

/// What a reader is made of.
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
    pub waiting: Waiting,
    /// When a row was last complained of.
    pub complained: Option<Instant>,
}

/// Takes note that the registration in a row has ended. Must not block.
pub(super) type Ended = Arc<dyn Fn(&Text) + Send + Sync>;

/// Who waits for what. It outlives a bug in a round.
pub(super) struct Waiting {
    names: Lane<Text>,
    addresses: Lane<SocketAddr>,
    stop: bool,
}

impl Waiting {
    /// Nobody.
    pub fn new(budgets: &Budgets) -> Waiting {
        Waiting {
            names: Lane::new(Arc::clone(&budgets.names), NAMES),
            addresses: Lane::new(Arc::clone(&budgets.addresses), ADDRESSES),
            stop: false,
        }
    }

    /// Someone more who waits. Whoever has waited too long already is answered:
    /// dropped, that nothing is known.
    fn add(&mut self, job: ReadJob, timeout: Duration) {
        match job {
            ReadJob::Peer(reply, _) | ReadJob::PeersAt(reply, _)
                if reply.is_older_than(timeout) => {}
            ReadJob::Peer(reply, name) => {
                // Nobody's name asks whether the database answers at all.
                let welcome = name.is_empty();
                self.names.add(name, reply, welcome);
            }
            ReadJob::PeersAt(reply, at) => self.addresses.add(at, reply, false),
            ReadJob::Stop => self.stop = true,
        }
    }

    /// When the next of them is to be served.
    fn due(&self, now: Instant) -> Option<Instant> {
        let (names, addresses) = (self.names.due(now), self.addresses.due(now));
        names.into_iter().chain(addresses).min()
    }

    fn is_full(&self, now: Instant) -> bool {
        self.names.is_full(now) || self.addresses.is_full(now)
    }
}

/// A device and its name.
type Named = (Text, Arc<Known>);

/// Devices by name.
type Found = HashMap<Text, Arc<Known>>;

impl Reader {
    /// Serves until told to stop.
    pub fn serve(&mut self) {
        loop {
            self.gather();
            let (now, stop) = (Instant::now(), self.waiting.stop);
            for round in self.waiting.names.rounds(now, stop) {
                self.names(round);
            }
            for round in self.waiting.addresses.rounds(now, stop) {
                self.addresses(round);
            }
            if stop {
                return;
            }
        }
    }

    /// Takes in who waits, until it is time to serve some of them: then only as
    /// many as there is room for. The others wait outside.
    fn gather(&mut self) {
        for _ in 0..JOBS {
            let now = Instant::now();
            let job = match self.waiting.due(now) {
                _ if self.waiting.stop || self.waiting.is_full(now) => return,
                Some(due) if due <= now => match self.jobs.try_recv() {
                    Ok(job) => job,
                    Err(TryRecvError::Empty) => return,
                    Err(TryRecvError::Disconnected) => ReadJob::Stop,
                },
                Some(due) => match self.jobs.recv_deadline(due) {
                    Ok(job) => job,
                    Err(RecvTimeoutError::Timeout) => return,
                    Err(RecvTimeoutError::Disconnected) => ReadJob::Stop,
                },
                None => self.jobs.recv().unwrap_or(ReadJob::Stop),
            };
            self.waiting.add(job, self.timeout);
        }
    }

    /// Answers all askers of names.
    fn names(&mut self, round: Round<Text>) {
        self.tally.read_batches.one();
        let Ok(found) = self.by_name(&round) else {
            // Dropped: answered that nothing is known.
            self.waiting.names.charge(&round, 1);
            return;
        };
        let is_found = |name: &Text| found.contains_key(name);
        self.waiting.names.learn(&round, 1, is_found);
        for (name, replies) in round.asked {
            for reply in replies {
                reply.give(Outcome::Peer(found.get(&name).cloned()));
            }
        }
    }

    fn by_name(&mut self, round: &Round<Text>) -> Result<Found, Fault> {
        // A name that is no text names no row.
        let keys: Vec<String> = round
            .keys()
            .filter_map(|name| std::str::from_utf8(name).ok())
            .map(|name| encoded(name).into_owned())
            .collect();
        if keys.is_empty() {
            return Ok(Found::new());
        }
        // What the database has by the time it is asked is forgotten here.
        let pending = self.pending.as_ref();
        let before = pending.map(|pending| pending.savings(round.keys()));
        let rows = self.pool.run(&self.sippeers, |driver, table| {
            driver.select(table, &[Condition::OneOf("name", &keys)], &[])
        })?;
        let rows = best_by_name(rows, &keys);
        let known = self.known(rows, &before.unwrap_or_default())?;
        Ok(known.into_iter().flatten().collect())
    }

    /// Rows of `sippeers` as devices, with what is known of their registrations:
    /// from the journal as it is, or was `before`, else from the database. One for
    /// each row; `None` where the row is of no use.
    fn known(
        &mut self,
        rows: Vec<Row>,
        before: &HashMap<Text, Arc<Saving>>,
    ) -> Result<Vec<Option<Named>>, Fault> {
        let registered = self.registered(&rows)?;
        let now = UnixTime(super::unix_now());
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            all.push(self.device(&row, registered.as_ref(), before, now));
        }
        Ok(all)
    }

    fn device(
        &mut self,
        row: &Row,
        registered: Option<&HashMap<String, Row>>,
        before: &HashMap<Text, Arc<Saving>>,
        now: UnixTime,
    ) -> Option<Named> {
        let key = column(row, "name")?;
        let name = decoded(key);
        let peer = match (self.device)(&name, &pairs(row)) {
            Ok(peer) => peer,
            Err(sentence) => {
                self.complain(&sentence);
                return None;
            }
        };
        let name = Text::from(&*name);
        let pending = self.pending.as_ref().and_then(|p| p.saving(&name));
        let contacts = match pending.as_ref().or_else(|| before.get(&name)) {
            Some(saving) => saving.contacts.clone(),
            None => {
                let held = registered.map_or(Some(row), |registered| registered.get(key));
                let registration = held.and_then(|row| self.registration(row));
                registration.into_iter().collect()
            }
        };
        let contacts = self.running(&name, contacts, now);
        Some((name, Arc::new(Known { peer, contacts })))
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
}

/// One row for each name: with `host` `dynamic`, else the first. A lenient
/// collation may find a name that is spelt otherwise: it is another name. Nobody's
/// name is empty.
fn best_by_name(rows: Vec<Row>, keys: &[String]) -> Vec<Row> {
    let asked: std::collections::HashSet<&str> = keys.iter().map(String::as_str).collect();
    let is_asked = |name: &str| !name.is_empty() && asked.contains(name);
    let mut best: HashMap<String, Row> = HashMap::with_capacity(rows.len());
    for row in rows {
        let Some(name) = column(&row, "name").filter(|name| is_asked(name)) else {
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
