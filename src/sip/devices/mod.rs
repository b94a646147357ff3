//! Who there is: the devices of sip.conf, and those of the database as far as
//! this shard has been told of them.
//!
//! Answers at once or says what to ask for; it asks nobody. A device of the
//! database is *fresh* for a while, then *stale*: asked for again before it is
//! used, and used as it is while the database does not answer. That nobody has
//! a name is remembered too, for as many names as fit.

mod cache;

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;

use self::cache::Cache;
use crate::base::{Instant, Random, Text};
use crate::config::{Config, Host, Peer, Realtime};
use crate::machine::realtime::{Errand, Known};
use crate::machine::{Rows, Span};

/// Devices of the database remembered at once by one shard.
const MOST_KNOWN: usize = 262_144;

/// Names and addresses remembered as nobody's.
const MOST_STRANGERS: usize = 8_192;

/// How long nobody stays nobody, unless devices are good for less.
const STRANGER: Duration = Duration::from_secs(2);

/// How long a device is good that is not cached: for the request it was read
/// for, which may ask for more than one.
const ONCE: Duration = Duration::from_secs(1);

/// How long an answer is waited for while a stale one is at hand. A database
/// that is well answers long before; people do not notice it.
pub const BRIEFLY: Duration = Duration::from_millis(150);

/// The longest name that is looked for; no table has room for a longer one.
const MOST_NAME: usize = 255;

/// How much longer than usual a device is good while answers are late.
const SLOW: Duration = Duration::from_secs(60);

/// While the database does not answer, how often it is tried.
pub const PROBE: Duration = Duration::from_secs(1);

/// What this shard knows of the devices.
pub struct Devices {
    /// By name; `None`: nobody has it.
    named: Cache<Text, Option<Arc<Known>>>,
    /// By source address, best match first.
    placed: Cache<SocketAddr, Arc<[Arc<Known>]>>,
    /// How the database answered last.
    health: Health,
    /// Whether it is to be tried, though nobody waits for it.
    probed: bool,
    /// What has been asked for in vain by what is handled now: it goes on with
    /// what is stale.
    excused: Vec<Errand>,
}

/// How the database answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Health {
    /// In time.
    Well,
    /// Late: nobody waits for it who can do without.
    Slow,
    /// Not at all.
    Down,
}

/// A device that was sought.
pub type Found<'a> = Result<Option<&'a Arc<Peer>>, Errand>;

impl Devices {
    /// Knows only sip.conf's.
    pub fn new(random: &mut Random) -> Devices {
        Devices {
            named: Cache::new(random.hasher(), MOST_KNOWN, MOST_STRANGERS),
            placed: Cache::new(random.hasher(), MOST_STRANGERS, MOST_STRANGERS),
            health: Health::Well,
            probed: false,
            excused: Vec::new(),
        }
    }

    /// The device called `name`, or what to ask for first.
    pub fn by_name<'a>(&'a self, now: Instant, config: &'a Config, name: &[u8]) -> Found<'a> {
        if let Some(peer) = config.peers.by_name(name) {
            return Ok(Some(peer));
        }
        let Some(rules) = config.realtime.as_ref().filter(|rules| rules.devices) else {
            return Ok(None);
        };
        if name.len() > MOST_NAME {
            return Ok(None);
        }
        let is_it = |errand: &Errand| matches!(errand, Errand::Peer(other) if **other == *name);
        match self.named.get(name) {
            Some((known, read))
                if self.is_good(rules, now.since(read), known.is_none())
                    || self.excused.iter().any(is_it) =>
            {
                Ok(known.as_ref().map(|known| &known.peer))
            }
            _ => Err(Errand::Peer(Text::from(name))),
        }
    }

