//! The workers' threads: how many of which kind, and what each is given.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crossbeam::channel::{Sender, bounded};

use super::astdb::{Archivist, EntryJob};
use super::changes::Recorder;
use super::clerk::{Clerk, ClerkJob};
use super::counters::Tally;
use super::journal::Carrier;
use super::mapping::Section;
use super::nodes::{Nodes, Roll};
use super::pending::Pending;
use super::pool::{Pool, Sources};
use super::reader::{Budgets, Ended, Reader, Waiting};
use super::reply::Desk;
use super::row::Writing;
use super::shelf::Shelf;
use super::state::{Journal, KeepJob, Keeper};
use super::writer::{WriteJob, Writer};
use super::{Hooks, Realtime, RegWrite, Settings, pick};

/// Starts what the settings call for.
pub(super) fn start(settings: &Settings, hooks: Hooks) -> Result<Realtime, String> {
    let tally = Arc::new(Tally::default());
    let sources = Sources::new(
        &settings.mapping,
        settings.timeout,
        &tally,
        &settings.switches,
    );
    let mut crew = Crew {
        settings,
        sources: Arc::new(sources),
        tally: Arc::clone(&tally),
        threads: Vec::new(),
    };
    let writes = settings.mapping.has_devices() && settings.rtupdate;
    let (pending, journal) = if writes && settings.reg_write == RegWrite::Journal {
        let (pending, journal) = crew.journal()?;
        (Some(pending), Some(journal))
    } else {
        (None, None)
    };
    let state_file = settings
        .state
        .as_ref()
        .map(|directory| directory.join("registrations.sqlite"));
    let state = match &state_file {
        Some(path) => Some(crew.keeper("db-state", Shelf::new(path.clone(), false), None)?),
        None => None,
    };
    let writers = if writes && journal.is_none() {
        crew.writers()?
    } else {
        Vec::new()
    };
    let clerks = crew.clerks()?;
    let astdb = crew.archivist()?;
    let nodes = crew.nodes()?;
    let readers = if settings.mapping.has_devices() {
        let ended = ended(pending.as_ref(), &writers);
        crew.readers(&hooks, pending.as_ref(), &ended, nodes.as_ref())?
    } else {
        Vec::new()
    };
    Ok(Realtime {
        desk: Arc::new(Desk {
            answer: hooks.answer,
            tally,
        }),
        sources: crew.sources,
        readers,
        writers,
        clerks,
        journal,
        pending,
        nodes,
        state,
        state_file,
        astdb,
        is_static: hooks.is_static,
        stopping: AtomicBool::new(false),
        threads: Mutex::new(crew.threads),
    })
}

/// Who hears of rows whose registration has ended: whoever writes them.
fn ended(pending: Option<&Arc<Pending>>, writers: &[Sender<WriteJob>]) -> Ended {
    let (pending, writers) = (pending.cloned(), writers.to_vec());
    Arc::new(move |name| match (&pending, pick(&writers, name)) {
        (Some(pending), _) => pending.ended(name),
        // A full queue loses it: the next who reads the row notices again.
        (None, Some(writer)) => drop(writer.try_send(WriteJob::Ended(name.clone()))),
        (None, None) => {}
    })
}

