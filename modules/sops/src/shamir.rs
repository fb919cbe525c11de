//! Puts a key together again that was split by Shamir's scheme: each byte is the value at zero of a polynomial over GF(2⁸), the field
//! of AES. A part has the polynomials' values at one place, and in its last byte the place.

use zeroize::Zeroizing;

/// A key that was split.
pub(crate) fn combine(parts: &[Zeroizing<Vec<u8>>]) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let [first, _, ..] = parts else {
        return Err("less than two parts");
    };
    if first.len() < 2 || parts.iter().any(|part| part.len() != first.len()) {
        return Err("its parts are not of one length");
    }
    let length = first.len() - 1;
    let places: Vec<u8> = parts.iter().map(|part| part[length]).collect();
    for (at, place) in places.iter().enumerate() {
        if *place == 0 || places[..at].contains(place) {
            return Err("two of its parts are the same");
        }
    }
    // What each part counts: the product of x/(x-own) over the places x of the others; subtraction is addition.
    let weights: Vec<u8> = places
        .iter()
        .map(|own| {
            places
                .iter()
                .filter(|other| *other != own)
                .fold(1, |weight, other| {
                    times(weight, times(*other, inverse(other ^ own)))
                })
        })
        .collect();
    let byte = |at: usize| {
        parts
            .iter()
            .zip(&weights)
            .fold(0, |sum, (part, weight)| sum ^ times(part[at], *weight))
    };
    Ok(Zeroizing::new((0..length).map(byte).collect()))
}

/// Multiplies in the field, in the same time for all.
const fn times(one: u8, other: u8) -> u8 {
    let mut product = 0;
    let mut bit = 8;
    while bit > 0 {
        bit -= 1;
        let carry = 0u8.wrapping_sub(product >> 7) & 0x1b;
        product = (product << 1) ^ carry ^ (0u8.wrapping_sub((other >> bit) & 1) & one);
    }
    product
}

/// One over a number: its 254th power.
const fn inverse(number: u8) -> u8 {
    let mut power = number;
    let mut times_squared = 0;
    // 254 is 2 + 4 + … + 128.
    let mut result = 1;
    while times_squared < 7 {
        power = times(power, power);
        result = times(result, power);
        times_squared += 1;
    }
    result
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_field_is_that_of_aes() {
        assert_eq!(times(0x57, 0x83), 0xc1);
        assert_eq!(times(0x57, 0x13), 0xfe);
        for number in 1..=255 {
            assert_eq!(times(number, inverse(number)), 1);
        }
    }

    #[test]
    fn any_two_parts_of_a_line_give_the_key() {
        // secret + slope·x, byte by byte.
        let (secret, slope) = ([0x2a, 0x00, 0xff], [0x11, 0x99, 0x01]);
        let part = |x: u8| {
            let mut part: Vec<u8> = (0..3).map(|at| secret[at] ^ times(slope[at], x)).collect();
            part.push(x);
            Zeroizing::new(part)
        };
        for (one, other) in [(1, 2), (3, 1), (200, 7)] {
            assert_eq!(*combine(&[part(one), part(other)]).unwrap(), secret);
        }
        assert_eq!(*combine(&[part(1), part(2), part(3)]).unwrap(), secret);
    }

    #[test]
    fn what_are_no_parts_is_refused() {
        let part = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        assert!(combine(&[part(&[1, 1])]).is_err());
        assert!(combine(&[part(&[1, 1]), part(&[2, 1])]).is_err());
        assert!(combine(&[part(&[1, 1]), part(&[2, 3, 2])]).is_err());
        assert!(combine(&[part(&[1]), part(&[2])]).is_err());
        assert!(combine(&[part(&[1, 0]), part(&[2, 1])]).is_err());
    }
}
