//! What a library read: the questions, digests of the answers, and how to ask again.

use std::any::Any;
use std::fmt::{self, Write as _};
use std::time::Duration;

use oarlock_core::artifact::Source;
use oarlock_core::reconciler::{ArtifactProof, ArtifactRequest, Host, SecretKey, Selection};
use oarlock_core::reference::{Digest, Gvk, GvkParts, ObjectRef};
use sha2::{Digest as _, Sha256};

/// A question to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Get(ObjectRef, Option<String>),
    GetLive(ObjectRef, Option<String>),
    Query(Selection),
    Children,
    Observe(Vec<ObjectRef>),
    Kinds,
    ServerVersion,
    Fetch(Box<ArtifactRequest>),
    Versions(Source, Option<String>, Duration),
    Artifact(Digest),
}

/// Digest of an answer of the host, of a refusal too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum([u8; 32]);

/// An answer that waits to be asked for.
pub(super) type Prepared = Box<dyn Any + Send>;

impl Sum {
    /// The text of `answer` for debugging has all of it.
    pub(super) fn of(answer: &impl fmt::Debug) -> Self {
        let mut hasher = TextHasher(Sha256::new());
        let _infallible = write!(hasher, "{answer:?}");
        Self(hasher.0.finalize().into())
    }

    /// Bytes that are called by their digest need not be looked at again, but they have to be permitted.
    pub(super) fn of_permission<T, E: fmt::Debug>(answer: &Result<T, E>) -> Self {
        Self::of(&answer.as_ref().map(|_permitted| ()))
    }
}

struct TextHasher(Sha256);

impl fmt::Write for TextHasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

impl Read {
    /// Asks `host`.
    pub(super) async fn ask(&self, host: &dyn Host) -> (Sum, Prepared) {
        fn kept<T: fmt::Debug + Send + 'static>(answer: T) -> (Sum, Prepared) {
            (Sum::of(&answer), Box::new(answer))
        }
        match self.clone() {
            Self::Get(target, act_as) => kept(host.get(target, act_as).await),
            Self::GetLive(target, act_as) => kept(host.get_live(target, act_as).await),
            Self::Query(selection) => kept(host.query(selection).await),
            Self::Children => kept(host.children().await),
            Self::Observe(targets) => kept(host.observe(targets).await),
            Self::Kinds => kept(host.kinds().await),
            Self::ServerVersion => kept(host.server_version().await),
            Self::Fetch(request) => kept(host.fetch(*request).await),
            Self::Versions(source, credentials, max_age) => {
                kept(host.versions(source, credentials, max_age).await)
            }
            Self::Artifact(digest) => {
                let answer = host.artifact(digest).await;
                (Sum::of_permission(&answer), Box::new(answer))
            }
        }
    }

    /// Bytes that it takes to remember it and its answer's digest.
    pub(super) fn size(&self) -> usize {
        let inside = match self {
            Self::Get(target, act_as) | Self::GetLive(target, act_as) => {
                reference(target) + optional(act_as)
            }
            Self::Query(selection) => {
                kind(&selection.gvk)
                    + optional(&selection.namespace)
                    + optional(&selection.labels)
                    + optional(&selection.act_as)
                    + texts(&selection.fields)
            }
            Self::Children | Self::Kinds | Self::ServerVersion => 0,
            Self::Observe(targets) => {
                let target = |target| size_of::<ObjectRef>() + reference(target);
                targets.iter().map(target).sum()
            }
            Self::Fetch(request) => fetch(request),
            Self::Versions(from, credentials, _) => source(from) + optional(credentials),
            Self::Artifact(digest) => digest.as_str().len(),
        };
        size_of::<(Self, Sum)>() + inside
    }
}

/// Bytes beside the value itself, here and below.
fn reference(target: &ObjectRef) -> usize {
    kind(&target.gvk) + optional(&target.namespace) + target.name.len()
}

fn kind(gvk: &Gvk) -> usize {
    size_of::<GvkParts>() + gvk.group.len() + gvk.version.len() + gvk.kind.len()
}

fn optional(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

fn texts(texts: &[String]) -> usize {
    let text = |text: &String| size_of::<String>() + text.len();
    texts.iter().map(text).sum()
}

fn fetch(request: &ArtifactRequest) -> usize {
    let proof = |proof: &ArtifactProof| {
        let (ArtifactProof::Provenance(secret) | ArtifactProof::Cosign(secret)) = proof;
        let SecretKey {
            namespace,
            name,
            key,
        } = secret;
        size_of::<ArtifactProof>() + optional(namespace) + name.len() + key.len()
    };
    size_of::<ArtifactRequest>()
        + source(&request.source)
        + optional(&request.credentials)
        + request.expect.as_ref().map_or(0, |d| d.as_str().len())
        + request.verify.iter().map(proof).sum::<usize>()
}

fn source(source: &Source) -> usize {
    match source {
        Source::Local(path) => path.len(),
        Source::Archive(url) => url.len(),
        Source::Repository {
            url,
            chart,
            version,
        } => url.len() + chart.len() + version.len(),
        Source::Oci {
            repository,
            version,
        } => repository.len() + version.len(),
        Source::Git {
            url,
            reference,
            path,
        } => url.len() + reference.len() + path.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text that must be counted.
    fn long() -> String {
        "x".repeat(1000)
    }

    fn target(namespace: Option<&str>, name: &str) -> ObjectRef {
        ObjectRef::new(Gvk::new("apps", "v1", "Deployment"), namespace, name)
    }

    fn selection() -> Selection {
        Selection {
            gvk: Gvk::new("", "v1", "Pod"),
            namespace: None,
            labels: None,
            fields: Vec::new(),
            act_as: None,
        }
    }

    fn request(source: Source) -> ArtifactRequest {
        ArtifactRequest {
            source,
            credentials: None,
            expect: None,
            max_age: Duration::ZERO,
            dependencies: false,
            verify: Vec::new(),
        }
    }

    #[test]
    fn every_text_counts() {
        let local = || Source::Local(String::new());
        let key = |namespace: Option<String>, name: String| {
            ArtifactProof::Cosign(SecretKey {
                namespace,
                name,
                key: String::new(),
            })
        };
        for read in [
            Read::Get(target(None, &long()), None),
            Read::GetLive(target(Some(&long()), ""), None),
            Read::Get(target(None, "a"), Some(long())),
            Read::Get(ObjectRef::new(Gvk::new("", "v1", long()), None, "a"), None),
            Read::Query(Selection {
                labels: Some(long()),
                ..selection()
            }),
            Read::Query(Selection {
                namespace: Some(long()),
                ..selection()
            }),
            Read::Query(Selection {
                act_as: Some(long()),
                ..selection()
            }),
            Read::Query(Selection {
                fields: vec!["/a".to_owned(), long()],
                ..selection()
            }),
            Read::Observe(vec![target(None, "a"), target(None, &long())]),
            Read::Fetch(Box::new(request(Source::Archive(long())))),
            Read::Fetch(Box::new(ArtifactRequest {
                credentials: Some(long()),
                ..request(local())
            })),
            Read::Fetch(Box::new(ArtifactRequest {
                verify: vec![key(None, long())],
                ..request(local())
            })),
            Read::Fetch(Box::new(ArtifactRequest {
                verify: vec![key(Some(long()), String::new())],
                ..request(local())
            })),
            Read::Versions(Source::Local(long()), None, Duration::ZERO),
            Read::Versions(local(), Some(long()), Duration::ZERO),
        ] {
            let size = read.size();
            assert!((1000..2000).contains(&size), "{size}: {read:?}");
        }
        assert!(Read::Kinds.size() < 1000);
    }
}
