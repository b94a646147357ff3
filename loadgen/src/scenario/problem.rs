//! What is wrong with a scenario or an injection file, named with file and
//! line. Collects everything, so that one reading tells all; prints nothing.

use std::fmt;

/// How much a problem matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The scenario is not run.
    Refusal,
    /// The scenario runs; what is named has no effect.
    Warning,
}

/// One sentence about one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// How much it matters.
    pub severity: Severity,
    /// The file, as it was given.
    pub file: String,
    /// The line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// What is wrong, and where there is one, the way out.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        if self.severity == Severity::Warning {
            write!(f, " warning:")?;
        }
        write!(f, " {}", self.text)
    }
}

/// The problems of one file, in the order they were found.
#[derive(Debug)]
pub struct Problems {
    file: String,
    found: Vec<Problem>,
}

impl Problems {
    /// None yet, of the file named `file`.
    pub fn of(file: &str) -> Problems {
        Problems {
            file: file.to_owned(),
            found: Vec::new(),
        }
    }

    /// Adds a reason not to run.
    pub fn refuse(&mut self, line: u32, text: impl Into<String>) {
        self.add(Severity::Refusal, line, text.into());
    }

    /// Adds a warning.
    pub fn warn(&mut self, line: u32, text: impl Into<String>) {
        self.add(Severity::Warning, line, text.into());
    }

    fn add(&mut self, severity: Severity, line: u32, text: String) {
        let file = self.file.clone();
        self.found.push(Problem {
            severity,
            file,
            line,
            text,
        });
    }

    /// All of them, in the order of their lines.
    pub fn all(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found
    }

    /// `whole` with its warnings if nothing was refused, else all problems.
    pub fn judge<T>(self, whole: T) -> Result<(T, Vec<Problem>), Vec<Problem>> {
        let found = self.all();
        let refused = |problem: &Problem| problem.severity == Severity::Refusal;
        if found.iter().any(refused) {
            Err(found)
        } else {
            Ok((whole, found))
        }
    }
}
