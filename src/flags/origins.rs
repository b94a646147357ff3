//! Which flags were given, and which stand as they are by default.

use clap::CommandFactory;
use clap::parser::ValueSource;

use super::Flags;

/// A flag, as an engine goes by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// `--name`.
    pub name: String,
    /// Its value; empty for none.
    pub value: String,
    /// Whether it was given.
    pub given: bool,
}

impl Flags {
    /// All flags that say how an engine serves, by name, with where their values
    /// come from. Arguments that are not understood yield nothing.
    pub fn origins<T: Into<std::ffi::OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Vec<Setting> {
        let command = Flags::command();
        let Ok(matches) = command.clone().try_get_matches_from(arguments) else {
            return Vec::new();
        };
        let asked = ["help", "version", "attach", "execute", "json"];
        let known = command.get_arguments().filter_map(|argument| {
            let name = argument.get_long()?;
            if asked.contains(&name) {
                return None;
            }
            let id = argument.get_id().as_str();
            let values = matches.get_raw(id).into_iter().flatten();
            let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
            Some(Setting {
                name: format!("--{name}"),
                value: values.join(" "),
                given: matches.value_source(id) == Some(ValueSource::CommandLine),
            })
        });
        let mut known: Vec<Setting> = known.collect();
        known.sort_by(|one, other| one.name.cmp(&other.name));
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_tell_what_was_given_and_what_was_not() {
        let all = Flags::origins(["pinion", "--batch", "7", "--listen", "[::1]:1"]);
        let named = |name: &str| {
            let setting = all.iter().find(|setting| setting.name == name).unwrap();
            (&*setting.value, setting.given)
        };
        assert_eq!(named("--batch"), ("7", true));
        assert_eq!(named("--listen"), ("[::1]:1", true));
        assert_eq!(named("--mesh-depth"), ("1024", false));
        assert_eq!(named("--config"), ("", false));
        assert!(all.iter().all(|setting| setting.name != "--execute"));
        assert_eq!(Flags::origins(["pinion", "--nonsense"]), []);
    }
}
