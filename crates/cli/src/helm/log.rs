//! What Helm logs, on standard error, in the form in which it does: `level=WARN msg="…"`.

use super::go;

/// A line of log.
pub(super) fn line(level: &str, message: &str, fields: &[(&str, &str)]) {
    say(&text(level, message, fields));
}

fn text(level: &str, message: &str, fields: &[(&str, &str)]) -> String {
    let mut text = format!("level={level} msg={}", value(message));
    for (name, field) in fields {
        text.push_str(&format!(" {name}={}", value(field)));
    }
    text.push('\n');
    text
}

/// In quotes where a reader could be misled.
fn value(text: &str) -> String {
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|c| !c.is_control() && !c.is_whitespace() && c != '=' && c != '"');
    if plain {
        text.to_owned()
    } else {
        go::quoted(text)
    }
}

/// Text on standard error.
#[expect(clippy::print_stderr, reason = "the log of this command is its own")]
pub(super) fn say(text: &str) {
    eprint!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_slog_writes_them() {
        insta::assert_snapshot!(text("WARN", "this chart is deprecated", &[]), @r#"level=WARN msg="this chart is deprecated""#);
        insta::assert_snapshot!(text("DEBUG", "Chart path", &[("path", "/a/b"), ("version", "")]), @r#"level=DEBUG msg="Chart path" path=/a/b version="""#);
    }
}
