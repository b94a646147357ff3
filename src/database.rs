//! The databases of one engine, put together from flags and configuration: what
//! the shards go by, who this engine is among several, the workers, and what an
//! earlier process has left. Asks no database but for that.

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pinion_runtime::Desk;
use pinion_sip::auth::node::Node;
use pinion_sip::base::{ShardId, shard_of};
use pinion_sip::config::{General, Realtime as Rules};
use pinion_sip::machine::realtime::Saving;

use crate::flags::Flags;
use crate::realtime::mapping::Mapping;
use crate::realtime::nodes::OwnNode;
use crate::realtime::service::Service;
use crate::realtime::{Device, Entry, IsStatic, Realtime, Settings};
use crate::reload::{Basis, Live};
use crate::{Failure, config, seed};

/// The family of tables that devices are read from.
const DEVICES: &str = "sippeers";

/// The family of the table where the engines over one database say who they are.
const NODES: &str = "nodes";

/// The name this engine writes into rows; `None` where it writes none.
pub fn saved_name(general: &General) -> Option<&str> {
    let name = Some(general.systemname.as_str());
    name.filter(|name| general.rtsavesysname && !name.is_empty())
}

/// How devices of the database are known, if there is any, and what is kept.
pub fn rules(
    flags: &Flags,
    general: &General,
    mapping: &Mapping,
    node: Option<Arc<Node>>,
) -> Option<Rules> {
    let devices = !mapping.places(DEVICES).is_empty();
    let keeps = flags.state.is_some();
    (keeps || !mapping.families.is_empty()).then(|| Rules {
        devices,
        cached: general.rtcachefriends,
        ttl: flags.rt_ttl,
        autoclear: general
            .rtautoclear_s
            .map(|limit_s| Duration::from_secs(limit_s.into())),
        stale: flags.rt_stale,
        timeout: flags.db_timeout,
        update: keeps || devices && general.rtupdate,
        rows_have_contacts: general.rtupdate,
        rows_lag: mapping
            .places(DEVICES)
            .iter()
            .any(|place| place.read_section != place.write_section),
        ignoreregexpire: general.ignoreregexpire,
        keeps_static: keeps,
        node,
    })
}

/// This engine among several over one database: it has a name there, and a
/// table to write it into.
pub fn own_node(
    flags: &Flags,
    general: &General,
    mapping: &Mapping,
    sockets: &[SocketAddr],
) -> Result<Option<OwnNode>, Failure> {
    let (Some(name), Some(address)) = (saved_name(general), sockets.first()) else {
        return Ok(None);
    };
    if mapping.places(NODES).is_empty() || mapping.places(DEVICES).is_empty() {
        return Ok(None);
    }
    let secret = match OwnNode::known_secret(mapping, name, flags.db_timeout) {
        Some(secret) => secret,
        None => seed()?,
    };
    Ok(Some(OwnNode::new(name, *address, &secret)))
}

