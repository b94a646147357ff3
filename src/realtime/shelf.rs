//! Registrations in an SQLite file of our own: all contacts of a device are
//! replaced at once, many devices in one commit, on disk before it is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::{Text, UnixTime};
use pinion_sip::machine::realtime::{Registration, Saving};
use rusqlite::{Connection, Row, params};

use super::driver::Fault;
use super::sqlite::{fault, opened};

/// How long the file may be locked by another, which only a tool could be.
const PATIENCE: Duration = Duration::from_secs(1);

/// The table. A row without a contact says that the device has none.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS registrations (
    name BLOB NOT NULL, position INTEGER NOT NULL, seq INTEGER NOT NULL,
    contact BLOB, address TEXT, local TEXT, expires INTEGER, defaultuser BLOB,
    useragent BLOB, path BLOB, call_id BLOB, cseq INTEGER, q INTEGER, regserver TEXT,
    expired INTEGER NOT NULL,
    PRIMARY KEY (name, position)
) WITHOUT ROWID";

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// When it came, in microseconds since 1970; of two that one process kept,
    /// the later has the larger.
    pub seq: u64,
    /// The device and its contacts.
    pub saving: Arc<Saving>,
}

/// The file.
pub struct Shelf {
    path: PathBuf,
    conn: Option<Connection>,
    /// Whether it is worth keeping that a device has no contact.
    keep_empty: bool,
}

impl Shelf {
    /// The file at `path`; it is opened when first used.
    pub fn new(path: PathBuf, keep_empty: bool) -> Shelf {
        Shelf {
            path,
            conn: None,
            keep_empty,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn opened(&mut self) -> Result<&mut Connection, Fault> {
        opened(&mut self.conn, &self.path, PATIENCE, TABLE)
    }

    /// Keeps all of them, and forgets `gone` where nothing newer is kept; durable
    /// on return.
    pub fn keep(&mut self, savings: &[Kept], gone: &[(Text, u64)]) -> Result<(), Fault> {
        let keep_empty = self.keep_empty;
        let transaction = self.opened()?.transaction().map_err(fault)?;
        {
            let mut forget = transaction
                .prepare_cached("DELETE FROM registrations WHERE name = ?1 AND seq = ?2")
                .map_err(fault)?;
            let mut replace = transaction
                .prepare_cached("DELETE FROM registrations WHERE name = ?1")
                .map_err(fault)?;
            let mut insert = transaction
                .prepare_cached(
                    "INSERT INTO registrations VALUES \
                     (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                )
                .map_err(fault)?;
            for (name, seq) in gone {
                forget
                    .execute(params![name.as_bytes(), seq])
                    .map_err(fault)?;
            }
            for Kept { seq, saving } in savings {
                let name = saving.name.as_bytes();
                replace.execute(params![name]).map_err(fault)?;
                for (position, contact) in saving.contacts.iter().enumerate() {
                    insert
                        .execute(params![
                            name,
                            position,
                            seq,
                            contact.fullcontact.as_bytes(),
                            contact.address.to_string(),
                            contact.local.map(|local| local.to_string()),
                            contact.regseconds.0,
                            contact.defaultuser.as_bytes(),
                            contact.useragent.as_bytes(),
                            contact.path.as_bytes(),
                            contact.call_id.as_bytes(),
                            contact.cseq,
                            contact.q,
                            contact.regserver.as_str(),
                            saving.expired,
                        ])
                        .map_err(fault)?;
                }
                if saving.contacts.is_empty() && keep_empty {
                    let none: Option<i64> = None;
                    insert
                        .execute(params![
                            name,
                            0,
                            seq,
                            none,
                            none,
                            none,
                            none,
                            none,
                            none,
                            none,
                            none,
                            none,
                            none,
                            none,
                            saving.expired
                        ])
                        .map_err(fault)?;
                }
            }
        }
        transaction.commit().map_err(fault)
    }

    /// All that is kept, in the order it came.
    pub fn load(&mut self) -> Result<Vec<Kept>, Fault> {
        let conn = self.opened()?;
        let mut statement = conn
            .prepare_cached("SELECT * FROM registrations ORDER BY seq, name, position")
            .map_err(fault)?;
        let mut rows = statement.query([]).map_err(fault)?;
        let mut kept: Vec<(u64, Saving)> = Vec::new();
        let mut index: HashMap<Text, usize> = HashMap::new();
        while let Some(row) = rows.next().map_err(fault)? {
            let name = text(row, "name").map_err(fault)?;
            let seq: u64 = row.get("seq").map_err(fault)?;
            let expired = row.get("expired").map_err(fault)?;
            let at = *index.entry(name.clone()).or_insert_with(|| {
                let contacts = Vec::new();
                let saving = Saving {
                    name,
                    contacts,
                    expired,
                };
                kept.push((seq, saving));
                kept.len() - 1
            });
            let contact = contact(row).map_err(fault)?;
            if let (Some((_, saving)), Some(contact)) = (kept.get_mut(at), contact) {
                saving.contacts.push(contact);
            }
        }
        let arc = |(seq, saving)| Kept {
            seq,
            saving: Arc::new(saving),
        };
        Ok(kept.into_iter().map(arc).collect())
    }

    /// Gives the file no more room than it has, as a full disk does.
    #[cfg(test)]
    pub fn fill(&mut self) {
        let conn = self.opened().unwrap();
        let pages: i64 = conn
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .unwrap();
        conn.pragma_update(None, "max_page_count", pages).unwrap();
    }

    /// Gives it room again.
    #[cfg(test)]
    pub fn empty(&mut self) {
        let conn = self.opened().unwrap();
        conn.pragma_update(None, "max_page_count", 1 << 20).unwrap();
    }
}

/// The contact of a row; `None` where it has none, or an address that is none.
fn contact(row: &Row<'_>) -> rusqlite::Result<Option<Registration>> {
    let address: Option<String> = row.get("address")?;
    let Some(address) = address.and_then(|text| text.parse::<SocketAddr>().ok()) else {
        return Ok(None);
    };
    let local: Option<String> = row.get("local")?;
    Ok(Some(Registration {
        fullcontact: text(row, "contact")?,
        address,
        local: local.and_then(|text| text.parse().ok()),
        regseconds: UnixTime(row.get("expires")?),
        defaultuser: text(row, "defaultuser")?,
        useragent: text(row, "useragent")?,
        path: text(row, "path")?,
        call_id: text(row, "call_id")?,
        cseq: row.get("cseq")?,
        node: None,
        q: row.get("q")?,
        regserver: row.get::<_, String>("regserver")?.into(),
    }))
}

fn text(row: &Row<'_>, column: &str) -> rusqlite::Result<Text> {
    let bytes: Vec<u8> = row.get(column)?;
    Ok(Text::from(&*bytes))
}
