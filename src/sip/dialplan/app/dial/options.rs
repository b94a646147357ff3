//! Dial's option letters: what they are, and what the operator is told of
//! those that do less here than their name says.

use core::time::Duration;

use smol_str::SmolStr;

use super::super::super::arguments::{options, split};
use super::super::super::party::presentation;

/// The letters with an effect here. `I` and `s` hold by themselves: no
/// connected line is ever updated, and no tag of a caller leaves the engine.
const EFFECTIVE: &str = "BCFGILMRSUabcefgiorsuz";

/// Letters of Asterisk's that need media or keys.
const WITHOUT_EFFECT: &str = "ADHKNOPTWXdhknptwx";

/// Letters whose argument is needed later.
const KEPT: &str = "BFGMUbfou";

/// What the options of one `Dial` ask for.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    /// A bit for each letter.
    letters: u64,
    arguments: Box<[(char, SmolStr)]>,
    /// `S(seconds)`, `L(milliseconds)`: the shorter limit after the answer.
    pub(super) limit: Option<Duration>,
}

impl Options {
    pub(super) fn parse(text: &str) -> Options {
        let mut parsed = Options::default();
        if text.is_empty() {
            return parsed;
        }
        let mut kept = Vec::new();
        for (letter, argument) in options(text) {
            parsed.letters |= bit(letter);
            match letter {
                'S' => parsed.shorten(super::super::seconds(argument)),
                'L' => parsed.shorten(milliseconds(argument)),
                // Music is for media: the caller hears ringing instead.
                'm' => parsed.letters |= bit('r'),
                _ if KEPT.contains(letter) => kept.push((letter, argument.into())),
                _ => {}
            }
        }
        parsed.arguments = kept.into();
        parsed
    }

    /// Whether a letter was given.
    pub(super) fn has(&self, letter: char) -> bool {
        self.letters & bit(letter) != 0
    }

    /// The argument of a letter that has one, `^` standing for commas.
    pub(super) fn argument(&self, letter: char) -> Option<String> {
        if !self.has(letter) {
            return None;
        }
        let mut arguments = self.arguments.iter();
        let (_, argument) = arguments.rfind(|(known, _)| *known == letter)?;
        (!argument.is_empty()).then(|| argument.replace('^', ","))
    }

    fn shorten(&mut self, limit: Option<Duration>) {
        self.limit = [self.limit, limit].into_iter().flatten().min();
    }
}

fn bit(letter: char) -> u64 {
    match letter {
        'A'..='Z' => 1 << (letter as u32 - 'A' as u32),
        'a'..='z' => 1 << (letter as u32 - 'a' as u32 + 26),
        _ => 0,
    }
}

/// `x[:y[:z]]`; the warnings y and z announce need media.
fn milliseconds(text: &str) -> Option<Duration> {
    let milliseconds = text.split(':').next()?.trim().parse().ok()?;
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
}

/// Options that do less here than in Asterisk, told when the plan is loaded.
pub(in super::super) fn doubts(arguments: &str) -> Vec<String> {
    let arguments = split(arguments, 4);
    let text = arguments.get(2).filter(|text| !text.contains('$'));
    let doubt = |(letter, argument): (char, &str)| match letter {
        'L' if argument.contains(':') => {
            Some("Dial's option 'L' ends the call in time and warns nobody here".into())
        }
        'm' => Some("Dial's option 'm' rings here: there is no music".into()),
        'u' if presentation(argument.trim()).is_none() && !argument.is_empty() => {
            Some(format!("Dial's option 'u' knows no '{argument}'"))
        }
        letter if EFFECTIVE.contains(letter) => None,
        letter if WITHOUT_EFFECT.contains(letter) => {
            Some(format!("Dial's option '{letter}' does nothing here"))
        }
        letter => Some(format!("Dial has no option '{letter}'")),
    };
    text.into_iter()
        .flat_map(|text| options(text))
        .filter_map(doubt)
        .collect()
}
