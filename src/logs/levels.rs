//! How loud the log is, module by module: `info,sip=debug,realtime=warn`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use pinion_sip::base::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// What has a level of its own, and the targets of `tracing` it stands for.
const MODULES: [(&str, &[&str]); 12] = [
    ("audit", &[AUDIT]),
    ("config", &["pinion::config", "pinion::check"]),
    ("control", &["pinion::control", "pinion::serve"]),
    ("dialplan", &["dialplan"]),
    ("messages", &[MESSAGES]),
    ("realtime", &["pinion::realtime", "pinion::database"]),
    ("records", &["pinion::records"]),
    ("reload", &["pinion::reload", "pinion::modules"]),
    ("runtime", &["pinion_runtime"]),
    ("security", &[SECURITY]),
    ("sip", &["sip"]),
    ("workers", &["pinion::workers"]),
];

/// The target of messages that `sip set debug` shows.
pub const MESSAGES: &str = "messages";

/// The target of what operators have had done.
const AUDIT: &str = "audit";

/// The target of security events.
const SECURITY: &str = "security";

/// One level for all, and others for some modules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Levels {
    base: LevelFilter,
    modules: BTreeMap<&'static str, LevelFilter>,
}

impl Levels {
    /// What has a level of its own, by name.
    pub fn modules() -> impl Iterator<Item = &'static str> {
        MODULES.iter().map(|(module, _)| *module)
    }

    /// The module of that name.
    pub fn module(name: &str) -> Result<&'static str, String> {
        let found = MODULES.iter().find(|(module, _)| *module == name);
        found.map(|(module, _)| *module).ok_or_else(|| {
            let names: Vec<_> = Levels::modules().collect();
            format!(
                "there is no module '{name}'; there are {}",
                names.join(", ")
            )
        })
    }

    /// Makes a module, or all of them, at least as loud as `level`.
    pub(super) fn raise(&mut self, module: Option<&'static str>, level: LevelFilter) {
        match module {
            Some(module) => {
                let own = self.of(module).max(level);
                self.modules.insert(module, own);
            }
            None => {
                self.base = self.base.max(level);
                for own in self.modules.values_mut() {
                    *own = level.max(*own);
                }
            }
        }
    }

    /// For `tracing`. Messages are shown because somebody asked for them, so
    /// they are unless the module itself is turned down; and so is the record of
    /// what operators do, where there is a log at all.
    pub(super) fn targets(&self) -> Targets {
        let mut targets = Targets::new()
            .with_default(self.base)
            .with_target(MESSAGES, LevelFilter::INFO);
        if self.base != LevelFilter::OFF {
            targets = targets.with_target(AUDIT, LevelFilter::INFO);
        }
        for (module, level) in &self.modules {
            let of_module = MODULES.iter().find(|(name, _)| name == module);
            for target in of_module.into_iter().flat_map(|(_, targets)| *targets) {
                targets = targets.with_target(*target, *level);
            }
        }
        targets
    }

    /// How detailed notes of shards are worth making.
    pub(super) fn of_notes(&self) -> Option<Level> {
        match self.of("sip").max(self.of("dialplan")).into_level()? {
            tracing::Level::ERROR => Some(Level::Error),
            tracing::Level::WARN => Some(Level::Warn),
            tracing::Level::INFO => Some(Level::Info),
            tracing::Level::DEBUG => Some(Level::Debug),
            tracing::Level::TRACE => Some(Level::Trace),
        }
    }

    /// Whether security events are written.
    pub(super) fn has_security(&self) -> bool {
        self.of(SECURITY) >= LevelFilter::WARN
    }

    fn of(&self, module: &str) -> LevelFilter {
        self.modules.get(module).copied().unwrap_or(self.base)
    }
}

impl Default for Levels {
    /// `info`.
    fn default() -> Levels {
        Levels {
            base: LevelFilter::INFO,
            modules: BTreeMap::new(),
        }
    }
}

impl FromStr for Levels {
    type Err = String;

    fn from_str(text: &str) -> Result<Levels, String> {
        let mut levels = Levels::default();
        for part in text.split(',') {
            match part.trim().split_once('=') {
                Some((module, level)) => {
                    let module = Levels::module(module.trim())?;
                    levels.modules.insert(module, level_of(level.trim())?);
                }
                None => levels.base = level_of(part.trim())?,
            }
        }
        Ok(levels)
    }
}

fn level_of(word: &str) -> Result<LevelFilter, String> {
    let wrong = || format!("'{word}' is no level; there are off, error, warn, info, debug, trace");
    match word.as_bytes().first() {
        Some(byte) if byte.is_ascii_alphabetic() => word.parse().map_err(|_| wrong()),
        // Numbers, and no word at all, would pass for levels.
        _ => Err(wrong()),
    }
}

impl fmt::Display for Levels {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.base)?;
        for (module, level) in &self.modules {
            write!(f, ",{module}={level}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(text: &str) -> Levels {
        text.parse().unwrap()
    }

    #[test]
    fn one_word_and_exceptions_are_read_as_they_are_written() {
        for text in [
            "off",
            "warn",
            "info,sip=debug",
            "error,realtime=trace,security=off",
        ] {
            assert_eq!(levels(text).to_string(), text);
        }
        assert_eq!(levels("sip=debug"), levels("info, sip = debug"));
        assert_eq!(levels("DEBUG").to_string(), "debug");
    }

    #[test]
    fn what_is_no_level_and_no_module_is_refused_with_those_there_are() {
        for (text, says) in [
            ("loud", "'loud' is no level; there are off, error"),
            ("", "'' is no level"),
            ("3", "'3' is no level"),
            (
                "info,sipp=debug",
                "no module 'sipp'; there are audit, config",
            ),
            ("sip=", "'' is no level"),
        ] {
            let mistake = text.parse::<Levels>().unwrap_err();
            assert!(mistake.contains(says), "{text}: {mistake}");
        }
    }

    #[test]
    fn a_module_holds_for_its_targets_and_the_rest_goes_by_the_one_word() {
        let targets = levels("warn,realtime=debug,sip=error").targets();
        let would = |target: &str, level| targets.would_enable(target, &level);
        assert!(would("pinion::realtime::pool", tracing::Level::DEBUG));
        assert!(would("pinion::database", tracing::Level::DEBUG));
        assert!(!would("pinion::config", tracing::Level::INFO));
        assert!(!would("sip", tracing::Level::WARN) && would("dialplan", tracing::Level::WARN));
        assert!(would("messages", tracing::Level::INFO));
        assert!(
            !levels("messages=off")
                .targets()
                .would_enable("messages", &tracing::Level::INFO)
        );
    }

    #[test]
    fn shards_make_what_is_written_and_no_more() {
        assert_eq!(levels("off").of_notes(), None);
        assert_eq!(levels("warn,dialplan=debug").of_notes(), Some(Level::Debug));
        assert_eq!(
            levels("debug,sip=warn,dialplan=warn").of_notes(),
            Some(Level::Warn)
        );
        assert!(levels("warn").has_security() && !levels("error").has_security());
        assert!(levels("off,security=warn").has_security());
    }

    #[test]
    fn raising_never_silences() {
        let mut raised = levels("warn,sip=trace,realtime=off");
        raised.raise(None, LevelFilter::DEBUG);
        assert_eq!(raised.to_string(), "debug,realtime=debug,sip=trace");
        let mut raised = levels("warn");
        raised.raise(Some("dialplan"), LevelFilter::DEBUG);
        assert_eq!(raised.to_string(), "warn,dialplan=debug");
    }
}
