//! Threads that read and write the rows plans ask for (`REALTIME`): any family
//! that is mapped, one job after the other. Devices are others' matter.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Receiver;
use pinion_sip::dialplan::{self, Deed, Inquiry, Lookup, Reply as Said, Rows};
use pinion_sip::machine::realtime::Outcome;

use super::driver::{Condition, Driver, Fault, Order, Row, Update};
use super::mapping::Mapping;
use super::pool::{Pool, Route};
use super::reply::Reply;
use super::row::{column, decoded, encoded, pairs};

/// The most rows a plan hears of.
const MOST_ROWS: usize = 1024;

/// What a clerk is told.
pub(super) enum ClerkJob {
    Ask(Reply, Inquiry),
    Stop,
}

/// One thread. All take from one queue.
pub(super) struct Clerk {
    jobs: Receiver<ClerkJob>,
    pool: Pool,
    mapping: Arc<Mapping>,
    /// Ways to read and to write, by family.
    routes: HashMap<Box<str>, (Route, Route)>,
    timeout: Duration,
}

impl Clerk {
    /// Asks through `pool`; who has waited longer than `timeout` is not served.
    pub fn new(
        jobs: Receiver<ClerkJob>,
        pool: Pool,
        mapping: Arc<Mapping>,
        timeout: Duration,
    ) -> Clerk {
        Clerk {
            jobs,
            pool,
            mapping,
            routes: HashMap::new(),
            timeout,
        }
    }

    /// Serves until told to stop.
    pub fn serve(&mut self) {
        while let Ok(ClerkJob::Ask(reply, inquiry)) = self.jobs.recv() {
            if reply.is_older_than(self.timeout) {
                continue;
            }
            let (family, said) = match &inquiry {
                Inquiry::Rows(rows) => (&rows.family, self.rows(rows)),
                Inquiry::Extension(lookup) => (&lookup.family, self.extension(lookup)),
                _ => continue,
            };
            match said {
                Ok(said) => reply.give(Outcome::Reply(said)),
                Err(fault) => self.pool.tell(&format!(
                    "rows of family {family} that a plan wants: {fault}"
                )),
            }
        }
    }

    fn rows(&mut self, rows: &Rows) -> Result<Said, Fault> {
        let (reading, writing) = self.ways(&rows.family);
        let values: Vec<(&str, [String; 1])> = rows
            .matches
            .iter()
            .map(|(column, value)| (&**column, [encoded(value).into_owned()]))
            .collect();
        let conditions: Vec<Condition<'_>> = values
            .iter()
            .map(|(column, value)| Condition::OneOf(column, value))
            .collect();
        match &rows.deed {
            Deed::Read => {
                let found = self.pool.run(&reading, |driver, table| {
                    driver.select(table, &conditions, &[])
                })?;
                Ok(Said::Rows(shown(&found)))
            }
            Deed::Destroy => {
                let found = self.pool.run(&writing, |driver, table| {
                    let found = driver.select(table, &conditions, &[])?;
                    driver.delete(table, &conditions)?;
                    Ok(found)
                })?;
                Ok(Said::Rows(shown(&found)))
            }
            Deed::Store => {
                let row: Vec<(&str, &str)> = values
                    .iter()
                    .map(|(column, [value])| (*column, value.as_str()))
                    .collect();
                let number = self
                    .pool
                    .run(&writing, |driver, table| driver.insert(table, &row))?;
                Ok(Said::Text(number.to_string()))
            }
            Deed::Update(field, value) => {
                let value = encoded(value);
                let named = self.pool.run(&writing, |driver, table| {
                    update(driver, table, &values, field, &value)
                })?;
                Ok(Said::Text(named.to_string()))
            }
        }
    }

    /// The row of an extension, else those of patterns (`switch => Realtime`).
    fn extension(&mut self, lookup: &Lookup) -> Result<Said, Fault> {
        let (reading, _) = self.ways(&lookup.family);
        let is = |value: &str| [encoded(value).into_owned()];
        let (context, exten) = (is(&lookup.context), is(&lookup.exten));
        let priority = [lookup.priority.to_string()];
        let place = [
            Condition::OneOf("context", &context),
            Condition::OneOf("priority", &priority),
        ];
        let order = [Order::Up("exten")];
        let mut select = |condition| {
            let [context, priority] = place;
            let conditions = [context, priority, condition];
            self.pool.run(&reading, |driver, table| {
                driver.select(table, &conditions, &order)
            })
        };
        let mut found = select(Condition::OneOf("exten", &exten))?;
        if found.is_empty() && lookup.patterns {
            found = select(Condition::Contains("exten", "_"))?;
            found.retain(|row| column(row, "exten").is_some_and(|exten| exten.starts_with('_')));
        }
        let fields = |row: &Row| {
            let field = |name: &str| {
                let value = column(row, name).map(decoded).unwrap_or_default();
                (name.into(), (&*value).into())
            };
            ["exten", "app", "appdata"].map(field).into()
        };
        Ok(Said::Rows(
            found.iter().take(MOST_ROWS).map(fields).collect(),
        ))
    }

    fn ways(&mut self, family: &str) -> (Route, Route) {
        if let Some(ways) = self.routes.get(family) {
            return ways.clone();
        }
        let places = self.mapping.places(&family.to_ascii_lowercase());
        let ways = (
            self.pool.route(places, false),
            self.pool.route(places, true),
        );
        // A family that no file maps is not worth remembering.
        if ways.0.is_mapped() {
            self.routes.insert(family.into(), ways.clone());
        }
        ways
    }
}

fn update(
    driver: &mut dyn Driver,
    table: &str,
    values: &[(&str, [String; 1])],
    field: &str,
    value: &str,
) -> Result<u64, Fault> {
    let Some((key, [wanted])) = values.first() else {
        return Ok(0);
    };
    let named = driver.update(&[Update {
        table,
        key,
        columns: &[field],
        rows: &[vec![wanted.clone(), value.into()]],
        only: None,
    }])?;
    Ok(named.first().copied().unwrap_or(0))
}

/// Rows as plans see them: what is NULL or empty says nothing.
fn shown(rows: &[Row]) -> Vec<dialplan::Row> {
    let fields = |row: &Row| {
        let pairs = pairs(row).into_iter();
        pairs
            .filter(|(_, value)| !value.trim().is_empty())
            .map(|(name, value)| (name.into(), value.trim().into()))
            .collect()
    };
    rows.iter().take(MOST_ROWS).map(fields).collect()
}
