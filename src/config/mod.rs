//! Asterisk-style files, read and checked into `pinion_sip::config::Config`.
//!
//! `file` knows lines and categories, and nothing of their meaning; the other
//! modules know the meaning, and nothing of comments, templates or includes.

mod asterisk;
mod builtin;
mod cdr;
mod directory;
mod extconfig;
pub mod extensions;
pub mod file;
mod mysql;
pub(crate) mod notify;
mod realtime;
pub mod sip;
mod sqlite;
pub mod table;
mod words;
mod zone;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use pinion_sip::config::{Config, General, Peers};
use pinion_sip::dialplan::Plan;

use self::file::{ConfigError, Exec, Trace, Warning};
use self::sip::{RowReader, Sip};
use crate::realtime::mapping::Mapping;

pub(crate) use self::asterisk::run_as;
pub use self::asterisk::{Access, REGSERVER_WIDTH};
pub use self::builtin::builtin;
pub use self::cdr::Cdr;
pub(crate) use self::directory::whole;
pub use self::directory::{Directory, ReadRows, called};
pub(crate) use self::words::{did_you_mean, nearest, truth};

/// A configuration ready to run with.
pub struct Loaded {
    /// What every shard shares.
    pub config: Config,
    /// What that was read from.
    pub from: Traces,
    /// `systemname` of asterisk.conf.
    pub systemname: String,
    /// Which tables hold what; empty without a database.
    pub mapping: Mapping,
    /// What makes devices of rows.
    pub rows: Arc<RowReader>,
    /// What cdr.conf says.
    pub records: Cdr,
    /// Where to listen for UDP; never empty.
    pub listen: Vec<SocketAddr>,
    /// Who may reach the console.
    pub access: Access,
    /// What holds for streams.
    pub tcp: sip::Tcp,
    /// What was accepted but will surprise, in the order of the files.
    pub warnings: Vec<Warning>,
}

impl Loaded {
    fn new(sip: Sip, plan: Plan, mapping: Mapping, warnings: Vec<Warning>) -> Loaded {
        let config = Config {
            peers: Peers::for_realm(&sip.general.realm, sip.peers),
            general: sip.general,
            plan: Arc::new(plan),
            realtime: None,
        };
        Loaded {
            config,
            from: Traces {
                sip: Trace::elusive(),
                plan: Trace::elusive(),
            },
            systemname: String::new(),
            mapping,
            rows: Arc::new(sip.rows),
            records: Cdr::default(),
            listen: sip.listen,
            access: Access::default(),
            tcp: sip.tcp,
            warnings,
        }
    }
}

/// What each part of a configuration was read from.
#[derive(Clone)]
pub struct Traces {
    /// `sip.conf`.
    pub sip: Trace,
    /// `extensions.conf`.
    pub plan: Trace,
}

/// Which parts of a configuration are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts {
    /// `sip.conf`.
    pub sip: bool,
    /// `extensions.conf`.
    pub plan: bool,
}

impl Parts {
    /// All of them.
    pub const ALL: Parts = Parts {
        sip: true,
        plan: true,
    };

    /// Neither: what is read whenever anything is, `asterisk.conf`, `cdr.conf`,
    /// `extconfig.conf` and the files of drivers.
    pub const REST: Parts = Parts {
        sip: false,
        plan: false,
    };

    /// `sip.conf` alone.
    pub const SIP: Parts = Parts {
        sip: true,
        plan: false,
    };

    /// `extensions.conf` alone.
    pub const PLAN: Parts = Parts {
        sip: false,
        plan: true,
    };
}

/// Reads `sip.conf` and `extensions.conf` of a directory, or of the tables that
/// its `extconfig.conf` names, `asterisk.conf` for this node's name, and
/// `cdr.conf`. Blocks: names of hosts are resolved now, once. Nothing is changed by a failure, so a
/// reload may keep what it has. `exec` is what becomes of `#exec` where
/// `asterisk.conf` allows it.
pub fn load_dir(dir: &Path, read_rows: ReadRows<'_>, exec: Exec) -> Result<Loaded, ConfigError> {
    let directory = Directory::open(dir, read_rows, exec)?;
    load(directory, dir, None)
}