    /// The device that sends from `source`, or what to ask for first.
    pub fn by_source<'a>(
        &'a self,
        now: Instant,
        config: &'a Config,
        source: SocketAddr,
    ) -> Found<'a> {
        let source = SocketAddr::new(source.ip().to_canonical(), source.port());
        if let Some(peer) = fixed(config, source) {
            return Ok(Some(peer));
        }
        let Some(rules) = config.realtime.as_ref().filter(|rules| rules.devices) else {
            return Ok(None);
        };
        let is_it = |errand: &Errand| matches!(errand, Errand::PeersAt(at) if *at == source);
        match self.placed.get(&source) {
            Some((there, read))
                if self.is_good(rules, now.since(read), there.is_empty())
                    || self.excused.iter().any(is_it) =>
            {
                Ok(there.first().map(|known| &known.peer))
            }
            _ => Err(Errand::PeersAt(source)),
        }
    }

    /// The device called `name` if it is known now, however old that is.
    pub fn remembered<'a>(&'a self, config: &'a Config, name: &[u8]) -> Option<&'a Arc<Peer>> {
        config.peers.by_name(name).or_else(|| self.stored(name))
    }

    /// The device called `name` if the database has it and it is known now,
    /// however old that is.
    pub fn stored(&self, name: &[u8]) -> Option<&Arc<Peer>> {
        Some(&self.named.get(name)?.0.as_ref()?.peer)
    }

    /// Whether an errand may be waited for only briefly: what it asks for is
    /// known, if not freshly.
    pub fn can_do_without(&self, now: Instant, config: &Config, errand: &Errand) -> bool {
        let Some(rules) = &config.realtime else {
            return false;
        };
        let found = match errand {
            Errand::Peer(name) => {
                let found = self.named.get(name.as_bytes());
                found.map(|(known, read)| (known.is_some(), read))
            }
            Errand::PeersAt(source) => {
                let found = self.placed.get(source);
                found.map(|(there, read)| (!there.is_empty(), read))
            }
            Errand::Save(_) | Errand::Lastms { .. } => None,
        };
        found.is_some_and(|(known, read)| known && is_young(rules, now.since(read), rules.stale))
    }

    /// From now on what is stale will do for what an errand asks for; returns
    /// what `unexcuse` ends that with.
    pub fn excuse(&mut self, errand: Errand) -> usize {
        let before = self.excused.len();
        self.excused.push(errand);
        before
    }

    /// Ends it, and what has been excused since.
    pub fn unexcuse(&mut self, before: usize) {
        self.excused.truncate(before);
    }

    /// What the database has said of a name.
    pub fn learn(&mut self, now: Instant, name: Text, known: Option<Arc<Known>>) {
        self.health = Health::Well;
        let stranger = known.is_none();
        self.named.insert(now, name, known, stranger);
    }

    /// What the database has said of an address.
    pub fn learn_at(&mut self, now: Instant, source: SocketAddr, there: Vec<Arc<Known>>) {
        self.health = Health::Well;
        let stranger = there.is_empty();
        self.placed.insert(now, source, there.into(), stranger);
    }

    /// The database did not answer: what is stale has to do until it does.
    pub fn database_is_down(&mut self) {
        self.health = Health::Down;
    }

    /// The database has not answered yet: who can do without need not wait for
    /// it any more.
    pub fn database_is_slow(&mut self) {
        self.health = self.health.max(Health::Slow);
    }

    /// Whether a probe is to be arranged: there is one at a time.
    pub fn arranges_probe(&mut self) -> bool {
        !core::mem::replace(&mut self.probed, true)
    }

    /// The probe's moment has come; whether there is still need for it.
    pub fn probes(&mut self) -> bool {
        self.probed = false;
        self.health != Health::Well
    }

    /// A part of those known by name; one that is read meanwhile may come twice.
    pub fn known(&self, now: Instant, config: &Config, span: Span) -> Rows<Arc<Peer>> {
        let end = config.realtime.as_ref().and_then(|rules| rules.autoclear);
        let (found, next) = self.named.part(span.from, span.most.max(1) as usize);
        let peers = found
            .filter(|(_, read)| end.is_none_or(|end| now.since(*read) <= end))
            .filter_map(|(known, _)| Some(Arc::clone(&known.as_ref()?.peer)));
        Rows {
            rows: peers.collect(),
            next,
        }
    }

    /// Whether the database answers in time.
    pub fn database_is_well(&self) -> bool {
        self.health == Health::Well
    }

    /// Forgets one device of the database, or all (`sip prune realtime`);
    /// returns how many were known.
    pub fn prune(&mut self, name: Option<&[u8]>) -> usize {
        self.placed.clear();
        match name {
            Some(name) => usize::from(self.named.remove(name)),
            None => self.named.clear(),
        }
    }

    /// Devices of the database, and names and addresses known as nobody's.
    pub fn len(&self) -> (usize, usize) {
        (
            self.named.len(),
            self.named.strangers() + self.placed.strangers(),
        )
    }

    /// Whether what was read so long ago may be used without asking.
    fn is_good(&self, rules: &Realtime, age: Duration, stranger: bool) -> bool {
        let fresh = match (stranger, rules.cached) {
            (true, _) => rules.ttl.min(STRANGER),
            (false, true) => rules.ttl,
            // Long enough for what is asked for one request after the other.
            (false, false) => rules.ttl.min(ONCE),
        };
        let limit = match self.health {
            _ if stranger => fresh,
            Health::Well => fresh,
            Health::Slow => rules.stale.min(fresh + SLOW),
            Health::Down => rules.stale.max(fresh),
        };
        is_young(rules, age, limit)
    }
}

