//! cdr.conf: which calls leave a record, and in which files. Without it each
//! option stays at its default, and both files are written where there is a
//! directory for them (`--cdr`).

use std::path::Path;
use std::time::Duration;

use pinion_sip::config::Recording;

use super::file::{self, Category, ConfigError, Disk, Entry, Position, Warning};
use super::words::{self, truth};
use crate::records::{Fsync, csv};

const YES_OR_NO: &str = "yes or no";

/// The options of `[general]`, `[csv]` and `[json]`.
const GENERAL: [&str; 11] = [
    "enable",
    "unanswered",
    "congestion",
    "endbeforehexten",
    "initiatedseconds",
    "batch",
    "size",
    "time",
    "scheduleronly",
    "safeshutdown",
    "channeldefaultenabled",
];
const CSV: [&str; 5] = [
    "usegmtime",
    "loguniqueid",
    "loguserfield",
    "accountlogs",
    "newcdrcolumns",
];
const JSON: [&str; 1] = ["fsync"];

/// What cdr.conf says.
#[derive(Clone, Debug)]
pub struct Cdr {
    /// `[general]`; `enable` is not yet whether there is a place to write to.
    pub recording: Recording,
    /// `initiatedseconds`.
    pub initiatedseconds: bool,
    /// `[csv]`, if it is there.
    pub csv: Option<csv::Options>,
    /// `[json]` (new), if it is there.
    pub json: Option<Fsync>,
    /// The first section that wants a file.
    pub wants_files: Option<Position>,
}

impl Default for Cdr {
    fn default() -> Cdr {
        Cdr {
            recording: Recording {
                enable: true,
                ..Recording::default()
            },
            initiatedseconds: false,
            csv: Some(csv::Options::default()),
            json: Some(Fsync::Within(Duration::from_secs(1))),
            wants_files: None,
        }
    }
}

/// Reads cdr.conf of a directory.
pub fn load(dir: &Path, disk: &Disk, warnings: &mut Vec<Warning>) -> Result<Cdr, ConfigError> {
    let path = dir.join("cdr.conf");
    let mut cdr = Cdr::default();
    if !path.exists() {
        return Ok(cdr);
    }
    (cdr.csv, cdr.json) = (None, None);
    let file = file::load(disk, &path)?;
    warnings.extend(file.warnings.iter().cloned());
    for category in file.categories.iter().filter(|category| !category.template) {
        cdr.take(category, warnings)?;
    }
    Ok(cdr)
}

impl Cdr {
    /// Whether another says the same.
    pub fn is_like(&self, other: &Cdr) -> bool {
        let said = |cdr: &Cdr| (cdr.recording, cdr.initiatedseconds, cdr.csv, cdr.json);
        said(self) == said(other)
    }

    fn take(
        &mut self,
        category: &Category,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), ConfigError> {
        let name = category.name.to_ascii_lowercase();
        match &*name {
            "general" => {}
            "csv" => {
                self.csv.get_or_insert_default();
            }
            "json" => {
                self.json
                    .get_or_insert(Fsync::Within(Duration::from_secs(1)));
            }
            _ => {
                let text = format!(
                    "[{}] is not read: records go to [csv], [json], or the table that extconfig.conf calls cdr.",
                    category.name
                );
                warnings.push(Warning::new(&category.at, text));
                return Ok(());
            }
        }
        if name != "general" && self.wants_files.is_none() {
            self.wants_files = Some(category.at.clone());
        }
        for entry in &category.entries {
            match &*name {
                "general" => self.general(entry, warnings)?,
                "csv" => self.csv(entry, warnings)?,
                _ => self.json(entry, warnings)?,
            }
        }
        Ok(())
    }

    fn general(&mut self, entry: &Entry, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
        let recording = &mut self.recording;
        let option = match &*entry.key.to_ascii_lowercase() {
            "enable" => &mut recording.enable,
            "unanswered" => &mut recording.unanswered,
            "congestion" => &mut recording.congestion,
            "endbeforehexten" => &mut recording.endbeforehexten,
            "initiatedseconds" => &mut self.initiatedseconds,
            // Records always go in batches, off the shards, and none is lost at the end.
            "batch" | "size" | "time" | "scheduleronly" | "safeshutdown" => return Ok(()),
            "channeldefaultenabled" => {
                if truth(&entry.value) == Some(false) {
                    let text = "every call has a record until NoCDR. channeldefaultenabled=no does nothing.";
                    warnings.push(Warning::new(&entry.at, text));
                }
                return Ok(());
            }
            _ => {
                warnings.push(unknown(entry, "general", GENERAL));
                return Ok(());
            }
        };
        *option = yes_or_no(entry, "general")?;
        Ok(())
    }

