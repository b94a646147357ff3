//! What a new configuration would change, told in the words of its files, and
//! what has to be done for it beside handing it out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pinion_sip::config::{Change, Config, Host, Peer, Peers};
use serde_json::{Value, json};

use super::assemble::Basis;
use super::plan::PlanDifference;
use crate::config::Loaded;
use crate::control::out::{Form, Out};
use crate::realtime::mapping::Mapping;

/// Lines of one kind that people are told; programs are told all.
const TOLD: usize = 200;

/// A device that stays, and is different.
#[derive(Clone, Copy)]
pub struct Changed<'a> {
    /// What it was.
    pub old: &'a Peer,
    /// What it is.
    pub new: &'a Peer,
}

impl Changed<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.new.name
    }

    /// What is different, option by option; nothing where its secret alone is
    /// hashed for another realm.
    pub fn changes(&self) -> Vec<Change> {
        self.old.changes(self.new)
    }
}

/// Between two configurations. It is made by a thread that gives way to shards,
/// and told by one that does not: what takes long has been done by then.
#[derive(Default)]
pub struct Difference {
    /// `[general]` of sip.conf.
    pub general: Vec<Change>,
    /// Devices that are new.
    pub added: Vec<String>,
    /// Devices that are gone.
    pub removed: Vec<String>,
    /// Devices that had none before and have a fixed host now.
    pub settled: Vec<String>,
    /// The old devices and the new ones, unless they are the very same.
    pub peers: Option<(Peers, Peers)>,
    /// Places, among the new ones, of devices that stay and are different.
    changed: Vec<u32>,
    /// The dialplan.
    pub plan: PlanDifference,
    /// Whether cdr.conf says something else.
    pub records: bool,
    /// Databases that are reached otherwise.
    pub databases: Vec<String>,
    /// What takes a restart, in sentences.
    pub restart: Vec<String>,
    /// What was accepted but will surprise, with file and line.
    pub warnings: Vec<String>,
}

/// A configuration as it was read, and as the shards go by it.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// What the files say.
    pub loaded: &'a Loaded,
    /// What the shards go by.
    pub config: &'a Config,
}

impl Difference {
    /// What is different in `new`, for an engine on that basis.
    pub fn between(old: Side<'_>, new: Side<'_>, basis: &Basis) -> Difference {
        let running = &basis.mapping;
        let mut difference = Difference {
            general: old.config.general.changes(&new.config.general),
            records: !new.loaded.records.is_like(&old.loaded.records),
            databases: moved(&old.loaded.mapping, &new.loaded.mapping, running),
            restart: restart(old, new, basis),
            warnings: new
                .loaded
                .warnings
                .iter()
                .map(ToString::to_string)
                .collect(),
            ..Difference::default()
        };
        if !old.config.peers.is(&new.config.peers) {
            difference.devices(&old.config.peers, &new.config.peers);
            difference.peers = Some((old.config.peers.clone(), new.config.peers.clone()));
        }
        let plans = (&old.loaded.config.plan, &new.loaded.config.plan);
        if !Arc::ptr_eq(plans.0, plans.1) {
            difference.plan = PlanDifference::between(plans.0, plans.1);
        }
        difference
    }

    fn devices(&mut self, old: &Peers, new: &Peers) {
        for (place, peer) in (0..).zip(new.iter()) {
            match old.by_name(peer.name.as_bytes()) {
                None => self.added.push(peer.name.to_string()),
                Some(before) if !Arc::ptr_eq(before, peer) => {
                    self.changed.push(place);
                    if before.host == Host::Dynamic && peer.host != Host::Dynamic {
                        self.settled.push(peer.name.to_string());
                    }
                }
                Some(_) => {}
            }
        }
        let gone = old
            .iter()
            .filter(|peer| new.by_name(peer.name.as_bytes()).is_none());
        self.removed.extend(gone.map(|peer| peer.name.to_string()));
    }

