//! What all readers of files say alike: words for yes and no, the sentence for
//! a value that does not fit, and the known name nearest to an unknown one. It
//! names no option.

use super::file::{ConfigError, Entry};

/// `ast_true` and `ast_false`.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "y" | "t" | "1" | "on" => Some(true),
        "no" | "false" | "n" | "f" | "0" | "off" => Some(false),
        _ => None,
    }
}

/// The known name that an unknown one most likely meant: at most a third of
/// its letters off.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let name = name.to_ascii_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&name, known), known))
        .filter(|&(distance, known)| distance * 3 <= known.len())
        .min()
        .map(|(_, known)| known)
}

/// What is said of an option nobody knows.
pub(super) fn unknown(option: &str, section: &str, meant: Option<&str>) -> String {
    match meant {
        Some(known) => format!("unknown option '{option}' in [{section}]; did you mean '{known}'?"),
        None => format!("unknown option '{option}' in [{section}] is ignored."),
    }
}

/// What is said of a value that does not fit. `value` is `None` where it is a
/// secret.
pub(super) fn misfit(option: &str, value: Option<&str>, section: &str, accepted: &str) -> String {
    let value = value.map_or(String::new(), |value| format!(" '{value}'"));
    let option = option.to_ascii_lowercase();
    format!("the value{value} of {option} in [{section}] does not fit. Accepted: {accepted}.")
}

/// An entry whose value does not fit, and is no secret.
pub(super) fn refusal(entry: &Entry, section: &str, accepted: &str) -> ConfigError {
    let text = misfit(&entry.key, Some(&entry.value), section, accepted);
    ConfigError::new(&entry.at, text)
}

/// ` Did you mean '…'?`, or nothing if no name comes close. Unlike [`nearest`]
/// it is about names that operators choose, and tells only the reader.
pub(crate) fn did_you_mean<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> String {
    let text = text.to_lowercase();
    let distance = |name: &str| strsim::jaro_winkler(&text, &name.to_lowercase());
    let best = names
        .map(|name| (distance(name), name))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match best {
        Some((distance, name)) if distance > 0.8 => format!(" Did you mean '{name}'?"),
        _ => String::new(),
    }
}
