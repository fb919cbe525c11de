//! The header of an age file: a line per recipient with the file's key, and a MAC.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::OpenFile;

const VERSION: &[u8] = b"age-encryption.org/v1\n";
const STANZA: &str = "-> ";
const LAST: &str = "---";

/// Length of a full line of base64.
const LINE: usize = 64;

/// The header of an age file.
pub(super) struct Header<'a> {
    /// For whom the file's key was encrypted.
    pub(super) stanzas: Vec<Stanza<'a>>,
    /// What the MAC is of.
    pub(super) signed: &'a [u8],
    pub(super) mac: [u8; 32],
}

/// The file's key, encrypted for somebody.
pub(super) struct Stanza<'a> {
    pub(super) kind: &'a str,
    pub(super) arguments: Vec<&'a str>,
    pub(super) body: Vec<u8>,
}

impl<'a> Header<'a> {
    /// Reads it, and gives what comes after it.
    pub(super) fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), OpenFile> {
        let mut rest = bytes
            .strip_prefix(VERSION)
            .ok_or(OpenFile::Header("it is not of version 1"))?;
        let mut stanzas = Vec::new();
        loop {
            let before = bytes.len() - rest.len();
            let (line, after) = line(rest)?;
            rest = after;
            if let Some(mac) = line.strip_prefix(LAST) {
                let mac = mac.strip_prefix(' ').and_then(decode).unwrap_or_default();
                let mac = mac
                    .try_into()
                    .map_err(|_| OpenFile::Header("its MAC is not of 32 bytes"))?;
                let header = Self {
                    stanzas,
                    signed: &bytes[..before + LAST.len()],
                    mac,
                };
                return Ok((header, rest));
            }
            let line = line
                .strip_prefix(STANZA)
                .ok_or(OpenFile::Header("a recipient is expected"))?;
            let visible =
                |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
            if !line.split(' ').all(visible) {
                return Err(OpenFile::Header("a recipient's words are not visible ones"));
            }
            let mut words = line.split(' ');
            let kind = words.next().unwrap_or_default();
            let (body, after) = body(rest)?;
            rest = after;
            stanzas.push(Stanza {
                kind,
                arguments: words.collect(),
                body,
            });
        }
    }
}

/// Bytes in age's base64, which has no padding.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

/// Full lines, and one that is not.
fn body(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), OpenFile> {
    let mut text = String::new();
    loop {
        let (line, after) = line(rest)?;
        rest = after;
        if line.len() > LINE {
            return Err(OpenFile::Header("a line is too long"));
        }
        text.push_str(line);
        if line.len() < LINE {
            let body = decode(&text).ok_or(OpenFile::Header("a recipient's key is no base64"))?;
            return Ok((body, rest));
        }
    }
}

fn line(rest: &[u8]) -> Result<(&str, &[u8]), OpenFile> {
    let end = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or(OpenFile::Header("it has no end"))?;
    let line = std::str::from_utf8(&rest[..end]).map_err(|_| OpenFile::Header("it is no text"))?;
    Ok((line, &rest[end + 1..]))
}
