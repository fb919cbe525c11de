//! Charts and other packages of a simulation: those of the chart folder, and others only where somebody says so.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use oarlock_artifacts::Depot;
use oarlock_core::artifact::{
    Artifact, Artifacts, Credentials, FetchError, Reach, Site, Source, Wanted,
};
use oarlock_core::future::BoxFuture;
use oarlock_core::reference::Digest;
use tokio::runtime::Handle;

/// The grant of the chart folder.
const LOCAL: &str = "local";

/// The port of a simulation.
pub(crate) struct Packages {
    depot: Depot,
    /// A runtime with a network, and a clock that is not the simulation's.
    real: Handle,
    /// Whether others than the chart folder are asked.
    outside: bool,
}

impl Packages {
    /// Those of `depot`, which is asked on the runtime that this is called on.
    pub(crate) fn new(depot: Depot, outside: bool) -> Self {
        Self {
            depot,
            real: Handle::current(),
            outside,
        }
    }

    /// What of `reach` a simulation has. The engine has checked that `source` is granted.
    fn narrow(&self, source: &Source, reach: Reach) -> Result<Reach, FetchError> {
        if self.outside {
            return Ok(reach);
        }
        let site = Site::of(source).map_err(|error| FetchError::Invalid(error.to_string()))?;
        if site != Site::Local {
            return Err(FetchError::Denied(format!(
                "{source}: a simulation fetches nothing from outside; hint: --fetch lets it"
            )));
        }
        Ok(match reach {
            Reach::Granted { grants, namespace } => Reach::Granted {
                grants: grants.into_iter().filter(|grant| grant == LOCAL).collect(),
                namespace,
            },
            Reach::Anywhere { .. } => Reach::Granted {
                grants: vec![LOCAL.to_owned()],
                namespace: None,
            },
        })
    }

    /// Asks the depot. Virtual time stands still meanwhile: a thread is busy with it.
    async fn ask<T: Send + 'static, F>(
        &self,
        question: impl FnOnce(Depot) -> F + Send + 'static,
    ) -> Result<T, FetchError>
    where
        F: Future<Output = Result<T, FetchError>>,
    {
        let (depot, real) = (self.depot.clone(), self.real.clone());
        tokio::task::spawn_blocking(move || real.block_on(question(depot)))
            .await
            .map_err(|error| FetchError::Unavailable(error.to_string()))?
    }
}

impl Artifacts for Packages {
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        Box::pin(async move {
            let reach = self.narrow(&wanted.source, wanted.reach)?;
            let wanted = Wanted { reach, ..wanted };
            self.ask(async move |depot| depot.fetch(wanted).await).await
        })
    }

    fn versions(
        &self,
        source: Source,
        credentials: Credentials,
        reach: Reach,
        max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        Box::pin(async move {
            let reach = self.narrow(&source, reach)?;
            let versions =
                async move |depot: Depot| depot.versions(source, credentials, reach, max_age).await;
            self.ask(versions).await
        })
    }

    fn read(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        Box::pin(self.ask(async move |depot| depot.read(digest).await))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::*;

    const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\n";

    fn wanted(source: Source) -> Wanted {
        Wanted {
            source,
            credentials: Credentials::default(),
            reach: Reach::Granted {
                grants: vec![LOCAL.to_owned(), "https://charts.example".to_owned()],
                namespace: None,
            },
            expect: None,
            max_age: Duration::ZERO,
            dependencies: false,
            verify: Vec::new(),
        }
    }

    /// Asks on a runtime whose clock jumps whenever nothing is to do, as that of a simulation.
    fn fetched(packages: Packages, source: Source) -> Result<Artifact, FetchError> {
        std::thread::spawn(move || {
            let virtual_time = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            virtual_time.block_on(async {
                let begin = tokio::time::Instant::now();
                let fetched = packages.fetch(wanted(source)).await;
                assert_eq!(begin.elapsed(), Duration::ZERO, "virtual time went on");
                fetched
            })
        })
        .join()
        .unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_simulation_has_the_charts_of_its_folder_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("web")).unwrap();
        fs::write(folder.path().join("web/Chart.yaml"), CHART).unwrap();
        let depot = Depot::new(oarlock_artifacts::Options {
            charts: Some(folder.path().to_owned()),
            ..oarlock_artifacts::Options::default()
        })
        .unwrap();
        let packages = || Packages::new(depot.clone(), false);
        let web = fetched(packages(), Source::Local("web".to_owned())).unwrap();
        assert_eq!((web.name.as_str(), web.version.as_str()), ("web", "1.2.3"));
        let source = Source::Repository {
            url: "https://charts.example".to_owned(),
            chart: "web".to_owned(),
            version: String::new(),
        };
        let refused = fetched(packages(), source).unwrap_err();
        insta::assert_snapshot!(refused, @"web of https://charts.example: a simulation fetches nothing from outside; hint: --fetch lets it");
        let reach = packages().narrow(
            &Source::Local("web".to_owned()),
            wanted(Source::Local("web".to_owned())).reach,
        );
        let local = Reach::Granted {
            grants: vec![LOCAL.to_owned()],
            namespace: None,
        };
        assert_eq!(
            reach,
            Ok(local),
            "what it depends on comes from the folder too"
        );
    }
}
