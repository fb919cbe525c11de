//! The last words of a command that failed.

/// The error, what it was caused by, and what to do: each on a line of its own.
///
/// Messages carry their hint behind `; hint: `. It is what people look for, so it comes last.
pub(crate) fn report(error: &anyhow::Error) -> String {
    let mut text = String::new();
    let mut hints = Vec::new();
    let mut said = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let whole = cause.to_string();
        let message = match whole.split_once("; hint: ") {
            Some((message, hint)) => {
                hints.push(hint.to_owned());
                message
            }
            None => &whole,
        };
        // Some libraries repeat their cause in their own message.
        if depth == 0 {
            text.push_str(&format!("error: {message}\n"));
        } else if !said.contains(message) {
            text.push_str(&format!("  cause: {message}\n"));
        }
        message.clone_into(&mut said);
    }
    // The deepest cause knows best.
    for hint in hints.into_iter().rev() {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::report;

    #[test]
    fn causes_are_not_repeated_and_the_hint_comes_last() {
        let error = anyhow!("No such file or directory")
            .context("failed to read a: No such file or directory")
            .context("no API configured; hint: set KUBECONFIG");
        insta::assert_snapshot!(report(&error), @r"
        error: no API configured
          cause: failed to read a: No such file or directory
          hint: set KUBECONFIG
        ");
    }
}
