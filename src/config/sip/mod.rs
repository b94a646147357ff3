//! sip.conf, checked into devices and `[general]`. Owns the order in which
//! sections are read and every sentence about an option that does not fit;
//! never opens a file.

mod acl;
mod device;
mod general;
mod groups;
mod key;
mod keys;
mod load;
mod row;
mod tcp;
mod value;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use pinion_sip::config::{General, Host, Peer, Rule, Secret};

use self::device::Device;
use self::general::Globals;
use self::key::{Effect, Place};
use self::load::{Load, Setting};
use self::value::Wrong;
use super::file::{Category, ConfigError, Entry, File, Position, Warning};
use super::words;

pub use self::load::Resolve;
pub use self::row::RowReader;
pub use self::tcp::Tcp;

/// What a sip.conf says.
pub struct Sip {
    /// `[general]`.
    pub general: General,
    /// The devices, in file order; the last of a name alone.
    pub peers: Vec<Peer>,
    /// What makes devices of rows, as this file has it.
    pub rows: RowReader,
    /// Where to listen for UDP; never empty.
    pub listen: Vec<SocketAddr>,
    /// What holds for streams.
    pub tcp: Tcp,
    /// What was accepted but will surprise, the file layer's first.
    pub warnings: Vec<Warning>,
}

/// Asks the system's resolver. Blocks.
pub fn system_resolver(name: &str) -> Option<IpAddr> {
    (name, 0)
        .to_socket_addrs()
        .ok()?
        .next()
        .map(|address| address.ip())
}

/// Checks a sip.conf; each name in it is resolved once. The first value that
/// does not fit is an error.
pub fn read(file: &File, resolve: Resolve) -> Result<Sip, ConfigError> {
    read_with(file, Load::new(resolve))
}

/// Checks a sip.conf to its end: a value that does not fit is a grave warning,
/// and its option stays at its default.
pub(crate) fn inspect(file: &File, resolve: Resolve) -> Result<Sip, ConfigError> {
    read_with(file, Load::to_the_end(resolve))
}

fn read_with(file: &File, mut load: Load) -> Result<Sip, ConfigError> {
    load.warnings.extend(file.warnings.iter().cloned());

    let mut globals = Globals::new();
    for entry in sections(file, "general").flat_map(|category| &category.entries) {
        apply(entry, &mut Section::General(&mut globals), &mut load)?;
    }
    if let Some(category) = sections(file, "general").last() {
        globals.finish(&category.at, &mut load)?;
    }
    let credentials = authentication(file, &mut load)?;
    let mut peers: Vec<(Peer, Position)> = Vec::new();
    let mut index_of = HashMap::new();
    for category in file
        .categories
        .iter()
        .filter(|category| is_device(category))
    {
        let Some(mut peer) = device(category, &globals, &mut load)? else {
            continue;
        };
        peer.credentials.extend(credentials.iter().cloned());
        let index = *index_of.entry(peer.name.clone()).or_insert(peers.len());
        match peers.get_mut(index) {
            None => peers.push((peer, category.at.clone())),
            Some(earlier) => {
                let text = format!(
                    "[{}] stands at {}, too. This one replaces it.",
                    peer.name, earlier.1
                );
                load.warn(&category.at, text);
                *earlier = (peer, category.at.clone());
            }
        }
    }
    let peers: Vec<Peer> = peers.into_iter().map(|(peer, _)| peer).collect();
    if globals.dynamic_exclude_static {
        globals
            .general
            .contact_acl
            .0
            .extend(peers.iter().filter_map(fixed_host));
    }
    Ok(Sip {
        rows: RowReader::new(&globals, credentials, load.resolve),
        listen: globals.listen(),
        tcp: globals.tcp(),
        general: globals.general,
        peers,
        warnings: load.warnings,
    })
}

fn sections<'f>(file: &'f File, name: &'static str) -> impl Iterator<Item = &'f Category> {
    file.categories
        .iter()
        .filter(move |category| !category.template && category.name.eq_ignore_ascii_case(name))
}

fn is_device(category: &Category) -> bool {
    let special = ["general", "authentication"]
        .iter()
        .any(|name| category.name.eq_ignore_ascii_case(name));
    !category.template && !special
}

