//! What the host says of itself and of this process, from /proc and /sys.
//! Reads only; what cannot be read is left out.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};

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

/// Datagrams the sockets bound to these addresses had no room for, by the
/// kernel's list of sockets. SO_RXQ_OVFL tells the same, but only beside a
/// later datagram.
pub fn socket_drops(locals: &[SocketAddr]) -> u64 {
    let tables = ["/proc/net/udp", "/proc/net/udp6"];
    let texts = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    texts.iter().map(|text| in_sockets(text, locals)).sum()
}

/// The local address is the second column; the drops are the last.
fn in_sockets(text: &str, locals: &[SocketAddr]) -> u64 {
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let local = listed(line.split_whitespace().nth(1)?)?;
            let drops: u64 = line.split_whitespace().last()?.parse().ok()?;
            let is_local = |own: &SocketAddr| (own.ip(), own.port()) == (local.ip(), local.port());
            locals.iter().any(is_local).then_some(drops)
        })
        .sum()
}

/// An address of the kernel's lists: words of four bytes, each printed as a
/// number of this machine, and the port, all in hexadecimal digits.
fn listed(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words = address.as_bytes().chunks(8).map(|digits| {
        let word = u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        Some(word.to_ne_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    let ip: IpAddr = match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok()?.into(),
        _ => <[u8; 16]>::try_from(bytes).ok()?.into(),
    };
    Some(SocketAddr::new(ip, port))
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
    fn sockets_are_found_by_their_address_and_port() {
        // As a machine of little-endian numbers prints them.
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            1: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 5\n\
            2: 0200007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 7\n\
            3: 0100007F:13C5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 9\n\
            4: 00000000000000000000000001000000:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 11\n";
        if cfg!(target_endian = "big") {
            return;
        }
        let drops = |locals: &[&str]| {
            let locals: Vec<SocketAddr> = locals.iter().map(|text| text.parse().unwrap()).collect();
            in_sockets(table, &locals)
        };
        assert_eq!(drops(&["127.0.0.1:5060"]), 5);
        assert_eq!(drops(&["127.0.0.1:5060", "127.0.0.1:5061"]), 14);
        assert_eq!(drops(&["127.0.0.3:5060"]), 0);
        assert_eq!(drops(&["[::1]:5060"]), 11);
        assert_eq!(drops(&[]), 0);
    }

    #[test]
    fn a_socket_of_ours_is_in_the_list() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let own = socket.local_addr().unwrap();
        let table = fs::read_to_string("/proc/net/udp").unwrap();
        let mut rows = table.lines().skip(1).map(|line| line.split_whitespace());
        assert!(rows.any(|mut row| row.nth(1).and_then(listed) == Some(own)));
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