/// The same for a directory that was read earlier. Parts that are not meant, or
/// whose files have not changed since, are those of then, the very same, and
/// nothing is warned of again; of devices, those that are alike are the same.
pub fn load_again(
    dir: &Path,
    read_rows: ReadRows<'_>,
    exec: Exec,
    earlier: &Loaded,
    parts: Parts,
) -> Result<Loaded, ConfigError> {
    let directory = Directory::open(dir, read_rows, exec)?;
    load(directory, dir, Some((earlier, parts)))
}

fn load(
    mut directory: Directory<'_>,
    dir: &Path,
    again: Option<(&Loaded, Parts)>,
) -> Result<Loaded, ConfigError> {
    let mut warnings = std::mem::take(&mut directory.warnings);
    let renamed = |earlier: &Loaded| earlier.systemname != directory.systemname;
    let kept = |meant: fn(Parts) -> bool, trace: fn(&Traces) -> &Trace| {
        again.and_then(|(earlier, parts)| {
            let same = || !renamed(earlier) && directory.is_current(trace(&earlier.from));
            (!meant(parts) || same()).then_some(earlier)
        })
    };
    let sip = match kept(|parts| parts.sip, |from| &from.sip) {
        Some(earlier) => SipPart::of(earlier),
        None => SipPart::read(&directory, again.map(|(earlier, _)| earlier), &mut warnings)?,
    };
    let (plan, plan_trace) = match kept(|parts| parts.plan, |from| &from.plan) {
        Some(earlier) => (Arc::clone(&earlier.config.plan), earlier.from.plan.clone()),
        None => read_plan(&directory, dir, &mut warnings)?,
    };
    Ok(Loaded {
        config: Config {
            general: sip.general,
            peers: sip.peers,
            plan,
            realtime: None,
        },
        from: Traces {
            sip: sip.trace,
            plan: plan_trace,
        },
        systemname: directory.systemname,
        mapping: directory.mapping,
        rows: sip.rows,
        listen: sip.listen,
        tcp: sip.tcp,
        access: directory.access,
        records: directory.records,
        warnings,
    })
}

/// What a configuration has of sip.conf.
struct SipPart {
    general: General,
    peers: Peers,
    rows: Arc<RowReader>,
    listen: Vec<SocketAddr>,
    tcp: sip::Tcp,
    trace: Trace,
}

impl SipPart {
    fn of(earlier: &Loaded) -> SipPart {
        SipPart {
            general: earlier.config.general.clone(),
            peers: earlier.config.peers.clone(),
            rows: Arc::clone(&earlier.rows),
            listen: earlier.listen.clone(),
            tcp: earlier.tcp.clone(),
            trace: earlier.from.sip.clone(),
        }
    }

    fn read(
        directory: &Directory<'_>,
        earlier: Option<&Loaded>,
        warnings: &mut Vec<Warning>,
    ) -> Result<SipPart, ConfigError> {
        let (file, trace) = directory.read("sip.conf")?;
        let mut sip = sip::read(&file, sip::system_resolver)?;
        sip.general.systemname = (&*directory.systemname).into();
        warnings.append(&mut sip.warnings);
        let peers = Peers::for_realm(&sip.general.realm, sip.peers);
        Ok(SipPart {
            general: sip.general,
            peers: match earlier {
                Some(earlier) => peers.keeping(&earlier.config.peers),
                None => peers,
            },
            rows: Arc::new(sip.rows),
            listen: sip.listen,
            tcp: sip.tcp,
            trace,
        })
    }
}

fn read_plan(
    directory: &Directory<'_>,
    dir: &Path,
    warnings: &mut Vec<Warning>,
) -> Result<(Arc<Plan>, Trace), ConfigError> {
    let (file, trace) = directory.read("extensions.conf")?;
    let (mut plan, plan_warnings) = extensions::compile(file);
    plan.set_zone(zone::local(warnings));
    plan.predefine("SYSTEMNAME", &directory.systemname);
    plan.predefine("ASTETCDIR", &dir.to_string_lossy());
    show_environment(&mut plan);
    warnings.extend(plan_warnings);
    Ok((Arc::new(plan), trace))
}

