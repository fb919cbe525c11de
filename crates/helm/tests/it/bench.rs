//! What a test needs: the engine, charts, and a host that has them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use oarlock_core::artifact::{
    Artifact, Artifacts, Closed, Credentials, FetchError, Reach, Source, Wanted,
};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::Host;
use oarlock_core::reference::Digest;
use oarlock_helm::{
    Capabilities, Engine, Offline, Options, Release, RenderError, Rendered, Request, ValueSource,
};
use oarlock_wasm::{EngineOptions, Loader};
use tokio::sync::OnceCell;

/// One WebAssembly engine for all tests. It keeps what it compiled where all tests look: the engine takes a minute and more.
pub(crate) static LOADER: LazyLock<Loader> = LazyLock::new(|| {
    Loader::new(EngineOptions {
        cache: Some(root().join("target/oarlock/cache")),
        instances: 4,
        ..EngineOptions::default()
    })
    .unwrap()
});

static ENGINE: OnceCell<Engine> = OnceCell::const_new();

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn built(path: &str, hint: &str) -> Vec<u8> {
    let path = root().join("target/oarlock").join(path);
    fs::read(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}\nhint: {hint}", path.display()))
}

/// The engine's component. Where it is missing tests fail: nothing is skipped.
pub(crate) fn bytes() -> Vec<u8> {
    built("modules/helm-engine.wasm", "cargo xtask modules")
}

/// A component of another kind.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    built(
        &format!("guests/{name}.wasm"),
        "cargo xtask guests --lang rust",
    )
}

/// The engine with limits for an unoptimised host.
pub(crate) async fn engine() -> &'static Engine {
    let load = || async {
        let options = Options {
            deadline: Duration::from_secs(300),
            ..Options::default()
        };
        Engine::load(&LOADER, bytes(), options).await.unwrap()
    };
    ENGINE.get_or_init(load).await
}

/// A package in memory, or why there is none now.
struct Shelf(Result<Arc<[u8]>, FetchError>);

impl Artifacts for Shelf {
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        Closed.fetch(wanted)
    }

    fn versions(
        &self,
        source: Source,
        credentials: Credentials,
        reach: Reach,
        max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        Closed.versions(source, credentials, reach, max_age)
    }

    fn read(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        let answer = match &self.0 {
            Ok(bytes) if Digest::of(bytes) != digest => Err(FetchError::NotFound(format!(
                "{digest} is not on the shelf"
            ))),
            answer => answer.clone(),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// A chart, as an uncompressed tar of its folder.
pub(crate) fn chart(files: &[(&str, &str)]) -> Arc<[u8]> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("boat/{path}"), text.as_bytes())
            .unwrap();
    }
    tar.into_inner().unwrap().into()
}

pub(crate) const CHART_YAML: &str = "apiVersion: v2\nname: boat\nversion: 1.2.3\n";

/// A chart of one template.
pub(crate) fn template(text: &str) -> Arc<[u8]> {
    chart(&[("Chart.yaml", CHART_YAML), ("templates/oar.yaml", text)])
}

pub(crate) fn request(chart: &[u8], values: &str) -> Request {
    Request {
        chart: Digest::of(chart).to_string(),
        values: vec![ValueSource::Yaml(("values".to_owned(), values.to_owned()))],
        release: Release {
            name: "skiff".to_owned(),
            namespace: "harbour".to_owned(),
            revision: 1,
            upgrade: false,
        },
        capabilities: Capabilities {
            kube_version: None,
            api_versions: Vec::new(),
            complete: false,
        },
        now: 1_700_000_000_000,
        seed: "seed".to_owned(),
        lookup: false,
        act_as: None,
        sub_notes: false,
        skip_schema_validation: false,
    }
}

/// A host that has this package.
pub(crate) fn host(package: &Arc<[u8]>) -> Arc<dyn Host> {
    let shelf = Shelf(Ok(Arc::clone(package)));
    Arc::new(Offline::new(Arc::new(shelf), |_line| {}))
}

/// A host that has none for now.
pub(crate) fn unreachable(why: &str) -> Arc<dyn Host> {
    let shelf = Shelf(Err(FetchError::Unavailable(why.to_owned())));
    Arc::new(Offline::new(Arc::new(shelf), |_line| {}))
}

pub(crate) async fn render(chart: &Arc<[u8]>, values: &str) -> Result<Rendered, RenderError> {
    let request = request(chart, values);
    engine().await.render(&request, host(chart)).await
}

/// Why it is not rendered.
pub(crate) async fn refusal(chart: &Arc<[u8]>, values: &str) -> RenderError {
    render(chart, values)
        .await
        .expect_err("the render should have failed")
}
