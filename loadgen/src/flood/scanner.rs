//! The shapes of scanners as their users and those who block them publish
//! them: a search for servers by OPTIONS, for extensions by REGISTER, for
//! passwords by REGISTER with guesses.

use super::draft::{Draft, Site};
use super::register::answer;
use super::response::Response;

/// User-Agents that scanners carry unless told otherwise.
const AGENTS: [&str; 7] = [
    "friendly-scanner",
    "sipvicious",
    "sip-scan",
    "sipcli/v1.8",
    "sundayddr",
    "VaxSIPUserAgent/3.1",
    "pplsip",
];

/// Extensions tried, from 100 on.
const EXTENSIONS: u64 = 9900;

/// Passwords tried for an extension before the next one.
const GUESSES: u64 = 100;

/// The message of that number: each of the three searches in turn.
pub fn scan(site: &Site, number: u64) -> Draft {
    let (turn, target) = (number / 3, site.target);
    let agent = AGENTS[(turn / 1000 % AGENTS.len() as u64) as usize];
    let mut draft = match number % 3 {
        0 => {
            let mut draft =
                Draft::new(site, number, "OPTIONS", "100", &format!("sip:100@{target}"));
            draft.set(
                "From",
                "\"sipvicious\" <sip:100@1.1.1.1>;tag=6434396633623535313363340131",
            );
            draft.set("To", "\"sipvicious\" <sip:100@1.1.1.1>");
            draft.add("Accept", "application/sdp");
            draft
        }
        1 => register(site, number, 100 + turn % EXTENSIONS),
        _ => register(site, number, victim(number)),
    };
    draft.add("User-Agent", agent);
    draft
}

fn register(site: &Site, number: u64, extension: u64) -> Draft {
    let (user, target) = (extension.to_string(), site.target);
    let mut draft = Draft::new(site, number, "REGISTER", &user, &format!("sip:{target}"));
    let own = format!("\"{user}\" <sip:{user}@{target}>");
    let tag = draft
        .value("From")
        .rsplit_once(';')
        .map(|(_, tag)| tag.to_owned());
    draft.set("From", format!("{own};{}", tag.unwrap_or_default()));
    draft.set("To", own);
    draft.add("Expires", "0");
    draft
}

/// Whose password is guessed.
fn victim(number: u64) -> u64 {
    100 + number / 3 / GUESSES % EXTENSIONS
}

/// A guess at the password of a challenged victim: 1000, 1001 … and so on.
pub fn crack(site: &Site, number: u64, response: &Response) -> Option<Draft> {
    if number % 3 != 2 || !response.is_challenge() || response.cseq != 1 {
        return None;
    }
    let guess = (1000 + number / 3 % GUESSES).to_string();
    let user = victim(number).to_string();
    answer(
        site,
        number,
        scan(site, number),
        response,
        &user,
        guess.as_bytes(),
    )
}
