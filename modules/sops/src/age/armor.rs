//! The armor around an age file: base64 between two lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::OpenFile;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";

/// Length of a full line.
const LINE: usize = 64;

/// What is in it.
pub(super) fn strip(text: &str) -> Result<Vec<u8>, OpenFile> {
    let mut lines = text.trim().lines();
    if lines.next() != Some(BEGIN) {
        return Err(OpenFile::Armor("its first line is missing"));
    }
    if lines.next_back() != Some(END) {
        return Err(OpenFile::Armor("its last line is missing"));
    }
    let mut packed = String::with_capacity(text.len());
    for line in lines {
        // All lines are full but the last, and none is empty.
        let full = packed.len().is_multiple_of(LINE);
        if !full || line.is_empty() || line.len() > LINE {
            return Err(OpenFile::Armor(
                "a line is not of the length that it has to be",
            ));
        }
        packed.push_str(line);
    }
    STANDARD
        .decode(packed)
        .map_err(|_| OpenFile::Armor("it is no base64"))
}
