//! Whether calls leave records, put together from flags and configuration, and
//! who writes them.

use std::sync::Arc;

use pinion_runtime::RecordDesk;
use pinion_sip::config::Recording;

use super::entry::Form;
use super::journals::Journals;
use super::{FAMILY, Recorder, Settings, Style};
use crate::config::{self, Cdr, Loaded};
use crate::flags::Flags;
use crate::modules::Switches;
use crate::realtime::mapping::Mapping;
use crate::{Failure, seed};

/// What shards go by: cdr.conf, and whether anybody writes records down.
pub(crate) fn rules(cdr: &Cdr, written: bool) -> Recording {
    Recording {
        enable: cdr.recording.enable && written,
        ..cdr.recording
    }
}

/// What is written to files, and how.
pub(crate) fn style(loaded: &Loaded) -> Style {
    let cdr = &loaded.records;
    Style {
        csv: cdr.csv,
        json: cdr.json,
        form: Form {
            zone: loaded.config.plan.zone().clone(),
            initiatedseconds: cdr.initiatedseconds,
        },
    }
}

/// Begins to write records if there is a place to write them to, and says where.
pub(crate) fn start(
    flags: &Flags,
    loaded: &Loaded,
    shards: usize,
    switches: &Arc<Switches>,
    about: &mut String,
) -> Result<Option<(Recorder, RecordDesk)>, Failure> {
    let (cdr, mapping) = (&loaded.records, &loaded.mapping);
    let wants_table = !mapping.places(FAMILY).is_empty();
    if !cdr.recording.enable {
        return Ok(None);
    }
    let Some(dir) = &flags.cdr else {
        if wants_table {
            let text = "extconfig.conf names a table for cdr. Give --cdr DIR, where records wait while the database is away";
            return Err(Failure::Settings(text.into()));
        }
        if let Some(at) = &cdr.wants_files {
            tracing::info!("{at}: calls leave no records without --cdr DIR");
        }
        return Ok(None);
    };
    if cdr.csv.is_none() && cdr.json.is_none() && !wants_table {
        tracing::warn!("--cdr does nothing as long as cdr.conf has neither [csv] nor [json]");
    }
    let mut boot = [0; 8];
    boot.copy_from_slice(&seed()?[..8]);
    let settings = Settings {
        dir: dir.clone(),
        style: style(loaded),
        mapping: mapping.clone(),
        switches: Arc::clone(switches),
        timeout: flags.db_timeout,
        node: match &flags.systemname {
            Some(name) => name.into(),
            None => (&*loaded.systemname).into(),
        },
        boot: u64::from_be_bytes(boot),
    };
    let unwritable = |error| {
        let text = format!(
            "--cdr {}: {error}. Make it writable for this user",
            dir.display()
        );
        Failure::Host(text)
    };
    std::fs::create_dir_all(dir).map_err(unwritable)?;
    let journals = journals(flags, &settings, shards)?;
    let started = Recorder::start(settings, journals).map_err(unwritable)?;
    about.push_str(&format!("records   {}\n", places(dir, cdr, mapping)));
    Ok(Some(started))
}

/// `--cdr-journal`.
fn journals(
    flags: &Flags,
    settings: &Settings,
    shards: usize,
) -> Result<Option<Journals>, Failure> {
    let dir = flags.cdr_journal_dir();
    let journals = dir.map(|dir| {
        let opened = settings.journals(dir, shards);
        opened
            .map_err(|refusal| Failure::Host(format!("--cdr-journal {}: {refusal}", dir.display())))
    });
    journals.transpose()
}

/// Where records go, in words.
fn places(dir: &std::path::Path, cdr: &Cdr, mapping: &Mapping) -> String {
    let file = |name: &str| dir.join(name).display().to_string();
    let csv = cdr.csv.map(|_| file("Master.csv"));
    let json = cdr.json.map(|_| file("Master.json"));
    let table = mapping.places(FAMILY).first();
    let table = table.map(|place| config::called(mapping, place));
    let named: Vec<String> = csv.into_iter().chain(json).chain(table).collect();
    named.join(", ")
}
