//! A worker's ways to the families: places by priority, connections shared
//! between families of one database, and what tables have been found to look
//! like. One pool belongs to one thread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::breaker::Breaker;
use super::counters::Tally;
use super::driver::{Condition, Driver, Fault, Order, Row};
use super::link::{Link, Source};
use super::mapping::{Mapping, Place, Requirements};
use super::schema::Shape;
use crate::modules::Switches;

/// Where connections come from; shared by all workers.
pub struct Sources {
    reading: Vec<Source>,
    writing: Vec<Source>,
    /// What has been told of each subject, not to be told again.
    told: Mutex<HashMap<String, Vec<String>>>,
}

impl Sources {
    /// One for each section and direction.
    pub fn new(
        mapping: &Mapping,
        timeout: Duration,
        tally: &Arc<Tally>,
        switches: &Arc<Switches>,
    ) -> Sources {
        let make = |writing: bool| {
            let direction = if writing { "write" } else { "read" };
            let source = |section: &super::mapping::Section| Source {
                section: Arc::new(ArcSwap::from_pointee(section.clone())),
                writing,
                breaker: Arc::new(Breaker::new(format!("{}_{direction}", section.name()))),
                timeout,
                tally: Arc::clone(tally),
                switches: Arc::clone(switches),
            };
            mapping.sections.iter().map(source).collect()
        };
        Sources {
            reading: make(false),
            writing: make(true),
            told: Mutex::default(),
        }
    }

    /// Has the databases of a mapping that [`Mapping::is_alike`] reached as that
    /// says, from the next statement on.
    pub fn move_to(&self, mapping: &Mapping) {
        for sources in [&self.reading, &self.writing] {
            for (source, section) in sources.iter().zip(&mapping.sections) {
                if **source.section.load() != *section {
                    source.section.store(Arc::new(section.clone()));
                }
            }
        }
    }

    /// The states of all breakers: name, and 0 closed, 1 half-open, 2 open.
    pub fn breakers(&self) -> impl Iterator<Item = (&str, u64)> {
        let sources = self.reading.iter().chain(&self.writing);
        sources.map(|source| (source.breaker.name(), source.breaker.shown()))
    }

    /// Whether that is news about the subject.
    fn is_news(&self, subject: &str, sentences: &[String]) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.insert(subject.into(), sentences.to_vec());
        before.as_deref().unwrap_or_default() != sentences
    }
}

/// The places of one family: link and table, by priority.
#[derive(Clone, Debug, Default)]
pub struct Route(Vec<(usize, String)>);

impl Route {
    /// Whether the family is mapped at all.
    pub fn is_mapped(&self) -> bool {
        !self.0.is_empty()
    }
}

/// The links of one thread.
pub struct Pool {
    sources: Arc<Sources>,
    links: Vec<Link>,
    by_section: HashMap<(usize, bool), usize>,
    shapes: HashMap<(usize, String), (u64, Arc<Shape>)>,
    /// The connections whose tables were found fit to write to, or mended.
    checked: HashMap<(usize, String), u64>,
}

impl Pool {
    /// Without links yet.
    pub fn new(sources: Arc<Sources>) -> Pool {
        Pool {
            sources,
            links: Vec::new(),
            by_section: HashMap::new(),
            shapes: HashMap::new(),
            checked: HashMap::new(),
        }
    }

    /// The way to some places, for reading or writing. Nothing is opened yet.
    pub fn route(&mut self, places: &[Place], writing: bool) -> Route {
        let mut route = Vec::new();
        for place in places {
            let (section, sources) = if writing {
                (place.write_section, &self.sources.writing)
            } else {
                (place.read_section, &self.sources.reading)
            };
            let Some(source) = sources.get(section) else {
                continue;
            };
            let links = &mut self.links;
            let link = *self
                .by_section
                .entry((section, writing))
                .or_insert_with(|| {
                    links.push(Link::new(source.clone()));
                    links.len() - 1
                });
            route.push((link, place.table.clone()));
        }
        Route(route)
    }

    /// Runs an operation at the first place where it does not fail.
    pub fn run<T>(
        &mut self,
        route: &Route,
        mut operation: impl FnMut(&mut dyn Driver, &str) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.first(route, |pool, link, table| {
            let link = pool.links.get_mut(link).ok_or_else(unmapped)?;
            link.run(|driver| operation(driver, table))
        })
    }

    /// Runs an operation on a link, at the first place where it does not fail.
    pub fn first<T>(
        &mut self,
        route: &Route,
        mut operation: impl FnMut(&mut Pool, usize, &str) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut failed = unmapped();
        for (link, table) in &route.0 {
            match operation(self, *link, table) {
                Ok(done) => return Ok(done),
                Err(fault) => failed = fault,
            }
        }
        Err(failed)
    }

    /// One of the links.
    pub fn link(&mut self, index: usize) -> Result<&mut Link, Fault> {
        self.links.get_mut(index).ok_or_else(unmapped)
    }

    /// Tells something, once for all workers.
    pub fn tell(&self, sentence: &str) {
        if self.sources.is_news(sentence, &[sentence.into()]) {
            tracing::error!("{sentence}");
        }
    }

    /// The columns of a table, learnt once for each connection.
    pub fn columns(&mut self, link: usize, table: &str) -> Result<Arc<Shape>, Fault> {
        let key = (link, table.to_owned());
        let current = self.link(link)?.generation();
        if let Some((generation, shape)) = self.shapes.get(&key)
            && *generation == current
        {
            return Ok(Arc::clone(shape));
        }
        let connection = self.link(link)?;
        let shape = connection.run(|driver| driver.describe(table).map(Shape::new))?;
        let (generation, shape) = (connection.generation(), Arc::new(shape));
        self.shapes.insert(key, (generation, Arc::clone(&shape)));
        Ok(shape)
    }

