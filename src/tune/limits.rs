//! What the kernel allows a process: descriptors, locked memory, io_uring, eBPF.

use super::{Host, Item, Purpose, Verdict};

/// Descriptors beside sockets of calls: those of a shard (sockets, rings, a
/// doorbell), and of everything else (files, databases, consoles).
const FILES_OF_SHARD: u64 = 32;
const FILES_OF_HOUSE: u64 = 512;

/// Locked memory that glommio demands, and that a shard's buffers take.
const LOCKED_AT_LEAST: u64 = 512 << 10;
const LOCKED_OF_SHARD: u64 = 64 << 10;

const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

pub(super) fn items(host: &Host, purpose: &Purpose) -> Vec<Item> {
    let files = open_files(host, purpose);
    let locked = locked_memory(host, purpose);
    let ring = io_uring(host, &locked);
    vec![files, locked, ring, ebpf(host, purpose)]
}

fn open_files(host: &Host, purpose: &Purpose) -> Item {
    let least = purpose.connections + FILES_OF_SHARD * purpose.shards + FILES_OF_HOUSE;
    let limit = Limit {
        item: "open files",
        name: "Max open files",
        flag: "nofile",
        ulimit: ('n', 1),
        unit: "LimitNOFILE",
    };
    let for_what = format!("{} connections", purpose.connections);
    limit.item(host, least, &for_what)
}

fn locked_memory(host: &Host, purpose: &Purpose) -> Item {
    let least = LOCKED_AT_LEAST + LOCKED_OF_SHARD * purpose.shards;
    let limit = Limit {
        item: "locked memory",
        name: "Max locked memory",
        flag: "memlock",
        ulimit: ('l', 1024),
        unit: "LimitMEMLOCK",
    };
    limit.item(host, least, "io_uring")
}

/// A limit of a process (getrlimit(2)), by its many names.
struct Limit {
    item: &'static str,
    /// In /proc/PID/limits.
    name: &'static str,
    /// Of prlimit(1).
    flag: &'static str,
    /// Of ulimit, and what it counts in.
    ulimit: (char, u64),
    /// In a unit of systemd.
    unit: &'static str,
}

impl Limit {
    fn item(&self, host: &Host, least: u64, for_what: &str) -> Item {
        let wanted = format!(
            "{least} wanted for {for_what} ({}= of a service)",
            self.unit
        );
        let Some((soft, hard)) = host.limit(self.name) else {
            return Item::unknown(self.item, "no limits to be seen", wanted);
        };
        let found = match soft {
            u64::MAX => "unlimited".into(),
            soft => format!("{soft} allowed"),
        };
        if soft >= least {
            return Item::good(self.item, found, wanted);
        }
        let (letter, unit) = self.ulimit;
        let command = match host.process() {
            Some(process) => format!("prlimit --pid {process} --{}={least}", self.flag),
            None if hard >= least => format!("ulimit -S{letter} {}", least.div_ceil(unit)),
            None => format!("prlimit --pid $$ --{}={least}", self.flag),
        };
        Item::mend(self.item, found, wanted, command)
    }
}

/// `locked` is the item on locked memory, without which there is no io_uring.
fn io_uring(host: &Host, locked: &Item) -> Item {
    let name = "io_uring";
    let setting = "kernel.io_uring_disabled";
    let wanted = "wanted by every shard";
    // Kernels before 6.6 have no such setting.
    let disabled = host.sysctl(setting).unwrap_or(0);
    let enable = format!("sysctl -w {setting}=0");
    let found = format!("{setting}={disabled}");
    match (&host.executor, disabled) {
        (Some(Ok(())), _) => Item::good(name, "works", wanted),
        (Some(Err(_)), 1..) | (None, 2..) => Item::mend(name, found, wanted, enable),
        (Some(Err(error)), 0) => Item::mend(
            name,
            format!("refused: {error}"),
            wanted,
            match locked.verdict {
                Verdict::Mend => &locked.command,
                _ => {
                    "allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp profile"
                }
            },
        ),
        (None, 0) => Item::good(name, found, wanted),
        (None, 1) => Item::unknown(name, found, wanted),
    }
}

/// Whether the process may load the program of `--steer ebpf`; `None` if that
/// cannot be seen, as it gives up the right to as soon as it serves.
pub(super) fn may_load_ebpf(host: &Host) -> Option<bool> {
    if host.process().is_some() {
        return None;
    }
    let held = host.capabilities()?;
    let has = |capability: u32| held >> capability & 1 == 1;
    Some(has(CAP_SYS_ADMIN) || has(CAP_BPF) && has(CAP_PERFMON))
}

fn ebpf(host: &Host, purpose: &Purpose) -> Item {
    let name = "eBPF";
    if purpose.shards <= 1 {
        return Item::good(name, "one shard", "nothing wanted, as nothing is steered");
    }
    let need = "CAP_BPF and CAP_PERFMON wanted to steer (AmbientCapabilities= of a service)";
    match may_load_ebpf(host) {
        Some(true) => Item::good(name, "allowed", need),
        Some(false) => Item::mend(
            name,
            match host.sysctl("kernel.unprivileged_bpf_disabled") {
                Some(disabled) => {
                    format!("not allowed, kernel.unprivileged_bpf_disabled={disabled}")
                }
                None => "not allowed".into(),
            },
            need,
            format!(
                "setcap cap_bpf,cap_perfmon,cap_net_bind_service=+ep {}",
                host.program().display()
            ),
        ),
        None if host.process().is_some() => Item::unknown(
            name,
            "given up by a process that serves; its banner says how it steers",
            need,
        ),
        None => Item::unknown(name, "no capabilities to be seen", need),
    }
}