/// Starts the workers if there is anything to ask or to keep, and says so.
pub fn start(
    basis: &Basis,
    live: &Arc<Live>,
    node: Option<OwnNode>,
    about: &mut String,
) -> Result<Option<(Service, Desk)>, Failure> {
    let (flags, mapping, config) = (&basis.flags, basis.mapping.clone(), live.config());
    about.push_str(&match &flags.state {
        Some(dir) => format!("state     {}\n", dir.display()),
        None => "state     none: registrations of sip.conf's devices end with this process (--state DIR)\n".into(),
    });
    if config.realtime.is_none() {
        return Ok(None);
    }
    if let Some(dir) = &flags.state
        && let Err(failure) = make_state(dir)
    {
        tracing::error!("{failure}");
    }
    if config.general.rtsavepath {
        tracing::warn!("rtsavepath does nothing: Path (RFC 3327) is not kept");
    }
    if !mapping.places(DEVICES).is_empty() {
        let named: Vec<String> = mapping
            .places(DEVICES)
            .iter()
            .map(|place| config::called(&mapping, place))
            .collect();
        about.push_str(&format!("database  {}\n", named.join(", then ")));
    }
    if let Some(node) = &node {
        about.push_str(&format!("node      {} at {}\n", node.name, node.address));
    }
    let general = &config.general;
    let settings = Settings {
        mapping,
        switches: Arc::clone(&basis.switches),
        state: flags.state.clone(),
        workers: flags.db_workers.into(),
        queue: flags.db_queue as usize,
        timeout: flags.db_timeout,
        reg_write: flags.reg_write.into(),
        rtupdate: general.rtupdate,
        regserver: saved_name(general).map(String::from),
        node,
        // Path is not read from requests (RFC 3327), so there is none to save.
        rtsavepath: false,
        ignoreregexpire: general.ignoreregexpire,
        ..Settings::default()
    };
    let reader = Arc::clone(live);
    let device: Device = Arc::new(move |name, columns| {
        reader
            .rows()
            .device(name, columns, |sentence| tracing::warn!("{sentence}"))
    });
    let devices = Arc::clone(live);
    let is_static: IsStatic = Arc::new(move |name| devices.config().peers.by_name(name).is_some());
    Service::start(&settings, device, is_static)
        .map(Some)
        .map_err(Failure::Host)
}

/// Makes the directory of `--state`, for this user alone.
fn make_state(dir: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| {
            Failure::Host(format!(
                "--state {} cannot be made: {error}. Make it, writable for this user",
                dir.display()
            ))
        })
}

/// The registrations of sip.conf's devices that earlier processes kept, and the
/// AstDB, until their shards have them.
pub struct Kept {
    shares: Mutex<Vec<Vec<Arc<Saving>>>>,
    entries: Mutex<Vec<Entry>>,
    realtime: Option<Arc<Realtime>>,
    shards: u16,
}

impl Kept {
    /// What is kept now. Phones that must register again are no reason to serve
    /// nobody.
    pub fn load(realtime: Option<&Arc<Realtime>>, shards: u16) -> Kept {
        let kept = realtime.map(|realtime| realtime.load()).transpose();
        let kept = kept.unwrap_or_else(|sentence| {
            tracing::error!("{sentence}; phones are known when they register again");
            None
        });
        let entries = realtime.map(|realtime| realtime.load_entries());
        let entries = entries
            .unwrap_or(Ok(Vec::new()))
            .unwrap_or_else(|sentence| {
                tracing::error!("{sentence}; it begins empty");
                Vec::new()
            });
        Kept {
            shares: Mutex::new(share_out(kept.unwrap_or_default(), shards)),
            entries: Mutex::new(entries),
            realtime: realtime.cloned(),
            shards,
        }
    }

    /// What a shard has of it: that of the start, or, for one that is replaced,
    /// that of now.
    pub fn of(&self, shard: ShardId, incarnation: u32) -> Vec<Arc<Saving>> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let (1.., Some(realtime)) = (incarnation, &self.realtime) {
            *shares = share_out(realtime.load().unwrap_or_default(), self.shards);
        }
        let share = shares.get_mut(usize::from(shard));
        share.map(std::mem::take).unwrap_or_default()
    }

    /// The values of the AstDB whose home that shard is, likewise.
    pub fn entries_of(&self, shard: ShardId, incarnation: u32) -> Vec<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let (1.., Some(realtime)) = (incarnation, &self.realtime) {
            *entries = realtime.load_entries().unwrap_or_default();
        }
        let at_home = |(path, _): &mut Entry| {
            let family = path.split('/').next().unwrap_or_default();
            shard_of(family.as_bytes(), self.shards) == shard
        };
        entries.extract_if(.., at_home).collect()
    }
}

/// Shared out to the homes of the devices.
fn share_out(kept: Vec<Arc<Saving>>, shards: u16) -> Vec<Vec<Arc<Saving>>> {
    let mut shares = vec![Vec::new(); usize::from(shards)];
    for saving in kept {
        let home = shard_of(&saving.name, shards);
        if let Some(share) = shares.get_mut(usize::from(home)) {
            share.push(saving);
        }
    }
    shares
}
