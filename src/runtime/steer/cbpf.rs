//! Steering by a classic BPF filter, which needs no privilege: written here,
//! instruction by instruction, for one group of sockets.
//!
//! Classic BPF has no loops and only jumps forward, so the search is written
//! out for every place where the name may stand, up to a reach that fits the
//! 4096 instructions a filter may have, and the memory the kernel spends on it
//! (`net.core.optmem_max`). What lies beyond, or is written oddly, gets no
//! choice and comes by the mesh:
//!
//! - names that end beyond [`NAME_REACH`], compact ones beyond
//!   [`COMPACT_REACH`], or within the last 20 bytes of the datagram;
//! - a blank between the compact name and its colon, a tab between the full
//!   one and its colon;
//! - more than two blanks before the colon or six behind it;
//! - an earlier line that holds the end of the name: `-id:`, `l-id`.
//!
//! The filter answers with the place of a socket in the group, and the kernel
//! keeps the places dense: the last socket takes the place of one that is
//! closed. [`Cbpf`] follows that and writes the filter anew.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use pinion_sip::base::{ShardId, home_hash};

use super::assembler::{Assembler, Label, Width};
use crate::sys::bpf::{self, Filter};
use crate::udp::Group;

/// Instructions a filter may have (BPF_MAXINSNS).
const MOST: usize = 4096;

/// Bytes of a datagram within which `Call-ID` is found. Each socket that
/// stands elsewhere than at its shard's number takes up to a byte of it.
pub(super) const NAME_REACH: u32 = 672;

/// The same for its compact form, `i`.
pub(super) const COMPACT_REACH: u32 = 240;

/// Bytes searched between two looks at the datagram's length.
const CHUNK: u32 = 16;

/// How far before a chunk a line may begin whose name is found in it.
const BEFORE: u32 = 5;

/// How far behind a chunk its search looks.
const BEHIND: u32 = 4;

/// The answer that chooses nothing.
const NO_SOCKET: u32 = u32::MAX;

/// Turns the letters of a word into lower case, and with them LF into `*`.
const LOWER: u32 = 0x2020_2020;

// Places in the filter's memory.
const HASH: u32 = 0;
const VALUE: u32 = 1;
const WORD: u32 = 2;

/// The filter of one group, attached, and which shard's socket stands where.
pub(super) struct Cbpf {
    shards: usize,
    places: Vec<ShardId>,
}

impl Cbpf {
    /// Attaches a filter to `group`, which chooses from now on.
    pub(super) fn attach(group: &Group) -> io::Result<Cbpf> {
        let shards = group.sockets().len();
        let cbpf = Cbpf {
            shards,
            places: (0..shards as ShardId).collect(),
        };
        if let Some(socket) = group.sockets().first() {
            cbpf.renew(socket.as_fd())?;
        }
        Ok(cbpf)
    }

    /// Follows a socket of `shard` that was bound just now.
    pub(super) fn insert(&mut self, shard: ShardId, socket: BorrowedFd<'_>) -> io::Result<()> {
        self.places.push(shard);
        self.renew(socket)
    }

    /// Follows the closing of the socket of `shard`; `other` stays.
    pub(super) fn remove(&mut self, shard: ShardId, other: BorrowedFd<'_>) -> io::Result<()> {
        let Some(place) = self.places.iter().position(|&owner| owner == shard) else {
            return Ok(());
        };
        self.places.swap_remove(place);
        self.renew(other)
    }

    fn renew(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        bpf::attach_filter(socket, &filter(self.shards as u32, &self.places))
    }
}

/// The filter for `shards` shards, of which the sockets stand at `places`; the
/// one of the longest reach that is not too long.
pub(super) fn filter(shards: u32, places: &[ShardId]) -> Vec<Filter> {
    let mut reach = NAME_REACH;
    loop {
        let code = filter_of(reach, shards, places);
        if code.len() <= MOST || reach == 0 {
            return code;
        }
        reach -= CHUNK;
    }
}

fn filter_of(reach: u32, shards: u32, places: &[ShardId]) -> Vec<Filter> {
    let mut asm = Assembler::default();
    let (near, nothing) = (asm.label(), asm.label());
    search(&mut asm, reach, near, nothing);
    asm.place(near);
    find_line(&mut asm, nothing);
    find_value(&mut asm, nothing);
    hash(&mut asm);
    asm.modulo(shards);
    choose(&mut asm, shards, places);
    asm.place(nothing);
    asm.answer(NO_SOCKET);
    asm.finish()
}

/// Goes to `near` with X = [`BEFORE`] bytes before the chunk that seems to
/// hold the name. The shortest first line covers the first chunk.
fn search(asm: &mut Assembler, reach: u32, near: Label, nothing: Label) {
    for chunk in (CHUNK..reach).step_by(CHUNK as usize) {
        let (found, next) = (asm.label(), asm.label());
        asm.load_len();
        asm.go_on_from(chunk + CHUNK + BEHIND, nothing);
        for at in (chunk..chunk + CHUNK).step_by(4) {
            asm.load(Width::Word, at);
            asm.or(LOWER);
            if at < COMPACT_REACH {
                search_compact(asm, at, found);
            }
            search_name(asm, at, found);
        }
        asm.jump(next);
        asm.place(found);
        asm.set_x(chunk - BEFORE);
        asm.jump(near);
        asm.place(next);
    }
    asm.jump(nothing);
}

