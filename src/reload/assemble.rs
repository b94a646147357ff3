//! From what the files say to what the shards go by: flags take precedence, and
//! what modules would give is left out.

use std::sync::Arc;

use pinion_sip::auth::node::Node;
use pinion_sip::config::{Config, General};
use pinion_sip::modules::Missing;

use crate::config::Loaded;
use crate::database;
use crate::flags::Flags;
use crate::modules::Switches;
use crate::realtime::mapping::Mapping;
use crate::records;

/// What does not change while the engine runs.
#[derive(Clone)]
pub struct Basis {
    /// The command line.
    pub flags: Flags,
    /// Which tables hold what: the databases are those of the start.
    pub mapping: Mapping,
    /// Which modules beside the shards are loaded.
    pub switches: Arc<Switches>,
    /// This engine among several.
    pub node: Option<Arc<Node>>,
    /// Whether records of calls are written anywhere.
    pub records: bool,
}

/// What the shards go by. What is as it was in `earlier`, made of `before`, is
/// the very same.
pub fn assemble(
    basis: &Basis,
    loaded: &Loaded,
    missing: Missing,
    earlier: Option<(&Loaded, &Config)>,
) -> Config {
    let flags = &basis.flags;
    let mut config = loaded.config.clone();
    name_node(&mut config.general, flags);
    set_flags(&mut config.general, flags);
    config.general.missing = missing;
    config.general.records = records::rules(&loaded.records, basis.records);
    config.peers = match (flags.t1, earlier) {
        (_, Some((before, earlier))) if before.config.peers.is(&config.peers) => {
            earlier.peers.clone()
        }
        // Those that are alike are the same as they were read.
        (None, _) => config.peers,
        (Some(t1), earlier) => {
            let peers = config.peers.map(|peer| {
                peer.timer_t1 = t1;
                peer.timer_b = 64 * t1;
            });
            match earlier {
                Some((_, earlier)) => peers.keeping(&earlier.peers),
                None => peers,
            }
        }
    };
    config.plan = match earlier {
        Some((before, earlier))
            if Arc::ptr_eq(&before.config.plan, &config.plan)
                && earlier.general.missing == missing =>
        {
            Arc::clone(&earlier.plan)
        }
        _ if missing.is_empty() => config.plan,
        _ => Arc::new(config.plan.without(missing)),
    };
    config.realtime = database::rules(flags, &config.general, &basis.mapping, basis.node.clone());
    if let (Some(rules), Some((_, earlier))) = (&mut config.realtime, earlier)
        && let Some(earlier) = &earlier.realtime
    {
        // What the database's threads have been started with.
        rules.update = earlier.update;
        rules.rows_have_contacts = earlier.rows_have_contacts;
        rules.ignoreregexpire = earlier.ignoreregexpire;
    }
    config
}

/// `--systemname` takes precedence over asterisk.conf.
pub fn name_node(general: &mut General, flags: &Flags) {
    if let Some(name) = &flags.systemname {
        general.systemname = name.into();
    }
}

/// `--t1`, `--t2` and `--t4` take precedence over the files; `--tcp-switch` has
/// no place in them.
fn set_flags(general: &mut General, flags: &Flags) {
    general.tcp_switch = flags.tcp.tcp_switch;
    general.timer_t2 = flags.t2.unwrap_or(general.timer_t2);
    general.timer_t4 = flags.t4.unwrap_or(general.timer_t4);
    if let Some(t1) = flags.t1 {
        general.defaults.timer_t1 = t1;
        general.defaults.timer_b = 64 * t1;
    }
}
