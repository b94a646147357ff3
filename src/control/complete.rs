//! How the line of an operator may go on: the words of commands, and what
//! their arguments may be. That is read from the usage each command's row
//! states: words in small letters stand for themselves, those in capitals for
//! something there is now.

use pinion_sip::dialplan::{applications, functions};
use pinion_sip::machine::{Page, Query, Span};

use super::command::sip::notify;
use super::command::{self, agrees};
use super::house::House;
use super::words::words;
use crate::logs::Levels;
use crate::modules::Module;

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
    let asked = asked_about(&given);
    let mut offered = Vec::new();
    for command in command::all() {
        let arguments = match asked.len() < given.len() {
            true => "",
            false => command.arguments,
        };
        for word in next(command.words, arguments, asked) {
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

/// The words of the command that help is asked for; all of them if it is not.
fn asked_about<'g>(given: &'g [&'g str]) -> &'g [&'g str] {
    let asks = |way: &[&str]| {
        let mut pairs = way.iter().zip(given);
        given.len() >= way.len() && pairs.all(|(word, given)| agrees(word, given))
    };
    match given {
        given if asks(&["help"]) => &given[1..],
        given if asks(&["core", "show", "help"]) => &given[3..],
        given => given,
    }
}

fn begins(word: &str, begun: &str) -> bool {
    let start = word.get(..begun.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(begun))
}

/// The words of a command and its arguments that may follow those given.
fn next(words: &'static str, arguments: &'static str, given: &[&str]) -> Vec<&'static str> {
    let own: Vec<&'static str> = words.split(' ').collect();
    let ways = ways(arguments).into_iter().map(|way| {
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
        "PEER" => {
            let mut names = take(&mut config().peers.iter().map(|peer| &*peer.name));
            if names.len() < MOST && config().realtime.is_some() {
                names.extend(of_shards(house, Query::Known(Span::FIRST), begun));
            }
            names
        }
        "CONTEXT" => {
            let plan = &config().plan;
            take(&mut plan.contexts().iter().map(|context| context.name()))
        }
        "TYPE" => {
            let types = notify::types(house).unwrap_or_default();
            take(&mut types.iter().map(|(name, _)| name.as_str()))
        }
        "CHANNEL" => of_shards(house, Query::Channels(Span::FIRST), begun),
        "CALLID" => of_shards(house, Query::Dialogs(Span::FIRST), begun),
        "APPLICATION" | "APP" => take(&mut applications()),
        "FUNCTION" => take(&mut functions()),
        "MODULE" => {
            let names = Module::all().map(|module| format!("{}.so", module.name()));
            names.filter(|name| begins(name, begun)).collect()
        }
        "LOG-MODULE" => take(&mut Levels::modules()),
        _ => Vec::new(),
    }
}

/// The names of a table that begin so, until there are enough of them.
fn of_shards(house: &House, query: Query, begun: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (_, page) in house.shards.pages(query) {
        names.extend(page.map_or_else(Vec::new, in_page));
        names.retain(|name| begins(name, begun));
        if names.len() >= MOST {
            break;
        }
    }
    names
}

fn in_page(page: Page) -> Vec<String> {
    match page {
        Page::Channels(rows) => rows.rows.iter().map(|row| row.name.to_string()).collect(),
        Page::Known(rows) => rows.rows.iter().map(|peer| peer.name.to_string()).collect(),
        Page::Dialogs(rows) => {
            let call_ids = rows.rows.iter().map(|row| row.call_id.lossy().into_owned());
            call_ids.collect()
        }
        _ => Vec::new(),
    }
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
