//! Base64 of gzip of JSON, as the value of `data.release`; a Secret puts its own base64 around it.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use thiserror::Error;

use super::Record;

/// Bytes of JSON that one record may have. Helm has no bound; a Secret's megabyte unpacks to less, and to a thousand times as much
/// only where somebody means harm.
const LARGEST: u64 = 256 << 20;

/// Why bytes are no record.
#[derive(Debug, Error)]
pub enum DecodeRecord {
    /// Not base64.
    #[error("the release record is not base64")]
    Base64(#[source] base64::DecodeError),
    /// Not gzip, or cut off.
    #[error("the release record does not unpack")]
    Unpack(#[source] std::io::Error),
    /// Too large.
    #[error("the release record unpacks to more than {LARGEST} bytes")]
    TooLarge,
    /// Not the JSON of a release.
    #[error("the release record is not a release of Helm")]
    Json(#[source] serde_json::Error),
}

/// Why a record is no bytes.
#[derive(Debug, Error)]
pub enum EncodeRecord {
    /// The JSON could not be written.
    #[error("cannot write the release record")]
    Json(#[source] serde_json::Error),
    /// The archive could not be written.
    #[error("cannot pack the release record")]
    Pack(#[source] std::io::Error),
}

impl Record {
    /// Reads `data.release` after the Secret's own base64. Records from before Helm compressed them are read too.
    ///
    /// # Errors
    /// When it is no record, or one that unpacks without bound.
    pub fn decode(data: &[u8]) -> Result<Self, DecodeRecord> {
        let packed = STANDARD.decode(data).map_err(DecodeRecord::Base64)?;
        let mut json = Vec::new();
        if packed.starts_with(&[0x1f, 0x8b, 0x08]) {
            GzDecoder::new(packed.as_slice())
                .take(LARGEST + 1)
                .read_to_end(&mut json)
                .map_err(DecodeRecord::Unpack)?;
        } else {
            json = packed;
        }
        if json.len() as u64 > LARGEST {
            return Err(DecodeRecord::TooLarge);
        }
        Self::from_json(&json).map_err(DecodeRecord::Json)
    }

    /// What goes to `data.release`, before the Secret's own base64.
    ///
    /// # Errors
    /// When it cannot be written to memory.
    pub fn encode(&self) -> Result<String, EncodeRecord> {
        let json = self.to_json().map_err(EncodeRecord::Json)?;
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(&json).map_err(EncodeRecord::Pack)?;
        let packed = packer.finish().map_err(EncodeRecord::Pack)?;
        Ok(STANDARD.encode(packed))
    }
}
