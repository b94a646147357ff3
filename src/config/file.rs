//! The file layer of Asterisk's configuration: lines, comments, categories,
//! templates and includes. It owns no meaning: what a key says is its
//! reader's matter.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How deep `#include` may nest (`MAX_INCLUDE_LEVEL` in Asterisk).
const INCLUDE_DEPTH: usize = 10;

/// A line of a file. Line 0 stands for the file as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// The path as it was opened.
    pub file: Arc<str>,
    /// From 1.
    pub line: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// Why a configuration cannot be used: where, what, and a way out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{at}: {text}")]
pub struct ConfigError {
    /// Where.
    pub at: Position,
    /// What, and a way out: `sentence. hint`.
    pub text: String,
}

impl ConfigError {
    /// An error at a line.
    pub fn new(at: &Position, text: impl Into<String>) -> ConfigError {
        ConfigError {
            at: at.clone(),
            text: text.into(),
        }
    }
}

/// Something that is accepted but will surprise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// Where.
    pub at: Position,
    /// What, and a way out: `sentence. hint`.
    pub text: String,
}

impl Warning {
    /// A warning at a line.
    pub fn new(at: &Position, text: impl Into<String>) -> Warning {
        Warning {
            at: at.clone(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.text)
    }
}

/// `key = value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// As written.
    pub key: String,
    /// Stripped at both ends, inner blanks kept.
    pub value: String,
    /// Where it was written; for an inherited entry, in its template.
    pub at: Position,
}

/// `[name]` and what follows it, inherited entries first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Category {
    /// As written.
    pub name: String,
    /// `(!)`: only there to be inherited from.
    pub template: bool,
    /// In file order; keys may repeat.
    pub entries: Vec<Entry>,
    /// Where it was opened.
    pub at: Position,
}

/// A file with everything it includes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct File {
    /// In file order; names may repeat.
    pub categories: Vec<Category>,
    /// What was accepted but will surprise.
    pub warnings: Vec<Warning>,
}

/// Where files come from: the disk, or a test.
pub trait Source {
    /// The files that `pattern`, a path or a glob, names now, in order.
    fn find(&self, pattern: &Path) -> Vec<PathBuf>;

    /// The content of one file.
    fn read(&self, path: &Path) -> io::Result<String>;
}

/// The file system.
pub struct Disk;