/// Threads while they are being hired.
struct Crew<'s> {
    settings: &'s Settings,
    sources: Arc<Sources>,
    tally: Arc<Tally>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew<'_> {
    /// A thread that works until it says that it has ended. A bug in it costs
    /// those who wait their answers, never the ones who come after.
    fn hire(&mut self, name: &str, mut work: impl FnMut() + Send + 'static) -> Result<(), String> {
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || while catch_unwind(AssertUnwindSafe(&mut work)).is_err() {})
            .map_err(|error| format!("the host gives no thread to {name}: {error}"))?;
        self.threads.push(thread);
        Ok(())
    }

    fn readers(
        &mut self,
        hooks: &Hooks,
        pending: Option<&Arc<Pending>>,
        ended: &Ended,
        nodes: Option<&Nodes>,
    ) -> Result<Vec<Sender<super::ReadJob>>, String> {
        let count = self.settings.workers.div_ceil(2).max(1);
        let budgets = Budgets::new();
        let mut senders = Vec::new();
        for index in 0..count {
            let (sender, jobs) = bounded((self.settings.queue / count).max(1));
            let mut pool = Pool::new(Arc::clone(&self.sources));
            let mapping = &self.settings.mapping;
            let sippeers = pool.route(mapping.places("sippeers"), false);
            let sipregs = pool.route(mapping.places("sipregs"), false);
            let mut reader = Reader {
                jobs,
                pool,
                sippeers,
                sipregs,
                device: Arc::clone(&hooks.device),
                pending: pending.cloned(),
                ended: Arc::clone(ended),
                nodes: nodes.cloned(),
                ignoreregexpire: self.settings.ignoreregexpire,
                timeout: self.settings.timeout,
                tally: Arc::clone(&self.tally),
                waiting: Waiting::new(&budgets),
                complained: None,
            };
            self.hire(&format!("db-read-{index}"), move || reader.serve())?;
            senders.push(sender);
        }
        Ok(senders)
    }

    /// Who keeps the AstDB, where there is a place for it.
    fn archivist(&mut self) -> Result<Option<(Sender<EntryJob>, PathBuf)>, String> {
        let Some(directory) = &self.settings.state else {
            return Ok(None);
        };
        let path = directory.join("astdb.sqlite");
        let (sender, jobs) = bounded(self.settings.queue.max(1));
        let mut archivist = Archivist::new(jobs, path.clone());
        self.hire("db-astdb", move || archivist.serve())?;
        Ok(Some((sender, path)))
    }

    /// Who serves plans, where there is anything to ask.
    fn clerks(&mut self) -> Result<Option<(Sender<ClerkJob>, usize)>, String> {
        if self.settings.mapping.families.is_empty() {
            return Ok(None);
        }
        let count = self.settings.workers.div_ceil(2).max(1);
        let (sender, jobs) = bounded(self.settings.queue.max(1));
        let mapping = Arc::new(self.settings.mapping.clone());
        for index in 0..count {
            let pool = Pool::new(Arc::clone(&self.sources));
            let mapping = Arc::clone(&mapping);
            let mut clerk = Clerk::new(jobs.clone(), pool, mapping, self.settings.timeout);
            self.hire(&format!("db-plan-{index}"), move || clerk.serve())?;
        }
        Ok(Some((sender, count)))
    }

    /// Who keeps our row of `nodes`, where there is one.
    fn nodes(&mut self) -> Result<Option<Nodes>, String> {
        let places = self.settings.mapping.places("nodes");
        let Some(own) = self.settings.node.clone().filter(|_| !places.is_empty()) else {
            return Ok(None);
        };
        let (sender, jobs) = bounded(1);
        let nodes = Nodes::new(&own, sender);
        let mut pool = Pool::new(Arc::clone(&self.sources));
        let route = pool.route(places, true);
        let mut roll = Roll::new(own, &nodes, jobs, pool, route);
        self.hire("db-nodes", move || roll.serve())?;
        Ok(Some(nodes))
    }

    /// Writes to `sipregs` where that is mapped, else to `sippeers`.
    fn recorder(&self) -> Recorder {
        let mapping = &self.settings.mapping;
        let mut pool = Pool::new(Arc::clone(&self.sources));
        let places = Some(mapping.places("sipregs")).filter(|places| !places.is_empty());
        let route = pool.route(places.unwrap_or(mapping.places("sippeers")), true);
        let writing = Writing {
            regserver: self.settings.regserver.clone(),
            path: self.settings.rtsavepath,
            new_rows: places.is_some(),
        };
        Recorder::new(pool, route, writing)
    }

    fn writers(&mut self) -> Result<Vec<Sender<WriteJob>>, String> {
        let count = match self.settings.workers / 2 {
            _ if self.writes_to_sqlite() => 1,
            half => half.max(1),
        };
        let mut senders = Vec::new();
        for index in 0..count {
            let (sender, jobs) = bounded((self.settings.queue / count).max(1));
            let mut writer = Writer {
                jobs,
                recorder: self.recorder(),
                timeout: self.settings.timeout,
                tally: Arc::clone(&self.tally),
            };
            self.hire(&format!("db-write-{index}"), move || writer.serve())?;
            senders.push(sender);
        }
        Ok(senders)
    }

    /// An SQLite file has one writer at a time: a second would only wait.
    fn writes_to_sqlite(&self) -> bool {
        let mapping = &self.settings.mapping;
        let places = ["sippeers", "sipregs"].map(|family| mapping.places(family));
        let mut sections = places
            .into_iter()
            .flatten()
            .filter_map(|place| mapping.sections.get(place.write_section));
        sections.any(|section| matches!(section, Section::Sqlite(_)))
    }

    fn keeper(
        &mut self,
        name: &str,
        shelf: Shelf,
        journal: Option<Journal>,
    ) -> Result<Sender<KeepJob>, String> {
        let (sender, jobs) = bounded(self.settings.queue.max(1));
        let timeout = self.settings.timeout;
        let mut keeper = Keeper::new(jobs, shelf, journal, timeout, Arc::clone(&self.tally));
        self.hire(name, move || keeper.serve())?;
        Ok(sender)
    }

    /// The journal's thread and the carrier. What the journal's file holds is
    /// read before anybody asks.
    fn journal(&mut self) -> Result<(Arc<Pending>, Sender<KeepJob>), String> {
        let Some(directory) = &self.settings.state else {
            return Err("--reg-write journal needs --state DIR to keep the journal in".into());
        };
        let mut shelf = Shelf::new(directory.join("journal.sqlite"), true);
        let pending = Arc::new(Pending::default());
        match shelf.load() {
            Ok(kept) => {
                if !kept.is_empty() {
                    let count = kept.len();
                    tracing::info!("{count} registrations of the journal go to the database");
                }
                pending.replay(kept);
            }
            Err(fault) => {
                let path = shelf.path().display();
                tracing::error!("the journal {path} cannot be read: {fault}");
            }
        }
        let journal = Journal {
            pending: Arc::clone(&pending),
            limit: self.settings.journal_limit,
        };
        let sender = self.keeper("db-journal", shelf, Some(journal))?;
        let mut carrier = Carrier {
            pending: Arc::clone(&pending),
            recorder: self.recorder(),
            keeper: sender.clone(),
            tally: Arc::clone(&self.tally),
        };
        self.hire("db-carry", move || {
            carrier.serve();
            // Nobody else tells the journal's thread: it must hear the last of us.
            let _ = carrier.keeper.send(KeepJob::Stop);
        })?;
        Ok((pending, sender))
    }
}
