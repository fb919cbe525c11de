//! A repository somewhere else, asked on behalf of one caller.

use std::env;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use oarlock_core::address::{is_private, never_opened};
use oarlock_core::artifact::{Credentials, FetchError, Reach};
use oarlock_core::origin::Host;
use reqwest::Url;
use reqwest::header::HeaderName;
use serde::{Deserialize, Serialize};
use tokio::net::lookup_host;
use tokio::time::Instant;

use super::isolation::Isolation;
use super::location::{Location, Transport};
use super::mirror::{self, Bounds, Mirror};
use super::objects::{Objects, ReadObject};
use super::process::{Call, CallGit};
use super::reference::{self, Advertised, Found, Reference};
use super::refusal::{essence, refusal};
use super::tree::{Content, ReadTree, Tree};
use crate::client::{self, Call as Request};
use crate::depot::Depot;
use crate::question::{Kind, Question};

/// The program.
const GIT: &str = "git";
/// What web servers of git answer first, and for which service.
const REFS: &str = "/info/refs";
const SERVICE: &str = "?service=git-upload-pack";
/// How long something that stays on this machine may take.
const AT_HOME: Duration = Duration::from_secs(60);

/// One repository.
pub(super) struct Remote<'a> {
    depot: &'a Depot,
    location: Location,
    credentials: &'a Credentials,
    reach: &'a Reach,
    home: PathBuf,
    program: PathBuf,
    /// `PATH`, where git finds ssh and its own parts.
    path: OsString,
}

/// What is remembered of a reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    want: String,
    /// The commit.
    pub(super) commit: String,
}

/// Why a folder of a commit is not there.
enum Absent {
    /// The remote does not have the commit any more, or never had.
    Gone(FetchError),
    Damaged(ReadObject),
    Refused(FetchError),
}

impl<'a> Remote<'a> {
    /// The repository at `url`, which is not asked yet.
    pub(super) fn open(
        depot: &'a Depot,
        url: &str,
        credentials: &'a Credentials,
        reach: &'a Reach,
    ) -> Result<Self, FetchError> {
        let home = depot.cache().part("git")?;
        Ok(Self {
            depot,
            location: Location::parse(url, depot.charts())?,
            credentials,
            reach,
            home,
            program: PathBuf::from(GIT),
            path: env::var_os("PATH").unwrap_or_default(),
        })
    }

    /// A question about this repository, by this caller.
    pub(super) fn question(&self, kind: Kind, about: &[&str]) -> Question {
        let address = [&[self.location.url()], about].concat().join(" ");
        Question::new(kind, address, self.credentials).within(self.reach)
    }

    /// The commit that `reference` is, which is not asked again while it is younger than `max_age`. A commit is what it is, once
    /// the remote has let this caller in.
    pub(super) async fn resolve(
        &self,
        reference: &str,
        max_age: Duration,
    ) -> Result<Seen, FetchError> {
        let wanted = Reference::parse(reference)?;
        let question = self.question(Kind::Refs, &[reference]);
        let begun = Instant::now();
        if let Some(seen) = self.known(&question, &wanted, max_age).await {
            return Ok(seen);
        }
        let mirror = self.hold().await?;
        // Others may have asked while this one waited.
        if let Some(seen) = self.known(&question, &wanted, begun.elapsed()).await {
            return Ok(seen);
        }
        let advertised = self.list(&mirror, &[], &wanted.patterns()).await?;
        let Some(Found { want, commit }) = wanted.find(&advertised) else {
            return Err(self.missing(reference, &wanted));
        };
        let seen = Seen { want, commit };
        self.depot.cache().note(&question, &seen).await;
        // Whoever may see the branch may see its commit.
        let same = Seen {
            want: seen.commit.clone(),
            commit: seen.commit.clone(),
        };
        let question = self.question(Kind::Refs, &[&seen.commit]);
        self.depot.cache().note(&question, &same).await;
        Ok(seen)
    }

    async fn known(
        &self,
        question: &Question,
        wanted: &Reference,
        max_age: Duration,
    ) -> Option<Seen> {
        let record = self.depot.cache().record::<Seen>(question).await?;
        let enough = matches!(wanted, Reference::Commit(_)) || record.is_fresh(max_age);
        enough.then_some(record.answer)
    }

