//! How the line of an operator may go on: the words of commands, and what
//! their arguments may be. That is read from the usage each command's row
//! states: words in small letters stand for themselves, those in capitals for
//! something there is now.

use pinion_sip::dialplan::{applications, functions};
use pinion_sip::machine::{Page, Query, Span};
use pinion_sip::modules::Module;

use super::command::{self, Command, agrees};
use super::house::House;
use super::words::words;

/// Most words that are offered.
const MOST: usize = 200;

/// What may stand in place of the last word of `line`, which is empty after a
/// blank: in order, each once.
pub fn complete(house: &House, line: &str) -> Vec<String> {
    let mut given = words(line);
    let begun = match line.ends_with(char::is_whitespace) || given.is_empty() {
        true => String::new(),
        false => given.pop().unwrap_or_default(),
    };
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let mut offered = Vec::new();
    for command in command::all() {
        for word in next(command, &given) {
            match is_kind(word) {
                true => offered.extend(there_are(house, word, &begun)),
                false => offered.push(word.to_owned()),
            }
        }
    }
    offered.retain(|word| begins(word, &begun));
    offered.sort_unstable();
    offered.dedup();
    offered.truncate(MOST);
    offered
}

fn begins(word: &str, begun: &str) -> bool {
    let start = word.get(..begun.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(begun))
}

/// The words of a command's usage that may follow those given.
fn next(command: &Command, given: &[&str]) -> Vec<&'static str> {
    let own: Vec<&'static str> = command.words.split(' ').collect();
    let ways = ways(command.arguments).into_iter().map(|way| {
        let mut whole = own.clone();
        whole.extend(way);
        whole
    });
    let fits = |way: &Vec<&str>| {
        let mut pairs = way.iter().zip(given);
        way.len() > given.len() && pairs.all(|(word, given)| is_kind(word) || agrees(word, given))
    };
    ways.filter(fits).map(|way| way[given.len()]).collect()
}

/// All ways to write arguments: `[a|b] C` is `C`, `a C`, `b C`.
fn ways(usage: &'static str) -> Vec<Vec<&'static str>> {
    let mut ways = Vec::new();
    for alternative in split(usage, '|') {
        let mut begun: Vec<Vec<&str>> = vec![Vec::new()];
        for part in split(alternative, ' ')
            .into_iter()
            .filter(|part| !part.is_empty())
        {
            let optional = part
                .strip_prefix('[')
                .and_then(|part| part.strip_suffix(']'));
            let longer = match optional {
                Some(inner) => crate::control::complete::ways(inner),
                None => vec![vec![part]],
            };
            let mut all = if optional.is_some() {
                begun.clone()
            } else {
                Vec::new()
            };
            for way in &begun {
                all.extend(longer.iter().map(|more| [&way[..], more].concat()));
            }
            begun = all;
        }
        ways.extend(begun);
    }
    ways
}

/// Splits at a letter outside of brackets.
fn split(text: &'static str, at: char) -> Vec<&'static str> {
    let mut depth = 0;
    let outside = |letter: char| {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        depth == 0 && letter == at
    };
    text.split(outside).collect()
}

/// Whether a word of a usage stands for something else, or `...` for more of it.
fn is_kind(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_uppercase() || letter == '.')
}

/// Of what a word in capitals stands for, all that begins so.
fn there_are(house: &House, kind: &str, begun: &str) -> Vec<String> {
    let config = || house.settings().config;
    let take = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        let known = names.filter(|name| begins(name, begun));
        known.take(MOST).map(str::to_owned).collect()
    };
    match kind {
        "PEER" => take(&mut config().peers.iter().map(|peer| &*peer.name)),
        "CONTEXT" => {
            let plan = &config().plan;
            take(&mut plan.contexts().iter().map(|context| context.name()))
        }
        "CHANNEL" => channels(house, begun),
        "APPLICATION" | "APP" => take(&mut applications()),
        "FUNCTION" => take(&mut functions()),
        "MODULE" => take(&mut Module::ALL.iter().map(|module| module.name())),
        "COMMAND" => take(&mut command::all().map(|command| command.words)),
        _ => Vec::new(),
    }
}

fn channels(house: &House, begun: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (_, page) in house.shards.pages(Query::Channels(Span::FIRST)) {
        if let Some(Page::Channels(rows)) = page {
            let found = rows.rows.iter().map(|row| row.name.to_string());
            names.extend(found.filter(|name| begins(name, begun)));
        }
        if names.len() >= MOST {
            break;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_is_all_the_ways_it_can_be_written() {
        let written = |usage| {
            let ways = ways(usage).into_iter();
            ways.map(|way| way.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(written(""), [""]);
        assert_eq!(written("[concise|verbose]"), ["", "concise", "verbose"]);
        assert_eq!(written("now|when convenient"), ["now", "when convenient"]);
        assert_eq!(written("PEER [load]"), ["PEER", "PEER load"]);
        assert_eq!(
            written("X [idle|drain SECONDS] [y]"),
            [
                "X",
                "X idle",
                "X drain SECONDS",
                "X y",
                "X idle y",
                "X drain SECONDS y"
            ]
        );
    }
}
