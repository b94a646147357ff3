//! What every command reaches: the shards, the configuration they go by, and
//! the thread that serves. Decides nothing itself.

use std::net::SocketAddr;
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
    /// End, and cut what calls there are.
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
    /// Where the records of calls go; `None` where calls leave none.
    pub records: Option<Arc<Board>>,
    /// What consoles are told without having asked.
    pub news: News,
    /// What the engine was started with.
    pub about: About,
    /// What brings another configuration; `None` where there is none to bring.
    pub reloader: Option<Arc<Reloader>>,
    /// Its parts, and what is to become of them.
    pub modules: Modules,
    /// Where it listens.
    pub listening: Vec<(Transport, SocketAddr)>,
    /// The log, and the messages that are shown.
    pub watching: Watching,
    settings: Mutex<Settings>,
    orders: Box<dyn Fn(Order) + Send + Sync>,
}

/// What an engine was started with.
#[derive(Default)]
pub struct About {
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
    /// A house whose shards started with `config` and listen at those
    /// addresses, which operators watch by `watching`, and whose orders `orders`
    /// brings to the serving thread.
    pub fn new(
        shards: Shards,
        config: Arc<Config>,
        listening: Vec<(Transport, SocketAddr)>,
        watching: Watching,
        orders: impl Fn(Order) + Send + Sync + 'static,
    ) -> House {
        let started = SystemTime::now();
        House {
            shards,
            started,
            records: None,
            news: News::default(),
            about: About::default(),
            reloader: None,
            listening,
            modules: Modules::default(),
            watching,
            settings: Mutex::new(Settings {
                config,
                since: started,
            }),
            orders: Box::new(orders),
        }
    }

    /// The same house, of an engine that was started so.
    #[must_use]
    pub fn with_about(self, about: About) -> House {
        House { about, ..self }
    }

    /// The same house, with what brings another configuration.
    #[must_use]
    pub fn with_reloader(self, reloader: Reloader) -> House {
        House {
            reloader: Some(Arc::new(reloader)),
            ..self
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
