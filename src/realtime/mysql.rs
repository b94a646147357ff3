//! MySQL and MariaDB. One connection; every value is bound. Its transactions
//! end with a COMMIT of their own, so that a statement which a stalled server
//! executes late, after its client gave up, leaves no trace.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ::mysql::consts::{CapabilityFlags, ColumnType};
use ::mysql::prelude::Queryable;
use ::mysql::{Conn, Opts, OptsBuilder, Params, SslOpts, Value};

use super::counters::Tally;
use super::driver::{
    Column, Condition, Ddl, Driver, Fault, Kind, Only, Order, Row, Update, ordered, pattern,
    quoted, quoted_table,
};
use super::mapping::{MysqlSection, Server, Tls};
use fault::fault;

mod fault;

/// The largest packet, as large as a server's default.
const MAX_PACKET: usize = 16 << 20;

/// Prepared statements kept: sizes of batches times tables, with room.
const STATEMENTS: usize = 128;

/// A connection.
pub struct Mysql {
    conn: Conn,
    tally: Arc<Tally>,
    /// Whether transactions are ended by hand.
    writing: bool,
    /// Collations of the text columns, by table and column.
    collations: HashMap<String, HashMap<String, String>>,
}

impl Mysql {
    /// Connects. No read or write takes longer than `timeout`; resolving the
    /// server's name may. A connection that is `writing` may update.
    pub fn open(
        section: &MysqlSection,
        timeout: Duration,
        writing: bool,
        tally: Arc<Tally>,
    ) -> Result<Mysql, Fault> {
        let conn = Conn::new(options(section, timeout, writing)?).map_err(fault)?;
        Ok(Mysql {
            conn,
            tally,
            writing,
            collations: HashMap::new(),
        })
    }

    fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<Answered, Fault> {
        self.tally.statements.one();
        let params = if values.is_empty() {
            Params::Empty
        } else {
            Params::Positional(values)
        };
        let mut result = self.conn.exec_iter(sql, params).map_err(fault)?;
        let columns = result.columns();
        let names: Vec<Arc<str>> = columns
            .as_ref()
            .iter()
            .map(|column| Arc::from(&*column.name_str()))
            .collect();
        let bits: Vec<bool> = columns
            .as_ref()
            .iter()
            .map(|column| column.column_type() == ColumnType::MYSQL_TYPE_BIT)
            .collect();
        // Reading the rows would forget these.
        let affected = result.affected_rows();
        let inserted = result.last_insert_id().unwrap_or(0);
        let mut rows = Vec::new();
        for row in result.by_ref() {
            let values = row.map_err(fault)?.unwrap();
            let texts = values.into_iter().zip(&bits).map(|(v, &bit)| text(v, bit));
            rows.push(names.iter().cloned().zip(texts).collect());
        }
        self.tally.rows_read.add(rows.len() as u64);
        Ok(Answered {
            rows,
            affected,
            inserted,
        })
    }

    fn say(&mut self, sql: &str) -> Result<(), Fault> {
        self.tally.statements.one();
        self.conn.query_drop(sql).map_err(fault)
    }

    /// Runs the statements of one transaction.
    fn transact<T>(
        &mut self,
        statements: impl FnOnce(&mut Mysql) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if !self.writing {
            return Err(Fault::Refused(
                "this connection only reads; a writectx is needed".into(),
            ));
        }
        match statements(self) {
            Ok(done) => self.say("COMMIT").map(|()| done),
            Err(unavailable @ Fault::Unavailable(_)) => Err(unavailable),
            Err(fault) => self.say("ROLLBACK").and(Err(fault)),
        }
    }

    /// A value that goes into a column, in the column's character set.
    fn converted(&mut self, table: &str, column: &str, value: &str) -> Result<String, Fault> {
        Ok(match self.collation(table, column)? {
            Some(collation) => format!("CONVERT({value} USING {})", charset(collation)),
            None => value.into(),
        })
    }