/// Lets calls see what the plan allows of the environment, as it is now.
fn show_environment(plan: &mut Plan) {
    for name in plan.general().environment.clone() {
        // Names that the system has no place for would be a panic.
        let possible = !name.contains(['=', '\0']);
        if let Some(value) = possible.then(|| std::env::var_os(&*name)).flatten() {
            plan.show_environment(&name, &value.to_string_lossy());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn no_tables(_: &Mapping, name: &str) -> Result<Vec<table::Row>, String> {
        panic!("{name} is no table")
    }

    fn examples() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
    }

    #[test]
    fn the_examples_load_without_a_warning() {
        let loaded =
            load_dir(&examples(), &no_tables, Exec::Run).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.listen, ["0.0.0.0:5060".parse().unwrap()]);
        for name in ["1001", "1002", "1003", "trunk"] {
            assert!(
                loaded.config.peers.by_name(name.as_bytes()).is_some(),
                "{name}"
            );
        }
        assert!(
            loaded.config.peers.by_name(b"phone").is_none(),
            "a template is no device"
        );
        for peer in loaded.config.peers.iter() {
            let context = loaded.config.plan.context(&peer.context);
            assert!(
                context.is_some(),
                "[{}] calls from {}",
                peer.name,
                peer.context
            );
        }
    }

    /// The rows of an example's users.sql: one `INSERT` of one row a line.
    fn users(dir: &Path) -> Vec<Vec<(String, String)>> {
        let text = std::fs::read_to_string(dir.join("users.sql")).unwrap();
        let (_, columns) = text.split_once("sippeers (").unwrap();
        let (columns, rows) = columns.split_once(") VALUES").unwrap();
        let words = |line: &str| -> Vec<String> {
            let line = line.trim_matches([' ', '(', ')', ',', ';']);
            let word = |word: &str| word.trim_matches(['\'', '`', '"']).into();
            line.split(", ").map(word).collect()
        };
        let columns = words(columns);
        let pairs = |row| columns.iter().cloned().zip(words(row)).collect();
        rows.trim().lines().map(pairs).collect()
    }

    #[test]
    fn the_examples_with_a_database_load_and_so_do_their_users() {
        for (name, driver) in [("realtime-mysql", "mysql"), ("realtime-sqlite", "sqlite")] {
            let dir = examples().join(name);
            let loaded =
                load_dir(&dir, &no_tables, Exec::Run).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(loaded.warnings, [], "{name}");
            let place = &loaded.mapping.places("sippeers")[0];
            let table = called(&loaded.mapping, place);
            assert_eq!(table, format!("{driver}:asterisk.sippeers"));
            let users = users(&dir);
            assert_eq!(users.len(), 10, "{name}");
            for columns in users {
                let tell = |sentence: &str| panic!("{sentence}");
                let name = columns.iter().find(|(column, _)| column == "name");
                let name = &name.expect("a name").1;
                let peer = loaded.rows.device(name, &columns, tell).unwrap();
                assert_eq!((peer.call_limit, peer.max_contacts), (2, 1));
                assert_eq!(peer.callerid.number, peer.name);
                assert!(loaded.config.plan.context(&peer.context).is_some());
            }
        }
    }

    #[test]
    fn files_may_be_tables_and_asterisk_conf_names_the_node() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write(
            "extconfig.conf",
            "[settings]\nsip.conf => mysql,near,lines\nsip.conf => mysql,far,lines,2\nextensions.conf => mysql,far\n",
        );
        write(
            "res_config_mysql.conf",
            "[near]\ndbhost=192.0.2.1\n[far]\ndbhost=192.0.2.2\n",
        );
        write("asterisk.conf", "[options]\nverbose=3\nsystemname=node1\n");
        write("sip.conf", "[general]\nrealm=not-read\n");
        let row = |filename: &str, category: &str, var_name: &str, var_val: &str| table::Row {
            filename: filename.into(),
            category: category.into(),
            var_name: var_name.into(),
            var_val: var_val.into(),
            ..table::Row::default()
        };
        let rows = |_: &Mapping, name: &str| {
            let line = format!("1,1,NoOp({name})");
            Ok(vec![
                row("sip.conf", "general", "realm", "of-a-row"),
                row("extensions.conf", "default", "exten", &line),
            ])
        };
        let loaded =
            load_dir(dir.path(), &rows, Exec::Run).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.config.general.realm, "of-a-row");
        assert_eq!(loaded.config.general.systemname, "node1");
        assert!(loaded.config.plan.context("default").is_some());
        write(
            "asterisk.conf",
            "[options]\nsystemname=a-name-of-20-letters\n",
        );
        assert_eq!(
            load_dir(dir.path(), &rows, Exec::Run)
                .ok()
                .unwrap()
                .warnings
                .len(),
            0
        );
        write(
            "asterisk.conf",
            "[options]\nsystemname=a-name-of-21-letters.\n",
        );
        let warnings = load_dir(dir.path(), &rows, Exec::Run)
            .ok()
            .unwrap()
            .warnings;
        let expected = format!(
            "{}/asterisk.conf:2: systemname is longer than the 20",
            dir.path().display()
        );
        assert!(
            warnings[0].to_string().starts_with(&expected),
            "{warnings:?}"
        );
        let refused = load_dir(
            dir.path(),
            &|_, _| Err("it does not answer".into()),
            Exec::Run,
        );
        assert_eq!(
            refused.err().unwrap().to_string(),
            format!(
                "{}/extconfig.conf: mysql:near.lines is to hold sip.conf: it does not answer. Mend that, or take its \
                 lines out of this file.",
                dir.path().display()
            )
        );
    }

    #[test]
    fn execincludes_of_asterisk_conf_allows_exec() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("sip.conf", "[general]\n#exec echo realm=printed\n");
        write("extensions.conf", "[default]\n");
        let refusal = load_dir(dir.path(), &no_tables, Exec::Run)
            .err()
            .unwrap()
            .to_string();
        assert!(
            refusal.contains("sip.conf:2: #exec is not allowed."),
            "{refusal}"
        );
        write("asterisk.conf", "[options]\nexecincludes = yes\n");
        let loaded =
            load_dir(dir.path(), &no_tables, Exec::Run).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.config.general.realm, "printed");
    }

    #[test]
    fn files_of_asterisk_conf_say_who_may_reach_the_console() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("sip.conf", "[general]\n");
        write("extensions.conf", "[default]\n");
        let load = || load_dir(dir.path(), &no_tables, Exec::Run).ok().unwrap();
        assert_eq!(load().access, Access::default());
        write(
            "asterisk.conf",
            "[files]\nastctlpermissions = 0600\nastctlgroup = operators\nastctlowner =\n",
        );
        let expected = Access {
            mode: 0o600,
            owner: None,
            group: Some("operators".into()),
        };
        assert_eq!(load().access, expected);
        write("asterisk.conf", "[files]\nastctlpermissions = 0888\n");
        let loaded = load();
        assert_eq!(loaded.access, Access::default());
        let warning = loaded.warnings[0].to_string();
        assert!(
            warning.contains("asterisk.conf:2: the value '0888'"),
            "{warning}"
        );
    }

    #[test]
    fn a_plan_sees_of_the_environment_what_general_names() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("sip.conf", "[general]\nudpbindaddr=127.0.0.1\n");
        // What cargo sets for a test.
        write(
            "extensions.conf",
            "[general]\nenvironment = CARGO_PKG_NAME , NO_SUCH_NAME,a=b,\n",
        );
        let loaded = load_dir(dir.path(), &no_tables, Exec::Run).ok().unwrap();
        assert_eq!(loaded.warnings, []);
        let plan = loaded.config.plan;
        assert_eq!(plan.environment("CARGO_PKG_NAME"), Some("pinion"));
        for name in ["NO_SUCH_NAME", "a=b", "", "PATH"] {
            assert_eq!(plan.environment(name), None, "{name}");
        }
    }

    #[test]
    fn a_missing_file_is_named_with_a_way_out() {
        let refusal = |dir: &Path| {
            load_dir(dir, &no_tables, Exec::Run)
                .err()
                .unwrap()
                .to_string()
        };
        let nowhere = Path::new("/nonexistent");
        assert_eq!(
            refusal(nowhere),
            "/nonexistent/sip.conf: there is no such file. Copy examples/sip.conf of the source tree there to begin \
             with."
        );
    }

    #[test]
    fn extensions_conf_is_missed_as_well() {
        let dir = std::env::temp_dir().join(format!("pinion-config-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("sip.conf"), "[general]\n").unwrap();
        let refusal = load_dir(&dir, &no_tables, Exec::Run)
            .err()
            .unwrap()
            .to_string();
        std::fs::remove_dir_all(&dir).unwrap();
        let expected = format!("{}/extensions.conf: there is no such file.", dir.display());
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
}
