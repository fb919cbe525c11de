//! `oarlock:reconcile/artifacts`: handed to the host of the run, which checks the grants and looks Secrets up.

use std::time::Duration;

use oarlock_core::artifact::{Artifact, FetchError, Source};
use oarlock_core::reconciler::{ArtifactProof, ArtifactRequest};
use oarlock_core::reference::Digest;

use crate::bindings::oarlock::reconcile::artifacts;
use crate::capability::http::secret_key;
use crate::store::RunState;

type Answer<T> = wasmtime::Result<Result<T, artifacts::FetchError>>;

impl artifacts::Host for RunState {
    async fn fetch(&mut self, request: artifacts::Request) -> Answer<artifacts::Artifact> {
        let request = match wanted(request) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        Ok(self.host.fetch(request).await.map(artifact).map_err(error))
    }

    async fn versions(
        &mut self,
        source: artifacts::Source,
        credentials: Option<String>,
        max_age_ms: u64,
    ) -> Answer<Vec<String>> {
        let max_age = Duration::from_millis(max_age_ms);
        let versions = self.host.versions(from(source), credentials, max_age).await;
        Ok(versions.map_err(error))
    }

    async fn read(&mut self, digest: String) -> Answer<Vec<u8>> {
        let digest = match parse(&digest) {
            Ok(digest) => digest,
            Err(error) => return Ok(Err(error)),
        };
        let bytes = self.host.artifact(digest).await;
        Ok(bytes.map(|bytes| bytes.to_vec()).map_err(error))
    }
}

fn wanted(request: artifacts::Request) -> Result<ArtifactRequest, artifacts::FetchError> {
    Ok(ArtifactRequest {
        source: from(request.source),
        credentials: request.credentials,
        expect: request.expect.as_deref().map(parse).transpose()?,
        max_age: Duration::from_millis(request.max_age_ms),
        dependencies: request.dependencies,
        verify: request.verify.into_iter().map(proof).collect(),
    })
}

fn parse(digest: &str) -> Result<Digest, artifacts::FetchError> {
    digest
        .parse()
        .map_err(|error: oarlock_core::reference::ParseDigest| {
            artifacts::FetchError::Invalid(error.to_string())
        })
}

fn from(source: artifacts::Source) -> Source {
    match source {
        artifacts::Source::Local(path) => Source::Local(path),
        artifacts::Source::Archive(url) => Source::Archive(url),
        artifacts::Source::Repository(chart) => Source::Repository {
            url: chart.url,
            chart: chart.chart,
            version: chart.version,
        },
        artifacts::Source::Oci(chart) => Source::Oci {
            repository: chart.repository,
            version: chart.version,
        },
        artifacts::Source::Git(chart) => Source::Git {
            url: chart.url,
            reference: chart.ref_,
            path: chart.path,
        },
    }
}

fn proof(verification: artifacts::Verification) -> ArtifactProof {
    match verification {
        artifacts::Verification::Provenance(keyring) => {
            ArtifactProof::Provenance(secret_key(keyring))
        }
        artifacts::Verification::Cosign(public) => ArtifactProof::Cosign(secret_key(public)),
    }
}

fn artifact(artifact: Artifact) -> artifacts::Artifact {
    artifacts::Artifact {
        digest: artifact.digest.to_string(),
        name: artifact.name,
        version: artifact.version,
        revision: artifact.revision,
        origin: artifact.origin,
    }
}

fn error(error: FetchError) -> artifacts::FetchError {
    match error {
        FetchError::Denied(text) => artifacts::FetchError::Denied(text),
        FetchError::NotFound(text) => artifacts::FetchError::NotFound(text),
        FetchError::Unauthorized(text) => artifacts::FetchError::Unauthorized(text),
        FetchError::Unavailable(text) => artifacts::FetchError::Unavailable(text),
        FetchError::Mismatch(text) => artifacts::FetchError::Mismatch(text),
        FetchError::Invalid(text) => artifacts::FetchError::Invalid(text),
    }
}
