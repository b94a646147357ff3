//! SQLite. One connection to one file, in WAL, every commit on disk before it
//! is told.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, ToSql, Transaction, TransactionBehavior, params_from_iter};

use super::counters::Tally;
use super::driver::{
    Column, Condition, Ddl, Driver, Fault, Kind, Only, Order, Row, Update, ordered, pattern,
    quoted, quoted_table,
};

/// Prepared statements kept.
const STATEMENTS: usize = 64;

/// A connection.
pub struct Sqlite {
    conn: Connection,
    tally: Arc<Tally>,
}

/// Opens a file, making it if need be. Nobody waits longer than `timeout` for
/// another's lock.
pub(super) fn open(path: &Path, timeout: Duration) -> Result<Connection, Fault> {
    let conn = Connection::open(path).map_err(fault)?;
    conn.busy_timeout(timeout).map_err(fault)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // A column there is none of is a mistake, not a text of that name.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)
        .map_err(fault)?;
    conn.pragma_update(None, "journal_mode", "wal")
        .map_err(fault)?;
    conn.pragma_update(None, "synchronous", "full")
        .map_err(fault)?;
    Ok(conn)
}

/// The connection kept in `kept`; one is opened, and `table` made, where there
/// is none.
pub(super) fn opened<'c>(
    kept: &'c mut Option<Connection>,
    path: &Path,
    timeout: Duration,
    table: &str,
) -> Result<&'c mut Connection, Fault> {
    let conn = match kept.take() {
        Some(conn) => conn,
        None => {
            let conn = open(path, timeout)?;
            conn.execute(table, []).map_err(fault)?;
            conn
        }
    };
    Ok(kept.insert(conn))
}

impl Sqlite {
    /// Connects.
    pub fn open(path: &Path, timeout: Duration, tally: Arc<Tally>) -> Result<Sqlite, Fault> {
        let conn = open(path, timeout)?;
        Ok(Sqlite { conn, tally })
    }

    /// One transaction. The lock for writing is taken first, so that nobody
    /// finds it taken half-way.
    fn begin(&mut self) -> Result<Transaction<'_>, Fault> {
        self.tally.statements.one();
        self.conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fault)
    }
}

