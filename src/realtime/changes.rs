//! What shall become of rows: merged by name, last write wins; and written, many
//! rows in one transaction, at the first place that takes them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pinion_sip::base::{Text, UnixTime};
use pinion_sip::machine::realtime::Saving;

use super::driver::{Condition, Driver, Fault, Only, Row, Update};
use super::pool::{Pool, Route};
use super::row::{Writing, cleared_columns, column, encoded, saved_columns, saved_row};
use super::schema::Shape;

/// The most rows of one transaction.
pub const BATCH: usize = 512;

/// What shall become of one row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// All contacts of the device.
    pub saving: Option<Arc<Saving>>,
    /// `lastms`, learnt after that.
    pub lastms: Option<i32>,
    /// The registration the row holds has ended, and nobody has noticed yet.
    pub ended: bool,
}

impl Change {
    /// The contacts are these now. What was learnt of earlier ones is void.
    pub fn save(&mut self, saving: Arc<Saving>) {
        self.saving = Some(saving);
        self.lastms = None;
        self.ended = false;
    }
}

/// A change and the row it is for.
pub type Named = (Text, Change);

/// The most names that are remembered to have no row.
const TOLD: usize = 4096;

/// Writes changes through one thread's pool.
pub struct Recorder {
    pool: Pool,
    route: Route,
    writing: Writing,
    /// Devices without a row that have been told of.
    told: HashSet<String>,
}

impl Recorder {
    /// Writes to the places of `route`.
    pub fn new(pool: Pool, route: Route, writing: Writing) -> Recorder {
        Recorder {
            pool,
            route,
            writing,
            told: HashSet::new(),
        }
    }

    /// Connects, and checks the table of the first place that answers.
    pub fn check(&mut self) {
        let path = self.writing.path;
        // A failure has been told by the breaker.
        let _ = self.pool.first(&self.route, |pool, link, table| {
            pool.shape(link, table, path).map(drop)
        });
    }

    /// The devices, of these with the moments when theirs were kept, that have
    /// registered elsewhere since.
    pub fn overtaken(
        &mut self,
        savings: &[(Arc<Saving>, UnixTime)],
    ) -> Result<HashSet<Text>, Fault> {
        let key = |(saving, at): &(Arc<Saving>, UnixTime)| {
            let key = encoded(std::str::from_utf8(&saving.name).ok()?).into_owned();
            Some((key, (Arc::clone(saving), *at)))
        };
        let by_key: HashMap<String, _> = savings.iter().filter_map(key).collect();
        if by_key.is_empty() {
            return Ok(HashSet::new());
        }
        let keys: Vec<String> = by_key.keys().cloned().collect();
        let writing = &self.writing;
        self.pool.first(&self.route, |pool, link, table| {
            let shape = pool.shape(link, table, writing.path)?;
            let ours = writing.ours(&shape);
            let named = [Condition::OneOf("name", &keys)];
            let link = pool.link(link)?;
            let rows = link.run(|driver| driver.select(table, &named, &[]))?;
            let newer = |row: &Row| {
                let (saving, at) = by_key.get(column(row, "name")?)?;
                let newer = is_newer(row, saving, *at, ours.as_deref())?;
                newer.then(|| saving.name.clone())
            };
            Ok(rows.iter().filter_map(newer).collect())
        })
    }

    /// Writes all changes, durably; returns the indices of the registrations
    /// that are not in the table now: they do not fit, or it has no row for them.
    /// On a fault nothing is known to be written.
    pub fn record(&mut self, changes: &[Named]) -> Result<Vec<usize>, Fault> {
        let (writing, told) = (&self.writing, &mut self.told);
        self.pool.first(&self.route, |pool, link, table| {
            let shape = pool.shape(link, table, writing.path)?;
            let mut target = Target {
                link: (pool, link),
                table,
                shape: &shape,
                writing,
                told,
                misfits: Vec::new(),
            };
            target.write(changes, 0)?;
            Ok(target.misfits)
        })
    }
}

