//! bpf(2) and the socket options that attach its programs: maps, programs and
//! filters as values that cannot be misused. Knows nothing of what they do.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use super::{checked, owned, set_option};

/// One instruction of classic BPF, as SO_ATTACH_REUSEPORT_CBPF takes it.
pub(crate) use libc::sock_filter as Filter;

// linux/bpf.h: commands, and the one program type used here.
const MAP_CREATE: libc::c_int = 0;
const MAP_UPDATE_ELEM: libc::c_int = 2;
const MAP_DELETE_ELEM: libc::c_int = 3;
const PROG_LOAD: libc::c_int = 5;
const SK_REUSEPORT: u32 = 21;

/// How often a program is given to the verifier that signals interrupt.
const LOAD_ATTEMPTS: u32 = 5;

/// What a map holds; each has 32-bit keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum MapKind {
    /// Values by index.
    Array = 2,
    /// The same, one of each for every CPU; the kernel's own scratch.
    PerCpuArray = 6,
    /// Sockets of one SO_REUSEPORT group by index, given as descriptors.
    Sockets = 20,
}

/// A BPF map. It lives as long as this, or a program that uses it.
pub(crate) struct Map {
    fd: OwnedFd,
    kind: MapKind,
    value_bytes: usize,
}

/// `union bpf_attr` of MAP_CREATE, as far as used; the kernel takes what is
/// missing at its end for zero.
#[repr(C)]
struct MapAttributes {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries: u32,
}

/// Of MAP_UPDATE_ELEM and MAP_DELETE_ELEM.
#[repr(C)]
struct ElementAttributes {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Of PROG_LOAD.
#[repr(C)]
struct ProgramAttributes {
    kind: u32,
    instructions: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_bytes: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

fn address<T: ?Sized>(of: *const T) -> u64 {
    of.cast::<()>() as u64
}

/// # Safety
///
/// Every address within `attributes` must stay valid for what `command` reads
/// or writes there until the call returns, and the type must be the command's.
unsafe fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<usize> {
    // SAFETY: `attributes` is borrowed and its size is passed; the kernel only
    // reads it. What it points at is the caller's promise.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            ptr::from_ref(attributes),
            size_of::<T>() as libc::c_uint,
        )
    };
    // Descriptors and zero fit; -1 stays -1.
    checked(result as libc::c_int)
}

impl Map {
    /// A map of `entries` values of `value_bytes` each, all zero.
    pub(crate) fn new(kind: MapKind, value_bytes: usize, entries: usize) -> io::Result<Map> {
        let attributes = MapAttributes {
            kind: kind as u32,
            key_bytes: size_of::<u32>() as u32,
            value_bytes: value_bytes as u32,
            entries: entries as u32,
        };
        // SAFETY: these attributes hold no address.
        let fd = unsafe { bpf(MAP_CREATE, &attributes) }?;
        Ok(Map {
            fd: owned(fd),
            kind,
            value_bytes,
        })
    }

    /// Sets the value at `key`, which must be of the map's size.
    pub(crate) fn set(&self, key: u32, value: &[u8]) -> io::Result<()> {
        assert_eq!(value.len(), self.value_bytes, "the kernel reads that many");
        assert_ne!(self.kind, MapKind::PerCpuArray, "one value for each CPU");
        let attributes = ElementAttributes {
            value: address(value),
            ..self.element(&key)
        };
        // SAFETY: the key is four bytes, the value as many as the map was made
        // with, and both outlive the call, which only reads them.
        unsafe { bpf(MAP_UPDATE_ELEM, &attributes) }.map(drop)
    }

    /// Empties the place at `key`; `NotFound` if it is empty.
    pub(crate) fn clear(&self, key: u32) -> io::Result<()> {
        // SAFETY: the key is four bytes and outlives the call; no value is used.
        unsafe { bpf(MAP_DELETE_ELEM, &self.element(&key)) }.map(drop)
    }

    fn element(&self, key: &u32) -> ElementAttributes {
        ElementAttributes {
            map: self.fd.as_raw_fd() as u32,
            padding: 0,
            key: address(key),
            value: 0,
            flags: 0,
        }
    }

    /// The number by which instructions name the map.
    pub(crate) fn number(&self) -> u32 {
        self.fd.as_raw_fd() as u32
    }
}

/// Loads a program of type SK_REUSEPORT. With `log`, the verifier says there,
/// as text up to the first zero, what it thinks; a log that is too short is an
/// error of its own. The verifier, which takes its time, gives up with EAGAIN
/// where a signal waits for the thread, or the process was stopped: that says
/// nothing of the program, which is given to it again.
pub(crate) fn load_program(
    code: &[u64],
    license: &CStr,
    log: Option<&mut [u8]>,
) -> io::Result<OwnedFd> {
    let (log_level, log_bytes, log) = match log {
        Some(log) => (1, log.len() as u32, address(log.as_mut_ptr())),
        None => (0, 0, 0),
    };
    let attributes = ProgramAttributes {
        kind: SK_REUSEPORT,
        instructions: code.len() as u32,
        code: address(code),
        license: address(license.as_ptr()),
        log_level,
        log_bytes,
        log,
        kernel_version: 0,
        flags: 0,
        name: *b"pinion_steer\0\0\0\0",
    };
    // SAFETY: code and license are borrowed, the latter ends with a zero; the
    // log is borrowed mutably and its length is passed.
    let load = || unsafe { bpf(PROG_LOAD, &attributes) };
    let interrupted = |loaded: &io::Result<_>| matches!(loaded, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    let mut loaded = load();
    for _ in 1..LOAD_ATTEMPTS {
        if !interrupted(&loaded) {
            break;
        }
        loaded = load();
    }
    loaded.map(owned)
}

/// Has `program` choose among the sockets of this one's group.
pub(crate) fn attach_program(socket: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    set_option(
        socket,
        libc::SOL_SOCKET,
        libc::SO_ATTACH_REUSEPORT_EBPF,
        program.as_raw_fd(),
    )
}

/// Has a classic program choose among the sockets of this one's group.
pub(crate) fn attach_filter(socket: BorrowedFd<'_>, code: &[Filter]) -> io::Result<()> {
    let Ok(len) = u16::try_from(code.len()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let program = libc::sock_fprog {
        len,
        filter: code.as_ptr().cast_mut(),
    };
    // SAFETY: the option's value is a `sock_fprog`, which names `len` borrowed
    // instructions; the kernel copies them before it returns and never writes.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            ptr::from_ref(&program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    checked(result).map(drop)
}

/// Leaves the choice in this socket's group to the kernel again; `NotFound` if
/// nothing was attached.
pub(crate) fn detach(socket: BorrowedFd<'_>) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_DETACH_REUSEPORT_BPF, 0)
}