fn device(
    category: &Category,
    globals: &Globals,
    load: &mut Load,
) -> Result<Option<Peer>, ConfigError> {
    let mut device = Device::new(&category.name, &globals.defaults.peer);
    for entry in &category.entries {
        apply(entry, &mut Section::Device(&mut device), load)?;
    }
    Ok(device.finish(&category.at, globals.general.t1min, load))
}

/// `dynamic_exclude_static`: nobody registers the address of a fixed host.
fn fixed_host(peer: &Peer) -> Option<Rule> {
    let Host::Fixed(address) = peer.host else {
        return None;
    };
    let network = address.ip().to_canonical();
    Some(Rule {
        permit: false,
        network,
        prefix: if network.is_ipv4() { 32 } else { 128 },
    })
}

/// `[authentication]`: credentials for every device.
fn authentication(
    file: &File,
    load: &mut Load,
) -> Result<Vec<(String, Secret, String)>, ConfigError> {
    let mut credentials = Vec::new();
    for entry in sections(file, "authentication").flat_map(|category| &category.entries) {
        if entry.key.eq_ignore_ascii_case("auth") {
            let credential = keys::credential(&entry.value);
            match credential {
                Ok(credential) => credentials.push(credential),
                Err(wrong) => load.refuse(refusal(entry, "authentication", true, wrong))?,
            }
        } else {
            load.warn_line(&entry.at, || {
                format!(
                    "unknown option '{}' in [authentication]; did you mean 'auth'?",
                    entry.key
                )
            });
        }
    }
    Ok(credentials)
}

/// What an option is set in.
enum Section<'a> {
    General(&'a mut Globals),
    Device(&'a mut Device),
}

impl Section<'_> {
    fn place(&self) -> Place {
        match self {
            Section::General(_) => Place::General,
            Section::Device(_) => Place::Device,
        }
    }

    fn name(&self) -> &str {
        match self {
            Section::General(_) => "general",
            Section::Device(device) => &device.peer.name,
        }
    }
}

fn apply(entry: &Entry, section: &mut Section<'_>, load: &mut Load) -> Result<(), ConfigError> {
    let Some((name, key)) = key::find(&entry.key) else {
        load.warn_line(&entry.at, || unknown(&entry.key, section));
        return Ok(());
    };
    let mut setting = Setting {
        key: name,
        text: &entry.value,
        at: &entry.at,
        load,
    };
    let place = section.place();
    let outcome = match (&key.effect, &mut *section) {
        (Effect::General(set) | Effect::Each(set, _), Section::General(globals)) => {
            set(globals, &mut setting)
        }
        (Effect::Both(set), Section::General(globals)) => set(&mut globals.defaults, &mut setting),
        (
            Effect::Device(set) | Effect::Both(set) | Effect::Each(_, set),
            Section::Device(device),
        ) => set(device, &mut setting),
        (Effect::Inert(inert, usual, why), _) if inert.allows(place) => {
            if !key::asks_for(&entry.value, usual) {
                // One word about media is enough for a file full of codecs.
                let topic = if why == &keys::MEDIA_PASSES {
                    why
                } else {
                    name
                };
                load.warn_key(topic, &entry.at, format!("{name} does nothing: {why}."));
            }
            Ok(())
        }
        _ => {
            load.warn_line(&entry.at, || misplaced(&entry.key, section));
            Ok(())
        }
    };
    outcome.or_else(|wrong| load.refuse(refusal(entry, section.name(), key.secret, wrong)))
}

fn unknown(option: &str, section: &Section<'_>) -> String {
    let meant = key::nearest(option, section.place());
    words::unknown(option, section.name(), meant)
}

fn misplaced(option: &str, section: &Section<'_>) -> String {
    let place = match section {
        Section::General(_) => "the section of a device",
        Section::Device(_) => "[general]",
    };
    format!(
        "option '{option}' belongs in {place}, not in [{}]; it is ignored.",
        section.name()
    )
}

fn refusal(entry: &Entry, section: &str, secret: bool, Wrong(accepted): Wrong) -> ConfigError {
    let value = (!secret).then_some(&*entry.value);
    ConfigError::new(
        &entry.at,
        words::misfit(&entry.key, value, section, &accepted),
    )
}

#[cfg(test)]
mod tests;
