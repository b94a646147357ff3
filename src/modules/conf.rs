//! `modules.conf`: which modules are loaded at the start. Without the file all
//! are.

use std::path::Path;

use super::{Module, in_order, named};
use crate::config::file::{self, ConfigError, Disk, Entry, Position, Warning};
use crate::config::{nearest, truth};

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

/// Reads modules.conf of a directory. `Err`: a module that is required is not
/// there. Of a module that is to be loaded and not to be loaded the latter
/// counts, as in Asterisk.
pub fn choose(dir: &Path) -> Result<Chosen, ConfigError> {
    let path = dir.join("modules.conf");
    if !path.exists() {
        return Ok(Chosen::default());
    }
    let file = file::load(&Disk::default(), &path)?;
    let mut chosen = Chosen {
        warnings: file.warnings,
        ..Chosen::default()
    };
    let sections = file.categories.iter();
    let sections = sections.filter(|category| category.name.eq_ignore_ascii_case("modules"));
    let entries: Vec<&Entry> = sections.flat_map(|category| &category.entries).collect();
    let (mut autoload, mut load, mut omit, mut required) =
        (false, Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        match entry.key.to_ascii_lowercase().as_str() {
            "autoload" => autoload = yes(entry)?,
            "load" | "preload" => load.extend(line(entry, &mut chosen.warnings)),
            "noload" => omit.extend(unwanted(entry, &mut chosen.warnings)),
            "require" | "preload-require" => {
                let module = named(&entry.value).map_err(|sentence| {
                    let text =
                        format!("{sentence}. It is required: take the line out, or mend it.");
                    ConfigError::new(&entry.at, text)
                })?;
                let at = entry.at.clone();
                required.push(Line { module, at });
            }
            _ => {
                let text = format!(
                    "'{}' is not an option of [modules]. It is ignored.",
                    entry.key
                );
                chosen.warnings.push(Warning::new(&entry.at, text));
            }
        }
    }
    let mut loaded: Vec<Module> = Vec::new();
    for module in in_order() {
        let named = |lines: &[Line]| lines.iter().any(|line| line.module == module);
        let wanted = autoload || named(&load) || named(&required);
        let mut needs = module.depends_on().iter();
        let needs = needs.find(|needed| !loaded.contains(needed));
        match needs {
            _ if !wanted || omit.contains(&module) => {}
            None => loaded.push(module),
            Some(needed) => {
                let mut lines = load.iter().chain(&required);
                let at = lines
                    .find(|line| line.module == module)
                    .map(|line| &line.at);
                let text = format!(
                    "{}.so needs {}.so, which is not loaded; neither is it.",
                    module.name(),
                    needed.name()
                );
                let whole = Position {
                    file: path.to_string_lossy().into(),
                    line: 0,
                };
                chosen
                    .warnings
                    .push(Warning::new(at.unwrap_or(&whole), text));
            }
        }
    }
    if let Some(Line { module, at }) = required.iter().find(|line| !loaded.contains(&line.module)) {
        let text = format!(
            "{}.so is required and not loaded: a noload says so, or what it needs is not loaded.",
            module.name()
        );
        return Err(ConfigError::new(at, text));
    }
    let all = Module::all();
    chosen.absent = all.filter(|module| !loaded.contains(module)).collect();
    Ok(chosen)
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

/// A module that is to be loaded. Asterisk has many that this engine has not.
fn line(entry: &Entry, warnings: &mut Vec<Warning>) -> Option<Line> {
    match named(&entry.value) {
        Ok(module) => Some(Line {
            module,
            at: entry.at.clone(),
        }),
        Err(sentence) => {
            warnings.push(Warning::new(
                &entry.at,
                format!("{sentence}. The line does nothing."),
            ));
            None
        }
    }
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
    use pinion_sip::modules::Module as Part;

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
        let absent = absent(text);
        let loaded = [
            Module::Part(Part::PbxConfig),
            Module::Part(Part::Udp),
            Module::Part(Part::ChanSip),
            Module::Part(Part::AppDial),
        ];
        assert_eq!(absent.len(), Module::all().count() - loaded.len());
        assert!(loaded.iter().all(|module| !absent.contains(module)));
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
            "modules.conf:3: No such module 'app_dail.so'. Did you mean 'app_dial'?. \
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
