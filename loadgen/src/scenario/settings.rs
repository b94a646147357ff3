//! What SIPp takes from its command line and a scenario refers to. Holds
//! values; decides nothing.

use std::net::IpAddr;
use std::time::Duration;

use crate::plan::Hidden;

/// What happens without the scenario saying so (`-default_behaviors`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Behaviours {
    /// A call given up is ended with ACK, CANCEL or BYE, as its state asks.
    pub bye: bool,
    /// An unexpected message ends the call as failed.
    pub abort_unexpected: bool,
    /// A PING is answered with 200.
    pub ping_reply: bool,
}

impl Behaviours {
    /// All of them, as SIPp begins.
    pub const ALL: Behaviours = Behaviours {
        bye: true,
        abort_unexpected: true,
        ping_reply: true,
    };

    /// None of them (`-nd`).
    pub const NONE: Behaviours = Behaviours {
        bye: false,
        abort_unexpected: false,
        ping_reply: false,
    };

    /// Reads `all`, `none`, `bye`, `abortunexp` and `pingreply`, separated by
    /// commas, each turned off by a `-` before it.
    pub fn parse(list: &str) -> Result<Behaviours, String> {
        let mut behaviours = Behaviours::NONE;
        for word in list.split(',') {
            let (on, name) = match word.strip_prefix('-') {
                Some(name) => (false, name),
                None => (true, word),
            };
            match name {
                "all" if on => behaviours = Behaviours::ALL,
                "all" | "none" => behaviours = Behaviours::NONE,
                "bye" => behaviours.bye = on,
                "abortunexp" => behaviours.abort_unexpected = on,
                "pingreply" => behaviours.ping_reply = on,
                _ => {
                    return Err(format!(
                        "{name:?} is none of all, none, bye, abortunexp, pingreply"
                    ));
                }
            }
        }
        Ok(behaviours)
    }
}

/// Everything a scenario is run with, apart from addresses and load.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[service]` (`-s`).
    pub service: String,
    /// Own keywords and their values (`-key`).
    pub keys: Vec<(String, String)>,
    /// The length of a pause that names none (`-d`).
    pub pause: Duration,
    /// The user of `[authentication]` (`-au`); `[service]` without one.
    pub user: Option<String>,
    /// The password of `[authentication]` (`-ap`).
    pub password: Hidden<String>,
    /// The digest URI in place of the Request-URI (`-auth_uri`).
    pub auth_uri: Option<String>,
    /// The CSeq before a call's first request (`-base_cseq`).
    pub base_cseq: u32,
    /// `[remote_host]`.
    pub remote_host: String,
    /// `[media_ip]` (`-mi`); the local address without one.
    pub media_ip: Option<IpAddr>,
    /// `[media_port]` (`-mp`).
    pub media_port: u16,
    /// `[pid]`.
    pub pid: u32,
    /// `[users]` (`-users`).
    pub users: u32,
    /// How long a `recv` without a timeout waits (`-recv_timeout`); for ever
    /// without one.
    pub recv_timeout: Option<Duration>,
    /// Whether `retrans` has effect (`-nr` turns it off).
    pub retransmits: bool,
    /// Copies of an INVITE until its call is given up (`-max_invite_retrans`).
    pub max_invite_copies: u32,
    /// Copies of anything else (`-max_non_invite_retrans`).
    pub max_other_copies: u32,
    /// The longest time between two copies of anything but an INVITE (`-T2`).
    pub t2: Duration,
    /// What happens without the scenario saying so.
    pub behaviours: Behaviours,
    /// INFO, NOTIFY, OPTIONS and UPDATE are answered with 200 where the
    /// scenario does not expect them (`-aa`).
    pub answers_unasked: bool,
    /// What arrives during a pause is passed over (`-pause_msg_ign`).
    pub deaf_in_pauses: bool,
    /// Unix time at the start of the machine's clock.
    pub epoch: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            service: "service".to_owned(),
            keys: Vec::new(),
            pause: Duration::ZERO,
            user: None,
            password: Hidden("password".to_owned()),
            auth_uri: None,
            base_cseq: 0,
            remote_host: String::new(),
            media_ip: None,
            media_port: 6000,
            pid: 1,
            users: 0,
            recv_timeout: None,
            retransmits: true,
            max_invite_copies: 5,
            max_other_copies: 7,
            t2: Duration::from_secs(4),
            behaviours: Behaviours::ALL,
            answers_unasked: false,
            deaf_in_pauses: false,
            epoch: Duration::ZERO,
        }
    }
}
