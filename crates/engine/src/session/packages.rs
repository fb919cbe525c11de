//! Charts and other packages: what is granted, the Secrets that open their sources, and what this run fetched.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::{
    Artifact, Credentials, FetchError, Reach, Source, Upstream, Verification, Wanted,
};
use oarlock_core::reconciler::{ArtifactProof, ArtifactRequest, SecretKey};
use oarlock_core::reference::Digest;

use super::{NoSecret, SecretData, Session};
use crate::dependencies::Reads;

/// Keys of a Secret that opens a source; of pairs, the second is that of a TLS Secret.
const KEYS: &str = "username and password, bearerToken, .dockerconfigjson, identity and known_hosts, caFile or ca.crt, \
                    certFile and keyFile, or tls.crt and tls.key";

impl From<NoSecret> for FetchError {
    fn from(error: NoSecret) -> Self {
        match error {
            NoSecret::Denied(message) => Self::Denied(message),
            NoSecret::Read(error) => Self::Unavailable(error.to_string()),
        }
    }
}

impl Session {
    /// Fetches one package, if all that it names is granted.
    pub(super) async fn package(&self, request: ArtifactRequest) -> Result<Artifact, FetchError> {
        let reach = self.reach();
        reach.check(&request.source)?;
        self.note_upstream(&request.source);
        let mut verify = Vec::with_capacity(request.verify.len());
        for proof in &request.verify {
            verify.push(self.proof(proof).await?);
        }
        let wanted = Wanted {
            source: request.source,
            credentials: self.package_credentials(request.credentials).await?,
            reach,
            expect: request.expect,
            max_age: request.max_age,
            dependencies: request.dependencies,
            verify,
        };
        let waiting = self.waits.begin();
        let artifact = self.artifacts.fetch(wanted).await;
        drop(waiting);
        let artifact = artifact?;
        self.fetched.lock().insert(artifact.digest.clone());
        Ok(artifact)
    }

    /// The versions that a granted source has.
    pub(super) async fn package_versions(
        &self,
        source: Source,
        credentials: Option<String>,
        max_age: Duration,
    ) -> Result<Vec<String>, FetchError> {
        let reach = self.reach();
        reach.check(&source)?;
        self.note_upstream(&source);
        let credentials = self.package_credentials(credentials).await?;
        let _waiting = self.waits.begin();
        self.artifacts
            .versions(source, credentials, reach, max_age)
            .await
    }

    /// The bytes of what this run fetched. Others may have fetched more, from sources that are not granted here.
    pub(super) async fn package_bytes(&self, digest: Digest) -> Result<Arc<[u8]>, FetchError> {
        if !self.fetched.lock().contains(&digest) {
            return Err(FetchError::Denied(format!(
                "{digest}: this run did not fetch it; hint: a digest is read by the run that got it from fetch"
            )));
        }
        let _waiting = self.waits.begin();
        self.artifacts.read(digest).await
    }

    /// Notes what is about to be fetched from: a push there is a reason to run again.
    fn note_upstream(&self, source: &Source) {
        if let Some(upstream) = Upstream::of(source) {
            self.note(Reads::upstream(upstream));
        }
    }

    fn reach(&self) -> Reach {
        Reach::Granted {
            grants: self.grants.artifacts.clone(),
            namespace: self.namespace().map(str::to_owned),
        }
    }

    /// What a Secret of the object's namespace opens.
    async fn package_credentials(&self, name: Option<String>) -> Result<Credentials, FetchError> {
        let Some(name) = name else {
            return Ok(Credentials::default());
        };
        let secret = self.secret_data(None, &name).await?;
        Ok(credentials(&secret)?)
    }

    async fn proof(&self, proof: &ArtifactProof) -> Result<Verification, FetchError> {
        let (ArtifactProof::Provenance(at) | ArtifactProof::Cosign(at)) = proof;
        let SecretKey {
            namespace,
            name,
            key,
        } = at;
        let secret = self.secret_data(namespace.as_deref(), name).await?;
        Ok(match proof {
            ArtifactProof::Provenance(_) => Verification::Provenance {
                keyring: secret.value(key)?,
            },
            ArtifactProof::Cosign(_) => Verification::Cosign {
                key: text(&secret, key)?,
            },
        })
    }
}

/// The keys of a Secret, with the names that Helm's and Flux's users know.
fn credentials(secret: &SecretData) -> Result<Credentials, NoSecret> {
    let found = Credentials {
        basic: basic(secret)?,
        bearer: line(secret, "bearerToken")?,
        docker_config: optional(secret, ".dockerconfigjson")?,
        identity: optional(secret, "identity")?,
        known_hosts: optional(secret, "known_hosts")?,
        ca: either(secret, ["caFile", "ca.crt"])?,
        client: client(secret)?,
    };
    if found == Credentials::default() {
        return Err(secret.denied(&format!("opens nothing; expected {KEYS}")));
    }
    Ok(found)
}

fn basic(secret: &SecretData) -> Result<Option<(String, String)>, NoSecret> {
    match (line(secret, "username")?, line(secret, "password")?) {
        (Some(user), Some(password)) => Ok(Some((user, password))),
        (Some(_), None) => Err(secret.denied("has a username and no password")),
        (None, Some(_)) if secret.has("identity") => Err(secret.denied(
            "has a password beside its identity; hint: a key without a passphrase is expected",
        )),
        (None, Some(_)) => Err(secret.denied("has a password and no username")),
        (None, None) => Ok(None),
    }
}

fn client(secret: &SecretData) -> Result<Option<(String, String)>, NoSecret> {
    let certificate = either(secret, ["certFile", "tls.crt"])?;
    let key = either(secret, ["keyFile", "tls.key"])?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (Some(_), None) => Err(secret.denied("has a client certificate and no key of it")),
        (None, Some(_)) => Err(secret.denied("has a client's key and no certificate of it")),
        (None, None) => Ok(None),
    }
}

/// The first of two spellings that is there.
fn either(secret: &SecretData, keys: [&str; 2]) -> Result<Option<String>, NoSecret> {
    let present = keys.into_iter().find(|key| secret.has(key));
    present.map(|key| text(secret, key)).transpose()
}

fn optional(secret: &SecretData, key: &str) -> Result<Option<String>, NoSecret> {
    either(secret, [key, key])
}

/// A value of one line. Editors and `kubectl create secret --from-file` leave a line feed at its end.
fn line(secret: &SecretData, key: &str) -> Result<Option<String>, NoSecret> {
    let text = optional(secret, key)?;
    Ok(text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn text(secret: &SecretData, key: &str) -> Result<String, NoSecret> {
    String::from_utf8(secret.value(key)?)
        .map_err(|_not_text| secret.denied(&format!("key {key:?} is not UTF-8 text")))
}
