//! `oarlock rbac`: the least rights that an operator needs for its watches.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use oarlock_config::rights::{Installation, Subject, rights};
use oarlock_config::{ModuleSource, Severity, Watch};
use oarlock_core::manifest::Manifest;
use oarlock_core::reconciler::Reconciler as _;
use oarlock_wasm::{EngineOptions, Loader};

use crate::arguments::{environment, namespace};
use crate::output;

mod kinds;
mod yaml;

/// Arguments of `oarlock rbac`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The watches file.
    #[arg(default_value = "watches.yaml", value_name = "FILE")]
    watches: PathBuf,
    /// The directory that `module:` paths start from: what modules say of their kinds is looked up there.
    #[arg(long, default_value = "modules", value_name = "DIR")]
    modules: PathBuf,
    /// The operator's ServiceAccount.
    #[arg(
        long,
        default_value = "oarlock-system/oarlock",
        value_name = "NAMESPACE/NAME"
    )]
    service_account: String,
    /// Name of the roles and bindings.
    #[arg(long, default_value = "oarlock", value_name = "NAME")]
    name: String,
    /// Namespaces that the operator sees, with commas [default: all].
    #[arg(
        long,
        alias = "namespace",
        env = "WATCH_NAMESPACE",
        hide_env_values = true,
        value_name = "NAMES",
        value_delimiter = ',',
        value_parser = namespace
    )]
    watch_namespace: Vec<String>,
    /// For an operator that runs with --leader-elect.
    #[arg(long)]
    leader_elect: bool,
    /// For an operator that runs with --sharding.
    #[arg(long)]
    sharding: bool,
    /// For an operator that runs with --install-crds.
    #[arg(long)]
    install_crds: bool,
    /// For an operator that runs with --metrics-require-rbac.
    #[arg(long)]
    metrics_require_rbac: bool,
    /// Ask this cluster how kinds are called that no module defines.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// yaml with comments, or json.
    #[arg(
        short,
        long,
        value_enum,
        default_value = "yaml",
        hide_possible_values = true,
        value_name = "FORMAT"
    )]
    output: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// Prints them.
#[expect(
    clippy::print_stderr,
    reason = "what is to know goes beside what is asked for"
)]
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let installation = args.installation()?;
    let watches = args.read()?;
    let kinds = match &args.kubeconfig {
        Some(file) => kinds::served(file.clone()).await?,
        None => Vec::new(),
    };
    let manifests = args.manifests(&watches).await?;
    let subjects: Vec<Subject<'_>> = watches
        .iter()
        .zip(&manifests)
        .map(|(watch, manifest)| Subject {
            watch,
            manifest: manifest.as_ref().ok(),
        })
        .collect();
    let mut rights = rights(&subjects, &kinds, &installation);
    let problems = manifests
        .iter()
        .filter_map(|manifest| manifest.as_ref().err());
    rights.notes.extend(problems.cloned());
    let objects = rights.objects(&installation);
    match args.output {
        Format::Yaml => output::line(yaml::document(&objects, &rights.notes, &installation))?,
        Format::Json => {
            let items: Vec<_> = objects.into_iter().map(|object| object.object).collect();
            let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
            output::line(format!("{list:#}"))?;
        }
    }
    for note in &rights.notes {
        eprintln!("note: {note}");
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn installation(&self) -> anyhow::Result<Installation> {
        let (home, account) = match self.service_account.split_once('/') {
            Some((home, account)) if !home.is_empty() && !account.is_empty() => (home, account),
            _ => bail!(
                "--service-account {}: expected a namespace and a name, such as oarlock-system/oarlock",
                self.service_account
            ),
        };
        let namespaces: BTreeSet<String> = self
            .watch_namespace
            .iter()
            .filter(|name| !name.is_empty())
            .cloned()
            .collect();
        Ok(Installation {
            name: self.name.clone(),
            namespace: home.to_owned(),
            account: account.to_owned(),
            namespaces,
            leader_election: self.leader_elect,
            sharding: self.sharding,
            install_crds: self.install_crds,
            guarded_metrics: self.metrics_require_rbac,
        })
    }

    /// The entries. All of them must be good: rights for some of them would look like the rights for all.
    #[expect(clippy::print_stderr, reason = "findings go to stderr")]
    fn read(&self) -> anyhow::Result<Vec<Watch>> {
        let name = self.watches.display().to_string();
        let text = std::fs::read_to_string(&self.watches)
            .with_context(|| format!("cannot read {name}"))?;
        let parsed = oarlock_config::parse(&name, &text, &environment());
        let errors = parsed
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error);
        for error in errors {
            eprintln!("{error}");
        }
        if parsed.has_errors() {
            bail!("{name} has errors; hint: `oarlock validate {name}`");
        }
        Ok(parsed.watches)
    }

    /// What the modules say of themselves, or why that is not known. Grants are what counts: without a module only the names
    /// of its kinds are guessed.
    async fn manifests(&self, watches: &[Watch]) -> anyhow::Result<Vec<Result<Manifest, String>>> {
        let loader = Loader::new(EngineOptions {
            instances: 1,
            ..EngineOptions::default()
        })?;
        let mut manifests = Vec::with_capacity(watches.len());
        for watch in watches {
            manifests.push(self.manifest(&loader, &watch.module).await);
        }
        Ok(manifests)
    }

    async fn manifest(&self, loader: &Loader, source: &ModuleSource) -> Result<Manifest, String> {
        let ModuleSource::File(path) = source else {
            return Err(format!(
                "{source} was not looked at: it is not in --modules"
            ));
        };
        let path = self.modules.join(path);
        let name = path.display();
        let bytes = tokio::fs::read(&path)
            .await
            .map_err(|error| format!("{name} was not looked at: {error}; hint: --modules"))?;
        let bytes: Arc<[u8]> = bytes.into();
        match loader.load_alone(bytes).await {
            Ok(module) => Ok(module.manifest().clone()),
            Err(error) => Err(format!("{name} was not looked at: {error}")),
        }
    }
}
