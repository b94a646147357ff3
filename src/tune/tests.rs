//! Made-up hosts: each item both ways, and where the host does not tell.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;

/// A host of four CPUs with one card, where nothing is to be mended for shards
/// on 1 to 3.
struct MadeUp {
    root: TempDir,
    executor: Option<Result<(), String>>,
    process: Option<u32>,
}

const STATUS: &str = "Name:\tpinion\nCapEff:\t000001ffffffffff\n";

fn limits(files: &str, locked: &str) -> String {
    format!(
        "Limit                     Soft Limit           Hard Limit           Units     \n\
         Max open files            {files}                files     \n\
         Max locked memory         {locked}              bytes     \n"
    )
}

impl MadeUp {
    fn new() -> MadeUp {
        let host = MadeUp {
            root: TempDir::new().unwrap(),
            executor: Some(Ok(())),
            process: None,
        };
        for (path, text) in [
            ("proc/sys/net/core/rmem_max", "4194304\n"),
            ("proc/sys/net/core/wmem_max", "212992\n"),
            ("proc/sys/net/core/netdev_max_backlog", "10000\n"),
            ("proc/sys/net/core/somaxconn", "4096\n"),
            ("proc/sys/net/core/optmem_max", "131072\n"),
            ("proc/sys/kernel/io_uring_disabled", "0\n"),
            ("proc/sys/kernel/unprivileged_bpf_disabled", "2\n"),
            ("proc/sys/vm/swappiness", "60\n"),
            ("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n"),
            ("proc/self/status", STATUS),
            (
                "proc/self/limits",
                &limits("65536 65536", "8388608 8388608"),
            ),
            ("sys/devices/system/cpu/online", "0-3\n"),
            ("sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n"),
            ("sys/class/net/eth0/device/msi_irqs/24", "msix\n"),
            ("sys/class/net/eth0/device/msi_irqs/25", "msix\n"),
            ("sys/class/net/lo/queues/rx-0/rps_cpus", "f\n"),
            ("proc/irq/24/effective_affinity_list", "0\n"),
            ("proc/irq/25/effective_affinity_list", "0\n"),
            (
                "sys/kernel/mm/transparent_hugepage/enabled",
                "always [madvise] never\n",
            ),
            (
                "sys/kernel/mm/transparent_hugepage/defrag",
                "[always] defer madvise never\n",
            ),
        ] {
            host.write(path, text);
        }
        for cpu in 0..4 {
            host.write(&governor(cpu), "performance\n");
        }
        symlink("/opt/pinion", host.root.path().join("proc/self/exe")).unwrap();
        host
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, path: &str) {
        let path = self.path(path);
        match path.is_dir() {
            true => fs::remove_dir_all(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }

    fn report(&self, cpus: &[usize]) -> Report {
        let host = Host::at(
            Path::new(self.root.path()),
            self.process,
            self.executor.clone(),
        );
        let purpose = Purpose {
            cpus: cpus.to_vec(),
            shards: cpus.len() as u64,
            receive_bytes: 4 << 20,
            send_bytes: 208 << 10,
            connections: 50_000,
        };
        Report::of(&host, &purpose)
    }

    /// The item of this name, with shards on CPUs 1 to 3.
    fn item(&self, name: &str) -> Item {
        self.item_of(name, &[1, 2, 3])
    }

    fn item_of(&self, name: &str, cpus: &[usize]) -> Item {
        let items = self.report(cpus).0;
        let found = items.iter().find(|item| item.name == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {items:?}"))
            .clone()
    }

    /// Asserts that the item is to be mended by this command.
    fn assert_mend(&self, name: &str, command: &str) {
        let item = self.item(name);
        assert_eq!(
            (item.verdict, &*item.command),
            (Verdict::Mend, command),
            "{item:?}"
        );
        assert!(!self.report(&[1, 2, 3]).passes());
    }

    fn assert_verdict(&self, name: &str, verdict: Verdict) {
        let item = self.item(name);
        assert_eq!(item.verdict, verdict, "{item:?}");
        assert_eq!(item.command, "", "{item:?}");
    }
}

fn governor(cpu: usize) -> String {
    format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor")
}

#[test]
fn a_host_as_it_should_be_passes() {
    let host = MadeUp::new();
    let report = host.report(&[1, 2, 3]);
    let amiss: Vec<&Item> = report
        .items()
        .iter()
        .filter(|item| item.verdict != Verdict::Good)
        .collect();
    assert!(amiss.is_empty(), "{amiss:?}");
    assert_eq!(report.items().len(), 14);
    assert!(report.passes());
}

#[test]
fn settings_below_what_is_wanted_are_raised_and_missing_ones_are_not_guessed() {
    for (name, setting, wanted) in [
        ("receive buffer", "net.core.rmem_max", 4_194_304),
        ("send buffer", "net.core.wmem_max", 212_992),
        ("packet backlog", "net.core.netdev_max_backlog", 10_000),
        ("connection backlog", "net.core.somaxconn", 4096),
    ] {
        let host = MadeUp::new();
        host.assert_verdict(name, Verdict::Good);
        let path = format!("proc/sys/{}", setting.replace('.', "/"));
        host.write(&path, &format!("{}\n", wanted - 1));
        host.assert_mend(name, &format!("sysctl -w {setting}={wanted}"));
        host.remove(&path);
        host.assert_verdict(name, Verdict::Unknown);
    }
}

#[test]
fn option_memory_matters_where_ebpf_does_not_steer() {
    let host = MadeUp::new();
    host.write("proc/sys/net/core/optmem_max", "20480\n");
    host.assert_verdict("option memory", Verdict::Good);
    host.write("proc/self/status", "CapEff:\t0000000000000000\n");
    host.assert_mend("option memory", "sysctl -w net.core.optmem_max=131072");
    let alone = host.item_of("option memory", &[0]);
    assert_eq!(alone.verdict, Verdict::Good);
    host.write("proc/sys/net/core/optmem_max", "131072\n");
    host.assert_verdict("option memory", Verdict::Good);
}

#[test]
fn limits_are_raised_as_far_as_the_shell_may() {
    let mut host = MadeUp::new();
    let least = 50_000 + 3 * 32 + 512;
    host.write(
        "proc/self/limits",
        &limits("1024 1048576", "unlimited unlimited"),
    );
    host.assert_mend("open files", &format!("ulimit -Sn {least}"));
    host.assert_verdict("locked memory", Verdict::Good);
    host.write("proc/self/limits", &limits("1024 4096", "65536 65536"));
    host.assert_mend("open files", &format!("prlimit --pid $$ --nofile={least}"));
    host.assert_mend("locked memory", "prlimit --pid $$ --memlock=720896");
    host.write("proc/self/limits", &limits("1024 4096", "65536 8388608"));
    host.assert_mend("locked memory", "ulimit -Sl 704");
    host.process = Some(77);
    host.write("proc/77/limits", &limits("1024 1048576", "65536 65536"));
    host.assert_mend("open files", &format!("prlimit --pid 77 --nofile={least}"));
    host.remove("proc/77/limits");
    host.assert_verdict("open files", Verdict::Unknown);
    host.assert_verdict("locked memory", Verdict::Unknown);
}

#[test]
fn io_uring_is_judged_by_trying_it() {
    let mut host = MadeUp::new();
    host.assert_verdict("io_uring", Verdict::Good);
    host.executor = Some(Err("Operation not permitted".into()));
    let item = host.item("io_uring");
    assert_eq!(item.verdict, Verdict::Mend);
    assert!(item.command.contains("seccomp"), "{item:?}");
    host.write("proc/self/limits", &limits("65536 65536", "65536 65536"));
    host.assert_mend("io_uring", "prlimit --pid $$ --memlock=720896");
    host.write("proc/sys/kernel/io_uring_disabled", "2\n");
    host.assert_mend("io_uring", "sysctl -w kernel.io_uring_disabled=0");
    // One that runs cannot be tried in.
    host.executor = None;
    host.assert_mend("io_uring", "sysctl -w kernel.io_uring_disabled=0");
    host.write("proc/sys/kernel/io_uring_disabled", "1\n");
    host.assert_verdict("io_uring", Verdict::Unknown);
    host.remove("proc/sys/kernel/io_uring_disabled");
    host.assert_verdict("io_uring", Verdict::Good);
}

#[test]
fn ebpf_takes_two_rights_or_the_one_above_them() {
    let mut host = MadeUp::new();
    let command = "setcap cap_bpf,cap_perfmon,cap_net_bind_service=+ep /opt/pinion";
    for (rights, verdict) in [
        ("000000c000000000", Verdict::Good),
        ("0000000000200000", Verdict::Good),
        ("0000008000000000", Verdict::Mend),
        ("0000004000000000", Verdict::Mend),
        ("0000000000000400", Verdict::Mend),
    ] {
        host.write("proc/self/status", &format!("CapEff:\t{rights}\n"));
        match verdict {
            Verdict::Mend => host.assert_mend("eBPF", command),
            verdict => host.assert_verdict("eBPF", verdict),
        }
    }
    assert_eq!(host.item_of("eBPF", &[2]).verdict, Verdict::Good);
    host.remove("proc/self/status");
    host.assert_verdict("eBPF", Verdict::Unknown);
    host.process = Some(77);
    host.write("proc/77/status", "CapEff:\t0000000000000000\n");
    host.assert_verdict("eBPF", Verdict::Unknown);
}

#[test]
fn the_governor_counts_on_cpus_of_shards() {
    let host = MadeUp::new();
    host.write(&governor(0), "powersave\n");
    host.assert_verdict("CPU governor", Verdict::Good);
    host.write(&governor(2), "schedutil\n");
    host.assert_mend(
        "CPU governor",
        "echo performance > /sys/devices/system/cpu/cpu2/cpufreq/scaling_governor",
    );
    host.write(&governor(3), "schedutil\n");
    host.assert_mend(
        "CPU governor",
        "for cpu in 2 3; do echo performance > /sys/devices/system/cpu/cpu$cpu/cpufreq/scaling_governor; done",
    );
    host.remove(&governor(3));
    host.assert_verdict("CPU governor", Verdict::Unknown);
}

#[test]
fn interrupts_belong_on_cpus_without_a_shard() {
    let host = MadeUp::new();
    let name = "interrupts of eth0";
    host.assert_verdict(name, Verdict::Good);
    host.write("proc/irq/25/effective_affinity_list", "3\n");
    host.assert_mend(name, "echo 0 > /proc/irq/25/smp_affinity_list");
    // Where the kernel does not say which it uses, all it may use count.
    host.remove("proc/irq/24/effective_affinity_list");
    host.write("proc/irq/24/smp_affinity_list", "0-3\n");
    host.assert_mend(
        name,
        "for irq in 24 25; do echo 0 > /proc/irq/$irq/smp_affinity_list; done",
    );
    let everywhere = host.item_of(name, &[0, 1, 2, 3]);
    assert_eq!(everywhere.verdict, Verdict::Good);
    host.remove("sys/class/net/eth0/device/msi_irqs");
    host.assert_verdict(name, Verdict::Unknown);
    host.write("sys/class/net/eth0/msi_irqs/25", "msix\n");
    host.assert_mend(name, "echo 0 > /proc/irq/25/smp_affinity_list");
    host.remove("sys/devices/system/cpu/online");
    host.assert_verdict(name, Verdict::Unknown);
}

#[test]
fn packets_are_worked_on_away_from_shards_or_by_all() {
    let host = MadeUp::new();
    let (name, rps) = ("packets of eth0", "sys/class/net/eth0/queues/rx-0/rps_cpus");
    host.assert_verdict(name, Verdict::Good);
    host.write(rps, "1\n");
    host.assert_verdict(name, Verdict::Good);
    host.write(rps, "f\n");
    host.assert_mend(name, &format!("echo 1 > /{rps}"));
    let everywhere = [0, 1, 2, 3];
    assert_eq!(host.item_of(name, &everywhere).verdict, Verdict::Good);
    host.write(rps, "0\n");
    let item = host.item_of(name, &everywhere);
    assert_eq!(
        (item.verdict, item.command),
        (Verdict::Mend, format!("echo f > /{rps}"))
    );
    host.write("sys/class/net/eth0/queues/rx-1/rps_cpus", "0\n");
    assert_eq!(host.item_of(name, &everywhere).verdict, Verdict::Good);
    host.remove("sys/class/net/eth0/queues");
    host.assert_verdict(name, Verdict::Unknown);
    host.remove("sys/devices/system/cpu/online");
    host.assert_verdict(name, Verdict::Unknown);
}

#[test]
fn huge_pages_are_not_to_be_made_at_a_page_fault() {
    let host = MadeUp::new();
    let enabled = "sys/kernel/mm/transparent_hugepage/enabled";
    host.write(enabled, "[always] madvise never\n");
    host.assert_mend(
        "huge pages",
        "echo madvise > /sys/kernel/mm/transparent_hugepage/defrag",
    );
    host.remove("sys/kernel/mm/transparent_hugepage");
    host.assert_verdict("huge pages", Verdict::Good);
}

#[test]
fn swap_is_for_what_lies_idle() {
    let host = MadeUp::new();
    host.write("proc/swaps", "Filename\tType\n/dev/sda2\tpartition\n");
    host.assert_mend("swap", "sysctl -w vm.swappiness=10");
    host.write("proc/sys/vm/swappiness", "10\n");
    host.assert_verdict("swap", Verdict::Good);
    host.remove("proc/sys/vm/swappiness");
    host.assert_verdict("swap", Verdict::Unknown);
    host.remove("proc/swaps");
    host.assert_verdict("swap", Verdict::Unknown);
}

#[test]
fn each_item_is_a_line_and_an_object() {
    let host = MadeUp::new();
    host.write("proc/sys/net/core/rmem_max", "212992\n");
    host.remove("proc/swaps");
    let report = host.report(&[1, 2, 3]);
    let mut text = Vec::new();
    report.write_text(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), report.items().len() + 1, "{text}");
    assert_eq!(
        lines[0],
        "to mend      receive buffer      net.core.rmem_max=212992; 4194304 wanted for --rcvbuf: \
         sysctl -w net.core.rmem_max=4194304"
    );
    assert_eq!(
        lines[1],
        "ok           send buffer         net.core.wmem_max=212992; 212992 wanted for --sndbuf"
    );
    assert!(text.contains("\ncannot tell  swap "), "{text}");
    let json = report.to_json();
    assert_eq!(json["passes"], false);
    assert_eq!(json["items"][0]["verdict"], "mend");
    assert_eq!(
        json["items"][0]["command"],
        "sysctl -w net.core.rmem_max=4194304"
    );
    assert_eq!(json["items"][1]["command"], Value::Null);
    assert_eq!(json["items"].as_array().unwrap().len(), 14);
}
