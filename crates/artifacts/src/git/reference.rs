//! Branch, tag, commit or HEAD, and what a remote has of them. Pure.

use oarlock_core::artifact::FetchError;

/// What is wanted of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// What the remote's HEAD points at.
    Head,
    /// A commit, by all of its digits.
    Commit(String),
    /// Names to look for, in this order.
    Named(Vec<String>),
}

/// What a remote says that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advertised {
    /// Digits of an object.
    pub(super) object: String,
    /// Full name; with `^{}` at its end what an annotated tag points at.
    pub(super) name: String,
}

/// What a reference is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What to ask the remote for: the commit, or the tag that points at it.
    pub(super) want: String,
    /// The commit.
    pub(super) commit: String,
}

impl Reference {
    /// Reads what stands in `ref`. A name that is both is the tag, as git's own revisions are read.
    ///
    /// # Errors
    /// When no branch or tag may be called so (`git check-ref-format`).
    pub(super) fn parse(text: &str) -> Result<Self, FetchError> {
        if text.is_empty() || text == "HEAD" {
            return Ok(Self::Head);
        }
        if is_object(text) {
            return Ok(Self::Commit(text.to_ascii_lowercase()));
        }
        if let Some(why) = malformed(text) {
            return Err(FetchError::Invalid(format!(
                "{text:?} is no name of a branch, tag or commit: {why}; hint: ranges are for repositories and registries; git has branches, tags and commits"
            )));
        }
        if text.starts_with("refs/") {
            return Ok(Self::Named(vec![text.to_owned()]));
        }
        let mut names = vec![format!("refs/tags/{text}"), format!("refs/heads/{text}")];
        if text.contains('/') {
            names.insert(0, format!("refs/{text}"));
        }
        Ok(Self::Named(names))
    }

    /// What to ask the remote about.
    pub(super) fn patterns(&self) -> Vec<String> {
        match self {
            Self::Head | Self::Commit(_) => vec!["HEAD".to_owned()],
            Self::Named(names) => names
                .iter()
                .flat_map(|name| [name.clone(), format!("{name}^{{}}")])
                .collect(),
        }
    }

    /// What it is among `advertised`; a commit is what it is.
    pub(super) fn find(&self, advertised: &[Advertised]) -> Option<Found> {
        let object = |name: &str| {
            let found = advertised.iter().find(|one| one.name == name);
            found.map(|one| one.object.clone())
        };
        let names: &[String] = match self {
            Self::Commit(commit) => {
                return Some(Found {
                    want: commit.clone(),
                    commit: commit.clone(),
                });
            }
            Self::Head => &["HEAD".to_owned()],
            Self::Named(names) => names,
        };
        names.iter().find_map(|name| {
            let want = object(name)?;
            let commit = object(&format!("{name}^{{}}")).unwrap_or_else(|| want.clone());
            Some(Found { want, commit })
        })
    }
}

/// The lines of `git ls-remote`. Others than those with an object and a name are none of its own.
pub(super) fn advertised(text: &str) -> Vec<Advertised> {
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(object, _)| is_object(object))
        .map(|(object, name)| Advertised {
            object: object.to_owned(),
            name: name.to_owned(),
        })
        .collect()
}

/// Whether `text` is all digits of an object, of SHA-1 or SHA-256.
pub(super) fn is_object(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether `text` may be a commit of which some digits are missing.
pub(super) fn is_abbreviated(text: &str) -> bool {
    (7..40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn malformed(text: &str) -> Option<&'static str> {
    let odd =
        |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    let part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    if text.len() > 250 {
        Some("longer than 250 bytes")
    } else if text.starts_with('-') {
        Some("it begins with -")
    } else if text.chars().any(odd) {
        Some("it has a character in it that names do not have")
    } else if text.contains("..") || text.contains("@{") || text.ends_with('.') || text == "@" {
        Some("names do not have .. or @{ in them, nor end with a dot")
    } else if text.split('/').any(part) {
        Some("a part of it is empty, begins with a dot or ends with .lock")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const LISTED: &str = "\
1111111111111111111111111111111111111111\tHEAD
1111111111111111111111111111111111111111\trefs/heads/main
2222222222222222222222222222222222222222\trefs/heads/v1
3333333333333333333333333333333333333333\trefs/tags/v1
4444444444444444444444444444444444444444\trefs/tags/v1^{}
5555555555555555555555555555555555555555\trefs/heads/team/main
warning: something else
";

    fn found(text: &str) -> Option<(String, String)> {
        let found = Reference::parse(text).unwrap().find(&advertised(LISTED))?;
        Some((found.want[..1].to_owned(), found.commit[..1].to_owned()))
    }

    #[test]
    fn names_are_found_as_git_does() {
        let is = |want: &str, commit: &str| Some((want.to_owned(), commit.to_owned()));
        assert_eq!(found(""), is("1", "1"));
        assert_eq!(found("HEAD"), is("1", "1"));
        assert_eq!(found("main"), is("1", "1"));
        assert_eq!(found("v1"), is("3", "4"));
        assert_eq!(found("refs/heads/v1"), is("2", "2"));
        assert_eq!(found("heads/v1"), is("2", "2"));
        assert_eq!(found("team/main"), is("5", "5"));
        assert_eq!(found(&"A".repeat(40)), is("a", "a"));
        assert_eq!(found("nothing"), None);
    }

    #[test]
    fn other_names_are_refused() {
        for text in [
            "-x", "a b", "a..b", "^1.2", "a:b", "*", "a//b", "/a", "a/", ".a", "a.lock", "a@{1}",
            "@", "a\n", "a~1", "[a]",
        ] {
            assert!(Reference::parse(text).is_err(), "{text:?}");
        }
        let error = Reference::parse(">=1.0.0 <2").unwrap_err();
        insta::assert_snapshot!(error, @r#"">=1.0.0 <2" is no name of a branch, tag or commit: it has a character in it that names do not have; hint: ranges are for repositories and registries; git has branches, tags and commits"#);
    }
}
