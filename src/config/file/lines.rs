//! Lines become categories and entries: headers, templates, directives and
//! assignments, as Asterisk's `process_text_line` takes them. It asks a source
//! for what is included and knows no key.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::comments::Comments;
use super::{Category, ConfigError, Entry, File, NOT_RUN, Position, Ran, Source, Warning};

/// How deep `#include` may nest (`MAX_INCLUDE_LEVEL` in Asterisk).
const INCLUDE_DEPTH: usize = 10;

/// A file while it is being read.
pub(super) struct Loader<'s> {
    source: &'s dyn Source,
    /// Where relative includes are looked up.
    directory: PathBuf,
    file: File,
    /// The category opened last, by whichever file.
    opened: Option<usize>,
    depth: usize,
}

impl<'s> Loader<'s> {
    pub(super) fn new(source: &'s dyn Source, directory: &Path) -> Loader<'s> {
        Loader {
            source,
            directory: directory.into(),
            file: File::default(),
            opened: None,
            depth: 0,
        }
    }

    pub(super) fn finish(self) -> File {
        self.file
    }

    pub(super) fn read(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name: Arc<str> = path.to_string_lossy().into();
        let text = self.source.read(path).map_err(|error| {
            let text = format!("cannot be read: {error}. Check the path and its permissions.");
            ConfigError::new(&line(&name, 0), text)
        })?;
        self.text(&text, &name)
    }

    /// Reads the lines of one file. They begin in the category opened last;
    /// what an included file opens ends with it.
    pub(super) fn text(&mut self, text: &str, name: &Arc<str>) -> Result<(), ConfigError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut comments = Comments::default();
        let mut category = self.opened;
        for (number, text) in (1..).zip(text.lines()) {
            let text = comments.strip(text, number);
            let (text, at) = (strip(&text), line(name, number));
            if let Some(header) = text.strip_prefix('[') {
                category = Some(self.category(header, &at)?);
            } else if let Some(directive) = text.strip_prefix('#') {
                self.directive(directive, &at)?;
            } else if !text.is_empty() {
                self.assignment(text, category, &at)?;
            }
        }
        if let Some(number) = comments.unclosed() {
            let text = "this comment is never closed. End it with --;";
            self.grave(&line(name, number), text);
        }
        Ok(())
    }

    /// `name](options)`. Returns the category that lines go into from here.
    fn category(&mut self, header: &str, at: &Position) -> Result<usize, ConfigError> {
        let Some((name, rest)) = header.split_once(']') else {
            let text = "this category is not closed. Write [name].";
            return Err(ConfigError::new(at, text));
        };
        let options = match rest.strip_prefix('(') {
            Some(options) => {
                let text = "these options are not closed. Write [name](option,…).";
                let closed = options.split_once(')');
                closed.ok_or_else(|| ConfigError::new(at, text))?.0
            }
            None => {
                if !strip(rest).is_empty() {
                    let text =
                        "what follows the ']' is not read. Write [name](option,…) without a blank.";
                    self.grave(at, text);
                }
                ""
            }
        };
        let options: Vec<&str> = options
            .split(',')
            .map(strip)
            .filter(|option| !option.is_empty())
            .collect();
        let index = match options.contains(&"+") {
            true => self.find(name).ok_or_else(|| {
                let text =
                    format!("no category [{name}] to add to. Define it earlier, or drop the (+).");
                ConfigError::new(at, text)
            })?,
            false => {
                self.file.categories.push(Category {
                    name: name.into(),
                    template: false,
                    entries: Vec::new(),
                    at: at.clone(),
                });
                self.file.categories.len() - 1
            }
        };
        self.file.categories[index].template |= options.contains(&"!");
        for base in options
            .iter()
            .filter(|&&option| option != "+" && option != "!")
        {
            self.inherit(index, base, at)?;
        }
        self.opened = Some(index);
        Ok(index)
    }

    /// Copies the entries of the category or template called `base`.
    fn inherit(&mut self, index: usize, base: &str, at: &Position) -> Result<(), ConfigError> {
        let Some(base) = self.find(base).filter(|&base| base != index) else {
            let text =
                format!("no category [{base}] to inherit from. Define it earlier in the file.");
            return Err(ConfigError::new(at, text));
        };
        let inherited = self.file.categories[base].entries.clone();
        self.file.categories[index].entries.extend(inherited);
        Ok(())
    }

    /// The first category called `name`, templates included; case does not
    /// count.
    fn find(&self, name: &str) -> Option<usize> {
        self.file
            .categories
            .iter()
            .position(|category| category.name.eq_ignore_ascii_case(name))
    }

