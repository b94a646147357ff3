//! What every command reaches: the shards, the configuration they go by, and
//! the thread that serves. Decides nothing itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use pinion_runtime::{Shards, Way};
use pinion_sip::base::Transport;
use pinion_sip::config::Config;

use super::news::News;
use super::watching::Watching;
use crate::flags::Setting;
use crate::modules::Modules;
use crate::realtime::Realtime;
use crate::realtime::mapping::Section;
use crate::records::Board;
use crate::reload::Reloader;

/// Something only the serving thread does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// End, and hang up what calls there are.
    StopNow,
    /// Take no new calls, and end with the last.
    StopGracefully,
    /// End as soon as there is no call; take new ones until then.
    StopWhenConvenient,
    /// Go on, whatever end was ordered.
    Abort,
}

/// A running engine, as its operators see it. Shared by all threads that
/// answer them.
pub struct House {
    /// The shards.
    pub shards: Shards,
    /// When the engine started.
    pub started: SystemTime,
    /// What consoles are told without having asked.
    pub news: News,
    /// Where it listens.
    pub listening: Vec<(Transport, SocketAddr)>,
    /// The log, and the messages that are shown.
    pub watching: Watching,
    /// Its parts, and what is to become of them.
    pub modules: Modules,
    /// What brings another configuration; `None` where there is none to bring.
    pub reloader: Option<Arc<Reloader>>,
    /// Where the records of calls go; `None` where calls leave none.
    pub records: Option<Arc<Board>>,
    /// What the engine was started with.
    pub about: About,
    settings: Mutex<Settings>,
    orders: Orders,
}

/// What brings an order to the thread that serves.
pub type Orders = Box<dyn Fn(Order) + Send + Sync>;

/// What a house is built of.
pub struct Materials {
    /// The shards.
    pub shards: Shards,
    /// The configuration they started with.
    pub config: Arc<Config>,
    /// See [`House`].
    pub listening: Vec<(Transport, SocketAddr)>,
    /// See [`House`].
    pub watching: Watching,
    /// See [`House`].
    pub modules: Modules,
    /// See [`House`].
    pub reloader: Option<Reloader>,
    /// See [`House`].
    pub records: Option<Arc<Board>>,
    /// See [`House`].
    pub about: About,
    /// Who carries out orders.
    pub orders: Orders,
}

impl Materials {
    /// What every house needs. There is nothing else: it listens nowhere, and
    /// orders reach nobody.
    pub fn new(shards: Shards, config: Arc<Config>, watching: Watching) -> Materials {
        Materials {
            shards,
            config,
            listening: Vec::new(),
            watching,
            modules: Modules::default(),
            reloader: None,
            records: None,
            about: About::default(),
            orders: Box::new(|_| {}),
        }
    }
}

/// What an engine was started with.
#[derive(Default)]
pub struct About {
    /// Where its files are; `None` for the built-in configuration.
    pub directory: Option<PathBuf>,
    /// Its flags.
    pub flags: Vec<Setting>,
    /// How datagrams find their shard.
    pub way: Option<Way>,
    /// The databases it knows.
    pub sections: Vec<Section>,
    /// Who asks them.
    pub realtime: Option<Arc<Realtime>>,
}

/// The configuration the shards go by.
#[derive(Clone)]
pub struct Settings {
    /// The configuration.
    pub config: Arc<Config>,
    /// Since when.
    pub since: SystemTime,
}

impl House {
    /// The house of an engine that starts now.
    pub fn new(materials: Materials) -> House {
        let started = SystemTime::now();
        let settings = Settings {
            config: materials.config,
            since: started,
        };
        House {
            shards: materials.shards,
            started,
            news: News::default(),
            listening: materials.listening,
            watching: materials.watching,
            modules: materials.modules,
            reloader: materials.reloader.map(Arc::new),
            records: materials.records,
            about: materials.about,
            settings: Mutex::new(settings),
            orders: materials.orders,
        }
    }

    /// The configuration the shards go by.
    pub fn settings(&self) -> Settings {
        let settings = self.settings.lock();
        settings.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the shards go by another configuration.
    pub fn adopt(&self, config: Arc<Config>) {
        let settings = self.settings.lock();
        let mut settings = settings.unwrap_or_else(PoisonError::into_inner);
        self.shards.reload(&config);
        *settings = Settings {
            config,
            since: SystemTime::now(),
        };
    }

    /// Gives the serving thread an order. Once it has ended, there is nobody
    /// left to give one to.
    pub fn order(&self, order: Order) {
        (self.orders)(order);
    }
}
