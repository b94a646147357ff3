//! res_config_mysql.conf: how MySQL and MariaDB servers are reached, a section
//! each. It knows the options; it connects to nothing.

use std::path::PathBuf;

use super::file::{Category, ConfigError, Entry, File, Warning};
use super::words::{self, truth};
use crate::realtime::mapping::{MysqlSection, Password, Requirements, Server, Tls};

/// Where the servers of various distributions put their socket; the last is
/// Debian's.
const SOCKETS: [&str; 3] = [
    "/tmp/mysql.sock",
    "/var/lib/mysql/mysql.sock",
    "/var/run/mysqld/mysqld.sock",
];

/// The options of a section.
const OPTIONS: [&str; 10] = [
    "dbhost",
    "dbname",
    "dbuser",
    "dbpass",
    "dbport",
    "dbsock",
    "dbcharset",
    "requirements",
    "dbtls",
    "dbtlsca",
];

/// Reads every section; of two with one name the last stands.
pub(super) fn read(
    file: &File,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<MysqlSection>, ConfigError> {
    warnings.extend(file.warnings.iter().cloned());
    let mut sections: Vec<MysqlSection> = Vec::new();
    for category in file.categories.iter().filter(|category| !category.template) {
        let section = section(category, warnings)?;
        sections.retain(|earlier| earlier.name != section.name);
        sections.push(section);
    }
    Ok(sections)
}

/// A section whose options may still come in any order.
struct Draft {
    section: MysqlSection,
    dbhost: String,
    dbport: u16,
    dbsock: Option<PathBuf>,
    dbtlsca: Option<PathBuf>,
}

fn section(category: &Category, warnings: &mut Vec<Warning>) -> Result<MysqlSection, ConfigError> {
    let mut draft = Draft {
        section: MysqlSection {
            name: category.name.clone(),
            server: Server::Socket(PathBuf::new()),
            dbname: "asterisk".into(),
            dbuser: "asterisk".into(),
            dbpass: Password::new("asterisk"),
            dbcharset: None,
            requirements: Requirements::Warn,
            tls: Tls::No,
        },
        dbhost: String::new(),
        dbport: 3306,
        dbsock: None,
        dbtlsca: None,
    };
    for entry in &category.entries {
        draft.set(entry, warnings)?;
    }
    let mut warn = |text| warnings.push(Warning::new(&category.at, text));
    let name = &category.name;
    let on_socket = matches!(draft.dbhost.to_ascii_lowercase().as_str(), "" | "localhost");
    if on_socket && draft.section.tls != Tls::No {
        warn(format!(
            "dbtls of [{name}] does nothing on a socket. Write dbhost=, or leave dbtls out."
        ));
    }
    if draft.dbtlsca.is_some() && draft.section.tls != Tls::Verify(None) {
        warn(format!(
            "dbtlsca of [{name}] does nothing without dbtls=verify. Write that, or leave dbtlsca out."
        ));
    }
    Ok(draft.finish(on_socket))
}

impl Draft {
    fn set(&mut self, entry: &Entry, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
        let text = entry.value.as_str();
        let path = || (!text.is_empty()).then(|| PathBuf::from(text));
        let section = &mut self.section;
        let name = section.name.clone();
        let refuse = |accepted| words::refusal(entry, &name, accepted);
        match &*entry.key.to_ascii_lowercase() {
            "dbhost" => self.dbhost = text.into(),
            "dbname" => section.dbname = text.into(),
            "dbuser" => section.dbuser = text.into(),
            "dbpass" => section.dbpass = Password::new(text),
            "dbsock" => self.dbsock = path(),
            "dbcharset" => section.dbcharset = (!text.is_empty()).then(|| text.into()),
            "dbtlsca" => self.dbtlsca = path(),
            "dbport" => {
                let port = text.parse().ok().filter(|&port| port > 0);
                self.dbport = port.ok_or_else(|| refuse("a number from 1 to 65535"))?;
            }
            "requirements" => {
                section.requirements = requirements(text).ok_or_else(|| refuse(REQUIREMENTS))?;
            }
            "dbtls" => section.tls = tls(text).ok_or_else(|| refuse("no, yes or verify"))?,
            _ => {
                let meant = words::nearest(&entry.key, OPTIONS);
                let text = words::unknown(&entry.key, &name, meant);
                warnings.push(Warning::new(&entry.at, text));
            }
        }
        Ok(())
    }

    /// The finished section. A client of MySQL takes `localhost` for the socket.
    fn finish(self, on_socket: bool) -> MysqlSection {
        let mut section = self.section;
        section.server = match on_socket {
            true => Server::Socket(self.dbsock.unwrap_or_else(found_socket)),
            false => Server::Tcp(self.dbhost, self.dbport),
        };
        if section.tls == Tls::Verify(None) {
            section.tls = Tls::Verify(self.dbtlsca);
        }
        section
    }
}

/// The socket there is now; where there is none, the one that Debian's server
/// will make.
fn found_socket() -> PathBuf {
    let mut sockets = SOCKETS.iter().map(PathBuf::from);
    let found = sockets.clone().find(|socket| socket.exists());
    found.or_else(|| sockets.next_back()).unwrap_or_default()
}

/// `dbtls=`; whom to trust is not known yet.
fn tls(text: &str) -> Option<Tls> {
    if text.eq_ignore_ascii_case("verify") {
        return Some(Tls::Verify(None));
    }
    truth(text).map(|yes| if yes { Tls::Yes } else { Tls::No })
}

/// What `requirements=` accepts.
pub(super) const REQUIREMENTS: &str = "warn, createclose or createchar";

/// `requirements=`.
pub(super) fn requirements(text: &str) -> Option<Requirements> {
    match &*text.to_ascii_lowercase() {
        "warn" => Some(Requirements::Warn),
        "createclose" => Some(Requirements::CreateClose),
        "createchar" => Some(Requirements::CreateChar),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
