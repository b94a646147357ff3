//! A worker's own connections: opened when needed, off the worker's thread so
//! that a name server or a stalled host keeps nobody; asked through the
//! breaker; given up when they fail.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam::channel::{Receiver, bounded};

use super::breaker::Breaker;
use super::counters::Tally;
use super::driver::{Driver, Fault};
use super::mapping::Section;
use super::mysql::Mysql;
use super::sqlite::Sqlite;
use crate::modules::Switches;

/// How often a transaction that met another's is tried.
const TRIES: usize = 3;

/// What links are made from; shared by all workers.
#[derive(Clone)]
pub struct Source {
    /// The database, as it is reached now.
    pub section: Arc<ArcSwap<Section>>,
    /// For reading or for writing.
    pub writing: bool,
    /// Whether it is worth asking.
    pub breaker: Arc<Breaker>,
    /// The longest wait for one statement.
    pub timeout: Duration,
    /// What is counted.
    pub tally: Arc<Tally>,
    /// Whether its driver is loaded.
    pub switches: Arc<Switches>,
}

impl Source {
    fn open(&self, section: &Section) -> Result<Box<dyn Driver>, Fault> {
        let tally = Arc::clone(&self.tally);
        Ok(match section {
            Section::Mysql(section) => {
                Box::new(Mysql::open(section, self.timeout, self.writing, tally)?)
            }
            Section::Sqlite(section) => {
                Box::new(Sqlite::open(&section.dbfile, self.timeout, tally)?)
            }
        })
    }
}

type Opened = Result<Box<dyn Driver>, Fault>;

/// One connection, or none at the moment.
pub struct Link {
    source: Source,
    /// What the connection was made to.
    section: Arc<Section>,
    driver: Option<Box<dyn Driver>>,
    opening: Option<Receiver<Opened>>,
    /// Connections so far.
    generation: u64,
}

impl Link {
    /// Not connected yet.
    pub fn new(source: Source) -> Link {
        Link {
            section: source.section.load_full(),
            source,
            driver: None,
            opening: None,
            generation: 0,
        }
    }

    /// What it is a link to.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Counts connections: what was learnt about a table belongs to one.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Runs an operation that may be run again. A connection that breaks is
    /// replaced once, as servers close idle ones; one that is too slow is not.
    pub fn run<T>(
        &mut self,
        mut operation: impl FnMut(&mut dyn Driver) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let timeout = self.source.timeout;
        let section = self.source.section.load();
        if !Arc::ptr_eq(&section, &self.section) {
            self.section = Arc::clone(&section);
            (self.driver, self.opening) = (None, None);
        }
        if !self.source.switches.is_on(section.driver()) {
            self.driver = None;
            let text = format!(
                "the driver of database {} is not loaded",
                self.source.breaker.name()
            );
            return Err(Fault::Unavailable(text));
        }
        let Some(turn) = self.source.breaker.lets_in(timeout) else {
            let text = format!("database {} is not asked now", self.source.breaker.name());
            return Err(Fault::Unavailable(text));
        };
        let started = std::time::Instant::now();
        let mut result = self.attempt(&mut operation);
        let broken = matches!(result, Err(Fault::Unavailable(_))) && self.driver.is_some();
        if broken {
            self.driver = None;
            if started.elapsed() < timeout / 2 {
                result = self.attempt(&mut operation);
            }
        }
        match &result {
            Err(fault @ Fault::Unavailable(_)) => {
                self.driver = None;
                self.source.breaker.failed(turn, fault);
            }
            Err(fault @ Fault::Refused(_)) => self.source.breaker.refused(turn, fault),
            _ => self.source.breaker.succeeded(turn),
        }
        result
    }

    fn attempt<T>(
        &mut self,
        operation: &mut impl FnMut(&mut dyn Driver) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        for _ in 1..TRIES {
            match operation(self.connected()?) {
                Err(Fault::Busy(_)) => {}
                result => return result,
            }
        }
        match operation(self.connected()?) {
            Err(Fault::Busy(text)) => Err(Fault::Unavailable(text)),
            result => result,
        }
    }

    fn connected(&mut self) -> Result<&mut dyn Driver, Fault> {
        let driver = match self.driver.take() {
            Some(driver) => driver,
            None => self.connect()?,
        };
        Ok(self.driver.insert(driver).as_mut())
    }

    /// Waits for a connection as long as for a statement. One that is not ready
    /// by then goes on being made, and serves who comes next.
    fn connect(&mut self) -> Opened {
        let opening = match self.opening.take() {
            Some(opening) => opening,
            None => {
                let (made, opening) = bounded(1);
                let (source, section) = (self.source.clone(), Arc::clone(&self.section));
                std::thread::Builder::new()
                    .name("db-connect".into())
                    .spawn(move || drop(made.send(source.open(&section))))
                    .map_err(|_| Fault::Unavailable("the host has no thread left".into()))?;
                opening
            }
        };
        match opening.recv_timeout(self.source.timeout) {
            Ok(opened) => {
                let driver = opened?;
                self.generation += 1;
                if self.generation > 1 {
                    self.source.tally.reconnects.one();
                }
                Ok(driver)
            }
            Err(crossbeam::channel::RecvTimeoutError::Timeout) => {
                self.opening = Some(opening);
                Err(Fault::Unavailable("connecting took too long".into()))
            }
            Err(crossbeam::channel::RecvTimeoutError::Disconnected) => {
                Err(Fault::Unavailable("connecting failed".into()))
            }
        }
    }
}
