//! Archives by their URL.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::{Credentials, FetchError, Reach, Verification, Wanted};
use oarlock_core::reference::Digest;
use reqwest::header::{ACCEPT, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};

use crate::client::{self, Call};
use crate::depot::Depot;
use crate::fetched::{Fetched, Provenance};
use crate::package::Chart;
use crate::question::{Kind, Question};

/// What Helm says that it takes.
const TAKEN: &str = "application/gzip,application/octet-stream";

/// An archive that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Download {
    /// A `.tgz` that was looked at.
    pub(crate) bytes: Arc<[u8]>,
    /// Its digest.
    pub(crate) digest: Digest,
    /// What is in it.
    pub(crate) chart: Chart,
}

/// What a server said of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    digest: String,
    name: String,
    version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
}

/// When what was seen before may be given again without asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// While it is younger than this.
    Age(Duration),
    /// While it has the digest that the source says it has.
    Digest(Digest),
}

/// The chart at `url`.
pub(crate) async fn fetch(
    depot: &Depot,
    wanted: &Wanted,
    url: &str,
) -> Result<Fetched, FetchError> {
    let url = client::parse(url)?;
    let until = Until::Age(wanted.max_age);
    let download = download(depot, &url, &wanted.credentials, &wanted.reach, &until).await?;
    let provenance = provenance(depot, &url, &wanted.credentials, wanted).await?;
    Ok(download.into_fetched(&url, provenance))
}

impl Download {
    /// As what the source at `url` gave.
    pub(crate) fn into_fetched(self, url: &Url, provenance: Option<Provenance>) -> Fetched {
        Fetched {
            bytes: self.bytes,
            name: self.chart.name,
            version: self.chart.version,
            revision: self.digest.as_str().to_owned(),
            origin: client::shown(url),
            provenance,
            manifest: None,
            signatures: Vec::new(),
        }
    }
}

/// The archive at `url`: what is known of it where that is enough, and asked for otherwise. Equal downloads at the same time
/// are one.
pub(crate) async fn download(
    depot: &Depot,
    url: &Url,
    credentials: &Credentials,
    reach: &Reach,
    until: &Until,
) -> Result<Download, FetchError> {
    let question = Question::new(Kind::Archive, url.as_str(), credentials).within(reach);
    let known = Known::of(depot, &question).await;
    if let Some(known) = known.as_ref().filter(|known| known.is_enough(until)) {
        return Ok(known.download.clone());
    }
    let (own, url) = (depot.within(), url.clone());
    let (credentials, reach, asked) = (credentials.clone(), reach.clone(), question.clone());
    let push = depot.cache().push_before(&question);
    depot
        .downloads()
        .join((push, question), || {
            Box::pin(async move { ask(&own, &url, &credentials, &reach, &asked, known).await })
        })
        .await
}

/// What is kept of an archive.
struct Known {
    download: Download,
    record: crate::cache::Record<Seen>,
}

impl Known {
    async fn of(depot: &Depot, question: &Question) -> Option<Self> {
        let record = depot.cache().record::<Seen>(question).await?;
        let digest: Digest = record.answer.digest.parse().ok()?;
        let bytes = depot.cache().blob(&digest).await?;
        let chart = Chart {
            name: record.answer.name.clone(),
            version: record.answer.version.clone(),
        };
        Some(Self {
            download: Download {
                bytes,
                digest,
                chart,
            },
            record,
        })
    }

    fn is_enough(&self, until: &Until) -> bool {
        match until {
            Until::Age(max_age) => self.record.is_fresh(*max_age),
            Until::Digest(digest) => *digest == self.download.digest,
        }
    }
}

async fn ask(
    depot: &Depot,
    url: &Url,
    credentials: &Credentials,
    reach: &Reach,
    question: &Question,
    known: Option<Known>,
) -> Result<Download, FetchError> {
    let mut call = Call::get(
        url.clone(),
        credentials,
        reach,
        depot.options().limits.package,
    )?
    .with(ACCEPT, TAKEN);
    if let Some(Known { record, .. }) = &known {
        if let Some(etag) = &record.answer.etag {
            call = call.with(IF_NONE_MATCH, etag);
        } else if let Some(date) = &record.answer.last_modified {
            call = call.with(IF_MODIFIED_SINCE, date);
        }
    }
    let answer = depot.client().send(call).await?;
    match (answer.status, known) {
        (StatusCode::OK, _) => {}
        (StatusCode::NOT_MODIFIED, Some(known)) => {
            depot.cache().note(question, &known.record.answer).await;
            return Ok(known.download);
        }
        (status, _) => return Err(client::refused(url, status, credentials)),
    }
    let bytes: Arc<[u8]> = Arc::from(&answer.body[..]);
    let chart = depot.inspect(&bytes, &client::shown(url)).await?;
    let digest = depot.cache().keep(Arc::clone(&bytes)).await?;
    let seen = Seen {
        digest: digest.as_str().to_owned(),
        name: chart.name.clone(),
        version: chart.version.clone(),
        etag: answer.header(&ETAG),
        last_modified: answer.header(&LAST_MODIFIED),
    };
    depot.cache().note(question, &seen).await;
    Ok(Download {
        bytes,
        digest,
        chart,
    })
}

/// The provenance file beside the archive at `url`; `None` where the proofs that are wanted need none.
pub(crate) async fn provenance(
    depot: &Depot,
    url: &Url,
    credentials: &Credentials,
    wanted: &Wanted,
) -> Result<Option<Provenance>, FetchError> {
    let needed = |proof| matches!(proof, &Verification::Provenance { .. });
    if !wanted.verify.iter().any(needed) {
        return Ok(None);
    }
    let file = decoded(url.path().rsplit('/').next().unwrap_or_default());
    let mut beside = url.clone();
    beside.set_path(&format!("{}.prov", url.path()));
    let limit = depot.options().limits.proof;
    let call = Call::get(beside.clone(), credentials, &wanted.reach, limit)?;
    let answer = depot.client().send(call).await?;
    match answer.status {
        StatusCode::OK => Ok(Some(Provenance {
            file,
            text: answer.body.to_vec(),
        })),
        StatusCode::NOT_FOUND => Err(FetchError::Mismatch(format!(
            "failed to fetch provenance \"{}\"; hint: the chart is not signed (`helm package --sign` makes the file, and it has to \
             be served beside the archive), and a signature is wanted",
            client::shown(&beside)
        ))),
        status => Err(client::refused(&beside, status, credentials)),
    }
}

/// `name` without percent signs (RFC 3986, section 2.1): a provenance file has names as they are on disk.
fn decoded(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match after {
            [a, b, ..] if *first == b'%' => std::str::from_utf8(&[*a, *b])
                .ok()
                .and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded() {
        for (name, expected) in [
            ("web-1.0.0+a.tgz", "web-1.0.0+a.tgz"),
            ("web-1.0.0%2Ba.tgz", "web-1.0.0+a.tgz"),
            ("%C3%BC%", "ü%"),
            ("%zz%2", "%zz%2"),
            ("", ""),
        ] {
            assert_eq!(decoded(name), expected);
        }
    }
}
