//! What follows `SIP/` in a destination, as chan_sip reads it:
//! `peer`, `user@host`, `peer/exten`, `peer/exten/proxy`, `user@domain//proxy`,
//! `user[:password[:md5secret[:authname[:transport]]]]@host[:port]`, each with
//! `!dnid` for another user in To.

use core::fmt;
use core::net::SocketAddr;

use crate::config::{Peer, Secret};
use crate::wire::Uri;

/// The parts of a resource; empty ones are `None`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Resource<'a> {
    /// The user asked for.
    pub user: Option<&'a str>,
    /// A device's name or a host.
    pub host: &'a str,
    password: Option<&'a str>,
    md5secret: Option<&'a str>,
    authname: Option<&'a str>,
    /// The transport asked for.
    pub transport: Option<&'a str>,
    /// Where requests go instead.
    pub proxy: Option<&'a str>,
    /// The user of To, or its `user@host`.
    pub dnid: Option<&'a str>,
}

/// What a resource knows better than the device it names.
#[derive(Clone, PartialEq, Debug)]
pub struct Account {
    secret: Option<Secret>,
    authname: Option<String>,
    proxy: Option<SocketAddr>,
}

impl fmt::Debug for Resource<'_> {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("user", &self.user)
            .field("host", &self.host_shown())
            .field("authname", &self.authname)
            .field("transport", &self.transport)
            .field("proxy", &self.proxy)
            .field("dnid", &self.dnid)
            .finish_non_exhaustive()
    }
}

impl<'a> Resource<'a> {
    /// The host as it may be told: a password with an `@` in it ends there.
    pub fn host_shown(&self) -> &'a str {
        self.host.rsplit('@').next().unwrap_or_default()
    }

    /// Reads what follows `SIP/`.
    pub fn parse(text: &'a str) -> Resource<'a> {
        // Most are a device's name alone.
        if !text.bytes().any(|byte| matches!(byte, b'!' | b'/' | b'@')) {
            return Resource {
                host: text.trim(),
                ..Resource::default()
            };
        }
        let some = |text: &'a str| Some(text.trim()).filter(|text| !text.is_empty());
        let (text, dnid) = text.split_once('!').unwrap_or((text, ""));
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().unwrap_or("");
        let (place, exten, proxy) = (part(), part(), part());
        let (account, host) = place.split_once('@').unwrap_or(("", place));
        let mut words = account.splitn(5, ':').map(some);
        let mut word = || words.next().flatten();
        let user = word();
        Resource {
            user: user.or_else(|| some(exten)),
            host: host.trim(),
            password: word(),
            md5secret: word(),
            authname: word(),
            transport: word(),
            proxy: some(proxy),
            dnid: some(dnid),
        }
    }

    /// What it knows better than its device; `Err` where its proxy is no
    /// address.
    pub fn account(&self) -> Result<Option<Account>, ()> {
        let proxy = match self.proxy {
            Some(proxy) => Some(address(proxy).ok_or(())?),
            None => None,
        };
        let hash = self
            .md5secret
            .map(|hash| Secret::Md5(hash.to_ascii_lowercase()));
        let password = || Some(Secret::Plain(self.password?.into()));
        let secret = hash.or_else(password);
        let authname = self.authname.or(self.user.filter(|_| secret.is_some()));
        let any = secret.is_some() || proxy.is_some();
        Ok(any.then(|| Account {
            secret,
            authname: authname.map(String::from),
            proxy,
        }))
    }
}

impl Account {
    /// Makes a device's what this knows better.
    pub fn apply(&self, device: &mut Peer) {
        if let Some(secret) = &self.secret {
            device.secret = secret.clone();
            device.remotesecret = None;
            device.defaultuser.clone_from(&self.authname);
        }
        if let Some(proxy) = self.proxy {
            device.outboundproxy = Some((proxy, false));
        }
    }
}

/// The address a host says. A bare number is a missing peer, never an IPv4
/// address.
pub fn address(host: &str) -> Option<SocketAddr> {
    if !host.contains(['.', ':']) {
        return None;
    }
    Uri::parse(format!("sip:{host}").as_bytes())
        .ok()?
        .socket_addr(5060)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Resource<'_> {
        Resource::parse(text)
    }

    #[test]
    fn peer_and_extension() {
        let plain = Resource {
            host: "gw",
            ..Resource::default()
        };
        assert_eq!(read("gw"), plain);
        let user = Some("200");
        assert_eq!(read("gw/200"), Resource { user, ..plain });
        assert_eq!(read("200@gw"), Resource { user, ..plain });
        let proxy = Some("192.0.2.1");
        assert_eq!(
            read("gw/200/192.0.2.1"),
            Resource {
                user,
                proxy,
                ..plain
            }
        );
        assert_eq!(
            read("200@gw//192.0.2.1"),
            Resource {
                user,
                proxy,
                ..plain
            }
        );
        let dnid = Some("300");
        assert_eq!(
            read("200@gw!300"),
            Resource {
                user,
                dnid,
                ..plain
            }
        );
    }

    #[test]
    fn secrets_are_not_told() {
        for text in ["ann:pass:hash:auth@h", "ann:pa@ss:hash@h/1"] {
            let told = format!("{:?}", read(text));
            assert!(told.contains("\"h\""), "{told}");
            assert!(!told.contains("ss") && !told.contains("hash"), "{told}");
        }
    }

    #[test]
    fn an_account_of_its_own() {
        let all = read("ann:secret:HASH:auth:udp@192.0.2.1:5070");
        assert_eq!((all.user, all.host), (Some("ann"), "192.0.2.1:5070"));
        assert_eq!(all.transport, Some("udp"));
        let mut device = Peer::new("x", crate::config::PeerKind::Peer);
        let applied = |text, device: &mut Peer| {
            let account = Resource::parse(text).account().unwrap().unwrap();
            account.apply(device);
        };
        applied("ann:secret:HASH:auth@h", &mut device);
        assert_eq!(device.secret, Secret::Md5("hash".into()));
        assert_eq!(device.defaultuser.as_deref(), Some("auth"));
        applied("ann:secret@h", &mut device);
        assert_eq!(device.secret, Secret::Plain("secret".into()));
        assert_eq!(device.defaultuser.as_deref(), Some("ann"));
        applied("h/1/192.0.2.1:5070", &mut device);
        let proxy = "192.0.2.1:5070".parse().unwrap();
        assert_eq!(device.outboundproxy, Some((proxy, false)));
        assert_eq!(read("h/1/nowhere").account(), Err(()));
        assert_eq!(read("h/1").account(), Ok(None));
        assert_eq!(read("ann::::udp@h").account(), Ok(None));
    }
}
