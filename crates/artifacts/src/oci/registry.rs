//! One repository of one registry: what the distribution specification lets one read.
//!
//! Own code over the one HTTP client, so that what holds for all sources holds here: the addresses that are never opened, bounds
//! of every answer, no proxies of the environment, no credentials for others. What is said of failures follows Helm.

use bytes::Bytes;
use oarlock_core::artifact::{Credentials, FetchError, Reach};
use oarlock_core::reference::Digest;
use parking_lot::Mutex;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK,
};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use super::challenge::Challenge;
use super::login::Login;
use super::manifest::{self, Content, Descriptor, Manifest};
use super::reference::Place;
use super::refusal::{self, Refusal};
use super::token;
use crate::client::{Answer, Call, Client, NamedBy, shown};
use crate::options::Limits;

/// Tags that are asked for at a time: the most that the reference implementation gives.
const PAGE: usize = 1000;
/// Pages of tags that are read.
const MOST_PAGES: usize = 200;
/// Bytes of a manifest, of a list of referrers, and of a page of tags: registries refuse larger manifests (distribution
/// specification, "Pushing Manifests").
const DOCUMENT: u64 = 4 << 20;
/// Descriptors of an index that are looked at.
const MOST_ENTRIES: usize = 256;

/// What a registry says of the bytes that it gives.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A repository, and who asks.
pub(super) struct Registry<'a> {
    client: &'a Client,
    limits: Limits,
    place: &'a Place,
    base: Url,
    credentials: &'a Credentials,
    reach: &'a Reach,
    login: Login,
    /// What the registry took last.
    authorization: Mutex<Option<HeaderValue>>,
}

#[derive(Deserialize)]
struct TagPage {
    tags: Option<Vec<String>>,
}

impl<'a> Registry<'a> {
    /// Nothing is asked yet.
    pub(super) fn new(
        client: &'a Client,
        limits: Limits,
        place: &'a Place,
        credentials: &'a Credentials,
        (reach, plain_http): (&'a Reach, bool),
    ) -> Result<Self, FetchError> {
        Ok(Self {
            client,
            limits,
            place,
            base: place.base(plain_http)?,
            credentials,
            reach,
            login: Login::of(place, credentials)?,
            authorization: Mutex::default(),
        })
    }

    /// All tags, in the registry's order.
    pub(super) async fn tags(&self) -> Result<Vec<String>, FetchError> {
        let mut url = self.url("tags/list")?;
        url.set_query(Some(&format!("n={PAGE}")));
        let (mut tags, mut left) = (Vec::new(), self.limits.index);
        for _ in 0..MOST_PAGES {
            let answer = self.get(&url, None, left.min(DOCUMENT)).await?;
            left = left.saturating_sub(answer.body.len() as u64);
            if answer.status != StatusCode::OK {
                return Err(self.refused(&url, &answer).into());
            }
            let page: TagPage = serde_json::from_slice(&answer.body).map_err(|error| {
                FetchError::Invalid(format!(
                    "GET \"{}\": failed to decode response: {error}; hint: is it a registry?",
                    shown(&url)
                ))
            })?;
            tags.extend(page.tags.unwrap_or_default());
            match self.next(&url, &answer)? {
                Some(next) => url = next,
                None => return Ok(tags),
            }
        }
        Err(FetchError::Invalid(format!(
            "{}: more than {MOST_PAGES} pages of tags, which is the most that is read; hint: name the version",
            self.place
        )))
    }

    /// What a tag or digest stands for; `None` where it stands for nothing.
    pub(super) async fn manifest(&self, reference: &str) -> Result<Option<Manifest>, FetchError> {
        let failed = |error| in_front("failed to perform \"FetchReference\" on source: ", error);
        let url = self.url(&format!("manifests/{reference}"))?;
        let answer = self
            .get(&url, Some(manifest::ACCEPT), DOCUMENT)
            .await
            .map_err(failed)?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(failed(self.refused(&url, &answer).into())),
        }
        let name = self.named(reference);
        let media_type = answer.header(&CONTENT_TYPE);
        let manifest = Manifest::parse(&name, media_type.as_deref(), &answer.body)?;
        let said = answer.header(&CONTENT_DIGEST);
        let wanted = reference.parse::<Digest>().ok();
        for expected in [wanted.map(|digest| digest.as_str().to_owned()), said] {
            // A registry that counts otherwise cannot be compared with.
            let Some(expected) = expected.filter(|digest| digest.starts_with("sha256:")) else {
                continue;
            };
            if expected != manifest.digest.as_str() {
                return Err(mismatched(&name, "manifest", &manifest.digest, &expected));
            }
        }
        Ok(Some(manifest))
    }

