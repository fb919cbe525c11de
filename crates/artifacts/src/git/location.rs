//! Where a repository is, read once.

use std::fmt;
use std::path::{Path, PathBuf};

use oarlock_core::artifact::{FetchError, Protocol, Site, Source, without_query};
use oarlock_core::origin::Host;

/// A repository's place, fit to be given to git.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    url: String,
    transport: Transport,
}

/// How git gets there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// `https://` or `http://`.
    Web {
        /// Of the server.
        host: Host,
        /// Of the server.
        port: u16,
        /// Whether by TLS.
        secure: bool,
    },
    /// `ssh://`.
    Ssh {
        /// Of the server.
        host: Host,
        /// Of the server.
        port: u16,
    },
    /// `file://`: a folder below the chart folder.
    File,
}

impl Location {
    /// Reads a URL. `charts` is the folder that repositories of this machine have to be below.
    ///
    /// # Errors
    /// When it is no URL of a repository, or one of this machine that is not below `charts`.
    pub(super) fn parse(url: &str, charts: Option<&Path>) -> Result<Self, FetchError> {
        let source = Source::Git {
            url: url.to_owned(),
            reference: String::new(),
            path: String::new(),
        };
        let site = Site::of(&source).map_err(|error| FetchError::Invalid(error.to_string()))?;
        let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '?' | '#' | '\\');
        if let Some(odd) = url.chars().find(|c| odd(*c)) {
            return Err(FetchError::Invalid(format!(
                "{:?}: {odd:?} is not expected in the URL of a repository; hint: branch, tag or commit belong into `ref`",
                without_query(url)
            )));
        }
        let url = url.trim_end_matches('/');
        let Site::Server {
            protocol,
            host,
            port,
            ..
        } = site
        else {
            return Self::of_file(url, charts);
        };
        let transport = match protocol {
            Protocol::Ssh => Transport::Ssh { host, port },
            Protocol::Https => Transport::Web {
                host,
                port,
                secure: true,
            },
            Protocol::Http => Transport::Web {
                host,
                port,
                secure: false,
            },
            Protocol::Oci => {
                return Err(FetchError::Invalid(format!(
                    "{url}: expected https://, ssh:// or file://"
                )));
            }
        };
        Ok(Self {
            url: url.to_owned(),
            transport,
        })
    }

    /// Two readings of the path would let it point elsewhere than was checked: git decodes `%`.
    fn of_file(url: &str, charts: Option<&Path>) -> Result<Self, FetchError> {
        let path = url.strip_prefix("file://").unwrap_or_default();
        if !path.starts_with('/') || path.contains('%') {
            return Err(FetchError::Invalid(format!(
                "{url}: expected file:///PATH with a plain path"
            )));
        }
        let Some(charts) = charts else {
            return Err(FetchError::Denied(format!(
                "{url}: there is no chart folder that it could be below; hint: name one, or push the repository to a server"
            )));
        };
        let missing = |_| {
            FetchError::NotFound(format!(
                "repository {url} not found; hint: it has to be below the chart folder"
            ))
        };
        let below: PathBuf = charts.canonicalize().map_err(missing)?;
        // One text for "is elsewhere" and "is not there": who asks shall not learn what this machine has.
        let real = Path::new(path)
            .canonicalize()
            .ok()
            .filter(|real| real.starts_with(&below))
            .and_then(|real| real.to_str().map(str::to_owned));
        let Some(real) = real else {
            return Err(FetchError::NotFound(format!(
                "repository {url} not found; hint: it has to be below the chart folder"
            )));
        };
        Ok(Self {
            url: format!("file://{}", real.replace('%', "%25")),
            transport: Transport::File,
        })
    }

    /// As git is given it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) const fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The only protocol that git may speak on the way there.
    pub(super) const fn protocol(&self) -> &'static str {
        match self.transport {
            Transport::Web { secure: true, .. } => "https",
            Transport::Web { secure: false, .. } => "http",
            Transport::Ssh { .. } => "ssh",
            Transport::File => "file",
        }
    }

    /// The repository that `url` is redirected to, on whatever host.
    ///
    /// # Errors
    /// When it is none on a web server.
    pub(super) fn redirected(url: &str) -> Result<Self, FetchError> {
        let location = Self::parse(url, None)?;
        match location.transport {
            Transport::Web { .. } => Ok(location),
            Transport::Ssh { .. } | Transport::File => Err(FetchError::Invalid(format!(
                "{url}: a redirect leads to another protocol"
            ))),
        }
    }

    /// Whether `other` is the same server, spoken to no less safely: credentials may be shown to it.
    pub(super) fn trusts(&self, other: &Self) -> bool {
        match (&self.transport, &other.transport) {
            (
                Transport::Web { host, port, secure },
                Transport::Web {
                    host: to,
                    port: to_port,
                    secure: to_secure,
                },
            ) => {
                let upgraded = !secure && *to_secure && *port == 80 && *to_port == 443;
                host == to && (upgraded || (secure == to_secure && port == to_port))
            }
            (a, b) => a == b && self.url == other.url,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn problem(url: &str) -> String {
        Location::parse(url, None).unwrap_err().to_string()
    }

    #[test]
    fn servers_are_read() {
        let location = Location::parse("https://git.example.com:8443/team/charts.git/", None);
        let location = location.unwrap();
        assert_eq!(
            location.url(),
            "https://git.example.com:8443/team/charts.git"
        );
        assert_eq!(location.protocol(), "https");
        let ssh = Location::parse("ssh://git@git.example.com/team/charts", None).unwrap();
        assert_eq!(
            ssh.transport(),
            &Transport::Ssh {
                host: Host::Name("git.example.com".to_owned()),
                port: 22
            }
        );
    }

    #[test]
    fn what_is_no_repository_is_refused() {
        let texts = [
            "git@git.example.com:team/charts",
            "ext::sh -c true",
            "git://git.example.com/charts",
            "https://user:secret@git.example.com/charts",
            "https://git.example.com/charts?ref=main",
            "https://git.example.com/charts#main",
            "https://git.example.com/cha rts",
            "ssh://-oProxyCommand=x/charts",
            "--upload-pack=x",
            "file://host/charts",
            "file:///charts/%2e%2e/x",
            "file:///charts",
        ];
        let problems: Vec<String> = texts.iter().map(|url| problem(url)).collect();
        insta::assert_snapshot!(problems.join("\n"));
        assert!(!problems.join("\n").contains("secret"));
    }

    #[test]
    fn a_repository_of_this_machine_is_below_the_chart_folder() {
        let charts = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::create_dir(charts.path().join("repository")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), charts.path().join("link")).unwrap();
        let at = |path: &str| {
            let url = format!("file://{}/{path}", charts.path().display());
            Location::parse(&url, Some(charts.path()))
        };
        assert_eq!(at("repository").unwrap().protocol(), "file");
        assert!(matches!(at("link"), Err(FetchError::NotFound(_))));
        assert!(matches!(at("nothing"), Err(FetchError::NotFound(_))));
        assert!(matches!(at("../"), Err(FetchError::NotFound(_))));
    }

    #[test]
    fn credentials_go_to_the_same_server_only() {
        let at = |url: &str| Location::parse(url, None).unwrap();
        let from = at("https://git.example.com/a");
        for (to, trusted) in [
            ("https://git.example.com/a.git", true),
            ("https://git.example.com:8443/a", false),
            ("http://git.example.com/a", false),
            ("https://other.example.com/a", false),
        ] {
            assert_eq!(from.trusts(&at(to)), trusted, "{to}");
        }
        assert!(at("http://git.example.com/a").trusts(&at("https://git.example.com/a")));
    }
}
