//! `modules.conf`: which modules are loaded at the start. Without the file all
//! are.

use std::path::Path;

use pinion_sip::modules::Module as Part;

use super::{Module, in_order, named, names};
use crate::config::file::{self, Category, ConfigError, Disk, Entry, Position, Warning};
use crate::config::{nearest, truth, whole};

/// What is loaded, and what was said of it.
#[derive(Debug, Default)]
pub struct Chosen {
    /// What is not.
    pub absent: Vec<Module>,
    /// What was accepted but will surprise.
    pub warnings: Vec<Warning>,
}

/// A line that names a module.
struct Line {
    module: Module,
    at: Position,
}

/// What the lines of `[modules]` ask for.
#[derive(Default)]
struct Wishes {
    autoload: bool,
    load: Vec<Line>,
    omit: Vec<Module>,
    required: Vec<Line>,
}

/// Reads modules.conf of a directory. `Err`: a module that is required is not
/// there. Of a module that is to be loaded and not to be loaded the latter
/// counts, as in Asterisk.
pub fn choose(dir: &Path) -> Result<Chosen, ConfigError> {
    let path = dir.join("modules.conf");
    if !path.exists() {
        return Ok(Chosen::default());
    }
    let file = file::load(&Disk::default(), &path)?;
    let mut warnings = file.warnings;
    let wishes = Wishes::read(&file.categories, &mut warnings)?;
    let loaded = wishes.granted(&path, &mut warnings);
    warnings.extend(wishes.torn(&loaded, &path));
    let is_missing = |line: &&Line| !loaded.contains(&line.module);
    if let Some(Line { module, at }) = wishes.required.iter().find(is_missing) {
        let text = format!(
            "{}.so is required and not loaded: a noload says so, or what it needs is not loaded.",
            module.name()
        );
        return Err(ConfigError::new(at, text));
    }
    let all = Module::all();
    Ok(Chosen {
        absent: all.filter(|module| !loaded.contains(module)).collect(),
        warnings,
    })
}

impl Wishes {
    fn read(categories: &[Category], warnings: &mut Vec<Warning>) -> Result<Wishes, ConfigError> {
        let mut wishes = Wishes::default();
        let sections = categories.iter();
        let sections = sections.filter(|category| category.name.eq_ignore_ascii_case("modules"));
        for entry in sections.flat_map(|category| &category.entries) {
            match entry.key.to_ascii_lowercase().as_str() {
                "autoload" => wishes.autoload = yes(entry)?,
                "load" | "preload" => wishes.load.extend(line(entry, warnings)),
                "noload" => wishes.omit.extend(unwanted(entry, warnings)),
                "require" | "preload-require" => wishes.required.push(demanded(entry)?),
                _ => {
                    let text = format!(
                        "'{}' is not an option of [modules]. It is ignored.",
                        entry.key
                    );
                    warnings.push(Warning::new(&entry.at, text));
                }
            }
        }
        Ok(wishes)
    }

    /// The line that wants a module.
    fn line_of(&self, module: Module) -> Option<&Line> {
        let mut lines = self.load.iter().chain(&self.required);
        lines.find(|line| line.module == module)
    }

    /// What is loaded: what is wanted, as far as what it needs is, too.
    fn granted(&self, path: &Path, warnings: &mut Vec<Warning>) -> Vec<Module> {
        let mut loaded: Vec<Module> = Vec::new();
        for module in in_order() {
            let line = self.line_of(module);
            if self.omit.contains(&module) || !(self.autoload || line.is_some()) {
                continue;
            }
            let mut needs = module.depends_on().iter();
            let Some(needed) = needs.find(|needed| !loaded.contains(needed)) else {
                loaded.push(module);
                continue;
            };
            let text = format!(
                "{}.so needs {}.so, which is not loaded; neither is it.",
                module.name(),
                needed.name()
            );
            warnings.push(Warning::new(&place(line, path), text));
        }
        loaded
    }

    /// What Asterisk has within chan_sip.so has modules of its own here, of which
    /// a file that was written for it names none.
    fn torn(&self, loaded: &[Module], path: &Path) -> Option<Warning> {
        let chan_sip = Module::Part(Part::ChanSip);
        let is_left_out = |module: &Module| {
            let is_of_it = module.depends_on().contains(&chan_sip);
            is_of_it && !loaded.contains(module) && !self.omit.contains(module)
        };
        let parts: Vec<Module> = Module::all().filter(is_left_out).collect();
        if !loaded.contains(&chan_sip) || parts.is_empty() {
            return None;
        }
        let text = format!(
            "chan_sip.so is loaded without {}, which Asterisk has within it. Give each a line like this one, or a noload.",
            names(&parts)
        );
        Some(Warning::new(&place(self.line_of(chan_sip), path), text))
    }
}

/// Where a line is; the file as a whole without one.
fn place(line: Option<&Line>, path: &Path) -> Position {
    line.map_or_else(|| whole(path.into()), |line| line.at.clone())
}

fn yes(entry: &Entry) -> Result<bool, ConfigError> {
    truth(&entry.value).ok_or_else(|| {
        let text = format!(
            "the value '{}' of autoload does not fit. Accepted: yes, no.",
            entry.value
        );
        ConfigError::new(&entry.at, text)
    })
}

/// A module without which there is nothing to start.
fn demanded(entry: &Entry) -> Result<Line, ConfigError> {
    let module = named(&entry.value).map_err(|sentence| {
        let text = "It is required: take the line out, or mend it.";
        ConfigError::new(&entry.at, format!("{} {text}", ended(sentence)))
    })?;
    let at = entry.at.clone();
    Ok(Line { module, at })
}

