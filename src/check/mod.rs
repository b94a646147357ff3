//! `pinion check`: what is wrong, or will surprise, in sip.conf and
//! extensions.conf, each with file and line. It reads files as the server does
//! and changes nothing; what a line means is `config`'s matter.

mod expressions;
mod functions;
mod ground;
mod hints;
mod jumps;
mod reach;
mod sip;
mod target;
mod text;
mod times;
pub mod trials;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use pinion_sip::dialplan::Plan;
use serde_json::{Value, json};

use self::ground::Ground;
use crate::config::extensions::compile;
use crate::config::file::{ConfigError, Exec, File, Position, Warning};
use crate::config::sip::{Sip, inspect, system_resolver};
use crate::config::{Directory, ReadRows};
use crate::modules;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Something that is written does not work.
    Error,
    /// It works, and perhaps not as it was meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// One thing to be said of one line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// Where.
    pub at: Position,
    /// How bad.
    pub severity: Severity,
    /// What, and a way out.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.at, self.severity, self.text)
    }
}

impl From<Warning> for Finding {
    fn from(warning: Warning) -> Finding {
        let severity = match warning.grave {
            true => Severity::Error,
            false => Severity::Warning,
        };
        Finding {
            at: warning.at,
            severity,
            text: warning.text,
        }
    }
}

impl From<ConfigError> for Finding {
    fn from(error: ConfigError) -> Finding {
        Finding::from(Warning::grave(&error.at, error.text))
    }
}

/// What was found, in the order of the lines; nothing twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Sorted.
    pub findings: Vec<Finding>,
}

impl Report {
    fn of(mut findings: Vec<Finding>) -> Report {
        findings.sort();
        findings.dedup();
        Report { findings }
    }

    /// How many findings are that bad.
    pub fn count(&self, severity: Severity) -> usize {
        let bad = |finding: &&Finding| finding.severity == severity;
        self.findings.iter().filter(bad).count()
    }

    /// Whether nothing was found that is an error; with `strict`, nothing.
    pub fn passes(&self, strict: bool) -> bool {
        match strict {
            true => self.findings.is_empty(),
            false => self.count(Severity::Error) == 0,
        }
    }

    /// Writes a line for each finding, and one that counts them.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for finding in &self.findings {
            writeln!(out, "{finding}")?;
        }
        let count = |severity| match self.count(severity) {
            1 => format!("1 {severity}"),
            count => format!("{count} {severity}s"),
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        writeln!(out, "{errors}, {warnings}")
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let finding = |finding: &Finding| {
            json!({
                "file": &*finding.at.file,
                "line": finding.at.line,
                "severity": finding.severity.to_string(),
                "text": finding.text,
            })
        };
        json!({
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    }
}

/// Checks a directory. `exec` is what becomes of `#exec` where `asterisk.conf`
/// allows it. `Err` says why the directory cannot be read. Blocks.
pub fn check(dir: &Path, read_rows: ReadRows<'_>, exec: Exec) -> Result<Report, ConfigError> {
    let mut findings = Vec::new();
    let Some(mut directory) = readable(Directory::open(dir, read_rows, exec), &mut findings)?
    else {
        return Ok(Report::of(findings));
    };
    findings.extend(directory.warnings.drain(..).map(Finding::from));
    let read = |name| directory.read(name).map(|(file, _)| file);
    let sip = readable(read("sip.conf"), &mut findings)?;
    let extensions = readable(read("extensions.conf"), &mut findings)?;
    let sip = sip.and_then(|file| {
        let read = inspect(&file, system_resolver);
        let mut read = read.map_err(|error| findings.push(error.into())).ok()?;
        findings.extend(read.warnings.drain(..).map(Finding::from));
        Some((file, read))
    });
    let plan = extensions.map(|file| {
        let (plan, warnings) = compile(file.clone());
        findings.extend(warnings.into_iter().map(Finding::from));
        (file, plan)
    });
    if let Some((file, plan)) = &plan {
        let realtime = !directory.mapping.places("sippeers").is_empty();
        lint(file, plan, sip.as_ref(), realtime, &mut findings);
    }
    match modules::choose(dir) {
        Ok(chosen) => findings.extend(chosen.warnings.into_iter().map(Finding::from)),
        Err(error) => findings.push(error.into()),
    }
    Ok(Report::of(findings))
}

/// What was read; a mistake in it becomes a finding, but a file that cannot be
/// read at all ends the check.
fn readable<T>(
    read: Result<T, ConfigError>,
    findings: &mut Vec<Finding>,
) -> Result<Option<T>, ConfigError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.at.line == 0 => Err(error),
        Err(error) => {
            findings.push(error.into());
            Ok(None)
        }
    }
}

/// What is found by looking at more than one line. `realtime` says that there
/// are devices which no file names.
fn lint(
    file: &File,
    plan: &Plan,
    sip: Option<&(File, Sip)>,
    realtime: bool,
    findings: &mut Vec<Finding>,
) {
    let ground = Ground::new(plan);
    functions::lint(plan, findings);
    expressions::lint(plan, findings);
    times::lint(plan, findings);
    jumps::lint(&ground, findings);
    if let Some((sip_file, sip)) = sip {
        sip::lint(sip_file, sip, plan, findings);
        if !realtime {
            hints::lint(file, sip, findings);
        }
    }
    let entries = match (sip, realtime) {
        (Some((_, sip)), false) => Some(sip::entries(sip)),
        _ => None,
    };
    reach::lint(&ground, entries, findings);
}