    /// The bytes of a part. Its size is looked at before anything is read.
    pub(super) async fn blob(
        &self,
        part: &Descriptor,
        what: &str,
        limit: u64,
    ) -> Result<Bytes, FetchError> {
        let name = self.named(&part.digest);
        let digest = part.sha256(&name)?;
        if part.size > limit {
            return Err(FetchError::Invalid(format!(
                "{name}: the {what} is {} bytes, and {limit} is the most that is read of one",
                part.size
            )));
        }
        let url = self.url(&format!("blobs/{digest}"))?;
        let answer = self.get(&url, None, part.size).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(FetchError::NotFound(format!(
                    "{name}: not found; hint: the registry has lost the {what}, push it again"
                )));
            }
            _ => return Err(self.refused(&url, &answer).into()),
        }
        let found = Digest::of(&answer.body);
        if found != digest {
            return Err(mismatched(&name, what, &found, digest.as_str()));
        }
        Ok(answer.body)
    }

    /// What refers to a manifest: by the registry's own list, or by the tag that stands in for it (distribution specification 1.1,
    /// "Referrers Tag Schema").
    pub(super) async fn referrers(&self, manifest: &Digest) -> Result<Vec<Descriptor>, FetchError> {
        let url = self.url(&format!("referrers/{manifest}"))?;
        let answer = self.get(&url, None, DOCUMENT).await?;
        let content = match answer.status {
            StatusCode::OK => {
                let name = self.named(manifest.as_str());
                let media_type = answer.header(&CONTENT_TYPE);
                let list = Manifest::parse(&name, media_type.as_deref(), &answer.body)?;
                Some(list.content)
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                return Err(self.refused(&url, &answer).into());
            }
            status if status.is_server_error() => {
                return Err(self.refused(&url, &answer).into());
            }
            _ => {
                let tag = manifest.as_str().replace(':', "-");
                self.manifest(&tag).await?.map(|list| list.content)
            }
        };
        Ok(match content {
            Some(Content::Index(mut entries)) => {
                entries.truncate(MOST_ENTRIES);
                entries
            }
            _ => Vec::new(),
        })
    }

    /// What a chart of this repository is called.
    pub(super) fn chart(&self) -> &str {
        self.place.chart()
    }

    /// `name:tag` or `name@digest`, for people.
    pub(super) fn named(&self, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        let Place {
            registry,
            repository,
        } = self.place;
        format!("{registry}/{repository}{separator}{reference}")
    }

    fn url(&self, rest: &str) -> Result<Url, FetchError> {
        let path = format!("v2/{}/{rest}", self.place.repository);
        self.base
            .join(&path)
            .map_err(|error| FetchError::Invalid(format!("{}: {error}", self.place)))
    }

    /// A GET. Who one is is shown when the registry asks for it, and only to the registry.
    async fn get(&self, url: &Url, accept: Option<&str>, limit: u64) -> Result<Answer, FetchError> {
        let known = self.authorization.lock().clone();
        let answer = self.send(url, accept, limit, known).await?;
        if answer.status != StatusCode::UNAUTHORIZED || answer.url.origin() != url.origin() {
            return Ok(answer);
        }
        let Some(challenge) = Challenge::of(&answer.headers) else {
            return Ok(answer);
        };
        let Some(value) = self.answer(url, &challenge, answer.is_private).await? else {
            return Ok(answer);
        };
        *self.authorization.lock() = Some(value.clone());
        self.send(url, accept, limit, Some(value)).await
    }

    async fn send(
        &self,
        url: &Url,
        accept: Option<&str>,
        limit: u64,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, FetchError> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value);
        }
        let mut call = Call {
            method: Method::GET,
            url: url.clone(),
            headers,
            credentials: self.credentials,
            reach: self.reach,
            named_by: NamedBy::Caller,
            // An answer that is no blob is a message, however small the blob is.
            limit: limit.max(refusal::MESSAGE),
        };
        if let Some(accept) = accept {
            call = call.with(ACCEPT, accept);
        }
        self.client
            .send(call)
            .await
            .map_err(|error| refusal::unreachable(url, error))
    }

    /// What a challenge of a registry, which has a private address or has none, is answered with; `None` where nothing can be
    /// shown.
    async fn answer(
        &self,
        url: &Url,
        challenge: &Challenge,
        private: bool,
    ) -> Result<Option<HeaderValue>, FetchError> {
        match (challenge, &self.login) {
            // A token is asked for without a login: that of a helper is not needed for what is public.
            (Challenge::Basic, Login::Elsewhere(what)) => Err(FetchError::Unauthorized(format!(
                "GET \"{}\": the Docker configuration has {what} for {}, which is not used here; hint: give user name and password",
                shown(url),
                self.place.registry
            ))),
            (Challenge::Basic, Login::Basic { user, password }) => {
                token::basic(user, password).map(Some)
            }
            (Challenge::Basic, _) => Err(FetchError::Unauthorized(format!(
                "GET \"{}\": basic credential not found; hint: the registry wants a user name and a password: `username` and `password`, or `.dockerconfigjson` with an entry for {}",
                shown(url),
                self.place.registry
            ))),
            (Challenge::Bearer { .. }, Login::Token(token)) => token::bearer(token).map(Some),
            (
                Challenge::Bearer {
                    realm,
                    service,
                    scope,
                },
                login,
            ) => {
                let office = token::Office {
                    realm,
                    service: service.as_deref(),
                    scope: scope.as_deref(),
                    reach: self.reach,
                    private,
                };
                let pull = format!("repository:{}:pull", self.place.repository);
                office
                    .token(self.client, url, &pull, login, self.credentials)
                    .await
                    .map(Some)
            }
        }
    }

    /// The next page, which has to be of the same registry.
    fn next(&self, url: &Url, answer: &Answer) -> Result<Option<Url>, FetchError> {
        let Some(link) = answer.header(&LINK) else {
            return Ok(None);
        };
        let invalid = |problem: &str| {
            FetchError::Invalid(format!(
                "GET \"{}\": invalid next link {link:?}: {problem}; hint: the registry is broken, or somebody is between",
                shown(url)
            ))
        };
        let target = link
            .strip_prefix('<')
            .ok_or_else(|| invalid("missing '<'"))?
            .split_once('>')
            .ok_or_else(|| invalid("missing '>'"))?
            .0;
        let next = url.join(target).map_err(|_| invalid("no URL"))?;
        if next.origin() != self.base.origin() {
            return Err(invalid("another server"));
        }
        Ok(Some(next))
    }

    fn refused(&self, url: &Url, answer: &Answer) -> Refusal {
        Refusal::of(url, answer, &self.login)
    }
}

fn mismatched(name: &str, what: &str, found: &Digest, expected: &str) -> FetchError {
    FetchError::Mismatch(format!(
        "{name}: mismatched digest: the {what} is {found}, expected {expected}; hint: what came is not what was asked for: a broken registry, or somebody between"
    ))
}

/// The same error with words in front.
pub(super) fn in_front(words: &str, error: FetchError) -> FetchError {
    match error {
        FetchError::Unauthorized(text) => FetchError::Unauthorized(format!("{words}{text}")),
        FetchError::Unavailable(text) => FetchError::Unavailable(format!("{words}{text}")),
        FetchError::NotFound(text) => FetchError::NotFound(format!("{words}{text}")),
        other => other,
    }
}