/// A module that is to be loaded. Asterisk has many that this engine has not.
fn line(entry: &Entry, warnings: &mut Vec<Warning>) -> Option<Line> {
    match named(&entry.value) {
        Ok(module) => Some(Line {
            module,
            at: entry.at.clone(),
        }),
        Err(sentence) => {
            let text = format!("{} The line does nothing.", ended(sentence));
            warnings.push(Warning::new(&entry.at, text));
            None
        }
    }
}

/// A sentence before another.
fn ended(mut sentence: String) -> String {
    if !sentence.ends_with('?') {
        sentence.push('.');
    }
    sentence
}

/// A module that is not to be loaded: one that is not there is not, but for one
/// that is misspelt.
fn unwanted(entry: &Entry, warnings: &mut Vec<Warning>) -> Option<Module> {
    match named(&entry.value) {
        Ok(module) => Some(module),
        Err(sentence) => {
            let name = entry.value.strip_suffix(".so").unwrap_or(&entry.value);
            if nearest(name, Module::all().map(Module::name)).is_some() {
                warnings.push(Warning::new(&entry.at, sentence));
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::Beside;

    fn chosen(text: &str) -> Result<Chosen, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("modules.conf"), text).unwrap();
        let place = format!("{}/", dir.path().display());
        choose(dir.path()).map_err(|error| error.to_string().replace(&place, ""))
    }

    fn absent(text: &str) -> Vec<Module> {
        chosen(text).unwrap().absent
    }

    #[test]
    fn without_the_file_all_are_loaded() {
        let dir = tempfile::tempdir().unwrap();
        assert!(choose(dir.path()).unwrap().absent.is_empty());
    }

    #[test]
    fn the_sample_loads_all_without_a_warning() {
        let chosen = choose(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap();
        assert_eq!((chosen.absent, chosen.warnings), (vec![], vec![]));
    }

    #[test]
    fn autoload_loads_all_but_what_is_not_to_be() {
        assert_eq!(absent("[modules]\nautoload=yes\n"), []);
        let text = "[modules]\nautoload=yes\nload => app_dial.so\nnoload => app_dial.so\nnoload => func_md5\nnoload => res_http.so\n";
        assert_eq!(
            absent(text),
            [
                Module::Part(Part::AppDial),
                Module::Part(Part::FuncMd5),
                Module::Beside(Beside::Http),
                Module::Beside(Beside::Metrics)
            ]
        );
    }

    #[test]
    fn without_autoload_what_is_named_is_loaded() {
        let text = "[modules]\nautoload=no\npreload => pbx_config.so\nload => res_sip_udp.so\n\
                    load => chan_sip.so\nrequire => app_dial.so\n";
        let chosen = chosen(text).unwrap();
        let absent = chosen.absent;
        let loaded = [
            Module::Part(Part::PbxConfig),
            Module::Part(Part::Udp),
            Module::Part(Part::ChanSip),
            Module::Part(Part::AppDial),
        ];
        assert_eq!(absent.len(), Module::all().count() - loaded.len());
        assert!(loaded.iter().all(|module| !absent.contains(module)));
        let said: Vec<String> = chosen.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 1);
        assert!(
            said[0].ends_with(
                "modules.conf:5: chan_sip.so is loaded without res_sip_registrar.so, res_sip_tcp.so, which Asterisk \
                 has within it. Give each a line like this one, or a noload."
            ),
            "{said:?}"
        );
    }

    #[test]
    fn what_needs_a_missing_one_is_missing_too() {
        let chosen = chosen("[modules]\nautoload=yes\nnoload => chan_sip.so\n").unwrap();
        let absent: Vec<Module> = chosen.absent;
        assert_eq!(
            absent,
            [
                Module::Part(Part::ChanSip),
                Module::Part(Part::Registrar),
                Module::Part(Part::Udp),
                Module::Part(Part::Tcp)
            ]
        );
        let said: Vec<String> = chosen
            .warnings
            .iter()
            .map(|warning| warning.text.clone())
            .collect();
        assert_eq!(
            said,
            [
                "res_sip_registrar.so needs chan_sip.so, which is not loaded; neither is it.",
                "res_sip_udp.so needs chan_sip.so, which is not loaded; neither is it.",
                "res_sip_tcp.so needs chan_sip.so, which is not loaded; neither is it."
            ]
        );
    }

    #[test]
    fn a_required_one_that_is_missing_ends_the_start() {
        assert_eq!(
            chosen("[modules]\nautoload=yes\nrequire => app_dail.so\n").unwrap_err(),
            "modules.conf:3: No such module 'app_dail.so'. Did you mean 'app_dial'? \
             It is required: take the line out, or mend it."
        );
        let text = "[modules]\nautoload=yes\nnoload => chan_sip.so\nrequire => res_sip_udp.so\n";
        let refusal = chosen(text).unwrap_err();
        assert!(
            refusal.starts_with("modules.conf:4: res_sip_udp.so is required"),
            "{refusal}"
        );
    }

    #[test]
    fn names_that_are_none_are_told_unless_they_are_unwanted() {
        let text = "[modules]\nautoload=yes\nload => app_voicemail.so\nnoload => chan_skinny.so\n\
                    noload => app_dail.so\n";
        let chosen = chosen(text).unwrap();
        assert!(chosen.absent.is_empty());
        let lines: Vec<u32> = chosen
            .warnings
            .iter()
            .map(|warning| warning.at.line)
            .collect();
        assert_eq!(lines, [3, 5]);
    }
}