impl Source for Disk {
    fn find(&self, pattern: &Path) -> Vec<PathBuf> {
        if pattern.exists() {
            return vec![pattern.to_path_buf()];
        }
        let paths = pattern
            .to_str()
            .and_then(|pattern| glob::glob(pattern).ok());
        paths.into_iter().flatten().filter_map(Result::ok).collect()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let bytes = std::fs::read(path)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Reads a file from disk. Relative includes are looked up beside it, whatever
/// the depth they are named at.
pub fn load(path: &Path) -> Result<File, ConfigError> {
    load_from(&Disk, path)
}

/// Reads a file from any source.
pub fn load_from(source: &dyn Source, path: &Path) -> Result<File, ConfigError> {
    let mut loader = Loader {
        source,
        directory: directory(path),
        file: File::default(),
        current: None,
        depth: 0,
    };
    loader.read(path)?;
    Ok(loader.file)
}

/// Reads a text that stands alone; `name` is what errors call it.
pub fn parse(text: &str, name: &str) -> Result<File, ConfigError> {
    let mut loader = Loader {
        source: &Nothing,
        directory: PathBuf::new(),
        file: File::default(),
        current: None,
        depth: 0,
    };
    loader.text(text, &Arc::from(name))?;
    Ok(loader.file)
}

/// No files: a text that stands alone includes nothing.
struct Nothing;

impl Source for Nothing {
    fn find(&self, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }

    fn read(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn directory(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A file while it is being read. The current category goes on through
/// includes, into them and out of them.
struct Loader<'s> {
    source: &'s dyn Source,
    directory: PathBuf,
    file: File,
    current: Option<usize>,
    depth: usize,
}

impl Loader<'_> {
    fn read(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name: Arc<str> = path.to_string_lossy().into();
        let text = self.source.read(path).map_err(|error| {
            let whole = Position {
                file: Arc::clone(&name),
                line: 0,
            };
            ConfigError::new(
                &whole,
                format!("cannot be read: {error}. Check the path and its permissions."),
            )
        })?;
        self.text(&text, &name)
    }

    fn text(&mut self, text: &str, name: &Arc<str>) -> Result<(), ConfigError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut comments = Comments::default();
        let mut at = Position {
            file: Arc::clone(name),
            line: 0,
        };
        for line in text.lines() {
            at.line += 1;
            let line = comments.strip(line, at.line);
            let line = line.trim();
            if !line.is_empty() {
                self.line(line, &at)?;
            }
        }
        if let Some(&line) = comments.open.last() {
            let at = Position {
                file: Arc::clone(name),
                line,
            };
            self.warn(&at, "this comment is never closed. End it with --;");
        }
        Ok(())
    }

    fn line(&mut self, line: &str, at: &Position) -> Result<(), ConfigError> {
        if let Some(header) = line.strip_prefix('[') {
            self.category(header, at)
        } else if let Some(directive) = line.strip_prefix('#') {
            self.directive(directive, at)
        } else {
            self.assignment(line.strip_prefix('\\').unwrap_or(line), at)
        }
    }

    /// `name](options)`.
    fn category(&mut self, header: &str, at: &Position) -> Result<(), ConfigError> {
        let Some((name, rest)) = header.split_once(']') else {
            return Err(ConfigError::new(
                at,
                "this category is not closed. Write [name].",
            ));
        };
        let options = match rest.trim_start().strip_prefix('(') {
            None => "",
            Some(options) => {
                options
                    .split_once(')')
                    .ok_or_else(|| {
                        ConfigError::new(
                            at,
                            "these options are not closed. Write [name](option,…).",
                        )
                    })?
                    .0
            }
        };
        let options = || {
            options
                .split(',')
                .map(str::trim)
                .filter(|option| !option.is_empty())
        };

        let index = if options().any(|option| option == "+") {
            self.find(name).ok_or_else(|| {
                ConfigError::new(
                    at,
                    format!("no category [{name}] to add to. Define it earlier, or drop the (+)."),
                )
            })?
        } else {
            let template = options().any(|option| option == "!");
            self.file.categories.push(Category {
                name: name.into(),
                template,
                entries: Vec::new(),
                at: at.clone(),
            });
            self.file.categories.len() - 1
        };
        for base in options().filter(|&option| option != "+" && option != "!") {
            let inherited = self
                .find(base)
                .filter(|&base| base != index)
                .ok_or_else(|| {
                    ConfigError::new(
                        at,
                        format!(
                            "no category [{base}] to inherit from. Define it earlier in the file."
                        ),
                    )
                })?;
            let inherited = self.file.categories[inherited].entries.clone();
            self.file.categories[index].entries.extend(inherited);
        }
        self.current = Some(index);
        Ok(())
    }

    /// The first category called `name`, templates included.
    fn find(&self, name: &str) -> Option<usize> {
        self.file
            .categories
            .iter()
            .position(|category| category.name.eq_ignore_ascii_case(name))
    }

    fn directive(&mut self, directive: &str, at: &Position) -> Result<(), ConfigError> {
        let (word, argument) = directive
            .split_once(char::is_whitespace)
            .unwrap_or((directive, ""));
        let argument = unquote(argument.trim());
        match word.to_ascii_lowercase().as_str() {
            "include" if argument.is_empty() => {
                Err(ConfigError::new(at, "#include needs the name of a file."))
            }
            "include" => match self.include(argument, at)? {
                0 => Err(ConfigError::new(
                    at,
                    format!(
                        "the included file '{argument}' does not exist. Use #tryinclude if it may be absent."
                    ),
                )),
                _ => Ok(()),
            },
            "tryinclude" => self.include(argument, at).map(drop),
            "exec" => Err(ConfigError::new(
                at,
                "#exec is not supported. Run the program beforehand and #include what it writes.",
            )),
            _ => {
                self.warn(
                    at,
                    &format!("unknown directive '#{word}' is ignored. A comment begins with ';'."),
                );
                Ok(())
            }
        }
    }

    /// Reads the files an argument names; returns how many.
    fn include(&mut self, argument: &str, at: &Position) -> Result<usize, ConfigError> {
        if self.depth == INCLUDE_DEPTH {
            let text =
                format!("includes nest deeper than {INCLUDE_DEPTH}. Does a file include itself?");
            return Err(ConfigError::new(at, text));
        }
        let paths = self.source.find(&self.directory.join(argument));
        self.depth += 1;
        for path in &paths {
            self.read(path)?;
        }
        self.depth -= 1;
        Ok(paths.len())
    }

    fn assignment(&mut self, line: &str, at: &Position) -> Result<(), ConfigError> {
        let Some(category) = self.current else {
            return Err(ConfigError::new(
                at,
                "this line stands before any [category]. Add one above it.",
            ));
        };
        let Some((key, value)) = line.split_once('=') else {
            self.warn(
                at,
                &format!("'{line}' has no '=' and is ignored. Write key = value."),
            );
            return Ok(());
        };
        let value = value.strip_prefix('>').unwrap_or(value).trim();
        let entries = &mut self.file.categories[category].entries;
        let key = match key.strip_suffix('+').map(str::trim) {
            None => key.trim(),
            Some(key) => {
                if let Some(entry) = entries
                    .iter_mut()
                    .rfind(|entry| entry.key.eq_ignore_ascii_case(key))
                {
                    entry.value.push_str(value);
                    return Ok(());
                }
                key
            }
        };
        entries.push(Entry {
            key: key.into(),
            value: value.into(),
            at: at.clone(),
        });
        Ok(())
    }

    fn warn(&mut self, at: &Position, text: &str) {
        self.file.warnings.push(Warning::new(at, text));
    }
}

/// `"x"` or `<x>` as `x`.
fn unquote(text: &str) -> &str {
    for (open, close) in [('"', '"'), ('<', '>')] {
        if let Some(inner) = text
            .strip_prefix(open)
            .and_then(|text| text.strip_suffix(close))
        {
            return inner;
        }
    }
    text
}

/// Comments: `; to the end`, and `;-- blocks --;` that nest and span lines.
#[derive(Default)]
struct Comments {
    /// The lines that opened the blocks we are in.
    open: Vec<u32>,
}

impl Comments {
    /// The line without its comments, `\;` being a semicolon.
    fn strip(&mut self, line: &str, number: u32) -> String {
        let mut kept = String::new();
        let mut rest = line;
        while let Some(at) = rest.find(';') {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            let opens = after.starts_with("--") && !after.starts_with("---");
            if self.open.is_empty() {
                if let Some(before) = before.strip_suffix('\\') {
                    kept.push_str(before);
                    kept.push(';');
                    rest = after;
                    continue;
                }
                kept.push_str(before);
                if !opens {
                    return kept;
                }
            }
            rest = after;
            if opens {
                self.open.push(number);
                rest = &after[2..];
            } else if before.ends_with("--") {
                self.open.pop();
            }
        }
        if self.open.is_empty() {
            kept.push_str(rest);
        }
        kept
    }
}

#[cfg(test)]
mod tests;