    /// The columns of a table that registrations are written to. What it lacks
    /// is told, once for all workers, and mended if the section asks for it.
    pub fn shape(&mut self, link: usize, table: &str, path: bool) -> Result<Arc<Shape>, Fault> {
        let shape = self.columns(link, table)?;
        let key = (link, table.to_owned());
        let generation = self.link(link)?.generation();
        if self.checked.get(&key) == Some(&generation) {
            return Ok(shape);
        }
        let requirements = self.link(link)?.source().section.load().requirements();
        let lacks = shape.lacks(table, requirements, path);
        let sentences: Vec<String> = lacks.iter().map(|lack| lack.sentence.clone()).collect();
        if self.sources.is_news(table, &sentences) {
            for sentence in &sentences {
                tracing::error!("{sentence}");
            }
        }
        let shape = if requirements == Requirements::Warn || lacks.is_empty() {
            shape
        } else {
            let changes = lacks.iter().filter_map(|lack| lack.ddl.as_ref());
            let mended = Arc::new(self.mend(link, table, changes)?);
            self.shapes
                .insert(key.clone(), (generation, Arc::clone(&mended)));
            mended
        };
        self.checked.insert(key, generation);
        Ok(shape)
    }

    fn mend<'d>(
        &mut self,
        link: usize,
        table: &str,
        changes: impl Iterator<Item = &'d super::driver::Ddl>,
    ) -> Result<Shape, Fault> {
        let connection = self.link(link)?;
        for ddl in changes {
            match connection.run(|driver| driver.run(ddl)) {
                Ok(()) => tracing::warn!("table {table}: column {} is made to fit", ddl.column),
                Err(fault) => tracing::error!("table {table}: column {}: {fault}", ddl.column),
            }
        }
        connection.run(|driver| driver.describe(table).map(Shape::new))
    }
}

fn unmapped() -> Fault {
    Fault::Refused("the family is not mapped in extconfig.conf".into())
}

/// Reads rows of a family now, waiting for them: for what is needed at start,
/// such as files kept in a table. The sentence says which database failed.
pub fn rows(
    mapping: &Mapping,
    family: &str,
    conditions: &[Condition<'_>],
    order: &[Order<'_>],
    timeout: Duration,
) -> Result<Vec<Row>, String> {
    let sources = Sources::new(mapping, timeout, &Arc::default(), &Arc::default());
    let mut pool = Pool::new(Arc::new(sources));
    let route = pool.route(mapping.places(family), false);
    pool.run(&route, |driver, table| {
        driver.select(table, conditions, order)
    })
    .map_err(|fault| format!("{family} cannot be read: {fault}"))
}

/// The rows of a file that is kept in a table (`sip.conf => …`), in the order
/// in which they make the file.
pub fn file_rows(mapping: &Mapping, file: &str, timeout: Duration) -> Result<Vec<Row>, String> {
    let (file_is, not_commented) = ([file.to_owned()], ["0".to_owned()]);
    let conditions = [
        Condition::OneOf("filename", &file_is),
        Condition::OneOf("commented", &not_commented),
    ];
    let order = [
        Order::Up("filename"),
        Order::Up("category"),
        Order::Down("cat_metric"),
        Order::Up("var_metric"),
        Order::Up("var_name"),
        Order::Up("var_val"),
        Order::Up("id"),
    ];
    rows(mapping, file, &conditions, &order, timeout)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::mapping::{Family, Section, SqliteSection};
    use super::*;

    fn database(dir: &Path, name: &str) -> Mapping {
        let dbfile = dir.join(name);
        let connection = rusqlite::Connection::open(&dbfile).unwrap();
        let table = format!("CREATE TABLE t (name TEXT); INSERT INTO t VALUES ('{name}')");
        connection.execute_batch(&table).unwrap();
        let place = Place {
            read_section: 0,
            write_section: 0,
            table: "t".into(),
        };
        Mapping {
            families: vec![Family {
                name: "f".into(),
                places: vec![place],
            }],
            sections: vec![Section::Sqlite(SqliteSection {
                name: "db".into(),
                dbfile,
                requirements: Requirements::Warn,
            })],
        }
    }

    #[test]
    fn a_database_is_reached_otherwise_from_the_next_statement_on() {
        let dir = tempfile::tempdir().unwrap();
        let (here, there) = (database(dir.path(), "here"), database(dir.path(), "there"));
        assert!(here.is_alike(&there));
        let switches = Arc::<Switches>::default();
        let patience = Duration::from_secs(5);
        let sources = Arc::new(Sources::new(&here, patience, &Arc::default(), &switches));
        let mut pool = Pool::new(Arc::clone(&sources));
        let route = pool.route(here.places("f"), false);
        let mut name = || {
            let rows = pool.run(&route, |driver, table| driver.select(table, &[], &[]))?;
            let name = rows
                .first()
                .and_then(|row| super::super::column(row, "name"));
            Ok::<_, Fault>(name.unwrap_or_default().to_owned())
        };
        assert_eq!(name().unwrap(), "here");
        sources.move_to(&there);
        assert_eq!(name().unwrap(), "there");
        switches.set(crate::modules::Beside::Sqlite, false);
        let fault = name().unwrap_err();
        assert!(matches!(&fault, Fault::Unavailable(text) if text.contains("not loaded")));
        switches.set(crate::modules::Beside::Sqlite, true);
        assert_eq!(name().unwrap(), "there");
    }
}