    /// A bound value that is compared with a column, by the column's collation:
    /// so its index serves, and no comparison mixes collations.
    fn compared(&mut self, table: &str, column: &str) -> Result<String, Fault> {
        let place = self.converted(table, column, "?")?;
        Ok(match self.collation(table, column)? {
            Some(collation) => format!("{place} COLLATE {collation}"),
            None => place,
        })
    }

    /// The character set of a text column.
    fn charset(&mut self, table: &str, column: &str) -> Result<Option<String>, Fault> {
        let collation = self.collation(table, column)?;
        Ok(collation.map(|collation| charset(collation).to_owned()))
    }

    fn collation(&mut self, table: &str, column: &str) -> Result<Option<&String>, Fault> {
        if !self.collations.contains_key(table) {
            self.describe(table)?;
        }
        let columns = self.collations.get(table);
        Ok(columns.and_then(|columns| columns.get(&column.to_ascii_lowercase())))
    }

    /// ` WHERE …`, and what is bound in it.
    fn clause(
        &mut self,
        table: &str,
        conditions: &[Condition<'_>],
    ) -> Result<(String, Vec<Value>), Fault> {
        let mut sql = String::new();
        let mut values = Vec::new();
        for condition in conditions {
            sql.push_str(if sql.is_empty() { " WHERE " } else { " AND " });
            match *condition {
                Condition::OneOf(column, wanted) => {
                    let place = self.compared(table, column)?;
                    let room = room(wanted.len());
                    let _ = write!(sql, "{} IN ({})", name(column), list(&place, room));
                    let padding = wanted.last().into_iter().cycle();
                    values.extend(wanted.iter().chain(padding).take(room).map(bound));
                }
                Condition::Contains(column, text) => {
                    let place = self.compared(table, column)?;
                    let _ = write!(sql, "{} LIKE {place} ESCAPE '!'", name(column));
                    values.push(bound(pattern(text)));
                }
            }
        }
        Ok((sql, values))
    }

    /// All rows of an update in one statement. A derived table holds them; the
    /// table's index on the key finds each, and a comparison of bytes keeps a
    /// lenient collation from finding more.
    /// Returns how many it finds.
    fn update_one(&mut self, update: &Update<'_>) -> Result<u64, Fault> {
        let (table, key) = (update.table, update.key);
        let mut charsets = vec![self.charset(table, key)?];
        for column in update.columns {
            charsets.push(self.charset(table, column)?);
        }
        let rows: Vec<Vec<Value>> = update
            .rows
            .iter()
            .filter_map(|row| expressed(row, &charsets))
            .collect();
        let Some(last) = rows.last().cloned() else {
            return Ok(0);
        };
        let place = self.compared(table, key)?;
        let others = ", ?".repeat(update.columns.len());
        let mut first = format!("SELECT {place} AS k");
        for index in 0..update.columns.len() {
            let _ = write!(first, ", ? AS c{index}");
        }
        let room = room(rows.len());
        let more = format!(" UNION ALL SELECT {place}{others}").repeat(room - 1);
        let mut set = String::new();
        for (index, column) in update.columns.iter().enumerate() {
            let value = self.converted(table, column, &format!("n.c{index}"))?;
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(set, "{comma}t.{} = {value}", name(column));
        }
        let (only, limit) = match update.only {
            None => (String::new(), None),
            Some(Only::Blank(column, value)) => {
                let (place, column) = (self.compared(table, column)?, name(column));
                let text =
                    format!(" AND (t.{column} IS NULL OR t.{column} = '' OR t.{column} = {place})");
                (text, Some(value))
            }
            Some(Only::UpTo(column, value)) => {
                let text = format!(" AND t.{} <= CAST(? AS UNSIGNED)", name(column));
                (text, Some(value))
            }
        };
        let (table, key) = (quoted_table(table, '`'), name(key));
        let sql = format!(
            "UPDATE ({first}{more}) AS n STRAIGHT_JOIN {table} AS t \
             ON t.{key} = n.k AND CAST(t.{key} AS BINARY) = CAST(n.k AS BINARY){only} SET {set}"
        );
        let padding = std::iter::repeat(last);
        let values = rows.into_iter().chain(padding).take(room).flatten();
        let mut values: Vec<Value> = values.collect();
        values.extend(limit.map(bound));
        self.execute(&sql, values).map(|answered| answered.affected)
    }

    /// `INSERT INTO …`, with room for one row.
    fn insertion(&mut self, table: &str, columns: &[&str]) -> Result<String, Fault> {
        let mut places = Vec::new();
        for column in columns {
            places.push(self.converted(table, column, "?")?);
        }
        let names: Vec<String> = columns.iter().map(|column| name(column)).collect();
        Ok(format!(
            "INSERT INTO {} ({}) VALUES ({})",
            quoted_table(table, '`'),
            names.join(", "),
            places.join(", ")
        ))
    }

    /// ` AND …`: of the rows with one of these in a text column, those which
    /// have it byte by byte; `None` where the column can hold none of them.
    fn exactly(
        &mut self,
        table: &str,
        column: &str,
        wanted: &[String],
    ) -> Result<Option<(String, Vec<Value>)>, Fault> {
        let Some(charset) = self.charset(table, column)? else {
            return Ok(Some(Default::default()));
        };
        let mut wanted = wanted.to_vec();
        wanted.retain(|value| {
            value
                .chars()
                .all(|character| expresses(&charset, character))
        });
        if wanted.is_empty() {
            return Ok(None);
        }
        let place = format!("CAST({} AS BINARY)", self.converted(table, column, "?")?);
        let places = list(&place, wanted.len());
        let sql = format!(" AND CAST({} AS BINARY) IN ({places})", name(column));
        Ok(Some((sql, wanted.iter().map(bound).collect())))
    }
}

impl Driver for Mysql {
    fn select(
        &mut self,
        table: &str,
        conditions: &[Condition<'_>],
        order: &[Order<'_>],
    ) -> Result<Vec<Row>, Fault> {
        let (clause, values) = self.clause(table, conditions)?;
        let from = quoted_table(table, '`');
        let sql = format!("SELECT * FROM {from}{clause}{}", ordered(order, '`'));
        let answered = self.execute(&sql, values)?;
        if self.writing {
            self.say("COMMIT")?;
        }
        Ok(answered.rows)
    }

    fn update(&mut self, updates: &[Update<'_>]) -> Result<Vec<u64>, Fault> {
        let all = |own: &mut Mysql| {
            updates
                .iter()
                .map(|update| own.update_one(update))
                .collect()
        };
        let found = self.transact(all)?;
        let rows = updates.iter().map(|update| update.rows.len() as u64).sum();
        self.tally.rows_written.add(rows);
        Ok(found)
    }

    fn insert(&mut self, table: &str, row: &[(&str, &str)]) -> Result<u64, Fault> {
        let columns: Vec<&str> = row.iter().map(|(column, _)| *column).collect();
        let sql = self.insertion(table, &columns)?;
        let values = row.iter().map(|(_, value)| bound(value)).collect();
        let answered = self.transact(|own| own.execute(&sql, values))?;
        self.tally.rows_written.one();
        Ok(answered.inserted)
    }

    fn insert_all(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: &[Vec<String>],
    ) -> Result<(), Fault> {
        let sql = self.insertion(table, columns)?;
        self.transact(|own| {
            rows.iter().try_for_each(|row| {
                let values = row.iter().map(bound).collect();
                own.execute(&sql, values).map(drop)
            })
        })?;
        self.tally.rows_written.add(rows.len() as u64);
        Ok(())
    }

    fn delete(&mut self, table: &str, conditions: &[Condition<'_>]) -> Result<u64, Fault> {
        let (mut clause, mut values) = self.clause(table, conditions)?;
        for condition in conditions {
            if let Condition::OneOf(column, wanted) = *condition {
                let Some((exactly, more)) = self.exactly(table, column, wanted)? else {
                    return Ok(0);
                };
                clause.push_str(&exactly);
                values.extend(more);
            }
        }
        let sql = format!("DELETE FROM {}{clause}", quoted_table(table, '`'));
        let answered = self.transact(|own| own.execute(&sql, values))?;
        self.tally.rows_written.add(answered.affected);
        Ok(answered.affected)
    }

    fn describe(&mut self, table: &str) -> Result<Vec<Column>, Fault> {
        let sql = format!("SHOW FULL COLUMNS FROM {}", quoted_table(table, '`'));
        let rows = self.execute(&sql, Vec::new())?.rows;
        if self.writing {
            self.say("COMMIT")?;
        }
        let mut collations = HashMap::new();
        let mut columns = Vec::new();
        for row in rows {
            let field = |wanted: &str| {
                let found = row
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                found.and_then(|(_, value)| value.clone())
            };
            let name = field("Field").unwrap_or_default();
            if let Some(collation) = field("Collation").filter(|text| is_word(text)) {
                collations.insert(name.to_ascii_lowercase(), collation);
            }
            let kind = kind(&field("Type").unwrap_or_default());
            columns.push(Column { name, kind });
        }
        self.collations.insert(table.into(), collations);
        Ok(columns)
    }

    fn run(&mut self, ddl: &Ddl) -> Result<(), Fault> {
        let verb = if ddl.add { "ADD" } else { "MODIFY" };
        let kind = match ddl.kind {
            Kind::Text(width) => format!("VARCHAR({})", width.unwrap_or(255)),
            Kind::Integer { bytes, unsigned } => {
                let name = match bytes {
                    0 | 1 => "TINYINT",
                    2 => "SMALLINT",
                    3 => "MEDIUMINT",
                    4 => "INT",
                    _ => "BIGINT",
                };
                format!("{name}{}", if unsigned { " UNSIGNED" } else { "" })
            }
            Kind::Other => return Err(Fault::Refused("this type cannot be created".into())),
        };
        let table = quoted_table(&ddl.table, '`');
        self.collations.remove(&ddl.table);
        self.say(&format!(
            "ALTER TABLE {table} {verb} COLUMN {} {kind}",
            name(&ddl.column)
        ))
    }
}

/// What a statement gave.
struct Answered {
    rows: Vec<Row>,
    affected: u64,
    inserted: u64,
}

fn options(section: &MysqlSection, timeout: Duration, writing: bool) -> Result<Opts, Fault> {
    let charset = section.dbcharset.as_deref().unwrap_or("utf8mb4");
    if !is_word(charset) {
        return Err(Fault::Refused("dbcharset names no character set".into()));
    }
    let mut first = vec![format!("SET NAMES {charset}")];
    if writing {
        first.push("SET autocommit = 0".into());
    }
    let mut options = OptsBuilder::new()
        .user(Some(&section.dbuser))
        .pass(Some(section.dbpass.reveal()))
        .db_name(Some(&section.dbname))
        .prefer_socket(false)
        .tcp_connect_timeout(Some(timeout))
        .read_timeout(Some(timeout))
        .write_timeout(Some(timeout))
        .max_allowed_packet(Some(MAX_PACKET))
        // An update counts the rows it finds, not only those it changes.
        .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS)
        .stmt_cache_size(STATEMENTS)
        .init(first);
    options = match &section.server {
        Server::Socket(path) => options.socket(path.to_str()),
        Server::Tcp(host, port) => options.ip_or_hostname(Some(host)).tcp_port(*port),
    };
    options = match &section.tls {
        Tls::No => options,
        Tls::Yes => options.ssl_opts(
            SslOpts::default()
                .with_danger_accept_invalid_certs(true)
                .with_danger_skip_domain_validation(true),
        ),
        Tls::Verify(authorities) => {
            options.ssl_opts(SslOpts::default().with_root_cert_path(authorities.clone()))
        }
    };
    Ok(options.into())
}

fn name(column: &str) -> String {
    quoted(column, '`')
}

/// Whether the text may stand in a statement as it is.
fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.bytes().all(allowed)
}

/// The character set a collation is of: it begins its name.
fn charset(collation: &str) -> &str {
    collation.split('_').next().unwrap_or(collation)
}

/// A row as it is bound, what its columns' character sets cannot express being a
/// question mark; `None` where that is the key: then no row has it.
fn expressed(row: &[String], charsets: &[Option<String>]) -> Option<Vec<Value>> {
    let mut values = Vec::with_capacity(row.len());
    for (index, (text, charset)) in row.iter().zip(charsets).enumerate() {
        let charset = charset.as_deref().unwrap_or_default();
        let lost = |character: char| !expresses(charset, character);
        if !text.contains(lost) {
            values.push(bound(text));
        } else if index == 0 {
            return None;
        } else {
            values.push(bound(text.replace(lost, "?")));
        }
    }
    Some(values)
}

/// Whether a character set has the character. MySQL's latin1 is Windows-1252.
fn expresses(charset: &str, character: char) -> bool {
    match charset {
        "ascii" => character.is_ascii(),
        "latin1" => {
            character.is_ascii()
                || ('\u{a0}'..='\u{ff}').contains(&character)
                || "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ".contains(character)
        }
        "utf8" | "utf8mb3" | "ucs2" => character <= '\u{ffff}',
        _ => true,
    }
}

/// Sizes that statements are made for: the powers of two. The last value fills
/// what is left, which changes no result, and few statements serve all sizes.
fn room(rows: usize) -> usize {
    rows.max(1).next_power_of_two()
}

fn list(place: &str, count: usize) -> String {
    vec![place; count].join(",")
}

fn bound(text: impl AsRef<str>) -> Value {
    Value::Bytes(text.as_ref().as_bytes().to_vec())
}

fn text(value: Value, bits: bool) -> Option<String> {
    Some(match value {
        Value::NULL => return None,
        Value::Bytes(bytes) if bits => bytes
            .iter()
            .fold(0u64, |number, &byte| number << 8 | u64::from(byte))
            .to_string(),
        Value::Bytes(bytes) => String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Date(year, month, day, hour, minute, second, _) => {
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        }
        Value::Time(negative, days, hours, minutes, seconds, _) => {
            let sign = if negative { "-" } else { "" };
            let hours = days * 24 + u32::from(hours);
            format!("{sign}{hours:02}:{minutes:02}:{seconds:02}")
        }
    })
}

/// A type as `SHOW COLUMNS` writes it: `varchar(40)`, `smallint(5) unsigned`.
fn kind(text: &str) -> Kind {
    let text = text.to_ascii_lowercase();
    let (word, rest) = text.split_at(text.find(['(', ' ']).unwrap_or(text.len()));
    let width = rest
        .strip_prefix('(')
        .and_then(|rest| rest.split([')', ',']).next())
        .and_then(|width| width.parse().ok());
    let integer = |bytes| Kind::Integer {
        bytes,
        unsigned: rest.contains("unsigned"),
    };
    match word {
        "char" | "varchar" | "binary" | "varbinary" => Kind::Text(width),
        "tinytext" | "tinyblob" => Kind::Text(Some(255)),
        "text" | "mediumtext" | "longtext" | "blob" | "mediumblob" | "longblob" => Kind::Text(None),
        "tinyint" => integer(1),
        "smallint" => integer(2),
        "mediumint" => integer(3),
        "int" | "integer" => integer(4),
        "bigint" => integer(8),
        _ => Kind::Other,
    }
}
