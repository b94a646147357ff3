//! Records as rows of a table, whose own columns say what is written. Rows go in
//! batches; while the database does not take them they wait in the spool, and
//! those after them too, so that they arrive in order. What comes meanwhile is
//! put there between two batches, so that no queue fills up while a long spool
//! is carried to the table.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::RecvTimeoutError;

use super::Board;
use super::entry::{Entry, disposition_number};
use super::sharing::Inlet;
use super::spool::{Row, Spool};
use super::tally::Tally;
use crate::realtime::driver::{Condition, Driver, Fault, Kind};
use crate::realtime::pool::{Pool, Route};
use crate::realtime::schema::Shape;
use pinion_sip::config::AmaFlags;

/// Rows of one batch, at most.
const MOST: usize = 500;

/// How long rows gather for a batch.
const GATHER: Duration = Duration::from_millis(200);

/// How soon the database is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// The column by which a row is known again.
const ID: &str = "delivery_id";

/// Rows that are written together.
struct Batch {
    rows: Vec<Row>,
    /// Whether some may be there already.
    again: bool,
    /// Whether there may be any after them.
    more: bool,
}

/// The one thread that writes to the table.
pub struct Table {
    pub(super) inlet: Inlet,
    pub(super) pool: Pool,
    pub(super) route: Route,
    pub(super) spool: Spool,
    pub(super) board: Arc<Board>,
    pub(super) tally: Arc<Tally>,
    /// When the database, which does not take rows, is asked again.
    pub(super) again: Option<Instant>,
}

impl Table {
    /// Writes until no more can come, and what is left; what waits in the spool
    /// then waits for the next process.
    pub fn serve(&mut self) {
        while self.step() {}
    }

    /// Deals with what is new, and carries one batch of what waits; whether there
    /// may be more.
    pub(super) fn step(&mut self) -> bool {
        let batch = self.gather();
        let more = batch.more;
        self.write(batch);
        self.inlet.done();
        if more {
            self.carry();
        }
        self.tally.waiting.set(self.spool.waiting());
        more
    }

    /// The next rows. Where others wait for the table, those that are there
    /// already.
    fn gather(&mut self) -> Batch {
        let mut batch = Batch {
            rows: Vec::new(),
            again: false,
            more: true,
        };
        let now = Instant::now();
        let (mut until, gather) = match (self.spool.waiting(), self.again) {
            (0, _) => (None, GATHER),
            (_, Some(again)) => (Some(again), GATHER),
            (_, None) => (Some(now), Duration::ZERO),
        };
        while batch.rows.len() < MOST {
            match self.inlet.take(until) {
                Ok(Some(entry)) => {
                    if batch.rows.is_empty() {
                        until = Some(Instant::now() + gather);
                    }
                    batch.again |= entry.again;
                    batch.rows.push(self.row(&entry));
                }
                Ok(None) if batch.rows.is_empty() => return batch,
                Ok(None) => {}
                Err(RecvTimeoutError::Timeout) => return batch,
                Err(RecvTimeoutError::Disconnected) => {
                    batch.more = false;
                    return batch;
                }
            }
        }
        batch
    }

    fn row(&self, entry: &Entry) -> Row {
        let columns = entry.columns(&self.board.style().form).into_iter();
        columns
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect()
    }

    /// Writes what is new, behind what waits.
    fn write(&mut self, batch: Batch) {
        let mut left = batch.rows;
        if self.spool.waiting() == 0 {
            left = self.put(left, batch.again);
            self.again = (!left.is_empty()).then(|| Instant::now() + AGAIN);
        }
        if left.is_empty() {
            return;
        }
        match self.spool.put(&left) {
            Ok(()) => self.tally.spooled.add(left.len()),
            Err(error) => {
                self.tally.dropped.add(left.len());
                tracing::error!(
                    "{} records of calls are lost: the spool: {error}",
                    left.len()
                );
            }
        }
    }

    /// Takes the next rows from the spool to the table, unless it was asked too
    /// lately.
    fn carry(&mut self) {
        let is_early = self.again.is_some_and(|again| Instant::now() < again);
        if self.spool.waiting() == 0 || is_early {
            return;
        }
        let carried = self.carry_some();
        self.again = (!carried).then(|| Instant::now() + AGAIN);
    }

    /// One batch of them; whether there may be another.
    fn carry_some(&mut self) -> bool {
        let (rows, taken) = match self.spool.next(MOST) {
            Ok(next) => next,
            Err(error) => {
                self.pool.tell(&format!(
                    "the spool of call records cannot be read: {error}"
                ));
                return false;
            }
        };
        if !self.put(rows, true).is_empty() {
            return false;
        }
        let took = self.spool.take(taken);
        if let Err(error) = &took {
            tracing::error!("the spool of call records cannot be written: {error}");
        }
        took.is_ok()
    }