impl Driver for Sqlite {
    fn select(
        &mut self,
        table: &str,
        conditions: &[Condition<'_>],
        order: &[Order<'_>],
    ) -> Result<Vec<Row>, Fault> {
        let (clause, values) = clause(conditions, false);
        let from = quoted_table(table, '"');
        let sql = format!("SELECT * FROM {from}{clause}{}", ordered(order, '"'));
        self.tally.statements.one();
        let mut statement = self.conn.prepare_cached(&sql).map_err(fault)?;
        let names: Vec<Arc<str>> = statement.column_names().map(Arc::from).collect();
        let mut found = statement.query(params_from_iter(values)).map_err(fault)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(fault)? {
            let mut columns = Vec::with_capacity(names.len());
            for (index, name) in names.iter().enumerate() {
                let value = row.get_ref(index).map_err(fault)?;
                columns.push((Arc::clone(name), text(value)));
            }
            rows.push(columns);
        }
        self.tally.rows_read.add(rows.len() as u64);
        Ok(rows)
    }

    fn update(&mut self, updates: &[Update<'_>]) -> Result<Vec<u64>, Fault> {
        let tally = Arc::clone(&self.tally);
        let transaction = self.begin()?;
        let mut named = Vec::with_capacity(updates.len());
        for update in updates {
            let set: Vec<String> = update
                .columns
                .iter()
                .enumerate()
                .map(|(index, column)| format!("{} = ?{}", name(column), index + 2))
                .collect();
            let place = update.columns.len() + 2;
            let (only, limit) = match update.only {
                None => (String::new(), None),
                Some(Only::Blank(column, value)) => {
                    let column = name(column);
                    let text =
                        format!(" AND ({column} IS NULL OR {column} = '' OR {column} = ?{place})");
                    (text, Some(value))
                }
                Some(Only::UpTo(column, value)) => {
                    let column = name(column);
                    let text =
                        format!(" AND CAST({column} AS INTEGER) <= CAST(?{place} AS INTEGER)");
                    (text, Some(value))
                }
            };
            // The second comparison is of bytes, whatever the column's collation.
            let key = name(update.key);
            let sql = format!(
                "UPDATE {} SET {} WHERE {key} = ?1 AND CAST({key} AS BLOB) = CAST(?1 AS BLOB){only}",
                quoted_table(update.table, '"'),
                set.join(", "),
            );
            let mut statement = transaction.prepare_cached(&sql).map_err(fault)?;
            let mut rows = 0;
            for row in update.rows {
                tally.statements.one();
                let values = row.iter().map(String::as_str).chain(limit);
                rows += statement.execute(params_from_iter(values)).map_err(fault)? as u64;
                tally.rows_written.one();
            }
            named.push(rows);
        }
        transaction.commit().map_err(fault)?;
        Ok(named)
    }

    fn insert(&mut self, table: &str, row: &[(&str, &str)]) -> Result<u64, Fault> {
        let columns: Vec<&str> = row.iter().map(|(column, _)| *column).collect();
        let sql = insertion(table, &columns);
        self.tally.statements.one();
        let values = params_from_iter(row.iter().map(|(_, value)| value));
        self.conn.execute(&sql, values).map_err(fault)?;
        self.tally.rows_written.one();
        Ok(u64::try_from(self.conn.last_insert_rowid()).unwrap_or(0))
    }

    fn insert_all(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: &[Vec<String>],
    ) -> Result<(), Fault> {
        let tally = Arc::clone(&self.tally);
        let transaction = self.begin()?;
        {
            let sql = insertion(table, columns);
            let mut statement = transaction.prepare_cached(&sql).map_err(fault)?;
            for row in rows {
                tally.statements.one();
                statement.execute(params_from_iter(row)).map_err(fault)?;
                tally.rows_written.one();
            }
        }
        transaction.commit().map_err(fault)
    }

    fn delete(&mut self, table: &str, conditions: &[Condition<'_>]) -> Result<u64, Fault> {
        let (clause, values) = clause(conditions, true);
        let sql = format!("DELETE FROM {}{clause}", quoted_table(table, '"'));
        self.tally.statements.one();
        let affected = self
            .conn
            .execute(&sql, params_from_iter(values))
            .map_err(fault)?;
        self.tally.rows_written.add(affected as u64);
        Ok(affected as u64)
    }

    fn describe(&mut self, table: &str) -> Result<Vec<Column>, Fault> {
        self.tally.statements.one();
        let sql = "SELECT name, type FROM pragma_table_info(?1)";
        let mut statement = self.conn.prepare_cached(sql).map_err(fault)?;
        let columns: Vec<Column> = statement
            .query_map([table], |row| {
                Ok(Column {
                    name: row.get(0)?,
                    // A declared width means nothing here: everything fits.
                    kind: Kind::Other,
                })
            })
            .and_then(Iterator::collect)
            .map_err(fault)?;
        if columns.is_empty() {
            return Err(Fault::Refused("no such table. Check extconfig.conf".into()));
        }
        Ok(columns)
    }

    fn run(&mut self, ddl: &Ddl) -> Result<(), Fault> {
        if !ddl.add {
            return Ok(());
        }
        let kind = match ddl.kind {
            Kind::Integer { .. } => "INTEGER",
            Kind::Text(_) | Kind::Other => "TEXT",
        };
        self.tally.statements.one();
        let table = quoted_table(&ddl.table, '"');
        let sql = format!(
            "ALTER TABLE {table} ADD COLUMN {} {kind}",
            name(&ddl.column)
        );
        self.conn.execute(&sql, []).map(drop).map_err(fault)
    }
}

fn insertion(table: &str, columns: &[&str]) -> String {
    let names: Vec<String> = columns.iter().map(|column| name(column)).collect();
    format!(
        "INSERT INTO {} ({}) VALUES ({})",
        quoted_table(table, '"'),
        names.join(", "),
        vec!["?"; columns.len()].join(", ")
    )
}

/// ` WHERE …`, and what is bound in it. Where it is `exact`, no lenient
/// collation finds a value that is spelt otherwise.
fn clause(conditions: &[Condition<'_>], exact: bool) -> (String, Vec<Box<dyn ToSql>>) {
    let mut sql = String::new();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    for condition in conditions {
        sql.push_str(if sql.is_empty() { " WHERE " } else { " AND " });
        match *condition {
            Condition::OneOf(column, wanted) => {
                let places = vec!["?"; wanted.len()].join(",");
                sql.push_str(&format!("{} IN ({places})", name(column)));
                let mut bind = || values.extend(wanted.iter().map(|v| Box::new(v.clone()) as _));
                bind();
                if exact {
                    let places = vec!["CAST(? AS BLOB)"; wanted.len()].join(",");
                    let name = name(column);
                    sql.push_str(&format!(" AND CAST({name} AS BLOB) IN ({places})"));
                    bind();
                }
            }
            Condition::Contains(column, text) => {
                sql.push_str(&format!("{} LIKE ? ESCAPE '!'", name(column)));
                values.push(Box::new(pattern(text)));
            }
        }
    }
    (sql, values)
}

fn name(column: &str) -> String {
    quoted(column, '"')
}

fn text(value: ValueRef<'_>) -> Option<String> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
    })
}

/// What an error means. SQLite's own words may quote a value: they are left out.
pub(super) fn fault(error: rusqlite::Error) -> Fault {
    let Some(code) = error.sqlite_error_code() else {
        return Fault::Refused("SQLite's answer is not understood".into());
    };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            // It has been waited for, as long as anything is.
            Fault::Unavailable("another process holds the SQLite file".into())
        }
        ErrorCode::DiskFull => Fault::Unavailable("the disk is full".into()),
        ErrorCode::CannotOpen => {
            Fault::Unavailable("the SQLite file cannot be opened. Check the directory".into())
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            Fault::Unavailable("the SQLite file must not be written. Check its owner".into())
        }
        ErrorCode::SystemIoFailure
        | ErrorCode::OutOfMemory
        | ErrorCode::FileLockingProtocolFailed => {
            Fault::Unavailable("the host fails to read or write the SQLite file".into())
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            Fault::Unavailable("the file is damaged, or no SQLite file".into())
        }
        ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch => {
            Fault::Value("a value does not fit its column".into())
        }
        _ => Fault::Refused(match error {
            rusqlite::Error::SqlInputError { .. } => {
                "the statement fails. Is a table or column missing?".into()
            }
            _ => format!("SQLite refuses the statement ({code:?})"),
        }),
    }
}