/// Whether something that old is within `limit`, and not to be forgotten.
fn is_young(rules: &Realtime, age: Duration, limit: Duration) -> bool {
    age <= limit && rules.autoclear.is_none_or(|end| age <= end)
}

/// The device of sip.conf with a fixed host at `source`: nobody need be asked
/// about it.
pub fn fixed(config: &Config, source: SocketAddr) -> Option<&Arc<Peer>> {
    let ip = source.ip().to_canonical();
    config.peers.by_ip(ip).iter().find(|peer| {
        matches!(peer.host, Host::Fixed(address)
            if peer.insecure.port || address.port() == source.port())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, General, PeerKind, Peers};
    use crate::dialplan::PlanBuilder;

    const RULES: Realtime = Realtime {
        devices: true,
        cached: true,
        ttl: Duration::from_secs(10),
        autoclear: None,
        stale: Duration::from_secs(600),
        timeout: Duration::from_millis(300),
        update: true,
        rows_have_contacts: true,
        rows_lag: false,
        ignoreregexpire: false,
        keeps_static: false,
        node: None,
    };

    fn config(realtime: Option<Realtime>) -> Config {
        Config {
            general: General::default(),
            peers: Peers::new([Peer::new("static", PeerKind::Friend)]),
            plan: Arc::new(PlanBuilder::new().build()),
            realtime,
        }
    }

    fn devices() -> Devices {
        Devices::new(&mut Random::from_u64(1))
    }

    fn known(name: &str) -> Option<Arc<Known>> {
        Some(Arc::new(Known {
            peer: Arc::new(Peer::new(name, PeerKind::Friend)),
            contacts: Vec::new(),
        }))
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn is(found: Found<'_>) -> &'static str {
        match found {
            Ok(Some(_)) => "somebody",
            Ok(None) => "nobody",
            Err(_) => "ask",
        }
    }

    #[test]
    fn without_a_database_only_sip_conf_knows() {
        let (devices, config) = (devices(), config(None));
        assert_eq!(is(devices.by_name(at(0), &config, b"static")), "somebody");
        assert_eq!(is(devices.by_name(at(0), &config, b"ann")), "nobody");
        let source = "192.0.2.1:5060".parse().unwrap();
        assert_eq!(is(devices.by_source(at(0), &config, source)), "nobody");
    }

    #[test]
    fn a_device_is_asked_for_when_it_is_not_fresh() {
        let (mut devices, config) = (devices(), config(Some(RULES)));
        assert_eq!(is(devices.by_name(at(0), &config, b"ann")), "ask");
        devices.learn(at(0), "ann".into(), known("ann"));
        devices.learn(at(0), "bob".into(), None);
        assert_eq!(is(devices.by_name(at(10), &config, b"ann")), "somebody");
        assert_eq!(is(devices.by_name(at(11), &config, b"ann")), "ask");
        assert_eq!(is(devices.by_name(at(2), &config, b"bob")), "nobody");
        assert_eq!(is(devices.by_name(at(3), &config, b"bob")), "ask");
    }

    #[test]
    fn what_is_stale_does_while_the_database_is_down() {
        let (mut devices, config) = (devices(), config(Some(RULES)));
        devices.learn(at(0), "ann".into(), known("ann"));
        let errand = devices.by_name(at(60), &config, b"ann").unwrap_err();
        assert!(devices.can_do_without(at(60), &config, &errand));
        assert!(devices.arranges_probe() && !devices.arranges_probe());
        assert!(!devices.probes() && devices.arranges_probe());
        devices.database_is_down();
        assert!(devices.probes());
        assert_eq!(is(devices.by_name(at(60), &config, b"ann")), "somebody");
        assert_eq!(is(devices.by_name(at(601), &config, b"ann")), "ask");
        devices.learn(at(62), "bob".into(), None);
        assert_eq!(is(devices.by_name(at(62), &config, b"ann")), "ask");
    }

    #[test]
    fn a_device_that_is_not_cached_is_good_for_one_request() {
        let rules = Realtime {
            cached: false,
            ..RULES
        };
        let (mut devices, config) = (devices(), config(Some(rules)));
        devices.learn(at(0), "ann".into(), known("ann"));
        assert_eq!(is(devices.by_name(at(1), &config, b"ann")), "somebody");
        assert_eq!(is(devices.by_name(at(2), &config, b"ann")), "ask");
    }

    #[test]
    fn pruning_makes_it_ask_again() {
        let (mut devices, config) = (devices(), config(Some(RULES)));
        devices.learn(at(0), "ann".into(), known("ann"));
        devices.learn(at(0), "bob".into(), known("bob"));
        assert_eq!(devices.prune(Some(b"ann")), 1);
        assert_eq!(is(devices.by_name(at(0), &config, b"ann")), "ask");
        assert_eq!(is(devices.by_name(at(0), &config, b"bob")), "somebody");
        assert_eq!(devices.prune(None), 1);
    }

    #[test]
    fn what_is_known_is_told_until_autoclear() {
        let autoclear = Some(Duration::from_secs(120));
        let config = config(Some(Realtime { autoclear, ..RULES }));
        let mut devices = devices();
        devices.learn(at(0), "ann".into(), known("ann"));
        devices.learn(at(60), "bob".into(), known("bob"));
        devices.learn(at(60), "eve".into(), None);
        let told = |now| {
            let page = devices.known(now, &config, Span::FIRST);
            let names = page.rows.iter().map(|peer| peer.name.to_string());
            (names.collect::<Vec<_>>(), page.next)
        };
        assert_eq!(told(at(61)), (vec!["ann".into(), "bob".into()], None));
        assert_eq!(told(at(121)), (vec!["bob".into()], None));
    }

    #[test]
    fn autoclear_ends_what_is_stale_too() {
        let rules = Realtime {
            autoclear: Some(Duration::from_secs(120)),
            ..RULES
        };
        let (mut devices, config) = (devices(), config(Some(rules)));
        devices.learn(at(0), "ann".into(), known("ann"));
        devices.database_is_down();
        assert_eq!(is(devices.by_name(at(120), &config, b"ann")), "somebody");
        assert_eq!(is(devices.by_name(at(121), &config, b"ann")), "ask");
    }
}
