//! Where packages come from, however one gets there: what a push is about. Pure.

use std::fmt;

use super::Source;

/// A repository of a server. Scheme, user, port, case and `.git` do not matter: `git@git.example.com:web/shop.git` and
/// `https://git.example.com/web/shop` are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Upstream {
    host: String,
    /// Without slashes at its ends; empty for the whole server.
    path: String,
}

/// Names of Docker Hub's registry.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

impl Upstream {
    /// Of a URL, or of git's short form `USER@HOST:PATH`; `None` where the text is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = |text: &str| !text.contains(|c: char| c.is_whitespace() || c.is_control());
        let (host, path) = address(text).filter(|_| plain(text))?;
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        Some(Self {
            host,
            path: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Where a source is; `None` for what is on this machine.
    #[must_use]
    pub fn of(source: &Source) -> Option<Self> {
        match source {
            Source::Local(_) => None,
            Source::Archive(url) | Source::Repository { url, .. } | Source::Git { url, .. } => {
                Self::parse(url)
            }
            Source::Oci { repository, .. } => Self::parse(repository),
        }
    }

    /// The path in it, in lower case.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether both are of one server.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        self.host == other.host
    }

    /// Whether `text`, a URL with perhaps more behind it, is about something in it.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        let Some((host, path)) = address(text) else {
            return false;
        };
        let rest = path.trim_start_matches('/').strip_prefix(&self.path);
        let is_over = |rest: &str| {
            let next = rest.chars().next();
            !next.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        };
        host == self.host && (self.path.is_empty() || rest.is_some_and(is_over))
    }
}

/// Host and path of a URL, in lower case.
fn address(text: &str) -> Option<(String, String)> {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = match text.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            // On this machine.
            if authority.is_empty() && scheme != "file" {
                return None;
            }
            (authority, path)
        }
        None => {
            let (authority, path) = text.split_once(':')?;
            if !authority.contains('@') || authority.contains('/') || path.is_empty() {
                return None;
            }
            (authority, path)
        }
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let without_port = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let host = without_port.map_or(host, |(host, _)| host).to_lowercase();
    let host = if DOCKER_HUB.contains(&host.as_str()) {
        DOCKER_HUB[0].to_owned()
    } else {
        host
    };
    Some((host, path.to_lowercase()))
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if self.path.is_empty() {
            return Ok(());
        }
        write!(f, "/{}", self.path)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn all_ways_to_a_repository_are_one() {
        for text in [
            "https://git.example.com/Web/shop.git",
            "http://git.example.com:8080/web/shop/",
            "ssh://git@git.example.com:2222/web/shop.git",
            "git@git.example.com:web/shop.git",
            "https://me:secret@GIT.example.com/web/shop?token=x#y",
            " https://git.example.com/web/shop ",
        ] {
            let upstream = Upstream::parse(text);
            assert_eq!(
                upstream.unwrap().to_string(),
                "git.example.com/web/shop",
                "{text}"
            );
        }
        for text in [
            "",
            "shop",
            "web/shop",
            "host:1/a",
            "https://",
            "https:///a",
            "https://a/b c",
        ] {
            assert_eq!(Upstream::parse(text), None, "{text}");
        }
        assert_eq!(
            Upstream::parse("oci://registry-1.docker.io/acme/shop"),
            Upstream::parse("oci://docker.io/acme/shop")
        );
        assert_eq!(
            Upstream::parse("https://[::1]:80/a").unwrap().to_string(),
            "[::1]/a"
        );
        assert_eq!(
            Upstream::parse("file:///srv/a.git").unwrap().to_string(),
            "/srv/a"
        );
    }

    #[test]
    fn sources_are_somewhere_but_for_local_ones() {
        let of = |source: Source| Upstream::of(&source).map(|upstream| upstream.to_string());
        assert_eq!(of(Source::Local("web".to_owned())), None);
        let git = Source::Git {
            url: "ssh://git@git.example.com/a.git".to_owned(),
            reference: "main".to_owned(),
            path: "charts/web".to_owned(),
        };
        assert_eq!(of(git).unwrap(), "git.example.com/a");
        let oci = Source::Oci {
            repository: "oci://registry.example.com:5000/charts/web".to_owned(),
            version: String::new(),
        };
        assert_eq!(of(oci).unwrap(), "registry.example.com/charts/web");
    }

    #[test]
    fn what_is_behind_it_belongs_to_it() {
        let upstream = Upstream::parse("https://host/a/b").unwrap();
        for text in [
            "https://host/a/b.git refs/heads/main",
            "https://host/a/b/index.yaml",
            "oci://host/a/b:1.0.0",
            "https://host/a/b",
        ] {
            assert!(upstream.holds(text), "{text}");
        }
        for text in [
            "https://host/a/bc",
            "https://host/a",
            "https://other/a/b",
            "a/b",
        ] {
            assert!(!upstream.holds(text), "{text}");
        }
        assert!(
            Upstream::parse("https://host/")
                .unwrap()
                .holds("https://host/x")
        );
    }
}
