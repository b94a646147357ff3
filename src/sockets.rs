//! What the server listens on: the addresses of flags and files, bound once for
//! each shard, marked and steered. Reads nothing from a socket.

use std::net::SocketAddr;

use pinion_runtime::{Group, Steering};
use pinion_sip::base::Transport;

use crate::Failure;
use crate::config::Loaded;
use crate::config::sip::Tcp;
use crate::flags::{Flags, Steer, TcpFlags};

/// What is to be listened on, and how.
pub(crate) struct Sockets {
    listen: Vec<SocketAddr>,
    tcp: (TcpFlags, Tcp),
    shards: usize,
    receive_bytes: usize,
    send_bytes: usize,
    tos: u8,
    cos: u8,
    steer: Steer,
}

impl Sockets {
    /// Those of an engine of so many shards.
    pub(crate) fn wanted(flags: &Flags, loaded: &Loaded, shards: usize) -> Sockets {
        Sockets {
            listen: match flags.listen.is_empty() {
                true => loaded.listen.clone(),
                false => flags.listen.clone(),
            },
            tcp: (flags.tcp.clone(), loaded.tcp.clone()),
            shards,
            receive_bytes: flags.rcvbuf.0,
            send_bytes: flags.sndbuf.0,
            tos: loaded.config.general.tos_sip,
            cos: loaded.config.general.cos_sip,
            steer: flags.steer,
        }
    }

    /// Does all that may take a right.
    pub(crate) fn open(&self) -> Result<(Vec<Group>, Steering), Failure> {
        let (mut groups, shortfalls) = pinion_runtime::bind(
            &self.listen,
            self.shards,
            self.receive_bytes,
            self.send_bytes,
        )
        .map_err(|error| Failure::Host(error.to_string()))?;
        for shortfall in shortfalls {
            tracing::warn!("{shortfall}");
        }
        let datagrams: Vec<SocketAddr> = groups.iter().map(Group::local).collect();
        let (flags, tcp) = &self.tcp;
        let streams = flags.addresses(tcp, &datagrams);
        let streams = pinion_runtime::bind_streams(&streams, self.shards)
            .map_err(|error| Failure::Host(error.to_string()))?;
        groups.extend(streams);
        mark(&groups, self.tos, self.cos);
        let steering = steer(&groups, self.steer)?;
        Ok((groups, steering))
    }
}

/// Where others find the sockets of a transport.
pub(crate) fn advertised(groups: &[Group], transport: Transport) -> Vec<SocketAddr> {
    let groups = groups.iter();
    let carries = |group: &&Group| group.transport() == transport;
    groups.filter(carries).map(Group::advertised).collect()
}

/// `--steer`. What cannot be had is told, and why; what was asked for must be.
fn steer(groups: &[Group], wish: Steer) -> Result<Steering, Failure> {
    let steering = Steering::start(groups, wish.way())
        .map_err(|closed| Failure::Host(format!("--steer {}: {closed}", closed.way.name())))?;
    for closed in steering.closed() {
        tracing::info!("--steer auto: not {}: {closed}", closed.way.name());
    }
    tracing::info!("steering {}", steering.way());
    Ok(steering)
}

/// `tos_sip` and `cos_sip`. A kernel that refuses them is no reason not to run.
fn mark(groups: &[Group], tos: u8, cos: u8) {
    for group in groups {
        if let Err(error) = group.mark(tos, cos) {
            tracing::warn!(
                "tos_sip and cos_sip have no effect on {}: {error}",
                group.local()
            );
        }
    }
}
