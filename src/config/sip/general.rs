//! `[general]` while it is being read, and what becomes of it once its last
//! line is known.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use pinion_sip::config::{General, Peer, PeerKind};

use super::device::Device;
use super::load::Load;
use super::tcp::Tcp;
use super::value::Endpoint;
use crate::config::file::{ConfigError, Position};

/// `[general]` whose options may still come in any order.
pub(super) struct Globals {
    pub general: General,
    /// What options of devices say here.
    pub defaults: Device,
    pub bind: Vec<Endpoint>,
    pub tcp: Tcp,
    pub tcpbind: Vec<Endpoint>,
    pub tcpenable: bool,
    pub bindport: u16,
    pub autodomain: bool,
    pub dynamic_exclude_static: bool,
    pub externaddr: Option<(SocketAddr, Position)>,
    pub externtcpport: Option<(u16, Position)>,
}

impl Globals {
    pub(super) fn new() -> Globals {
        Globals {
            general: General::default(),
            defaults: Device::new("", &Peer::new("", PeerKind::User)),
            bind: Vec::new(),
            tcp: Tcp::default(),
            tcpbind: Vec::new(),
            tcpenable: false,
            bindport: 5060,
            autodomain: false,
            dynamic_exclude_static: false,
            externaddr: None,
            externtcpport: None,
        }
    }

    /// The addresses to listen on, in file order; each once.
    pub(super) fn listen(&self) -> Vec<SocketAddr> {
        let mut listen = addresses(&self.bind, self.bindport);
        if listen.is_empty() {
            listen.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.bindport)));
        }
        listen
    }

    /// What holds for streams.
    pub(super) fn tcp(&self) -> Tcp {
        Tcp {
            enabled: self.tcpenable,
            listen: addresses(&self.tcpbind, 5060),
            ..self.tcp.clone()
        }
    }

    /// Checks what several options say together and fills in what follows
    /// from them, `at` being the section's line.
    pub(super) fn finish(&mut self, at: &Position, load: &mut Load) -> Result<(), ConfigError> {
        let (min, max) = (self.general.minexpiry_s, self.general.maxexpiry_s);
        if min > max {
            let text = format!(
                "minexpiry ({min}) exceeds maxexpiry ({max}). Lower the one or raise the other."
            );
            return Err(ConfigError::new(at, text));
        }
        self.general.defaultexpiry_s = self.general.defaultexpiry_s.clamp(min, max);
        self.defaults.settle_timers(self.general.t1min, load);
        self.settle_externaddr(load);
        if self.autodomain {
            self.add_own_domains();
        }
        self.general.defaults = self.defaults.peer.clone();
        Ok(())
    }

    fn settle_externaddr(&mut self, load: &mut Load) {
        let tcp_port = self.externtcpport.take();
        self.general.externtcpport = tcp_port.as_ref().map(|(port, _)| *port);
        let Some((mut address, at)) = self.externaddr.take() else {
            if let Some((_, at)) = tcp_port {
                load.warn(
                    &at,
                    "externtcpport does nothing without externaddr, whose port it is.",
                );
            }
            return;
        };
        if address.port() == 0 {
            address.set_port(self.bindport);
        }
        self.general.externaddr = Some(address);
        if self.general.localnet.is_empty() {
            load.warn(
                &at,
                "externaddr does nothing without localnet. Name your own networks with localnet=.",
            );
        }
    }

    /// `autodomain`: every address of ours is a local domain.
    fn add_own_domains(&mut self) {
        let own = self
            .listen()
            .into_iter()
            .chain(self.general.externaddr)
            .map(|address| address.ip());
        for ip in own.filter(|ip| !ip.is_unspecified()) {
            let domain = match ip {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            };
            if !self.general.domains.contains(&domain) {
                self.general.domains.push(domain);
            }
        }
    }
}

/// The addresses of endpoints, each once.
fn addresses(endpoints: &[Endpoint], usual_port: u16) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for endpoint in endpoints {
        let address = endpoint.or_port(usual_port);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}
