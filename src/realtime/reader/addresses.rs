//! Who may send from an address: the rules of A.11.2, each a statement for all
//! addresses that the rules before found nobody for.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use pinion_sip::machine::realtime::{Known, Outcome};

use super::super::driver::{Condition, Fault, Order, Row};
use super::super::pool::{Pool, Route};
use super::super::row::column;
use super::Reader;
use super::waiting::Round;

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

/// Where a row is, or an address as far as a rule looks at it.
type Place = (IpAddr, Option<u16>);

impl Rule {
    /// Where the row is that holds the address; `None` where it holds none.
    fn place(self, row: &Row) -> Option<Place> {
        let ip = column(row, self.column)?.parse().ok()?;
        if !self.exact {
            return Some((ip, None));
        }
        Some((ip, Some(column(row, "port")?.parse().ok()?)))
    }

    fn looks_at(self, address: SocketAddr) -> Place {
        let port = self.exact.then_some(address.port());
        (address.ip().to_canonical(), port)
    }

    /// A table without the column has nobody whom the rule could find.
    fn missing(self, table: &str, column: &str) -> String {
        let how = if self.exact { "port" } else { "insecure=port" };
        format!(
            "table {table}: column {column} is missing; \
             no device is found by its {} with {how}",
            self.column
        )
    }
}

/// Devices by address.
type There = HashMap<SocketAddr, Vec<Arc<Known>>>;

impl Reader {
    /// Answers all askers of addresses.
    pub(super) fn addresses(&mut self, round: Round<SocketAddr>) {
        self.tally.read_batches.one();
        let addresses: Vec<SocketAddr> = round.keys().copied().collect();
        let mut statements = 0;
        let Ok(found) = self.by_address(&addresses, &mut statements) else {
            // Dropped: answered that nothing is known.
            self.waiting.addresses.charge(&round, statements);
            return;
        };
        let is_found = |address: &SocketAddr| found.contains_key(address);
        self.waiting.addresses.learn(&round, statements, is_found);
        for (address, replies) in round.asked {
            let peers = found.get(&address).cloned().unwrap_or_default();
            for reply in replies {
                reply.give(Outcome::Peers(peers.clone()));
            }
        }
    }

    fn by_address(
        &mut self,
        addresses: &[SocketAddr],
        statements: &mut u32,
    ) -> Result<There, Fault> {
        let mut found = There::new();
        for rule in RULES {
            let mut missing = addresses.to_vec();
            missing.retain(|address| !found.contains_key(address));
            if missing.is_empty() {
                break;
            }
            *statements += 1;
            let rows = self.rows_at(rule, &missing)?;
            let places: Vec<Option<Place>> = rows.iter().map(|(_, place)| *place).collect();
            let known = self.known(
                rows.into_iter().map(|(row, _)| row).collect(),
                &HashMap::new(),
            )?;
            let mut by_place: HashMap<Place, Vec<Arc<Known>>> = HashMap::new();
            for (place, known) in places.into_iter().zip(known) {
                if let (Some(place), Some((_, known))) = (place, known) {
                    by_place.entry(place).or_default().push(known);
                }
            }
            for address in missing {
                if let Some(there) = by_place.get(&rule.looks_at(address)) {
                    found.insert(address, there.clone());
                }
            }
        }
        Ok(found)
    }

    /// The rows of `sippeers` that a rule finds, each with its place, in the
    /// order of the column.
    fn rows_at(
        &mut self,
        rule: Rule,
        addresses: &[SocketAddr],
    ) -> Result<Vec<(Row, Option<Place>)>, Fault> {
        let hosts = addresses.iter().map(|a| a.ip().to_canonical().to_string());
        let ports = addresses.iter().map(|a| a.port().to_string());
        let (mut hosts, mut ports): (Vec<String>, Vec<String>) = hosts.zip(ports).unzip();
        for list in [&mut hosts, &mut ports] {
            list.sort_unstable();
            list.dedup();
        }
        let at = Condition::OneOf(rule.column, &hosts);
        let port = Condition::OneOf("port", &ports);
        let insecure = Condition::Contains("insecure", "port");
        let second = if rule.exact { port } else { insecure };
        let pool = &mut self.pool;
        if rule.column != "ipaddr" || !self.sipregs.is_mapped() {
            let rows = select(pool, &self.sippeers, rule, &[at, second])?;
            let placed = |row: Row| {
                let place = rule.place(&row);
                (row, place)
            };
            return Ok(rows.into_iter().map(placed).collect());
        }
        let both = [at, port];
        let conditions = if rule.exact { &both[..] } else { &both[..1] };
        let registered = select(pool, &self.sipregs, rule, conditions)?;
        let name = |row: &Row| column(row, "name").map(str::to_owned);
        let names: Vec<String> = registered.iter().filter_map(name).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let named = [Condition::OneOf("name", &names), insecure];
        let conditions = if rule.exact { &named[..1] } else { &named[..] };
        let rows = self.pool.run(&self.sippeers, |driver, table| {
            driver.select(table, conditions, &[])
        })?;
        let mut by_name: HashMap<String, Row> = HashMap::new();
        for row in rows {
            if let Some(name) = name(&row) {
                by_name.entry(name).or_insert(row);
            }
        }
        let placed = |held: &Row| {
            let row = by_name.remove(column(held, "name")?)?;
            Some((row, rule.place(held)))
        };
        Ok(registered.iter().filter_map(placed).collect())
    }
}

/// The rows that meet the conditions of a rule, in its column's order; none
/// where the table lacks one of its columns, which is told once.
fn select(
    pool: &mut Pool,
    route: &Route,
    rule: Rule,
    conditions: &[Condition<'_>],
) -> Result<Vec<Row>, Fault> {
    let order = [Order::Up(rule.column)];
    pool.first(route, |pool, link, table| {
        let shape = pool.columns(link, table)?;
        let columns = conditions.iter().map(|condition| match *condition {
            Condition::OneOf(column, _) | Condition::Contains(column, _) => column,
        });
        if let Some(absent) = columns.into_iter().find(|column| !shape.has(column)) {
            pool.tell(&rule.missing(table, absent));
            return Ok(Vec::new());
        }
        let link = pool.link(link)?;
        link.run(|driver| driver.select(table, conditions, &order))
    })
}
