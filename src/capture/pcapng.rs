//! A file of captured messages that Wireshark opens: pcapng
//! (draft-ietf-opsawg-pcapng), one interface, raw IP packets.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{DataLink, PcapError};
use pinion_runtime::Captured;

use super::packet::Packets;

/// epb_flags: which way a packet went.
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// Only its owner may read what was said, registrations among it.
const MODE: u32 = 0o600;

/// A file being written.
pub(super) struct Pcapng {
    packets: Packets,
    writer: PcapNgWriter<BufWriter<File>>,
    bytes: u64,
}

impl Pcapng {
    /// Makes the file; one that exists is not touched.
    pub(super) fn create(path: &Path) -> io::Result<Pcapng> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(path)?;
        let section = SectionHeaderBlock {
            options: vec![SectionHeaderOption::UserApplication(
                concat!("pinion ", env!("CARGO_PKG_VERSION")).into(),
            )],
            ..SectionHeaderBlock::default()
        };
        let mut writer =
            PcapNgWriter::with_section_header(BufWriter::new(file), section).map_err(io_error)?;
        let mut interface = InterfaceDescriptionBlock::new(DataLink::RAW, 0);
        interface.options = vec![InterfaceDescriptionOption::IfName("pinion".into())];
        let bytes = writer.write_pcapng_block(interface).map_err(io_error)?;
        Ok(Pcapng {
            packets: Packets::default(),
            writer,
            bytes: bytes as u64,
        })
    }

    /// Appends a message.
    pub(super) fn write(&mut self, captured: &Captured) -> io::Result<()> {
        let way = if captured.sent { OUTBOUND } else { INBOUND };
        for packet in self.packets.of(captured) {
            let mut block = EnhancedPacketBlock::default();
            block.timestamp = Duration::from_micros(captured.unix_us);
            block.original_len = packet.len() as u32;
            block.data = packet.into();
            block.options = vec![EnhancedPacketOption::Flags(way)];
            self.bytes += self.writer.write_pcapng_block(block).map_err(io_error)? as u64;
        }
        Ok(())
    }

    /// Bytes written so far.
    pub(super) fn len(&self) -> u64 {
        self.bytes
    }

    /// Hands what was written to the system.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer.get_mut().flush()
    }
}

fn io_error(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}
