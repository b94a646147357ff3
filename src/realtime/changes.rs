//! What shall become of rows: merged by name, last write wins; and written, many
//! rows in one transaction, at the first place that takes them.

use std::collections::HashMap;
use std::sync::Arc;

use pinion_sip::base::{Text, UnixTime};
use pinion_sip::machine::realtime::Saving;

use super::driver::{Condition, Fault, Only, Row, Update};
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

/// Writes changes through one thread's pool.
pub struct Recorder {
    pool: Pool,
    route: Route,
    writing: Writing,
}

impl Recorder {
    /// Writes to the places of `route`.
    pub fn new(pool: Pool, route: Route, writing: Writing) -> Recorder {
        Recorder {
            pool,
            route,
            writing,
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

    /// The names whose rows have been written since, by another node: theirs
    /// end later than ours.
    pub fn overtaken(&mut self, changes: &[Named]) -> Result<Vec<Text>, Fault> {
        let ends = |(name, change): &Named| {
            let contact = change.saving.as_ref()?.contacts.first()?;
            let key = encoded(std::str::from_utf8(name).ok()?).into_owned();
            Some((key, (name.clone(), contact.regseconds)))
        };
        let ours: HashMap<String, (Text, UnixTime)> = changes.iter().filter_map(ends).collect();
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = ours.keys().cloned().collect();
        let rows = self.pool.run(&self.route, |driver, table| {
            driver.select(table, &[Condition::OneOf("name", &keys)], &[])
        })?;
        let newer = |row: &Row| {
            let (name, ours) = ours.get(column(row, "name")?)?;
            let ends: u64 = column(row, "regseconds")?.parse().ok()?;
            (ends > ours.0).then(|| name.clone())
        };
        Ok(rows.iter().filter_map(newer).collect())
    }

    /// Writes all changes, durably; returns the indices of those which do not
    /// fit the table. On a fault nothing is known to be written.
    pub fn record(&mut self, changes: &[Named]) -> Result<Vec<usize>, Fault> {
        let writing = &self.writing;
        self.pool.first(&self.route, |pool, link, table| {
            let shape = pool.shape(link, table, writing.path)?;
            let place = Target {
                table,
                shape: &shape,
                writing,
            };
            let mut misfits = Vec::new();
            place.write(pool, link, changes, 0, &mut misfits)?;
            Ok(misfits)
        })
    }
}

/// Where the rows are.
struct Target<'a> {
    table: &'a str,
    shape: &'a Shape,
    writing: &'a Writing,
}

impl Target<'_> {
    /// One transaction; where a value does not fit, the halves, each on its own,
    /// until only the row is left out that does not fit.
    fn write(
        &self,
        pool: &mut Pool,
        link: usize,
        changes: &[Named],
        first: usize,
        misfits: &mut Vec<usize>,
    ) -> Result<(), Fault> {
        if changes.is_empty() {
            return Ok(());
        }
        let tally = Arc::clone(&pool.link(link)?.source().tally);
        let rows = self.rows(changes, first, misfits);
        let cleared: Vec<&str> = rows.cleared_columns.iter().map(|(name, _)| *name).collect();
        // What another node has written since is not ours to clear.
        let ours = self.writing.ours(self.shape);
        let only = ours.as_deref().map(|ours| Only::Blank("regserver", ours));
        let now = super::unix_now().to_string();
        let ended = self.shape.has("regseconds");
        let ended = ended.then_some(Only::UpTo("regseconds", &now));
        let updates: Vec<Update<'_>> = [
            (&*rows.saved_columns, &*rows.saved, None),
            (&*cleared, &*rows.cleared, only),
            (&*cleared, &*rows.ended, ended),
            (&["lastms"], &*rows.lastms, only),
        ]
        .into_iter()
        .filter(|(columns, rows, _)| !columns.is_empty() && !rows.is_empty())
        .map(|(columns, rows, only)| Update {
            table: self.table,
            key: "name",
            columns,
            rows,
            only,
        })
        .collect();
        if updates.is_empty() {
            return Ok(());
        }
        match pool.link(link)?.run(|driver| driver.update(&updates)) {
            Err(Fault::Value(_)) if changes.len() > 1 => {
                let (left, right) = changes.split_at(changes.len() / 2);
                misfits.retain(|index| !(first..first + changes.len()).contains(index));
                self.write(pool, link, left, first, misfits)?;
                self.write(pool, link, right, first + left.len(), misfits)
            }
            Err(Fault::Value(text)) => {
                tracing::warn!("table {}: one registration is not kept: {text}", self.table);
                misfits.push(first);
                Ok(())
            }
            result => {
                tally.write_batches.one();
                result
            }
        }
    }

    fn rows(&self, changes: &[Named], first: usize, misfits: &mut Vec<usize>) -> Rows {
        let mut rows = Rows {
            saved_columns: saved_columns(self.shape, self.writing),
            cleared_columns: cleared_columns(self.shape),
            saved: Vec::new(),
            cleared: Vec::new(),
            ended: Vec::new(),
            lastms: Vec::new(),
        };
        for (index, (name, change)) in changes.iter().enumerate() {
            // A name that is no text names no row.
            let Ok(name) = std::str::from_utf8(name) else {
                continue;
            };
            let contact = change.saving.as_ref().map(|saving| saving.contacts.first());
            let mut lastms = change.lastms;
            match contact {
                Some(Some(contact)) => {
                    let columns = &rows.saved_columns;
                    let (shape, writing) = (self.shape, self.writing);
                    match saved_row(name, contact, lastms.take(), columns, shape, writing) {
                        Some(row) => rows.saved.push(row),
                        None => misfits.push(first + index),
                    }
                }
                Some(None) if has_ended(change) && self.shape.has("regseconds") => {
                    rows.ended.push(rows.cleared_row(name));
                }
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
