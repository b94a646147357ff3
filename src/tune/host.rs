//! A host as its files below /proc and /sys tell it. Judges nothing. Where the
//! files lie is a parameter, so that any host can be made up.

use std::fs;
use std::path::PathBuf;

use crate::flags::CpuList;

/// A host, and the process on it whose limits and rights count.
pub struct Host {
    root: PathBuf,
    process: Option<u32>,
    /// Whether an executor like those of the shards could be made, or why not;
    /// `None` if that was not tried.
    pub(super) executor: Option<Result<(), String>>,
}

impl Host {
    /// This host, and the running `process`, or this one, which then tries
    /// whether an executor can be made on `cpu`.
    pub fn here(process: Option<u32>, cpu: usize) -> Host {
        let attempt = || pinion_runtime::try_executor(cpu).map_err(|error| error.to_string());
        Host {
            root: "/".into(),
            process,
            executor: process.is_none().then(attempt),
        }
    }

    /// One whose files lie below `root`, and what a trial on it led to.
    #[cfg(test)]
    pub(super) fn at(
        root: &std::path::Path,
        process: Option<u32>,
        executor: Option<Result<(), String>>,
    ) -> Host {
        Host {
            root: root.into(),
            process,
            executor,
        }
    }

    /// The running process that was asked for; `None` for this one.
    pub(super) fn process(&self) -> Option<u32> {
        self.process
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file without the space around it.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.path(path)).ok()?;
        Some(text.trim().into())
    }

    /// A setting of the kernel that is a number, by its name with dots.
    pub(super) fn sysctl(&self, name: &str) -> Option<u64> {
        let path = format!("proc/sys/{}", name.replace('.', "/"));
        self.text(&path)?.parse().ok()
    }

    /// A list of CPUs, as in 0-3,5.
    pub(super) fn cpus(&self, path: &str) -> Option<Vec<usize>> {
        let CpuList(cpus) = self.text(path)?.parse().ok()?;
        Some(cpus)
    }

    /// The value the kernel marks by brackets, as in `always [madvise] never`.
    pub(super) fn choice(&self, path: &str) -> Option<String> {
        let text = self.text(path)?;
        let (_, rest) = text.split_once('[')?;
        Some(rest.split_once(']')?.0.into())
    }

    /// The names in a directory, in order; none where there is no such directory.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort_by_key(|name| (name.parse::<u32>().ok(), name.clone()));
        names
    }

    /// Whether there is such a file or directory.
    pub(super) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    fn of_process(&self, file: &str) -> String {
        match self.process {
            Some(process) => format!("proc/{process}/{file}"),
            None => format!("proc/self/{file}"),
        }
    }

    /// The soft and the hard limit of the process, by the kernel's words for it;
    /// the greatest number for none.
    pub(super) fn limit(&self, name: &str) -> Option<(u64, u64)> {
        let text = self.text(&self.of_process("limits"))?;
        let values = text.lines().find_map(|line| line.strip_prefix(name))?;
        let mut values = values.split_whitespace().map(|value| match value {
            "unlimited" => Some(u64::MAX),
            number => number.parse().ok(),
        });
        Some((values.next()??, values.next()??))
    }

    /// The capabilities in force of the process, a bit for each.
    pub(super) fn capabilities(&self) -> Option<u64> {
        let text = self.text(&self.of_process("status"))?;
        let set = text.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
        u64::from_str_radix(set.trim(), 16).ok()
    }

    /// The program's file.
    pub(super) fn program(&self) -> PathBuf {
        fs::read_link(self.path(&self.of_process("exe")))
            .unwrap_or_else(|_| "/usr/bin/pinion".into())
    }
}