/// Whether a row holds a registration that is newer than what was kept `at` a
/// moment: one that ends later, unless it is our own. Against an unregister, ends
/// say nothing: there, a row counts that another node holds and that had not
/// ended by then. `None` where the row holds none.
fn is_newer(row: &Row, saving: &Saving, at: UnixTime, ours: Option<&str>) -> Option<bool> {
    let ends = UnixTime(column(row, "regseconds")?.parse().ok()?);
    let holder = column(row, "regserver").filter(|name| !name.is_empty());
    Some(match saving.contacts.first() {
        Some(contact) => ends > contact.regseconds && (ours.is_none() || holder != ours),
        None => ends > at && holder.is_some() && holder != ours,
    })
}

/// Where the rows are.
struct Target<'a> {
    link: (&'a mut Pool, usize),
    table: &'a str,
    shape: &'a Shape,
    writing: &'a Writing,
    told: &'a mut HashSet<String>,
    /// Indices of what the table does not have now.
    misfits: Vec<usize>,
}

impl Target<'_> {
    fn run<T>(
        &mut self,
        operation: impl FnMut(&mut dyn Driver) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let (pool, link) = &mut self.link;
        pool.link(*link)?.run(operation)
    }

    /// One transaction; where a value does not fit, the halves, each on its own,
    /// until only the row is left out that does not fit.
    fn write(&mut self, changes: &[Named], first: usize) -> Result<(), Fault> {
        if changes.is_empty() {
            return Ok(());
        }
        let before = self.misfits.len();
        match self.write_at_once(changes, first) {
            Err(Fault::Value(_)) if changes.len() > 1 => {
                let (left, right) = changes.split_at(changes.len() / 2);
                self.misfits.truncate(before);
                self.write(left, first)?;
                self.write(right, first + left.len())
            }
            Err(Fault::Value(text)) => {
                tracing::warn!("table {}: one registration is not kept: {text}", self.table);
                self.misfits.push(first);
                Ok(())
            }
            result => result,
        }
    }

    fn write_at_once(&mut self, changes: &[Named], first: usize) -> Result<(), Fault> {
        let rows = self.rows(changes, first);
        let cleared: Vec<&str> = rows.cleared_columns.iter().map(|(name, _)| *name).collect();
        // What another node has written since is not ours to change unasked.
        let ours = self.writing.ours(self.shape);
        let ours = ours.as_deref().map(|ours| Only::Blank("regserver", ours));
        let now = super::unix_now().to_string();
        let ended = self.shape.has("regseconds");
        let ended = ended.then_some(Only::UpTo("regseconds", &now)).or(ours);
        let table = self.table;
        let update = |(columns, rows, only)| Update {
            table,
            key: "name",
            columns,
            rows,
            only,
        };
        let updates: Vec<Update<'_>> = [
            (&*rows.saved_columns, &*rows.saved, None),
            (&*cleared, &*rows.cleared, None),
            (&*cleared, &*rows.ended, ended),
            (&["lastms"], &*rows.lastms, ours),
        ]
        .map(update)
        .into_iter()
        .filter(|update| !update.columns.is_empty() && !update.rows.is_empty())
        .collect();
        if updates.is_empty() {
            return Ok(());
        }
        let found = self.run(|driver| driver.update(&updates))?;
        let (pool, link) = &mut self.link;
        pool.link(*link)?.source().tally.write_batches.one();
        // The registrations are the first, where there are any.
        match found.first() {
            Some(&found) if found < rows.saved.len() as u64 => self.absent(&rows),
            _ => Ok(()),
        }
    }

    /// Some registrations have no row. One of a table of registrations is made;
    /// a device without one is none.
    fn absent(&mut self, rows: &Rows) -> Result<(), Fault> {
        let key = |row: &Vec<String>| row.first().cloned();
        let keys: Vec<String> = rows.saved.iter().filter_map(key).collect();
        let table = self.table;
        let found =
            self.run(|driver| driver.select(table, &[Condition::OneOf("name", &keys)], &[]))?;
        let found: HashSet<&str> = found.iter().filter_map(|row| column(row, "name")).collect();
        let absent = |key: &str| !found.contains(key);
        if self.writing.new_rows {
            let mut columns = vec!["name"];
            columns.extend(&rows.saved_columns);
            let mut new = rows.saved.clone();
            new.retain(|row| row.first().is_some_and(|key| absent(key)));
            return self.run(|driver| driver.insert_all(table, &columns, &new));
        }
        for (key, index) in keys.iter().zip(&rows.saved_indices) {
            if absent(key) {
                self.misfits.push(*index);
                self.tell(key);
            }
        }
        Ok(())
    }

    /// Tells of a device without a row, once.
    fn tell(&mut self, name: &str) {
        if self.told.len() >= TOLD {
            self.told.clear();
        }
        if self.told.insert(name.into()) {
            tracing::warn!(
                "table {}: no row has the name {name:?}; its registration is not kept",
                self.table
            );
        }
    }

    fn rows(&mut self, changes: &[Named], first: usize) -> Rows {
        let mut rows = Rows {
            saved_columns: saved_columns(self.shape, self.writing),
            cleared_columns: cleared_columns(self.shape),
            saved: Vec::new(),
            saved_indices: Vec::new(),
            cleared: Vec::new(),
            ended: Vec::new(),
            lastms: Vec::new(),
        };
        let keeps = self.shape.keeps_registrations();
        for (index, (name, change)) in changes.iter().enumerate() {
            let index = first + index;
            let contact = change.saving.as_ref().map(|saving| saving.contacts.first());
            // A name that is no text names no row.
            let Ok(name) = std::str::from_utf8(name) else {
                self.misfits.extend(contact.flatten().map(|_| index));
                continue;
            };
            let mut lastms = change.lastms;
            match contact {
                Some(Some(contact)) => {
                    let columns = &rows.saved_columns;
                    let (shape, writing) = (self.shape, self.writing);
                    let row = saved_row(name, contact, lastms.take(), columns, shape, writing);
                    match row.filter(|_| keeps) {
                        Some(row) => {
                            rows.saved.push(row);
                            rows.saved_indices.push(index);
                        }
                        None => self.misfits.push(index),
                    }
                }
                Some(None) if has_ended(change) => rows.ended.push(rows.cleared_row(name)),
                Some(None) => rows.cleared.push(rows.cleared_row(name)),
                None if change.ended && self.shape.has("regseconds") => {
                    rows.ended.push(rows.cleared_row(name));
                }
                None => {}
            }
            if let Some(ms) = lastms.filter(|_| self.shape.has("lastms")) {
                rows.lastms
                    .push(vec![encoded(name).into_owned(), ms.to_string()]);
            }
        }
        rows
    }
}

/// Whether the contacts are gone because their time was out.
fn has_ended(change: &Change) -> bool {
    change.saving.as_ref().is_some_and(|saving| saving.expired)
}

/// The rows of one transaction, by what is set.
struct Rows {
    saved_columns: Vec<&'static str>,
    saved: Vec<Vec<String>>,
    /// Whose they are.
    saved_indices: Vec<usize>,
    cleared_columns: Vec<(&'static str, &'static str)>,
    cleared: Vec<Vec<String>>,
    /// To be cleared, too, unless somebody has registered since.
    ended: Vec<Vec<String>>,
    lastms: Vec<Vec<String>>,
}

impl Rows {
    fn cleared_row(&self, name: &str) -> Vec<String> {
        let values = self.cleared_columns.iter().map(|(_, value)| *value);
        let key = encoded(name).into_owned();
        std::iter::once(key)
            .chain(values.map(str::to_owned))
            .collect()
    }
}
