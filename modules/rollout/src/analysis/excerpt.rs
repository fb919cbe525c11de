//! The beginning of what somebody answered, fit to stand in a message.

/// Characters of a body that are told.
const LONGEST: usize = 200;

/// A body in quotes: white space in one, nothing that is not printable, and no more than its beginning.
pub(crate) fn of(body: &[u8]) -> String {
    // A character has four bytes at most, and white space that is folded may be long.
    let head = &body[..body.len().min(LONGEST * 16)];
    let text = String::from_utf8_lossy(head);
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = folded
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect();
    let whole = head.len() == body.len() && folded.chars().count() <= LONGEST;
    if shown.is_empty() && whole {
        return String::from("an empty body");
    }
    if !whole {
        shown += "…";
        return format!("{shown:?} ({} bytes)", body.len());
    }
    format!("{shown:?}")
}

/// A text that others wrote, on one line and not endless.
pub(crate) fn line(text: &str) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match folded.char_indices().nth(LONGEST * 2) {
        Some((end, _)) => format!("{}…", &folded[..end]),
        None => folded,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_body_is_cut() {
        assert_eq!(super::of(b""), "an empty body");
        assert_eq!(super::of(b"no\n  way\x07"), "\"no way\"");
        let huge = vec![b'x'; 5_000_000];
        let told = super::of(&huge);
        assert_eq!(told, format!("\"{}…\" (5000000 bytes)", "x".repeat(200)));
        assert_eq!(super::of(&[0xff, b'a']), "\"\u{fffd}a\"");
        assert_eq!(super::line("a\nb"), "a b");
        assert_eq!(
            super::line(&"é".repeat(500)),
            format!("{}…", "é".repeat(400))
        );
    }
}
