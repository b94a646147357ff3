//! The configuration of an engine that was given none: ten users who can call
//! each other on the loopback address. It is text, read by the readers of
//! files; nothing here knows what the options mean.

use std::fmt::Write;

use pinion_sip::base::Random;

use super::{Loaded, extensions, file, sip};
use crate::realtime::mapping::Mapping;

/// The users.
const USERS: std::ops::RangeInclusive<u32> = 1001..=1010;

const EXTENSIONS: &str = "[default]\nexten => _X.,1,Dial(SIP/${EXTEN},20)\n";

/// Letters and digits that nobody mistakes for one another.
const LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// The built-in configuration and the users' passwords, (user, password). A
/// password has 74 bits, so it cannot be guessed if `seed` cannot.
pub fn builtin(seed: [u8; 32]) -> (Loaded, Vec<(String, String)>) {
    let mut random = Random::from_seed(seed);
    let users: Vec<_> = USERS
        .map(|user| (user.to_string(), password(&mut random)))
        .collect();
    let mut text = String::from(
        "[general]\nudpbindaddr=127.0.0.1\n[user](!)\ntype=friend\nhost=dynamic\ncontext=default\n",
    );
    for (user, password) in &users {
        let _ = write!(text, "[{user}](user)\ncallerid={user}\nsecret={password}\n");
    }
    let sound = "the built-in configuration is sound";
    let file = file::parse(&text, "built-in sip.conf").expect(sound);
    let sip = sip::read(&file, |_| None).expect(sound);
    let (plan, warnings) =
        extensions::parse_extensions(EXTENSIONS, "built-in extensions.conf").expect(sound);
    (Loaded::new(sip, plan, Mapping::default(), warnings), users)
}

/// Three groups of five letters: `k7mxp-2qvtr-9hbwn`.
fn password(random: &mut Random) -> String {
    let mut password = String::new();
    for index in 0..15 {
        if index % 5 == 0 && index > 0 {
            password.push('-');
        }
        let letter = random.below(LETTERS.len() as u64) as usize;
        password.push(char::from(LETTERS[letter]));
    }
    password
}

#[cfg(test)]
mod tests {
    use pinion_sip::config::{Host, PeerKind, Secret};

    use super::*;

    #[test]
    fn ten_users_call_each_other_on_the_loopback_address() {
        let (loaded, users) = builtin([7; 32]);
        assert_eq!(loaded.listen, ["127.0.0.1:5060".parse().unwrap()]);
        assert_eq!(loaded.warnings, []);
        assert!(!loaded.config.general.allowguest);
        assert_eq!(loaded.config.peers.len(), 10);
        let context = loaded.config.plan.context("default");
        assert_eq!(context.map(|context| context.extensions().len()), Some(1));
        assert_eq!((&*users[0].0, &*users[9].0), ("1001", "1010"));
        for (user, password) in &users {
            let peer = loaded.config.peers.by_name(user.as_bytes()).unwrap();
            assert_eq!((peer.kind, peer.host), (PeerKind::Friend, Host::Dynamic));
            assert_eq!((&*peer.context, &peer.callerid.number), ("default", user));
            assert_eq!(peer.secret, Secret::Plain(password.clone()));
        }
    }

    #[test]
    fn passwords_differ_between_users_and_between_seeds() {
        let passwords = |seed| {
            builtin([seed; 32])
                .1
                .into_iter()
                .map(|(_, password)| password)
        };
        let mut all: Vec<String> = passwords(1).chain(passwords(2)).collect();
        assert_eq!(
            passwords(1).collect::<Vec<_>>(),
            all[..10],
            "the same seed, the same passwords"
        );
        assert!(
            all.iter()
                .all(|password| password.len() == 17
                    && !password.contains(['0', '1', 'i', 'l', 'o']))
        );
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 20);
    }
}