    /// The names of all tags, not asked again while they are younger than `max_age`.
    pub(super) async fn tags(&self, max_age: Duration) -> Result<Vec<String>, FetchError> {
        let question = self.question(Kind::Refs, &["--tags"]);
        let record = self.depot.cache().record::<Vec<String>>(&question).await;
        if let Some(record) = record.filter(|record| record.is_fresh(max_age)) {
            return Ok(record.answer);
        }
        let mirror = self.hold().await?;
        let advertised = self.list(&mirror, &["--tags", "--refs"], &[]).await?;
        let tags: Vec<String> = advertised
            .iter()
            .filter_map(|one| Some(one.name.strip_prefix("refs/tags/")?.to_owned()))
            .collect();
        self.depot.cache().note(&question, &tags).await;
        Ok(tags)
    }

    /// What is at `path` of the commit that was `seen`; where the remote does not have it any more, of the one that `reference`
    /// is now.
    pub(super) async fn read(
        &self,
        reference: &str,
        seen: &Seen,
        path: &str,
    ) -> Result<(Seen, Content), FetchError> {
        let mut seen = seen.clone();
        let mut asked_again = false;
        let mut begun_anew = false;
        loop {
            let mirror = self.hold().await?;
            let absent = match self.read_from(&mirror, reference, &seen, path).await {
                Ok(content) => {
                    mirror.used(self.bounds().all).await;
                    return Ok((seen, content));
                }
                Err(absent) => absent,
            };
            match absent {
                // It was moved between the question and the fetch, or since then.
                Absent::Gone(_) if !asked_again && !reference::is_object(reference) => {
                    asked_again = true;
                    drop(mirror);
                    seen = self.resolve(reference, Duration::ZERO).await?;
                }
                Absent::Damaged(error) if !begun_anew => {
                    begun_anew = true;
                    tracing::warn!(repository = %self.location, error = %error, "repository of the chart cache is damaged, cloning again");
                    mirror.discard().await?;
                }
                Absent::Damaged(error) => {
                    return Err(FetchError::Unavailable(format!(
                        "{}: {error}",
                        self.location
                    )));
                }
                Absent::Gone(error) | Absent::Refused(error) => return Err(error),
            }
        }
    }

    async fn read_from(
        &self,
        mirror: &Mirror,
        reference: &str,
        seen: &Seen,
        path: &str,
    ) -> Result<Content, Absent> {
        let local = self.local();
        if !mirror.has(&local, &seen.commit).await {
            self.fetch(mirror, reference, seen).await?;
            if !mirror.has(&local, &seen.commit).await {
                return Err(Absent::Gone(self.gone(&seen.commit, "not our ref")));
            }
        }
        let origin = self.origin(reference, &seen.commit);
        let limits = self.depot.options().limits;
        let mut objects =
            Objects::open(&local, &mirror.repository(), AT_HOME).map_err(|error| {
                Absent::Refused(refusal(error, &self.location, &local, self.credentials))
            })?;
        let tree = Tree::new(&mut objects, &limits, &seen.commit, &origin);
        tree.read(path).await.map_err(|error| self.unread(error))
    }

    /// What follows from a folder that cannot be read. A limit and slowness are no damage: another clone has them too.
    fn unread(&self, error: ReadTree) -> Absent {
        let at = &self.location;
        let error = match error {
            ReadTree::Refused(error) => return Absent::Refused(error),
            ReadTree::Object(error) => error,
        };
        Absent::Refused(match error {
            ReadObject::Damaged(_) => return Absent::Damaged(error),
            ReadObject::TooLarge(most) => FetchError::Invalid(format!(
                "{at}: the list of a folder is larger than {most} bytes, which is the most that is read of it; hint: put the chart into a \
                 folder with fewer files"
            )),
            ReadObject::Call(CallGit::TimedOut(after)) => FetchError::Unavailable(format!(
                "{at}: git was ended after {} s, while it read what is in the chart cache; hint: is the disk or this machine overloaded?",
                after.as_secs()
            )),
            ReadObject::Call(error) => refusal(error, at, &self.local(), self.credentials),
        })
    }

