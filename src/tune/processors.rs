//! CPUs, and what else wants them: frequencies, interrupts of network cards,
//! the kernel's own work on packets, and memory that is fetched too late.

use std::fmt::{Display, Write};

use super::{Host, Item, Purpose};
use crate::flags::CpuList;

const HUGEPAGES: &str = "sys/kernel/mm/transparent_hugepage";

/// What the kernel swaps out late enough for.
const SWAPPINESS: u64 = 10;

pub(super) fn items(host: &Host, purpose: &Purpose) -> Vec<Item> {
    let mut cpus = purpose.cpus.clone();
    cpus.sort_unstable();
    cpus.dedup();
    let online = host.cpus("sys/devices/system/cpu/online");
    let spare = online.map(|online| {
        let free = |cpu: &usize| !cpus.contains(cpu);
        online.into_iter().filter(free).collect::<Vec<_>>()
    });
    let mut items = vec![governor(host, &cpus)];
    for card in cards(host) {
        items.push(interrupts(host, &card, &cpus, spare.as_deref()));
        items.push(packets(host, &card, &cpus, spare.as_deref()));
    }
    items.extend([hugepages(host), swap(host)]);
    items
}

fn governor(host: &Host, cpus: &[usize]) -> Item {
    let name = "CPU governor";
    let wanted = format!("performance wanted on {}", CpuList(cpus.to_vec()));
    let governors = cpus
        .iter()
        .map(|&cpu| Some((cpu, host.text(&governor_of(cpu))?)))
        .collect::<Option<Vec<_>>>();
    let Some(governors) = governors else {
        return Item::unknown(
            name,
            "none to be seen, as on most virtual machines, whose host decides",
            wanted,
        );
    };
    let slow: Vec<_> = governors
        .into_iter()
        .filter(|(_, governor)| governor != "performance")
        .collect();
    let Some((_, first)) = slow.first() else {
        return Item::good(name, "performance", wanted);
    };
    let found = format!(
        "{first} on {}",
        CpuList(slow.iter().map(|&(cpu, _)| cpu).collect())
    );
    let files = each("cpu", slow.iter().map(|(cpu, _)| cpu), |cpu| {
        format!("echo performance > /{}", governor_of(cpu))
    });
    Item::mend(name, found, wanted, files)
}

fn governor_of(cpu: impl Display) -> String {
    format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor")
}

/// The network cards: interfaces with a device behind them.
fn cards(host: &Host) -> Vec<String> {
    let mut cards = host.names("sys/class/net");
    cards.retain(|card| host.has(&format!("sys/class/net/{card}/device")));
    cards
}

/// The interrupts of a card: its own, or for a virtual one its parent's.
fn interrupts_of(host: &Host, card: &str) -> Vec<String> {
    let own = host.names(&format!("sys/class/net/{card}/device/msi_irqs"));
    match own.is_empty() {
        true => host.names(&format!("sys/class/net/{card}/device/../msi_irqs")),
        false => own,
    }
}

/// Where there are CPUs without a shard, interrupts belong there.
fn interrupts(host: &Host, card: &str, cpus: &[usize], spare: Option<&[usize]>) -> Item {
    let name = format!("interrupts of {card}");
    let Some(spare) = spare else {
        return Item::unknown(
            &name,
            "no CPUs to be seen",
            "none wanted on those of shards",
        );
    };
    if spare.is_empty() {
        return Item::good(&name, "every CPU has a shard", "nothing wanted then");
    }
    let wanted = format!("wanted on {} only (--cpus)", CpuList(spare.to_vec()));
    let numbers = interrupts_of(host, card);
    let at = |number: &String| {
        host.cpus(&format!("proc/irq/{number}/effective_affinity_list"))
            .or_else(|| host.cpus(&format!("proc/irq/{number}/smp_affinity_list")))
    };
    let places: Vec<_> = numbers
        .iter()
        .filter_map(|number| Some((number, at(number)?)))
        .collect();
    if places.is_empty() {
        return Item::unknown(&name, "none to be seen", wanted);
    }
    let (astray, well): (Vec<_>, Vec<_>) = places
        .into_iter()
        .partition(|(_, at)| at.iter().any(|cpu| cpus.contains(cpu)));
    if astray.is_empty() {
        let found = format!("{} of them on CPUs without a shard", well.len());
        return Item::good(&name, found, wanted);
    }
    let found = format!(
        "{} of {} on CPUs of shards",
        astray.len(),
        astray.len() + well.len()
    );
    let command = each("irq", astray.iter().map(|(number, _)| number), |irq| {
        format!(
            "echo {} > /proc/irq/{irq}/smp_affinity_list",
            CpuList(spare.to_vec())
        )
    });
    Item::mend(&name, found, wanted, command)
}