    /// Devices that stay, and are different.
    pub fn changed(&self) -> impl Iterator<Item = Changed<'_>> {
        let places = self.changed.iter();
        places.filter_map(|&place| {
            let (old, new) = self.peers.as_ref()?;
            let new = new.iter().nth(place as usize)?;
            let old = old.by_name(new.name.as_bytes())?;
            Some(Changed { old, new })
        })
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        !self.has_sip()
            && self.plan.is_empty()
            && !self.records
            && self.databases.is_empty()
            && self.restart.is_empty()
    }

    /// Whether sip.conf says something else.
    fn has_sip(&self) -> bool {
        !(self.general.is_empty()
            && self.added.is_empty()
            && self.removed.is_empty()
            && self.changed.is_empty())
    }

    /// Tells it in a few lines, or, `whole`, line by line.
    pub fn tell(&self, whole: bool, out: &mut Out<'_>) -> io::Result<()> {
        if out.form() == Form::Json {
            return out.member("changes", &self.to_json());
        }
        self.warnings
            .iter()
            .try_for_each(|warning| out.remark(warning))?;
        if self.is_empty() {
            return out.remark("Nothing has changed");
        }
        if self.has_sip() {
            out.remark(&format!(
                "sip.conf: {} peers added, {} changed, {} removed; {} options of [general] changed",
                self.added.len(),
                self.changed.len(),
                self.removed.len(),
                self.general.len()
            ))?;
        }
        if whole {
            self.tell_sip(out)?;
        }
        self.plan.tell(whole, out)?;
        if self.records {
            out.remark("cdr.conf: other records of calls, or written otherwise")?;
        }
        for name in &self.databases {
            out.remark(&format!("database {name} is reached otherwise"))?;
        }
        self.restart
            .iter()
            .try_for_each(|sentence| out.remark(sentence))
    }

    fn tell_sip(&self, out: &mut Out<'_>) -> io::Result<()> {
        let line = |change: &Change| {
            let Change { option, old, new } = change;
            format!("{option}: {old} -> {new}")
        };
        tell_some(out, self.general.iter(), |change| {
            format!("  [general] {}", line(change))
        })?;
        tell_some(out, self.added.iter(), |name| format!("  + [{name}]"))?;
        tell_some(out, self.removed.iter(), |name| format!("  - [{name}]"))?;
        tell_some(out, self.changed(), |changed| {
            let changes: Vec<String> = changed.changes().iter().map(line).collect();
            let name = changed.name();
            match changes.is_empty() {
                true => format!("  ~ [{name}] by the realm"),
                false => format!("  ~ [{name}] {}", changes.join(", ")),
            }
        })
    }

    fn to_json(&self) -> Value {
        let options = |changes: &[Change]| -> Value {
            let option = |change: &Change| json!({ "option": change.option, "old": change.old, "new": change.new });
            changes.iter().map(option).collect()
        };
        let changed: Vec<Value> = self
            .changed()
            .map(
                |changed| json!({ "name": changed.name(), "options": options(&changed.changes()) }),
            )
            .collect();
        json!({
            "general": options(&self.general),
            "peers": { "added": self.added, "removed": self.removed, "changed": changed },
            "dialplan": self.plan.to_json(),
            "records": self.records,
            "databases": self.databases,
            "restart": self.restart,
            "warnings": self.warnings,
        })
    }
}

/// Tells people of things of one kind, the first of many.
pub(super) fn tell_some<T>(
    out: &mut Out<'_>,
    mut things: impl Iterator<Item = T>,
    line: impl Fn(T) -> String,
) -> io::Result<()> {
    things
        .by_ref()
        .take(TOLD)
        .try_for_each(|thing| out.remark(&line(thing)))?;
    match things.count() {
        0 => Ok(()),
        more => out.remark(&format!("  ... and {more} more")),
    }
}

/// The databases that are only reached otherwise.
fn moved(old: &Mapping, new: &Mapping, running: &Mapping) -> Vec<String> {
    let sections = old.sections.iter().zip(&new.sections);
    let changed = sections.filter(|(old, new)| old != new);
    match running.is_alike(new) && old.is_alike(new) {
        true => changed.map(|(_, new)| new.name().into()).collect(),
        false => Vec::new(),
    }
}

/// What the engine goes by from its start to its end.
fn restart(old: Side<'_>, new: Side<'_>, basis: &Basis) -> Vec<String> {
    let mut sentences = Vec::new();
    let list = |addresses: &[SocketAddr]| {
        let texts: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
        texts.join(", ")
    };
    if old.loaded.listen != new.loaded.listen {
        sentences.push(format!(
            "udpbindaddr: {} -> {} takes a restart",
            list(&old.loaded.listen),
            list(&new.loaded.listen)
        ));
    }
    if old.loaded.tcp != new.loaded.tcp {
        sentences.push(
            "tcpenable, tcpbindaddr, tcpauthtimeout or tcpauthlimit has changed: that takes a restart"
                .into(),
        );
    }
    if !basis.mapping.is_alike(&new.loaded.mapping) {
        sentences.push("extconfig.conf has changed: that takes a restart".into());
    }
    if new.loaded.records.recording.enable && !basis.records && basis.flags.cdr.is_some() {
        sentences
            .push("enable of cdr.conf takes a restart: calls leave no records until then".into());
    }
    if old.loaded.access != new.loaded.access {
        sentences.push(
            "astctlpermissions, astctlowner or astctlgroup has changed: that takes a restart"
                .into(),
        );
    }
    let (old, new) = (&old.config.general, &new.config.general);
    let options = [
        ("tos_sip", old.tos_sip != new.tos_sip),
        ("cos_sip", old.cos_sip != new.cos_sip),
        ("systemname", old.systemname != new.systemname),
        ("rtsavesysname", old.rtsavesysname != new.rtsavesysname),
        ("rtupdate", old.rtupdate != new.rtupdate),
        (
            "ignoreregexpire",
            old.ignoreregexpire != new.ignoreregexpire,
        ),
    ];
    let changed = options.iter().filter(|(_, changed)| *changed);
    sentences.extend(changed.map(|(option, _)| format!("{option} takes effect with a restart")));
    sentences
}