    async fn fetch(&self, mirror: &Mirror, reference: &str, seen: &Seen) -> Result<(), Absent> {
        let found = Found {
            want: seen.want.clone(),
            commit: seen.commit.clone(),
        };
        // A place per reference: what it was before helps the server to send little.
        let slot = oarlock_core::reference::Digest::of(reference.as_bytes());
        let mut location = self.location.clone();
        let mut may_be_private = true;
        let mut moved = false;
        loop {
            let remote = self
                .remote(mirror, &location, may_be_private)
                .await
                .map_err(Absent::Refused)?;
            let told = mirror
                .fetch(&remote, &location, slot.hex(), &found, self.bounds())
                .await;
            let error = match told {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if matches!(error, CallGit::TooLarge(_) | CallGit::TimedOut(_)) {
                mirror.discard().await.map_err(Absent::Refused)?;
            }
            if !moved && is_redirect(&error) {
                moved = true;
                (location, may_be_private) = self.redirected().await.map_err(Absent::Refused)?;
                continue;
            }
            return Err(match error {
                CallGit::Failed(words) if is_damage(&words) => {
                    Absent::Damaged(ReadObject::Damaged(essence(&words)))
                }
                CallGit::Failed(words) if words.contains("not our ref") => {
                    Absent::Gone(self.gone(&seen.commit, &remote.masked(&essence(&words))))
                }
                error => Absent::Refused(refusal(error, &location, &remote, self.credentials)),
            });
        }
    }

    /// What the remote says that it has, of the names of `patterns`.
    async fn list(
        &self,
        mirror: &Mirror,
        options: &[&str],
        patterns: &[String],
    ) -> Result<Vec<Advertised>, FetchError> {
        let mut location = self.location.clone();
        let mut may_be_private = true;
        let mut moved = false;
        loop {
            let remote = self.remote(mirror, &location, may_be_private).await?;
            let mut arguments: Vec<OsString> = ["ls-remote", "--quiet"].map(OsString::from).into();
            arguments.extend(options.iter().map(OsString::from));
            arguments.extend(["--", location.url()].map(OsString::from));
            arguments.extend(patterns.iter().map(OsString::from));
            let call = Call {
                isolation: &remote,
                folder: mirror.folder(),
                repository: None,
                arguments,
                output: self.depot.options().limits.index,
                store: None,
                time: self.bounds().time,
            };
            let error = match call.output().await {
                Ok(output) => return Ok(reference::advertised(&String::from_utf8_lossy(&output))),
                Err(error) => error,
            };
            if !moved && is_redirect(&error) {
                moved = true;
                (location, may_be_private) = self.redirected().await?;
                continue;
            }
            return Err(refusal(error, &location, &remote, self.credentials));
        }
    }

    /// Where the server sends those who ask for this repository. Our own client follows: it opens no address that must not be
    /// opened, and takes credentials to no other server. With whether that one may have a private address.
    async fn redirected(&self) -> Result<(Location, bool), FetchError> {
        let lost = |to: &str| {
            FetchError::Unavailable(format!(
                "{}: it redirects to {to}, which is no repository; hint: is the URL that of a repository, and not of its web page?",
                self.location
            ))
        };
        let url = client::parse(&format!("{}{REFS}{SERVICE}", self.location.url()))?;
        let limits = self.depot.options().limits;
        let request = Request::get(url, self.credentials, self.reach, limits.index)?
            .with(HeaderName::from_static("git-protocol"), "version=2");
        let answer = self.depot.client().send(request).await?;
        let to: Url = answer.url;
        let text = client::shown(&to);
        let base = text.strip_suffix(REFS).ok_or_else(|| lost(&text))?;
        Ok((Location::redirected(base)?, answer.may_be_private))
    }

    /// Git as it may ask `location`, with this caller's credentials where they may go there.
    async fn remote(
        &self,
        mirror: &Mirror,
        location: &Location,
        may_be_private: bool,
    ) -> Result<Isolation, FetchError> {
        let nothing = Credentials {
            ca: self.credentials.ca.clone(),
            ..Credentials::default()
        };
        let credentials = if self.location.trusts(location) {
            self.credentials
        } else {
            &nothing
        };
        let addresses = addresses(location, may_be_private).await?;
        self.local().remote(
            location,
            &addresses,
            credentials,
            &mirror.secrets(),
            self.depot.options().timeouts.connect,
        )
    }

    fn local(&self) -> Isolation {
        Isolation::local(&self.program, &self.path)
    }

    async fn hold(&self) -> Result<Mirror, FetchError> {
        let home = self.home.clone();
        self.depot.work(move || mirror::sweep(&home)).await?;
        Mirror::hold(&self.home, &self.location, self.bounds().time * 2).await
    }

    fn bounds(&self) -> Bounds {
        let options = self.depot.options();
        Bounds {
            repository: options.limits.repository,
            all: options.limits.cache,
            time: options.timeouts.whole,
        }
    }

    /// For people: where, and which state.
    pub(super) fn origin(&self, reference: &str, commit: &str) -> String {
        let short = commit.get(..12).unwrap_or(commit);
        match reference {
            "" => format!("{} at HEAD ({short})", self.location),
            reference if reference::is_object(reference) => {
                format!("{} at commit {short}", self.location)
            }
            reference => format!("{} at {reference} ({short})", self.location),
        }
    }

    fn missing(&self, reference: &str, wanted: &Reference) -> FetchError {
        let at = &self.location;
        FetchError::NotFound(match wanted {
            Reference::Head => format!(
                "{at}: couldn't find remote ref HEAD; hint: the repository is empty, or its default branch does not exist: name a branch in `ref`"
            ),
            _ if reference::is_abbreviated(reference) => format!(
                "{at}: couldn't find remote ref {reference}; hint: a commit needs all of its 40 digits"
            ),
            _ => format!(
                "{at}: couldn't find remote ref {reference}; hint: there is neither a branch nor a tag of this name"
            ),
        })
    }

    fn gone(&self, commit: &str, words: &str) -> FetchError {
        let words = words.replace("; ", ", ");
        let at = &self.location;
        if words.contains(commit) {
            FetchError::NotFound(format!(
                "{at}: {words}; hint: the repository has no such commit, or has it no more"
            ))
        } else {
            FetchError::NotFound(format!(
                "{at}: {words} {commit}; hint: the repository has no such commit, or has it no more"
            ))
        }
    }
}

/// The addresses of the host, none of which must be one that is never opened. Ssh and git would resolve names again: they are
/// told to take these.
async fn addresses(location: &Location, may_be_private: bool) -> Result<Vec<IpAddr>, FetchError> {
    let (host, port) = match location.transport() {
        Transport::File => return Ok(Vec::new()),
        Transport::Web { host, port, .. } | Transport::Ssh { host, port } => (host, *port),
    };
    let addresses: Vec<IpAddr> = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => lookup_host((name.as_str(), port))
            .await
            .map_err(|error| {
                tracing::debug!(host = %name, error = %error, "cannot resolve");
                FetchError::Unavailable(format!(
                    "{location}: Could not resolve host: {name}; hint: is the name right, and known here?"
                ))
            })?
            .map(|address| address.ip())
            .collect(),
    };
    for address in &addresses {
        if let Some(why) = never_opened(*address) {
            return Err(FetchError::Denied(format!(
                "{location}: {host} is {address}, which is never opened: {why}"
            )));
        }
        if !may_be_private && is_private(*address) {
            return Err(FetchError::Denied(format!(
                "{location}: {host} is {address}, a private address, and a server elsewhere has sent us there; hint: where that is \
                 meant, name this URL, or grant this server too"
            )));
        }
    }
    Ok(addresses)
}

fn is_redirect(error: &CallGit) -> bool {
    let signs = ["301", "302", "303", "307", "308"];
    matches!(error, CallGit::Failed(words)
        if signs.iter().any(|code| words.contains(&format!("returned error: {code}"))))
}

/// Whether git speaks of its own repository, and not of the remote one.
fn is_damage(words: &str) -> bool {
    let signs = [
        "packfile",
        "corrupt",
        "bad object",
        "object file",
        "inflate",
        "bad config",
        "not a git repository",
    ];
    signs.iter().any(|sign| words.contains(sign)) && !words.contains("remote: ")
}

#[cfg(test)]
mod tests;
