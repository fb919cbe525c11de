//! What a receiver may speak for.

use oarlock_config::document::Problem;
use oarlock_core::artifact::Upstream;

/// What a source looks like, for "expected".
const FORM: &str = "the URL of a source, such as https://git.example.com/web/shop or oci://registry.example.com/charts/*";

/// One source, or all below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    upstream: Upstream,
    below: bool,
}

impl Pattern {
    /// Reads a URL. With `/*` at its end it is all that is below it.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let (url, below) = match text.strip_suffix("/*") {
            Some(url) => (url, true),
            None => (text, false),
        };
        let wrong = |message: String| Problem::new(message).expected(FORM);
        if url.contains('*') {
            return Err(wrong(format!("{text:?} has an asterisk inside"))
                .hint("only the end of the path may be one"));
        }
        match Upstream::parse(url) {
            Some(upstream) => Ok(Self { upstream, below }),
            None => Err(wrong(format!("{text:?} is no URL"))),
        }
    }

    /// Whether it is about `upstream`.
    pub(super) fn covers(&self, upstream: &Upstream) -> bool {
        if !self.below {
            return self.upstream == *upstream;
        }
        let rest = upstream.path().strip_prefix(self.upstream.path());
        let is_below = |rest: &str| self.upstream.path().is_empty() || rest.starts_with('/');
        self.upstream.is_beside(upstream) && rest.is_some_and(is_below)
    }

    /// The source, where it is one.
    pub(super) fn single(&self) -> Option<&Upstream> {
        (!self.below).then_some(&self.upstream)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn covers(pattern: &str, url: &str) -> bool {
        let pattern = Pattern::parse(pattern).unwrap();
        pattern.covers(&Upstream::parse(url).unwrap())
    }

    #[test]
    fn one_source_or_all_below_one() {
        let one = "https://git.example.com/web/shop";
        assert!(covers(one, "git@git.example.com:web/shop.git"));
        assert!(!covers(one, "https://git.example.com/web/shop/sub"));
        let below = "https://git.example.com/web/*";
        assert!(covers(below, "ssh://git@git.example.com/web/shop.git"));
        assert!(covers(below, "https://git.example.com/Web/a/b"));
        for other in [
            "https://git.example.com/web",
            "https://git.example.com/website/shop",
            "https://git.example.org/web/shop",
            "https://git.example.com.evil.example/web/shop",
        ] {
            assert!(!covers(below, other), "{other}");
        }
        assert!(covers(
            "https://git.example.com/*",
            "https://git.example.com/any/one"
        ));
    }

    #[test]
    fn asterisks_stand_at_the_end() {
        for wrong in [
            "",
            "*",
            "web/shop",
            "https://*.example.com/a",
            "https://a/*/b",
            "https://a/b*",
        ] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
