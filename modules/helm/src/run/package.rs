//! One file of a chart's package, as it is: a tar archive, compressed by gzip where the chart is no folder.

use std::io::{self, Read};

use flate2::read::GzDecoder;

/// Length of tar's blocks.
const BLOCK: usize = 512;

/// What gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What Helm takes of a file at most.
const LARGEST: u64 = 5 * 1024 * 1024;

/// The text of a file below the chart's folder; none where there is no such file.
///
/// # Errors
/// Where it is no package, or the file is no text.
pub(super) fn text(package: &[u8], path: &str) -> io::Result<Option<String>> {
    match package.starts_with(&GZIP) {
        true => find(&mut GzDecoder::new(package), path),
        false => find(&mut &*package, path),
    }
}

fn find(mut archive: &mut dyn Read, path: &str) -> io::Result<Option<String>> {
    let mut name = None;
    loop {
        let mut header = [0; BLOCK];
        if let Err(error) = archive.read_exact(&mut header) {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => Ok(None),
                _ => Err(error),
            };
        }
        if header.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let length = octal(&header[124..136])?;
        let padding = length.next_multiple_of(BLOCK as u64) - length;
        let mut entry = (&mut archive).take(length);
        match header[156] {
            // The name of the next entry, where it is too long for a header: of POSIX, of GNU.
            b'x' => name = named(&bytes(&mut entry)?).or(name),
            b'L' => name = Some(field(&bytes(&mut entry)?)),
            b'0' | 0 => {
                let full = name.take().unwrap_or_else(|| plain(&header));
                if full.split_once('/').is_some_and(|(_, below)| below == path) {
                    let text = String::from_utf8(bytes(&mut entry)?);
                    return text.map(Some).map_err(io::Error::other);
                }
            }
            _ => name = None,
        }
        io::copy(&mut entry, &mut io::sink())?;
        io::copy(&mut (&mut archive).take(padding), &mut io::sink())?;
    }
}

fn bytes(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(LARGEST + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LARGEST {
        true => Err(io::Error::other("the file is larger than 5 MiB")),
        false => Ok(bytes),
    }
}

/// The name in a header.
fn plain(header: &[u8; BLOCK]) -> String {
    let name = field(&header[..100]);
    let prefix = match &header[257..262] {
        b"ustar" => field(&header[345..500]),
        _ => String::new(),
    };
    match prefix.is_empty() {
        true => name,
        false => format!("{prefix}/{name}"),
    }
}

/// The path among POSIX' records, each of which is `LENGTH KEY=VALUE` and a line end.
fn named(mut records: &[u8]) -> Option<String> {
    loop {
        let space = records.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
        let record = records.get(space + 1..length.checked_sub(1)?)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            return Some(String::from_utf8_lossy(path).into_owned());
        }
        records = records.get(length..)?;
    }
}

/// A text that ends at a zero.
fn field(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn octal(digits: &[u8]) -> io::Result<u64> {
    let text = field(digits);
    u64::from_str_radix(text.trim(), 8)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a length in it is no number"))
}

#[cfg(test)]
mod tests;
