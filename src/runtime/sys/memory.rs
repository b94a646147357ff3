//! Files as memory (mmap(2)). Knows nothing of what they hold.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use memmap2::{MmapMut, MmapOptions};

/// Makes a file that only this user may open, writes `head` and that many zeros
/// to it, and maps the zeros. Whoever writes them afterwards waits neither for
/// room nor for a page. Of the file, only the head may be written.
pub(crate) fn make_mapped(path: &Path, head: &[u8], bytes: usize) -> io::Result<(File, MmapMut)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    let mut file = options.mode(0o600).open(path)?;
    file.write_all(head)?;
    file.write_all(&vec![0; bytes])?;
    let mut options = MmapOptions::new();
    options.offset(head.len() as u64).len(bytes);
    // SAFETY: a mapping is unsound where others change its bytes, or cut the file
    // off under it. This one is of a file that was made here and now, whatever
    // stood in its place was refused, and that nobody but this user can open; of
    // this program, no other function writes beyond its head, and none shortens
    // it. Its blocks are there, so that no page fault has to find one; where a file
    // system copies on write, one that finds none is the end (SIGBUS), and no more.
    let mut mapped = unsafe { options.map_mut(&file) }?;
    // Every page is there, too, before it is needed.
    mapped.fill(0);
    Ok((file, mapped))
}
