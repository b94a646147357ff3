//! The profiles: one row each, its meaning and what a server must show.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::draft::Site;
use super::response::Response;
use super::{calls, malformed, register, scanner};

/// What a flood is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// Broken and strange messages.
    Malformed,
    /// INVITEs of strangers.
    InviteRandom,
    /// Registrations all at once.
    RegisterStorm,
    /// Calls whose finals nobody acknowledges.
    NeverAck,
    /// Calls cancelled at the wrong moments.
    CancelRace,
    /// Searches for extensions and passwords.
    Scanner,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 6] = [
        Profile::Malformed,
        Profile::InviteRandom,
        Profile::RegisterStorm,
        Profile::NeverAck,
        Profile::CancelRace,
        Profile::Scanner,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Malformed => "malformed",
            Profile::InviteRandom => "invite-random",
            Profile::RegisterStorm => "register-storm",
            Profile::NeverAck => "never-ack",
            Profile::CancelRace => "cancel-race",
            Profile::Scanner => "scanner",
        }
    }

    /// What it is, and after the colon what a server must show beside
    /// answering OPTIONS when it is over.
    pub fn meaning(self) -> &'static str {
        match self {
            Profile::Malformed => {
                "messages of the shapes of RFC 4475, half of them damaged further: no fault, nothing kept"
            }
            Profile::InviteRandom => {
                "INVITEs of strangers with random Call-IDs: each refused, no call, no table full"
            }
            Profile::RegisterStorm => {
                "every user registers at once and answers the challenge: no contacts beyond their limit"
            }
            Profile::NeverAck => {
                "calls whose final responses are never acknowledged: each given up after 64·T1"
            }
            Profile::CancelRace => {
                "CANCEL before, upon and after the first responses: one final response each, no call left"
            }
            Profile::Scanner => {
                "the shapes of svmap, svwar and svcrack: no extension given away, no guess accepted"
            }
        }
    }

    /// The message of that number.
    pub(super) fn fresh(self, site: &Site, number: u64) -> Vec<u8> {
        match self {
            Profile::Malformed => malformed::message(site, number),
            Profile::InviteRandom => calls::random(site, number).bytes(),
            Profile::RegisterStorm => register::storm(site, number).bytes(),
            Profile::NeverAck => calls::invite(site, number).bytes(),
            Profile::CancelRace => calls::race(site, number).bytes(),
            Profile::Scanner => scanner::scan(site, number).bytes(),
        }
    }

    /// What follows a response to the message of that number, in order.
    pub(super) fn follow(self, site: &Site, number: u64, response: &Response) -> Vec<Vec<u8>> {
        let drafts = match self {
            Profile::Malformed | Profile::InviteRandom => Vec::new(),
            Profile::RegisterStorm if response.is_challenge() && response.cseq == 1 => {
                let (user, password) = (site.user(number), site.password(number));
                let draft = register::storm(site, number);
                let answer = register::answer(site, number, draft, response, &user, &password);
                answer.into_iter().collect()
            }
            Profile::RegisterStorm => Vec::new(),
            Profile::NeverAck => calls::never_ack(site, number, response)
                .into_iter()
                .collect(),
            Profile::CancelRace => calls::race_on(site, number, response),
            Profile::Scanner => scanner::crack(site, number, response).into_iter().collect(),
        };
        drafts.iter().map(super::draft::Draft::bytes).collect()
    }
}

impl ValueEnum for Profile {
    fn value_variants<'a>() -> &'a [Profile] {
        &Profile::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.meaning()))
    }
}
