//! What a new configuration would change, told in the words of its files, and
//! what has to be done for it beside handing it out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pinion_sip::config::{Change, Config, Host, Peer, Peers};
use serde_json::{Value, json};

use super::plan::PlanDifference;
use crate::config::Loaded;
use crate::control::out::{Form, Out};
use crate::realtime::mapping::Mapping;

/// Lines of one kind that people are told; programs are told all.
const TOLD: usize = 200;

/// A device that stays, and is different.
pub struct Changed {
    /// What it was.
    pub old: Arc<Peer>,
    /// What it is.
    pub new: Arc<Peer>,
}

impl Changed {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.new.name
    }

    /// Whether it has a fixed host now, and may have registered before.
    pub fn settles(&self) -> bool {
        self.old.host == Host::Dynamic && self.new.host != Host::Dynamic
    }

    /// What is different, option by option; nothing where its secret alone is
    /// hashed for another realm.
    pub fn changes(&self) -> Vec<Change> {
        self.old.changes(&self.new)
    }
}

/// Between two configurations.
#[derive(Default)]
pub struct Difference {
    /// `[general]` of sip.conf.
    pub general: Vec<Change>,
    /// Devices that are new.
    pub added: Vec<String>,
    /// Devices that are gone.
    pub removed: Vec<String>,
    /// Devices that stay, and are different.
    pub changed: Vec<Changed>,
    /// The dialplan.
    pub plan: PlanDifference,
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
    /// What is different in `new`. The databases are those of `running`.
    pub fn between(old: Side<'_>, new: Side<'_>, running: &Mapping) -> Difference {
        let mut difference = Difference {
            general: old.config.general.changes(&new.config.general),
            databases: moved(&old.loaded.mapping, &new.loaded.mapping, running),
            restart: restart(old, new, running),
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
        }
        let plans = (&old.loaded.config.plan, &new.loaded.config.plan);
        if !Arc::ptr_eq(plans.0, plans.1) {
            difference.plan = PlanDifference::between(plans.0, plans.1);
        }
        difference
    }

    fn devices(&mut self, old: &Peers, new: &Peers) {
        for peer in new.iter() {
            match old.by_name(peer.name.as_bytes()) {
                None => self.added.push(peer.name.to_string()),
                Some(before) if !Arc::ptr_eq(before, peer) => self.changed.push(Changed {
                    old: Arc::clone(before),
                    new: Arc::clone(peer),
                }),
                Some(_) => {}
            }
        }
        let gone = old
            .iter()
            .filter(|peer| new.by_name(peer.name.as_bytes()).is_none());
        self.removed.extend(gone.map(|peer| peer.name.to_string()));
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.general.is_empty()
            && self.added.is_empty()
            && self.removed.is_empty()
            && self.changed.is_empty()
            && self.plan.is_empty()
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
        let general = self.general.iter();
        tell_some(
            out,
            general.map(|change| format!("  [general] {}", line(change))),
        )?;
        tell_some(out, self.added.iter().map(|name| format!("  + [{name}]")))?;
        tell_some(out, self.removed.iter().map(|name| format!("  - [{name}]")))?;
        let changed = self.changed.iter();
        tell_some(
            out,
            changed.map(|changed| {
                let changes: Vec<String> = changed.changes().iter().map(line).collect();
                let name = changed.name();
                match changes.is_empty() {
                    true => format!("  ~ [{name}] by the realm"),
                    false => format!("  ~ [{name}] {}", changes.join(", ")),
                }
            }),
        )
    }

    fn to_json(&self) -> Value {
        let options = |changes: &[Change]| -> Value {
            let option = |change: &Change| json!({ "option": change.option, "old": change.old, "new": change.new });
            changes.iter().map(option).collect()
        };
        let changed: Vec<Value> = self
            .changed
            .iter()
            .map(
                |changed| json!({ "name": changed.name(), "options": options(&changed.changes()) }),
            )
            .collect();
        json!({
            "general": options(&self.general),
            "peers": { "added": self.added, "removed": self.removed, "changed": changed },
            "dialplan": self.plan.to_json(),
            "databases": self.databases,
            "restart": self.restart,
            "warnings": self.warnings,
        })
    }
}

/// Tells people of things of one kind, the first of many.
pub(super) fn tell_some(
    out: &mut Out<'_>,
    mut lines: impl Iterator<Item = String>,
) -> io::Result<()> {
    lines
        .by_ref()
        .take(TOLD)
        .try_for_each(|line| out.remark(&line))?;
    match lines.count() {
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
fn restart(old: Side<'_>, new: Side<'_>, running: &Mapping) -> Vec<String> {
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
    if !running.is_alike(&new.loaded.mapping) {
        sentences.push("extconfig.conf has changed: that takes a restart".into());
    }
    let places = |loaded: &Loaded| (loaded.records.csv, loaded.records.json);
    if places(old.loaded) != places(new.loaded) {
        sentences.push("[csv] and [json] of cdr.conf take a restart".into());
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
