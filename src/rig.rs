//! What tests within this crate are made with: shards on the loopback interface,
//! a configuration in files, and the house over both. No test by itself.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use pinion_runtime::{Clock, Desks, Engine, Options, StreamOptions, Watch};
use pinion_sip::base::{Limits, Transport};
use pinion_sip::config::Config;
use pinion_sip::modules::Missing;
use pinion_sip::shard::{Setup, Shard};

use crate::config;
use crate::config::file::Exec;
use crate::control::house::Materials;
use crate::control::watching::Watching;
use crate::flags::Flags;
use crate::logs::Logs;
use crate::realtime::mapping::Mapping;
use crate::reload::{Basis, Live, Reloader, assemble};

/// Shards at a port of their own; `config` says what one goes by that begins.
pub(crate) fn shards(
    shards: u16,
    desks: Desks,
    config: impl Fn() -> Arc<Config> + Send + Sync + 'static,
) -> (Engine, SocketAddr) {
    let any = ["127.0.0.1:0".parse().unwrap()];
    let (groups, _) = pinion_runtime::bind(&any, shards.into(), 1 << 18, 1 << 18).unwrap();
    let address = groups[0].local();
    let cpus = pinion_runtime::allowed_cpus().unwrap();
    let options = Options {
        cpus: cpus.into_iter().cycle().take(shards.into()).collect(),
        batch: 16,
        coalesce: Duration::ZERO,
        precise: false,
        streams: StreamOptions::default(),
        mesh_depth: 64,
        sample: 0,
        watch: Watch::default(),
        clock: Clock::start(),
        desks,
    };
    let unix_start = options.clock.unix_start();
    let factory = move |shard, incarnation| {
        Shard::new(Setup {
            shard,
            shards,
            incarnation,
            limits: Limits {
                calls: 100,
                transactions: 1000,
                bindings: 2000,
                ..Limits::default()
            },
            seed: [shard as u8; 32],
            unix_start,
            ..Setup::alone(config(), address)
        })
    };
    let engine = Engine::start(&options, groups, factory, |_| {}).unwrap();
    (engine, address)
}

/// What a house over such shards is built of.
pub(crate) fn materials(engine: &Engine, address: SocketAddr, config: Arc<Config>) -> Materials {
    let watching = Watching::new(Logs::of_nobody());
    Materials {
        listening: vec![(Transport::Udp, address)],
        ..Materials::new(engine.shards().clone(), config, watching)
    }
}

/// What the files of a directory say, and what reads them again, for an engine
/// with those flags.
pub(crate) fn reloader(dir: &Path, flags: &str) -> (Arc<Live>, Reloader) {
    let arguments = ["pinion", "--config", dir.to_str().unwrap()];
    let arguments = arguments.into_iter().chain(flags.split_whitespace());
    let rows = |_: &Mapping, _: &str| unreachable!("no tables");
    let loaded = config::load_dir(dir, &rows, Exec::Run).unwrap();
    let basis = Basis {
        flags: Flags::parse_from(arguments),
        mapping: loaded.mapping.clone(),
        switches: Arc::default(),
        node: None,
        records: false,
    };
    let config = Arc::new(assemble(&basis, &loaded, Missing::default(), None));
    let live = Arc::new(Live::new(config, Arc::clone(&loaded.rows)));
    (Arc::clone(&live), Reloader::new(basis, live, loaded))
}