    fn directive(&mut self, directive: &str, at: &Position) -> Result<(), ConfigError> {
        let (word, argument) = directive
            .split_once(|character| character <= ' ')
            .unwrap_or((directive, ""));
        let argument = unquote(strip(argument));
        match word.to_ascii_lowercase().as_str() {
            "include" | "tryinclude" | "exec" if argument.is_empty() => {
                self.grave(
                    at,
                    &format!("#{word} says nothing and is ignored. Name a file."),
                );
                Ok(())
            }
            "include" => match self.include(argument, at)? {
                0 => {
                    let text = format!(
                        "the included file '{argument}' does not exist. Use #tryinclude if it may be absent."
                    );
                    Err(ConfigError::new(at, text))
                }
                _ => Ok(()),
            },
            "tryinclude" => self.include(argument, at).map(drop),
            "exec" => self.exec(argument, at),
            _ => {
                let text =
                    format!("unknown directive '#{word}' is ignored. A comment begins with ';'.");
                self.grave(at, &text);
                Ok(())
            }
        }
    }

    /// Reads the files an argument names; returns how many.
    fn include(&mut self, argument: &str, at: &Position) -> Result<usize, ConfigError> {
        let paths = self.source.find(&self.directory.join(argument));
        let paths = paths.map_err(|error| {
            let text =
                format!("'{argument}' cannot be included: {error}. Write * or fewer braces.");
            ConfigError::new(at, text)
        })?;
        self.deeper(at, |loader| {
            paths.iter().try_for_each(|path| loader.read(path))
        })?;
        Ok(paths.len())
    }

    /// Reads what a command prints. Its lines are called by the command.
    fn exec(&mut self, command: &str, at: &Position) -> Result<(), ConfigError> {
        let text = match self.source.run(command) {
            Ok(Ran::Printed(text)) => text,
            Err(error) => return Err(ConfigError::new(at, failed(command, &error))),
            Ok(Ran::Skipped) => {
                self.file.warnings.push(Warning::new(at, NOT_RUN));
                return Ok(());
            }
            Ok(Ran::Forbidden) => {
                let text = "#exec is not allowed. Set execincludes=yes in [options] of asterisk.conf, \
                            or #include what the program writes.";
                return Err(ConfigError::new(at, text));
            }
        };
        self.deeper(at, |loader| {
            loader.text(&text, &format!("#exec {command}").into())
        })
    }

    /// Reads what a directive names.
    fn deeper(
        &mut self,
        at: &Position,
        read: impl FnOnce(&mut Self) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        if self.depth == INCLUDE_DEPTH {
            let text =
                format!("includes nest deeper than {INCLUDE_DEPTH}. Does a file include itself?");
            return Err(ConfigError::new(at, text));
        }
        self.depth += 1;
        read(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// `key = value`, `key => value`, or `key += value`, which lengthens the
    /// last value of that key by all that follows the sign, blanks too.
    fn assignment(
        &mut self,
        line: &str,
        category: Option<usize>,
        at: &Position,
    ) -> Result<(), ConfigError> {
        let Some(category) = category else {
            let text = "this line stands before any [category]. Add one above it.";
            return Err(ConfigError::new(at, text));
        };
        let (line, escaped) = match line.strip_prefix('\\') {
            None => (line, 0),
            Some(line) => {
                let first = line.chars().next().filter(|&first| first > ' ');
                let first = first.ok_or_else(|| {
                    let text = "the '\\' escapes nothing. Write it right before the first character of a key.";
                    ConfigError::new(at, text)
                })?;
                (line, first.len_utf8())
            }
        };
        let sign = line[escaped..].find('=').map(|sign| escaped + sign);
        let Some((key, value)) = sign.map(|sign| (&line[..sign], &line[sign + 1..])) else {
            let text = format!("'{line}' has no '=' and is ignored. Write key = value.");
            self.grave(at, &text);
            return Ok(());
        };
        let (key, more) = match key.strip_suffix('+') {
            Some(key) if !key.is_empty() => (strip(key), true),
            _ => (strip(key), false),
        };
        if key.is_empty() {
            self.grave(
                at,
                "this line has no key and is ignored. Write key = value.",
            );
            return Ok(());
        }
        let entries = &mut self.file.categories[category].entries;
        if more && let Some(entry) = entries.iter_mut().rfind(|entry| entry.key == key) {
            entry.value.push_str(value);
            entry.value = strip(&entry.value).into();
            return Ok(());
        }
        let value = match more {
            true => value,
            false => value.strip_prefix('>').unwrap_or(value),
        };
        entries.push(Entry {
            key: key.into(),
            value: strip(value).into(),
            at: at.clone(),
        });
        Ok(())
    }

    fn grave(&mut self, at: &Position, text: &str) {
        self.file.warnings.push(Warning::grave(at, text));
    }
}

fn line(file: &Arc<str>, line: u32) -> Position {
    Position {
        file: Arc::clone(file),
        line,
    }
}

fn failed(command: &str, error: &io::Error) -> String {
    format!("'{command}' cannot be included: {error}. Run it by hand to see why.")
}

/// The text without blanks and control characters at both ends (`ast_strip`).
fn strip(text: &str) -> &str {
    text.trim_matches(|character| character <= ' ')
}

/// `"x"` or `<x>` as `x`.
fn unquote(text: &str) -> &str {
    for (open, close) in [('"', '"'), ('<', '>')] {
        let inner = text.strip_prefix(open);
        if let Some(inner) = inner.and_then(|text| text.strip_suffix(close)) {
            return inner;
        }
    }
    text
}
