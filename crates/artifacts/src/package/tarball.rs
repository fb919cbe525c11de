//! Writing tar and gzip whose bytes depend on the files alone.

use flate2::Crc;

use super::{File, ROOT};

const BLOCK: usize = 512;

/// Most bytes of a stored block (RFC 1951, 3.2.4).
const STORED: usize = 0xffff;

/// A tar of `files` in their order: no owner, no time, equal modes.
pub(super) fn tar(files: &[File]) -> Vec<u8> {
    let content: usize = files
        .iter()
        .map(|file| file.content.len() + 4 * BLOCK)
        .sum();
    let mut tar = Vec::with_capacity(content + 2 * BLOCK);
    for file in files {
        let path = format!("{ROOT}/{}", file.path);
        if path.len() > 100 {
            // GNU's way to write a long name: as an entry of its own before the one that has it.
            let name = [path.as_bytes(), b"\0"].concat();
            entry(&mut tar, "././@LongLink", b'L', &name);
        }
        entry(&mut tar, &path, b'0', &file.content);
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    tar
}

fn entry(tar: &mut Vec<u8>, path: &str, kind: u8, content: &[u8]) {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &path.as_bytes()[..path.len().min(100)]);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    // The sum counts its own field as blanks.
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar  \0");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(&header);
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(BLOCK), 0);
}

/// `bytes` in gzip, stored and not packed: a packer may pack otherwise in its next version, and then digests would change.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let blocks = bytes.len().div_ceil(STORED);
    let mut gzip = Vec::with_capacity(bytes.len() + 5 * blocks + 32);
    // No name, no time, unknown system.
    gzip.extend_from_slice(&[0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff]);
    let mut rest = bytes;
    loop {
        let (block, after) = rest.split_at(rest.len().min(STORED));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        gzip.push(u8::from(after.is_empty()));
        gzip.extend_from_slice(&length.to_le_bytes());
        gzip.extend_from_slice(&(!length).to_le_bytes());
        gzip.extend_from_slice(block);
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    let mut crc = Crc::new();
    crc.update(bytes);
    gzip.extend_from_slice(&crc.sum().to_le_bytes());
    gzip.extend_from_slice(&crc.amount().to_le_bytes());
    gzip
}
