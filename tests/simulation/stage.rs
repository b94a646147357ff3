//! What worlds are made of: users and their peers, a dialplan, an engine.
//!
//! Owns the values scenarios and flows share; nothing happens here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pinion::config::extensions::parse_extensions;
use pinion_sip::auth::node::{Key, Node};
use pinion_sip::base::Limits;
use pinion_sip::config::{
    Config, General, Host, Peer, PeerKind, Peers, Realtime, Recording, Secret,
};

use crate::engine::Blueprint;
use crate::network::Weather;
use crate::world::World;

/// Where the first engine listens.
pub const ENGINE: ([u8; 4], u16) = ([10, 9, 9, 1], 5060);

/// Where the second does, if there is one.
pub const OTHER_ENGINE: ([u8; 4], u16) = ([10, 9, 9, 2], 5060);

/// Users 1001 and up, each with a password of its own.
fn password(user: &str) -> String {
    format!("secret-of-{user}")
}

/// Limits that no small world touches.
pub fn roomy() -> Limits {
    Limits {
        calls: 500,
        transactions: 5_000,
        bindings: 500,
        pending: 500,
        ..Limits::default()
    }
}

/// The dialplan of every world.
pub const DIALPLAN: &str = "[default]\nexten => _X.,1,Dial(SIP/${EXTEN},20)\n";

/// A configuration with these peers.
pub fn config(peers: Vec<Peer>, dialplan: &str) -> Arc<Config> {
    config_with(peers, None, dialplan)
}

/// A configuration whose devices are those of the database.
pub fn database_config(realtime: Realtime, dialplan: &str) -> Arc<Config> {
    config_with(Vec::new(), Some(realtime), dialplan)
}

/// A configuration with these peers, and those of the database if there is one.
pub fn config_with(peers: Vec<Peer>, realtime: Option<Realtime>, dialplan: &str) -> Arc<Config> {
    let (plan, _) = parse_extensions(dialplan, "extensions.conf").expect("a dialplan");
    let plan = Arc::new(plan);
    Arc::new(Config {
        general: General {
            records: Recording {
                enable: true,
                ..Recording::default()
            },
            ..General::default()
        },
        peers: Peers::new(peers),
        plan,
        realtime,
    })
}

/// How the devices of a world's database are known.
pub const REALTIME: Realtime = Realtime {
    devices: true,
    cached: true,
    ttl: Duration::from_secs(10),
    autoclear: None,
    stale: Duration::from_secs(3_600),
    timeout: Duration::from_millis(500),
    update: true,
    rows_have_contacts: true,
    rows_lag: false,
    ignoreregexpire: false,
    keeps_static: false,
    node: None,
};

/// An engine at that address as one of several over one database.
pub fn node(address: SocketAddr) -> Arc<Node> {
    let mut secret = [0; 32];
    let text = address.to_string();
    for (byte, letter) in secret.iter_mut().zip(text.bytes()) {
        *byte = letter;
    }
    Arc::new(Node {
        name: text.into(),
        address,
        key: Key::of(&secret),
    })
}

/// A dynamic friend with a password.
pub fn friend(user: &str) -> Peer {
    let mut peer = Peer::new(user, PeerKind::Friend);
    peer.secret = Secret::Plain(password(user));
    peer
}

/// A world with one engine and nobody registered.
pub fn world(
    seed: u64,
    weather: Weather,
    shards: u16,
    limits: Limits,
    config: Arc<Config>,
) -> World {
    let mut world = World::new(seed, weather);
    let addr = SocketAddr::from(ENGINE);
    world.add_engine(Blueprint {
        shards,
        limits,
        config,
        addr,
        seed: [0; 32],
    });
    world
}

/// Adds a phone of `user` with the right password at `engine`.
pub fn add_phone(world: &mut World, user: &str, engine: usize) -> usize {
    let password = password(user);
    world.oracle.passwords.insert(user.into(), password.clone());
    world.add_phone(user, &password, engine)
}

/// The way to another engine, which asks for no password. The calls it brings
/// are of nobody this engine knows, so they are not taken for a user's.
pub fn trunk(addr: SocketAddr) -> Peer {
    let mut peer = Peer::new("trunk", PeerKind::Peer);
    peer.host = Host::Fixed(addr);
    peer.fromuser = Some("trunk".into());
    peer.insecure.port = true;
    peer.insecure.invite = true;
    peer
}