    fn csv(&mut self, entry: &Entry, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
        let csv = self.csv.get_or_insert_default();
        let option = match &*entry.key.to_ascii_lowercase() {
            "usegmtime" => &mut csv.usegmtime,
            "loguniqueid" => &mut csv.loguniqueid,
            "loguserfield" => &mut csv.loguserfield,
            "accountlogs" => &mut csv.accountlogs,
            "newcdrcolumns" => &mut csv.newcdrcolumns,
            _ => {
                warnings.push(unknown(entry, "csv", CSV));
                return Ok(());
            }
        };
        *option = yes_or_no(entry, "csv")?;
        Ok(())
    }

    fn json(&mut self, entry: &Entry, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
        if !entry.key.eq_ignore_ascii_case("fsync") {
            warnings.push(unknown(entry, "json", JSON));
            return Ok(());
        }
        let text = entry.value.as_str();
        self.json = Some(match text.parse() {
            Ok(seconds @ 1..=3600) => Fsync::Within(Duration::from_secs(seconds)),
            _ if text.eq_ignore_ascii_case("always") => Fsync::Always,
            _ if text.eq_ignore_ascii_case("never") => Fsync::Never,
            _ => {
                let accepted = "always, never, or seconds from 1 to 3600";
                return Err(words::refusal(entry, "json", accepted));
            }
        });
        Ok(())
    }
}

fn yes_or_no(entry: &Entry, section: &str) -> Result<bool, ConfigError> {
    truth(&entry.value).ok_or_else(|| words::refusal(entry, section, YES_OR_NO))
}

fn unknown<const N: usize>(entry: &Entry, section: &str, known: [&str; N]) -> Warning {
    let near = words::nearest(&entry.key, known);
    Warning::new(&entry.at, words::unknown(&entry.key, section, near))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Result<Cdr, String>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("cdr.conf"), text).unwrap();
        let mut warnings = Vec::new();
        let cdr = load(dir.path(), &Disk::default(), &mut warnings);
        let texts = warnings.into_iter().map(|warning| warning.text).collect();
        (cdr.map_err(|error| error.text), texts)
    }

    #[test]
    fn without_the_file_all_stays_at_its_default() {
        let cdr = load(Path::new("/nonexistent"), &Disk::default(), &mut Vec::new());
        let cdr = cdr.ok().unwrap();
        assert!(cdr.recording.enable && !cdr.recording.unanswered);
        assert!(cdr.csv.is_some() && cdr.json.is_some());
        assert_eq!(cdr.wants_files, None);
    }

    #[test]
    fn a_file_of_asterisk_is_read() {
        let (cdr, warnings) = read(
            "[general]\nenable=yes\nunanswered = yes\ncongestion=yes\nendbeforehexten=yes\ninitiatedseconds=on\n\
             batch=yes\nsize=100\ntime=300\nscheduleronly=no\nsafeshutdown=yes\n\
             [csv]\nusegmtime=yes\nloguniqueid=yes\nloguserfield=yes\naccountlogs=no\nnewcdrcolumns=yes\n",
        );
        let cdr = cdr.unwrap();
        assert_eq!(warnings, [""; 0]);
        let expected = Recording {
            enable: true,
            unanswered: true,
            congestion: true,
            endbeforehexten: true,
        };
        assert_eq!((cdr.recording, cdr.initiatedseconds), (expected, true));
        let expected = csv::Options {
            usegmtime: true,
            loguniqueid: true,
            loguserfield: true,
            accountlogs: false,
            newcdrcolumns: true,
        };
        assert_eq!((cdr.csv, cdr.json), (Some(expected), None));
        assert_eq!(cdr.wants_files.map(|at| at.line), Some(12));
    }

    #[test]
    fn fsync_says_how_soon() {
        for (value, expected) in [
            ("always", Fsync::Always),
            ("never", Fsync::Never),
            ("5", Fsync::Within(Duration::from_secs(5))),
        ] {
            let (cdr, _) = read(&format!("[json]\nfsync={value}\n"));
            assert_eq!(cdr.unwrap().json, Some(expected));
        }
        let (cdr, _) = read("[json]\nfsync=0\n");
        assert!(cdr.is_err());
    }

    #[test]
    fn what_is_not_known_is_told() {
        let (cdr, warnings) =
            read("[general]\nunansweredd=yes\nenable=no\n[radius]\nusegmtime=yes\n");
        assert!(!cdr.unwrap().recording.enable);
        assert_eq!(
            warnings,
            [
                "unknown option 'unansweredd' in [general]; did you mean 'unanswered'?",
                "[radius] is not read: records go to [csv], [json], or the table that extconfig.conf calls cdr.",
            ]
        );
        let (cdr, _) = read("[csv]\nloguniqueid=perhaps\n");
        assert!(cdr.unwrap_err().contains("Accepted: yes or no"));
    }
}