    /// Writes rows to the table; those that it does not take now are returned.
    /// Of rows that may be there already, those are passed over that are.
    fn put(&mut self, rows: Vec<Row>, again: bool) -> Vec<Row> {
        let mut groups = grouped(rows).into_iter();
        let mut left = Vec::new();
        for group in groups.by_ref() {
            let count = group.len();
            match self.put_group(&group, again) {
                Ok(()) => self.tally.written.add(count),
                Err(Fault::Value(_)) if count > 1 => {
                    for row in group {
                        left.extend(self.put_alone(row, again));
                    }
                }
                Err(Fault::Value(text)) => self.lose(&text),
                Err(_) => left.extend(group),
            }
            if !left.is_empty() {
                break;
            }
        }
        left.extend(groups.flatten());
        left
    }

    fn put_alone(&mut self, row: Row, again: bool) -> Option<Row> {
        match self.put_group(std::slice::from_ref(&row), again) {
            Ok(()) => self.tally.written.add(1),
            Err(Fault::Value(text)) => self.lose(&text),
            Err(_) => return Some(row),
        }
        None
    }

    /// A row that no table of this kind would take.
    fn lose(&self, why: &str) {
        self.tally.dropped.add(1);
        self.pool
            .tell(&format!("a record of a call does not fit its table: {why}"));
    }

    /// Writes rows of the same columns, in one transaction.
    fn put_group(&mut self, rows: &[Row], mut again: bool) -> Result<(), Fault> {
        self.pool.first(&self.route, |pool, link, table| {
            let shape = pool.columns(link, table)?;
            pool.link(link)?.run(|driver| {
                // A connection that broke may have written them all the same.
                let again = std::mem::replace(&mut again, true);
                insert(driver, table, &shape, rows, again)
            })
        })
    }
}

/// Rows by the columns they have, each group in their order.
fn grouped(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut groups: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        let same = |group: &&mut Vec<Row>| {
            group
                .first()
                .is_some_and(|first| first.keys().eq(row.keys()))
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

fn insert(
    driver: &mut dyn Driver,
    table: &str,
    shape: &Shape,
    rows: &[Row],
    again: bool,
) -> Result<(), Fault> {
    let mut there = match again && shape.has(ID) {
        true => known(driver, table, rows)?,
        false => HashSet::new(),
    };
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let wanted = |name: &&str| first.contains_key(&name.to_ascii_lowercase());
    let names = shape.columns().iter().map(|column| &*column.name);
    let names: Vec<&str> = names.filter(wanted).collect();
    if names.is_empty() {
        let text = format!("{table} has no column of a call's record");
        return Err(Fault::Refused(text));
    }
    // A spool may hold one twice.
    let new = |row: &&Row| {
        let id = row.get(ID).filter(|_| again);
        id.is_none_or(|id| there.insert(id.clone()))
    };
    let values = |row: &Row| names.iter().map(|name| fitted(shape, name, row)).collect();
    let rows: Vec<Vec<String>> = rows.iter().filter(new).map(values).collect();
    match rows.is_empty() {
        true => Ok(()),
        false => driver.insert_all(table, &names, &rows),
    }
}

/// Which of these rows the table has.
fn known(driver: &mut dyn Driver, table: &str, rows: &[Row]) -> Result<HashSet<String>, Fault> {
    let ids: Vec<String> = rows.iter().filter_map(|row| row.get(ID).cloned()).collect();
    let found = driver.select(table, &[Condition::OneOf(ID, &ids)], &[])?;
    let columns = found.into_iter().flatten();
    let ids = columns.filter(|(name, _)| name.eq_ignore_ascii_case(ID));
    Ok(ids.filter_map(|(_, value)| value).collect())
}

/// The value of a column, as its type takes it.
fn fitted(shape: &Shape, name: &str, row: &Row) -> String {
    let key = name.to_ascii_lowercase();
    let value = row.get(&key).map_or("", String::as_str);
    let kind = shape.column(name).map(|column| column.kind);
    match (kind, &*key) {
        (Some(Kind::Integer { .. }), "disposition") => disposition_number(value).into(),
        (Some(Kind::Integer { .. }), "amaflags") => {
            AmaFlags::parse(value).unwrap_or_default().number().into()
        }
        _ => match shape.width(name) {
            Some(width) => value.chars().take(width).collect(),
            None => value.into(),
        },
    }
}
