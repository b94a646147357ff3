//! What the host says of itself and of this process, from /proc and /sys.
//! Reads only; what cannot be read is left out.

use std::collections::BTreeMap;
use std::fs;

use crate::results::Environment;

/// Kernel settings that bear on sockets and scheduling.
const SYSCTLS: [&str; 12] = [
    "net.core.rmem_max",
    "net.core.rmem_default",
    "net.core.wmem_max",
    "net.core.wmem_default",
    "net.core.netdev_max_backlog",
    "net.core.netdev_budget",
    "net.core.optmem_max",
    "net.core.busy_poll",
    "net.core.busy_read",
    "net.ipv4.udp_mem",
    "net.ipv4.ip_local_port_range",
    "kernel.sched_autogroup_enabled",
];

/// Where this runs.
pub fn environment() -> Environment {
    let sysctls = SYSCTLS
        .iter()
        .filter_map(|name| {
            let path = format!("/proc/sys/{}", name.replace('.', "/"));
            Some((name.to_string(), line(&path)?))
        })
        .collect();
    let versions = BTreeMap::from([
        (
            "pinion-load".to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        ),
        (
            "build".to_owned(),
            if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            }
            .to_owned(),
        ),
    ]);
    Environment {
        cpu: cpu().unwrap_or_default(),
        cores: std::thread::available_parallelism().map_or(0, |cores| cores.get() as u32),
        kernel: line("/proc/sys/kernel/osrelease").unwrap_or_default(),
        governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").unwrap_or_default(),
        sysctls,
        versions,
    }
}

fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Datagrams that found no room in any socket's buffer, since the host began.
pub fn rcvbuf_errors() -> u64 {
    let v4 = fs::read_to_string("/proc/net/snmp").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/snmp6").unwrap_or_default();
    in_snmp(&v4) + in_snmp6(&v6)
}

/// A row of names follows, and under it the row of values.
fn in_snmp(text: &str) -> u64 {
    let mut rows = text.lines().filter(|line| line.starts_with("Udp:"));
    let (Some(names), Some(values)) = (rows.next(), rows.next()) else {
        return 0;
    };
    names
        .split_whitespace()
        .zip(values.split_whitespace())
        .find(|(name, _)| *name == "RcvbufErrors")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0)
}

fn in_snmp6(text: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.split_once(char::is_whitespace))
        .find(|(name, _)| *name == "Udp6RcvbufErrors")
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}

/// Datagrams the sockets at these ports had no room for, by the kernel's list
/// of sockets. SO_RXQ_OVFL tells the same, but only beside a later datagram.
pub fn socket_drops(ports: &[u16]) -> u64 {
    let tables = ["/proc/net/udp", "/proc/net/udp6"];
    let texts = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    texts.iter().map(|text| in_sockets(text, ports)).sum()
}

/// The local address is the second column, its port in hexadecimal digits; the
/// drops are the last.
fn in_sockets(text: &str, ports: &[u16]) -> u64 {
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let (_, port) = line.split_whitespace().nth(1)?.rsplit_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            let drops: u64 = line.split_whitespace().last()?.parse().ok()?;
            ports.contains(&port).then_some(drops)
        })
        .sum()
}

/// CPU time of the calling thread since it began, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let snmp = "Tcp: A\nTcp: 1\nUdp: InDatagrams NoPorts RcvbufErrors SndbufErrors\nUdp: 5 6 7 8\nUdpLite: RcvbufErrors\nUdpLite: 9\n";
        assert_eq!(in_snmp(snmp), 7);
        assert_eq!(
            in_snmp6("Udp6InErrors  \t1\nUdp6RcvbufErrors    \t12\n"),
            12
        );
        assert_eq!(in_snmp("") + in_snmp6(""), 0);
    }

    #[test]
    fn sockets_are_found_by_their_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            1: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 5\n\
            2: 0100007F:13C5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 9\n";
        assert_eq!(in_sockets(table, &[5060]), 5);
        assert_eq!(in_sockets(table, &[5060, 5061]), 14);
        assert_eq!(in_sockets("", &[5060]), 0);
    }

    #[test]
    fn a_thread_that_works_uses_time() {
        let before = thread_cpu_ns();
        let moved = (0..1_000_000_u64).any(|number| {
            std::hint::black_box(number);
            thread_cpu_ns() > before
        });
        assert!(moved);
    }
}