/// Packets that one CPU took off the card may be worked on by others (RPS):
/// those without a shard where there are such, else all where the card has a
/// single queue.
fn packets(host: &Host, card: &str, cpus: &[usize], spare: Option<&[usize]>) -> Item {
    let name = format!("packets of {card}");
    let Some(spare) = spare else {
        return Item::unknown(
            &name,
            "no CPUs to be seen",
            "none wanted on those of shards",
        );
    };
    let path = |queue: &str| format!("sys/class/net/{card}/queues/{queue}/rps_cpus");
    let queues: Vec<_> = host
        .names(&format!("sys/class/net/{card}/queues"))
        .into_iter()
        .filter_map(|queue| Some((mask(&host.text(&path(&queue))?)?, queue)))
        .collect();
    if queues.is_empty() {
        return Item::unknown(&name, "no queues to be seen", "RPS away from shards wanted");
    }
    let write = |cpus: &[usize]| {
        each("queue", queues.iter().map(|(_, queue)| queue), |queue| {
            format!("echo {} > /{}", hexadecimal(cpus), path(&queue))
        })
    };
    let spread: Vec<usize> = queues.iter().flat_map(|(cpus, _)| cpus.clone()).collect();
    let found = match spread.is_empty() {
        true => format!("queues: {}, RPS off", queues.len()),
        false => format!(
            "queues: {}, RPS on {}",
            queues.len(),
            CpuList(sorted(spread.clone()))
        ),
    };
    if !spare.is_empty() {
        let wanted = format!("RPS off or on {} wanted (--cpus)", CpuList(spare.to_vec()));
        return match spread.iter().any(|cpu| cpus.contains(cpu)) {
            true => Item::mend(&name, found, wanted, write(spare)),
            false => Item::good(&name, found, wanted),
        };
    }
    if cpus.len() == 1 || queues.len() > 1 || !spread.is_empty() {
        return Item::good(&name, found, "several queues or RPS wanted");
    }
    Item::mend(&name, found, "several queues or RPS wanted", write(cpus))
}

/// A page fault that compacts memory for a huge page stalls a shard.
fn hugepages(host: &Host) -> Item {
    let name = "huge pages";
    let wanted = "no compaction at page faults wanted";
    let choice = |file: &str| host.choice(&format!("{HUGEPAGES}/{file}"));
    let (Some(enabled), Some(defrag)) = (choice("enabled"), choice("defrag")) else {
        return Item::good(name, "none to be had", wanted);
    };
    let found = format!("enabled={enabled}, defrag={defrag}");
    match (&*enabled, &*defrag) {
        ("always", "always") => Item::mend(
            name,
            found,
            wanted,
            format!("echo madvise > /{HUGEPAGES}/defrag"),
        ),
        _ => Item::good(name, found, wanted),
    }
}

fn swap(host: &Host) -> Item {
    let name = "swap";
    let wanted = format!("none, or vm.swappiness of {SWAPPINESS} at most wanted");
    let Some(areas) = host.text("proc/swaps") else {
        return Item::unknown(name, "no areas to be seen", wanted);
    };
    // The first line names the columns.
    let areas = areas.lines().count().saturating_sub(1);
    match host.sysctl("vm.swappiness") {
        _ if areas == 0 => Item::good(name, "no areas", wanted),
        None => Item::unknown(name, "no vm.swappiness to be seen", wanted),
        Some(value) if value <= SWAPPINESS => {
            Item::good(name, format!("vm.swappiness={value}"), wanted)
        }
        Some(value) => Item::mend(
            name,
            format!("vm.swappiness={value}"),
            wanted,
            format!("sysctl -w vm.swappiness={SWAPPINESS}"),
        ),
    }
}

/// A command for one thing, or a loop of the shell over several.
fn each<T: ToString>(
    variable: &str,
    things: impl Iterator<Item = T>,
    command: impl Fn(String) -> String,
) -> String {
    let things: Vec<String> = things.map(|thing| thing.to_string()).collect();
    match &things[..] {
        [thing] => command(thing.clone()),
        _ => format!(
            "for {variable} in {}; do {}; done",
            things.join(" "),
            command(format!("${variable}"))
        ),
    }
}

fn sorted(mut cpus: Vec<usize>) -> Vec<usize> {
    cpus.sort_unstable();
    cpus.dedup();
    cpus
}

/// CPUs from the kernel's mask: hexadecimal digits in groups of 32 bits, the
/// highest first.
fn mask(text: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for (group, digits) in text.split(',').rev().enumerate() {
        let bits = u32::from_str_radix(digits, 16).ok()?;
        let set = (0..32).filter(|bit| bits >> bit & 1 == 1);
        cpus.extend(set.map(|bit| group * 32 + bit));
    }
    Some(cpus)
}

/// The mask of CPUs, as [`mask`] reads it.
fn hexadecimal(cpus: &[usize]) -> String {
    let groups = cpus.iter().max().map_or(1, |max| max / 32 + 1);
    let mut text = String::new();
    for group in (0..groups).rev() {
        let of_group = cpus.iter().filter(|&&cpu| cpu / 32 == group);
        let bits = of_group.fold(0_u32, |bits, cpu| bits | 1 << (cpu % 32));
        // Writing to a String does not fail.
        let _ = match text.is_empty() {
            true => write!(text, "{bits:x}"),
            false => write!(text, ",{bits:08x}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_reads_what_it_writes() {
        for cpus in [vec![0], vec![0, 1, 31], vec![3, 32, 70]] {
            assert_eq!(mask(&hexadecimal(&cpus)), Some(cpus));
        }
        assert_eq!(hexadecimal(&[0, 33]), "2,00000001");
        assert_eq!(mask("00000000,00000000"), Some(vec![]));
        assert_eq!(mask("mask"), None);
    }

    #[test]
    fn one_thing_needs_no_loop() {
        let echo = |thing| format!("echo {thing}");
        assert_eq!(each("n", [7].iter(), echo), "echo 7");
        assert_eq!(
            each("n", [7, 8].iter(), echo),
            "for n in 7 8; do echo $n; done"
        );
    }
}