/// One of the four words at every fourth byte lies within `call-id:` so that
/// it, or it and what follows, occur in little else.
fn search_name(asm: &mut Assembler, at: u32, found: Label) {
    let (all, next) = (asm.label(), asm.label());
    asm.jump_if(b"l-id", found);
    asm.jump_if(b"-id:", found);
    asm.jump_if(b"-id ", found);
    asm.jump_if(b"all-", all);
    asm.jump_unless(b"ll-i", next);
    asm.load(Width::Byte, at + 4);
    asm.or(LOWER >> 24);
    asm.jump_if(b"d", found);
    asm.jump(next);
    asm.place(all);
    asm.load(Width::Half, at + 4);
    asm.or(LOWER >> 16);
    asm.jump_if(b"id", found);
    asm.place(next);
}

/// The line feed stands before the word, or at its first, second or third byte.
fn search_compact(asm: &mut Assembler, at: u32, found: Label) {
    let (third, next) = (asm.label(), asm.label());
    asm.store(WORD);
    asm.and(0x00ff_ffff);
    asm.jump_if(b"*i:", found);
    asm.and(0xffff);
    asm.jump_if(b"*i", third);
    asm.recall(WORD);
    asm.shift_right(8);
    asm.jump_if(b"*i:", found);
    asm.shift_right(8);
    asm.jump_unless(b"i:", next);
    asm.load(Width::Byte, at - 1);
    asm.jump_if(b"\n", found);
    asm.jump(next);
    asm.place(third);
    asm.load(Width::Byte, at + 4);
    asm.jump_if(b":", found);
    asm.place(next);
    asm.recall(WORD);
}

/// Looks closely: X becomes the place behind the name.
fn find_line(asm: &mut Assembler, nothing: Label) {
    let (named, full, behind) = (asm.label(), asm.label(), asm.label());
    for feed in 0..BEFORE + CHUNK {
        let (here, next) = (asm.label(), asm.label());
        asm.load_from_x(Width::Byte, feed);
        asm.jump_unless(b"\n", next);
        asm.load_from_x(Width::Word, feed + 1);
        asm.or(LOWER);
        asm.jump_if(b"call", here);
        asm.shift_right(16);
        asm.jump_if(b"i:", here);
        asm.jump_if(b"i ", here);
        asm.jump_unless(b"i)", next); // HTAB in lower case
        asm.place(here);
        asm.set(feed + 1);
        asm.jump(named);
        asm.place(next);
    }
    asm.jump(nothing);
    asm.place(named);
    asm.add_x();
    asm.copy_to_x();
    asm.load_from_x(Width::Byte, 0);
    asm.or(LOWER >> 24);
    asm.jump_if(b"c", full);
    asm.set(1);
    asm.jump(behind);
    asm.place(full);
    asm.load_from_x(Width::Word, 3);
    asm.or(LOWER);
    asm.go_on_if(b"l-id", nothing);
    asm.set(7);
    asm.place(behind);
    asm.add_x();
    asm.copy_to_x();
}

/// X goes on from behind the name to the value.
fn find_value(asm: &mut Assembler, nothing: Label) {
    skip_blanks(asm, 2, b" \t");
    asm.load_from_x(Width::Byte, 0);
    asm.go_on_if(b":", nothing);
    asm.step_x();
    skip_blanks(asm, 6, b" \t\r\n");
    asm.load_from_x(Width::Byte, 0);
    asm.go_on_from(u32::from(b' ') + 1, nothing);
}

fn skip_blanks(asm: &mut Assembler, most: usize, blanks: &[u8]) {
    let end = asm.label();
    for _ in 0..most {
        let blank = asm.label();
        asm.load_from_x(Width::Byte, 0);
        for &byte in blanks {
            asm.jump_if(&[byte], blank);
        }
        asm.jump(end);
        asm.place(blank);
        asm.step_x();
    }
    asm.place(end);
}

/// `call_id_hash` of the value at X.
fn hash(asm: &mut Assembler) {
    let end = asm.label();
    asm.store_x(VALUE);
    asm.set(home_hash::BASIS);
    asm.store(HASH);
    for at in 0..home_hash::BYTES as u32 {
        asm.load_from_x(Width::Byte, at);
        asm.go_on_from(u32::from(b' ') + 1, end);
        asm.copy_to_x();
        asm.recall(HASH);
        asm.xor_x();
        asm.multiply(home_hash::PRIME);
        asm.store(HASH);
        asm.recall_x(VALUE);
    }
    asm.place(end);
    asm.recall(HASH);
    fold(asm, 16);
    asm.multiply(home_hash::MIX);
    fold(asm, 13);
}

/// A ^= A >> bits
fn fold(asm: &mut Assembler, bits: u32) {
    asm.copy_to_x();
    asm.shift_right(bits);
    asm.xor_x();
}

/// Answers with the place of shard A.
fn choose(asm: &mut Assembler, shards: u32, places: &[ShardId]) {
    for shard in 0..shards {
        let place = places.iter().position(|&owner| u32::from(owner) == shard);
        let place = place.map_or(NO_SOCKET, |place| place as u32);
        if place != shard {
            let next = asm.label();
            asm.jump_unless_number(shard, next);
            asm.answer(place);
            asm.place(next);
        }
    }
    asm.answer_a();
}
