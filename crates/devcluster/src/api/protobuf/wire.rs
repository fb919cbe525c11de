//! The wire format of protobuf: numbered fields.

use super::Undecodable;

/// A field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    pub(super) payload: Payload<'a>,
}

/// What a field holds, by wire type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payload<'a> {
    Number(u64),
    /// 32 or 64 bits.
    Fixed(u64),
    Bytes(&'a [u8]),
}

impl Field<'_> {
    pub(super) fn text(&self) -> Result<String, Undecodable> {
        let Payload::Bytes(bytes) = self.payload else {
            return Err(Undecodable::WireType(self.number));
        };
        let text = std::str::from_utf8(bytes);
        text.map(String::from)
            .map_err(|_not_utf8| Undecodable::NotText(self.number))
    }

    pub(super) fn number(&self) -> Result<i64, Undecodable> {
        match self.payload {
            Payload::Number(number) => Ok(number.cast_signed()),
            Payload::Fixed(_) | Payload::Bytes(_) => Err(Undecodable::WireType(self.number)),
        }
    }
}

/// The fields of a message; ends after the first error.
pub(super) fn fields(mut rest: &[u8]) -> impl Iterator<Item = Result<Field<'_>, Undecodable>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = field(&mut rest).ok_or(Undecodable::Truncated);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<Field<'a>> {
    let tag = varint(rest)?;
    let payload = match tag & 7 {
        0 => Payload::Number(varint(rest)?),
        1 => Payload::Fixed(fixed(rest, 8)?),
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            Payload::Bytes(take(rest, length)?)
        }
        5 => Payload::Fixed(fixed(rest, 4)?),
        // Groups are not used by Kubernetes.
        _ => return None,
    };
    Some(Field {
        number: tag >> 3,
        payload,
    })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn fixed(rest: &mut &[u8], length: usize) -> Option<u64> {
    let bytes = take(rest, length)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |value, byte| (value << 8) | u64::from(*byte)),
    )
}

/// Seven bits per byte, the lowest first, at most ten bytes.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
