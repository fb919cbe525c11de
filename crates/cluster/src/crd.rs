//! Installing CustomResourceDefinitions.
//!
//! Applied by server-side apply, so that two processes may do it at once; never in a way that takes a version away from those
//! who use it; done when the API server says that the kind is served.

mod versions;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use oarlock_core::clock::Clock;
use oarlock_core::object::Object;
use oarlock_core::reference::ResourceVersion;
use oarlock_core::request::ApiError;
use serde_json::Value;
use thiserror::Error;

use crate::path::query;
use crate::transport::{APPLY_PATCH, ApiCall, JSON, Transport};
use crate::watch::stream::{EventStream, Start, StreamEnd};
use oarlock_core::health::health;

pub use versions::RemovedVersion;

/// Field manager of what the host itself installs.
const MANAGER: &str = "oarlock";

const COLLECTION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

const PAUSE: Duration = Duration::from_millis(250);

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a definition is not installed.
#[derive(Debug, Error)]
pub enum InstallCrd {
    /// Some other kind of object.
    #[error("{0} is no apiextensions.k8s.io/v1 CustomResourceDefinition")]
    NotADefinition(String),
    /// What is installed cannot be read.
    #[error("cannot read CustomResourceDefinition {name}")]
    Read {
        /// Its name.
        name: String,
        /// What the API server said.
        source: ApiError,
    },
    /// Versions in use would go.
    #[error(
        "CustomResourceDefinition {name} would lose versions: {}; hint: keep them in spec.versions, or migrate their objects and \
         remove them by hand",
        versions::join(removed)
    )]
    RemovesVersions {
        /// Its name.
        name: String,
        /// Versions that are served or stored, and would not be any more.
        removed: Vec<RemovedVersion>,
    },
    /// The API server refused it.
    #[error("cannot apply CustomResourceDefinition {name}")]
    Apply {
        /// Its name.
        name: String,
        /// What the API server said.
        source: ApiError,
    },
    /// The API server does not serve it.
    #[error("CustomResourceDefinition {name} is not served after {within:?}: {state}")]
    NotEstablished {
        /// Its name.
        name: String,
        /// How long was waited.
        within: Duration,
        /// What its conditions say.
        state: String,
    },
}

/// Installs definitions, and waits until their kinds are served; at most `within` for each.
///
/// # Errors
/// With the first that fails; those before it are installed.
pub async fn install(
    client: kube::Client,
    clock: Arc<dyn Clock>,
    definitions: &[Object],
    within: Duration,
) -> Result<(), InstallCrd> {
    let installer = Installer {
        transport: Transport::new(client, clock, REQUEST_TIMEOUT),
        within,
    };
    for definition in definitions {
        installer.install(definition).await?;
    }
    Ok(())
}

struct Installer {
    transport: Transport,
    within: Duration,
}

/// How far a definition is.
struct Progress {
    served: bool,
    state: String,
    version: ResourceVersion,
}

impl Installer {
    async fn install(&self, definition: &Object) -> Result<(), InstallCrd> {
        let target = definition.target();
        let name = target.name.as_str();
        let gvk = &target.gvk;
        let is_definition = (gvk.group.as_str(), gvk.version.as_str(), gvk.kind.as_str())
            == ("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
        if !is_definition || name.contains(['/', '%']) {
            return Err(InstallCrd::NotADefinition(target.to_string()));
        }
        let path = format!("{COLLECTION}/{name}");
        match self.transport.json(&ApiCall::get(path.as_str())).await {
            Ok(installed) => {
                let removed = versions::removed(&installed, definition);
                if !removed.is_empty() {
                    return Err(InstallCrd::RemovesVersions {
                        name: name.to_owned(),
                        removed,
                    });
                }
            }
            Err(error) if error.code == 404 => {}
            Err(source) => {
                return Err(InstallCrd::Read {
                    name: name.to_owned(),
                    source,
                });
            }
        }
        self.apply(name, path, definition).await?;
        self.established(name).await
    }

    async fn apply(
        &self,
        name: &str,
        mut path: String,
        definition: &Object,
    ) -> Result<(), InstallCrd> {
        query(&mut path, "fieldManager", MANAGER);
        query(&mut path, "force", "true");
        let content = Value::Object(definition.content().clone());
        let call = ApiCall::new(Method::PATCH, path).content(APPLY_PATCH, &content);
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.transport.send(&call).await {
                Ok(_) => return Ok(()),
                // Somebody else applies it at the same time.
                Err(error) if error.code == 409 && attempts < 5 => {}
                Err(source) => {
                    return Err(InstallCrd::Apply {
                        name: name.to_owned(),
                        source,
                    });
                }
            }
        }
    }

    async fn established(&self, name: &str) -> Result<(), InstallCrd> {
        let clock = self.transport.clock();
        let deadline = clock.sleep_until(clock.now().after(self.within));
        let mut state = "no conditions yet".to_owned();
        tokio::select! {
            biased;
            result = self.wait(name, &mut state) => {
                result.map_err(|source| InstallCrd::Read { name: name.to_owned(), source })
            }
            () = deadline => Err(InstallCrd::NotEstablished {
                name: name.to_owned(),
                within: self.within,
                state,
            }),
        }
    }

    /// Returns when the definition is served. A condition that fails is not the end: it may be one of before the apply.
    async fn wait(&self, name: &str, state: &mut String) -> Result<(), ApiError> {
        let path = format!("{COLLECTION}/{name}");
        let mut collection = COLLECTION.to_owned();
        query(
            &mut collection,
            "fieldSelector",
            &format!("metadata.name={name}"),
        );
        loop {
            let now = progress(self.transport.json(&ApiCall::get(path.as_str())).await?);
            *state = now.state;
            if now.served {
                return Ok(());
            }
            let timeout = Duration::from_secs(60);
            let start = Start::After(&now.version);
            let opened =
                EventStream::open(&self.transport, &collection, start, timeout, JSON).await;
            let mut stream = match opened {
                Ok(stream) => stream,
                Err(error) if error.code == 410 => continue,
                Err(error) => return Err(error),
            };
            loop {
                match stream.next().await {
                    Ok(crate::watch::stream::Event::Applied(object)) => {
                        let now = progress(object);
                        *state = now.state;
                        if now.served {
                            return Ok(());
                        }
                    }
                    Ok(_) => {}
                    Err(StreamEnd::Closed | StreamEnd::Gone) => {
                        // A server that ends each watch at once shall not be asked in a loop.
                        let clock = self.transport.clock();
                        clock.sleep_until(clock.now().after(PAUSE)).await;
                        break;
                    }
                    Err(StreamEnd::Failed(error)) => return Err(error),
                }
            }
        }
    }
}

fn progress(value: Value) -> Progress {
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let version = ResourceVersion(text("/metadata/resourceVersion").to_owned());
    let is_true = |kind: &str| {
        let conditions = value
            .pointer("/status/conditions")
            .and_then(Value::as_array);
        conditions.into_iter().flatten().any(|condition| {
            condition["type"].as_str() == Some(kind) && condition["status"].as_str() == Some("True")
        })
    };
    let served = is_true("Established") && is_true("NamesAccepted");
    let state = match Object::from_value(value) {
        Ok(object) => health(&object).1,
        Err(error) => error.to_string(),
    };
    Progress {
        served,
        state,
        version,
    }
}
