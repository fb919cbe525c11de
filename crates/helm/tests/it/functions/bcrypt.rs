//! Whether a password fits a bcrypt hash.

use blowfish::Blowfish;

/// The alphabet of bcrypt's own base64.
const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// "OrpheanBeholderScryDoubt".
const TEXT: [u32; 6] = [
    0x4f72_7068,
    0x6561_6e42,
    0x6568_6f6c,
    0x6465_7253,
    0x6372_7944,
    0x6f75_6274,
];

/// Whether `hash`, such as `$2a$10$…`, is one of `password`.
pub(super) fn verifies(hash: &str, password: &str) -> bool {
    let parts: Vec<_> = hash.split('$').collect();
    let ["", "2a", cost, rest] = parts.as_slice() else {
        return false;
    };
    let Ok(cost) = cost.parse::<u32>() else {
        return false;
    };
    if rest.len() != 53 || !rest.bytes().all(|byte| ALPHABET.contains(&byte)) {
        return false;
    }
    let (salt, digest) = rest.split_at(22);
    let key: Vec<u8> = password.bytes().chain([0]).collect();
    encode(&hashed(cost, &decode(salt), &key)) == digest
}

fn hashed(cost: u32, salt: &[u8], key: &[u8]) -> Vec<u8> {
    let mut state: Blowfish = Blowfish::bc_init_state();
    state.salted_expand_key(salt, key);
    for _ in 0..1_u32 << cost {
        state.bc_expand_key(key);
        state.bc_expand_key(salt);
    }
    let mut text = TEXT;
    for pair in text.chunks_exact_mut(2) {
        for _ in 0..64 {
            let done = state.bc_encrypt([pair[0], pair[1]]);
            pair.copy_from_slice(&done);
        }
    }
    let mut bytes: Vec<u8> = text.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.truncate(23);
    bytes
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .chain(std::iter::repeat(&0))
            .take(3)
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        for place in 0..=chunk.len() {
            let index = word >> (18 - 6 * place) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

fn decode(text: &str) -> Vec<u8> {
    let digit = |byte: u8| ALPHABET.iter().position(|known| *known == byte).unwrap() as u32;
    let mut bytes = Vec::new();
    for chunk in text.as_bytes().chunks(4) {
        let word = chunk
            .iter()
            .map(|byte| digit(*byte))
            .chain(std::iter::repeat(0))
            .take(4)
            .fold(0_u32, |word, digit| word << 6 | digit);
        bytes.extend(&word.to_be_bytes()[1..chunk.len()]);
    }
    bytes
}

#[test]
fn a_known_hash_verifies() {
    // Made by Helm's `bcrypt`.
    let empty = "$2a$10$ffTKTxXv2R5cFFoz4ecpWO4EYYl0t6WbOcMIyA3aq5XksdD87FsKm";
    assert!(verifies(empty, ""));
    let sesame = "$2a$10$XqhuG6XMdEQ3YZ.pNXJqXeY1QKVCy7e77nR.VpO93fjFLcPoW/QAu";
    assert!(verifies(sesame, "open sesame"));
    assert!(!verifies(sesame, "open barley"));
}
