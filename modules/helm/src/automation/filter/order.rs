//! Which of two tags is the later one.

use std::cmp::Ordering;

use oarlock_version::Version;

/// The order of two tags; none where nothing tells it.
///
/// Two versions have the order of versions. Else the words between dots, hyphens and underscores are looked at from the left:
/// the first that differ have to be numbers, or the same letters before numbers (`rc1`, `rc2`).
pub(super) fn of(one: &str, other: &str) -> Option<Ordering> {
    if let (Ok(one), Ok(other)) = (Version::parse(one), Version::parse(other)) {
        return Some(one.cmp(&other));
    }
    let (mut one, mut other) = (split(one), split(other));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return Some(Ordering::Equal),
            // One number more is later, one word more is something else.
            (None, Some(more)) => return is_number(more).then_some(Ordering::Less),
            (Some(more), None) => return is_number(more).then_some(Ordering::Greater),
            (Some(one), Some(other)) if one == other => {}
            (Some(one), Some(other)) => {
                let (before_one, one) = ending(one)?;
                let (before_other, other) = ending(other)?;
                if before_one != before_other {
                    return None;
                }
                let order = one.len().cmp(&other.len()).then_with(|| one.cmp(other));
                // 7 and 07 are one number.
                if order.is_ne() {
                    return Some(order);
                }
            }
        }
    }
}

fn split(tag: &str) -> impl Iterator<Item = &str> {
    tag.split(|c: char| !c.is_ascii_alphanumeric())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Letters, which may be none, and the number after them, without zeros before it.
fn ending(word: &str) -> Option<(&str, &str)> {
    let at = word.find(|c: char| c.is_ascii_digit())?;
    let (letters, number) = word.split_at(at);
    is_number(number).then(|| (letters, number.trim_start_matches('0')))
}
