//! Steering by an eBPF program of type SK_REUSEPORT, one for each group of
//! sockets: the maps it reads, and its way into the kernel. The program is
//! steer.bpf.c, carried as bytecode.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use pinion_sip::base::{ShardId, home_hash};

use super::bytecode::CODE;
use crate::sys::bpf::{self, Map, MapKind};
use crate::udp::Group;

/// What the program calls its maps, with their number in the lowest bits.
const MAP_NAME: u64 = 0x7069_6e69_6f6e_0000;

/// `sizeof(struct window)` of steer.bpf.c.
const WINDOW_BYTES: usize = 4096 + 8 + 16;

/// What the kernel is told. The program calls nothing that only GPL programs may.
const LICENSE: &CStr = c"Dual MIT/GPL";

/// Enough for the verifier's reasons, which come last.
const LOG_BYTES: usize = 1 << 20;

/// The first byte of an instruction that loads 64 bits; its second half is an
/// instruction of its own.
const LOAD_64: u64 = 0x18;

/// Tells the kernel that such an instruction names a map (BPF_PSEUDO_MAP_FD,
/// in the place of the source register).
const IS_MAP: u64 = 1 << 12;

/// The program of one group, attached. Dropping it leaves it attached.
pub(super) struct Ebpf {
    sockets: Map,
}

impl Ebpf {
    /// Attaches a program to `group`, which chooses from now on.
    pub(super) fn attach(group: &Group) -> io::Result<Ebpf> {
        Ebpf::attach_code(group, CODE)
    }

    /// The same with the given code.
    pub(super) fn attach_code(group: &Group, code: &[u64]) -> io::Result<Ebpf> {
        let shards = group.sockets().len();
        let settings = Map::new(MapKind::Array, 16, 1)?;
        let numbers = [
            shards as u32,
            home_hash::BASIS,
            home_hash::PRIME,
            home_hash::MIX,
        ];
        settings.set(0, numbers.map(u32::to_ne_bytes).as_flattened())?;
        let window = Map::new(MapKind::PerCpuArray, WINDOW_BYTES, 1)?;
        let sockets = Map::new(MapKind::Sockets, size_of::<u64>(), shards)?;
        let program = load(&with_maps(code, &[&settings, &window, &sockets]))?;
        let ebpf = Ebpf { sockets };
        for (shard, socket) in group.sockets().iter().enumerate() {
            ebpf.insert(shard as ShardId, socket.as_fd())?;
        }
        if let Some(socket) = group.sockets().first() {
            bpf::attach_program(socket.as_fd(), program.as_fd())?;
        }
        Ok(ebpf)
    }

    /// Gives `shard` that socket, which must be bound.
    pub(super) fn insert(&self, shard: ShardId, socket: BorrowedFd<'_>) -> io::Result<()> {
        let value = socket.as_raw_fd() as u64;
        self.sockets.set(shard.into(), &value.to_ne_bytes())
    }

    /// Takes the socket of `shard` away. One that was closed is away already.
    pub(super) fn remove(&self, shard: ShardId) -> io::Result<()> {
        match self.sockets.clear(shard.into()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The code with the names of maps replaced by their descriptors.
fn with_maps(code: &[u64], maps: &[&Map]) -> Vec<u64> {
    let mut linked = code.to_vec();
    let mut at = 0;
    while let Some(pair) = linked.get_mut(at..at + 2) {
        if pair[0] & 0xff != LOAD_64 {
            at += 1;
            continue;
        }
        let constant = pair[0] >> 32 | pair[1] & !0xffff_ffff;
        if let Some(map) = maps.get((constant ^ MAP_NAME) as usize) {
            pair[0] = pair[0] & 0xffff_ffff | IS_MAP | u64::from(map.number()) << 32;
            pair[1] &= 0xffff_ffff;
        }
        at += 2;
    }
    linked
}

/// Loads the program; an error tells what the verifier objects to.
fn load(code: &[u64]) -> io::Result<OwnedFd> {
    if cfg!(target_endian = "big") {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the program is compiled for little-endian machines",
        ));
    }
    let error = match bpf::load_program(code, LICENSE, None) {
        // A privilege is missing: the verifier was not asked.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => return Err(error),
        Err(error) => error,
        done => return done,
    };
    // A log takes the verifier several times as long, so it is asked for last.
    let mut log = vec![0; LOG_BYTES];
    if let Ok(program) = bpf::load_program(code, LICENSE, Some(&mut log)) {
        return Ok(program);
    }
    let text = String::from_utf8_lossy(&log);
    let told = text.trim_end_matches('\0').trim_end();
    let reason = told
        .lines()
        .rev()
        .find(|line| !line.starts_with("processed "));
    Err(match reason {
        Some(reason) => io::Error::new(error.kind(), format!("{error}: {reason}")),
        None => error,
    })
}
