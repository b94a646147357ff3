//! Settings of the kernel that bound what sockets hold.

use super::limits::may_load_ebpf;
use super::{Host, Item, Purpose};

/// Packets that may wait for a CPU that takes them from the network.
const BACKLOG: u64 = 10_000;

/// Connections that may wait for a shard to accept them.
const SOMAXCONN: u64 = 4096;

/// What the filter of `--steer cbpf` takes.
const OPTMEM: u64 = 131_072;

pub(super) fn items(host: &Host, purpose: &Purpose) -> Vec<Item> {
    vec![
        at_least(
            host,
            "receive buffer",
            "net.core.rmem_max",
            purpose.receive_bytes,
            "--rcvbuf",
        ),
        at_least(
            host,
            "send buffer",
            "net.core.wmem_max",
            purpose.send_bytes,
            "--sndbuf",
        ),
        at_least(
            host,
            "packet backlog",
            "net.core.netdev_max_backlog",
            BACKLOG,
            "bursts",
        ),
        at_least(
            host,
            "connection backlog",
            "net.core.somaxconn",
            SOMAXCONN,
            "TCP",
        ),
        option_memory(host, purpose),
    ]
}

/// A setting that has to be so large `for_what`.
fn at_least(host: &Host, name: &str, setting: &str, least: u64, for_what: &str) -> Item {
    let wanted = format!("{least} wanted for {for_what}");
    match host.sysctl(setting) {
        None => Item::unknown(name, format!("no {setting} to be seen"), wanted),
        Some(value) if value >= least => Item::good(name, format!("{setting}={value}"), wanted),
        Some(value) => Item::mend(
            name,
            format!("{setting}={value}"),
            wanted,
            format!("sysctl -w {setting}={least}"),
        ),
    }
}

/// Only the filter needs it, and only where nothing better is to be had.
fn option_memory(host: &Host, purpose: &Purpose) -> Item {
    let name = "option memory";
    if purpose.shards <= 1 {
        return Item::good(name, "one shard", "nothing wanted, as nothing is steered");
    }
    match may_load_ebpf(host) {
        Some(true) => Item::good(name, "eBPF steers", "nothing wanted for that"),
        _ => at_least(
            host,
            name,
            "net.core.optmem_max",
            OPTMEM,
            "steering by cbpf",
        ),
    }
}
