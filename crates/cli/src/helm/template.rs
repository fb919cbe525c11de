//! `oarlock helm template`: a chart in, its manifests out.

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use oarlock_core::clock::Clock as _;
use oarlock_core::timestamp::Timestamp;
use oarlock_helm::{Capabilities, Failure, Release, RenderError, Rendered, Request};

use super::inert::Inert;
use super::manifest::{self, Parts};
use super::name::{Name, name_and_chart};
use super::room::{Places, Room};
use super::source::on;
use super::switch::Switch;
use super::{chart, log, name_template, namespace, output_dir, show_only, source, values};
use crate::output;
use crate::system_clock::SystemClock;

/// Arguments of `oarlock helm template`.
#[derive(Debug, clap::Args)]
#[command(
    disable_version_flag = true,
    args_override_self = true,
    override_usage = "oarlock helm template [OPTIONS] [NAME] CHART",
    after_help = "CHART is a folder, a .tgz, a URL of a .tgz, oci://REGISTRY/CHART, the name of a chart of --repo, or \
                  REPOSITORY/CHART of `helm repo add`.\nNAME is release-name where none is given. What `helm template` takes \
                  and what changes nothing is taken here too."
)]
pub(super) struct Args {
    // Said below: of two words the first may be missing.
    #[arg(value_name = "CHART", required = true, num_args = 1.., hide = true)]
    words: Vec<String>,
    /// Namespace of the release [default: that of the kubeconfig's context, or default].
    #[arg(
        short,
        long,
        env = "HELM_NAMESPACE",
        hide_env_values = true,
        value_name = "NAMESPACE"
    )]
    namespace: Option<String>,
    /// Version of Kubernetes that the chart is told [default: that of Helm's own client].
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API versions that the chart is told of, beside those of Kubernetes itself.
    #[arg(short, long, value_name = "VERSION")]
    api_versions: Vec<String>,
    /// Print the CRDs of the chart too.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    include_crds: Option<Switch>,
    /// Tell the chart that it is an upgrade.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    is_upgrade: Option<Switch>,
    /// Print what these templates made alone: paths in the chart, * and ? for letters.
    #[arg(short, long, value_name = "TEMPLATE")]
    show_only: Vec<String>,
    /// Print no hooks.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    no_hooks: Option<Switch>,
    /// Print no hooks that are tests.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    skip_tests: Option<Switch>,
    /// Do not check the values against the schemas of the charts.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    skip_schema_validation: Option<Switch>,
    /// Template that makes the name of the release.
    #[arg(long, value_name = "TEMPLATE")]
    name_template: Option<String>,
    /// There is no NAME.
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    generate_name: Option<Switch>,
    /// Write a file for each template instead of printing.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<String>,
    /// Write them into a folder of the release's name.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    release_name: Option<Switch>,
    /// Print also what is no YAML, and log more.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    debug: Option<Switch>,
    /// What random functions draw from: equal seeds give equal output [default: another each time].
    #[arg(long, value_name = "TEXT", help_heading = "The engine")]
    seed: Option<String>,
    /// What the time is, such as 2026-01-31T12:00:00Z [default: now].
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "The engine")]
    now: Option<Timestamp>,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    values: values::Flags,
    #[command(flatten)]
    source: source::Flags,
    #[command(flatten)]
    refused: Refused,
    #[command(flatten)]
    inert: Inert,
    /// The kubeconfig that says the namespace.
    #[arg(long, hide = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context that says the namespace.
    #[arg(long, hide = true, env = "HELM_KUBECONTEXT", value_name = "NAME")]
    kube_context: Option<String>,
}

/// Flags of Helm's that this command does not have, and why.
#[derive(Clone, Debug, Default, clap::Args)]
struct Refused {
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "unset")]
    dry_run: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    validate: Option<Switch>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enable_dns: Option<Switch>,
    #[arg(long, hide = true)]
    post_renderer: Option<String>,
}

impl Refused {
    fn check(&self) -> anyhow::Result<()> {
        const NO_CLUSTER: &str = "this command asks no cluster; hint: `kubectl apply --dry-run=server -f -` checks what it prints";
        match self.dry_run.as_deref() {
            None | Some("client") => {}
            Some("unset") => log::line(
                "WARN",
                "--dry-run is deprecated and should be replaced with '--dry-run=client'",
                &[],
            ),
            Some("server") => bail!("{NO_CLUSTER}"),
            Some(other) => match super::go::boolean(other) {
                Some(true) => log::line(
                    "WARN",
                    &format!(
                        "boolean '--dry-run={other}' flag is deprecated and must be replaced with '--dry-run=client'"
                    ),
                    &[],
                ),
                Some(false) => {
                    bail!("invalid dry-run value ({other:?}). Must be \"server\" or \"client\"")
                }
                None if other == "none" => {
                    bail!("invalid dry-run value ({other:?}). Must be \"server\" or \"client\"")
                }
                None => bail!(
                    "invalid dry-run value ({other:?}). Must be \"none\", \"server\", or \"client\""
                ),
            },
        }
        if on(self.validate) {
            bail!("{NO_CLUSTER}");
        }
        if on(self.enable_dns) {
            bail!(
                "--enable-dns is not supported: templates have no network; hint: give addresses as values"
            );
        }
        if self
            .post_renderer
            .as_ref()
            .is_some_and(|name| !name.is_empty())
        {
            bail!("--post-renderer is not supported; hint: pipe what is printed through it");
        }
        Ok(())
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text)
        .ok_or_else(|| "expected a time of RFC 3339, such as 2026-01-31T12:00:00Z".to_owned())
}

/// What Helm adds where there is more to see.
const MORE: &str = "\n\nUse --debug flag to render out invalid YAML";

/// Renders and prints.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    args.inert.notices().for_each(|notice| log::say(&notice));
    args.refused.check()?;
    args.source.check()?;
    let debug = args.debug();
    if debug {
        let version = args.source.wanted_version();
        log::line("DEBUG", "Original chart version", &[("version", &version)]);
    }
    let (name, reference) = name_and_chart(
        args.words.clone(),
        on(args.generate_name),
        args.name_template.clone(),
    )?;
    let located = chart::locate(&reference, &args.source)?;
    if let (true, chart::Located::Local(path)) = (debug, &located) {
        let path = path.display().to_string();
        log::line("DEBUG", "Chart path", &[("path", &path)]);
    }
    let room = Room::open(&args.places, debug)?;
    let chart = room.fetch(located, &args.source).await?;
    let values = args.values.read(&room).await?;
    let seed = match &args.seed {
        Some(seed) => seed.clone(),
        None => new_seed()?,
    };
    let now = args.now.unwrap_or_else(|| SystemClock.now());
    let release = match name {
        Name::Given(name) => name,
        Name::Template(template) => name_template::name(&room, &template, &seed, now).await?,
    };
    let request = Request {
        chart: chart.to_string(),
        values,
        release: Release {
            name: release.clone(),
            namespace: args.namespace(),
            revision: 1,
            upgrade: on(args.is_upgrade),
        },
        capabilities: Capabilities {
            kube_version: args
                .kube_version
                .clone()
                .filter(|version| !version.is_empty()),
            api_versions: values::lists("-a, --api-versions", &args.api_versions)?,
            complete: false,
        },
        now: now.as_millis(),
        seed,
        lookup: false,
        act_as: None,
        sub_notes: false,
        skip_schema_validation: on(args.skip_schema_validation),
    };
    match room.render(&request).await? {
        Ok(rendered) => {
            rendered.warnings.iter().for_each(|warning| warn(warning));
            args.print(&release, &rendered)
        }
        Err(RenderError::Failure(failure)) => Err(args.explain(failure)?),
        Err(error @ RenderError::Fault(_)) => Err(error.into()),
    }
}

impl Args {
    fn debug(&self) -> bool {
        match self.debug {
            Some(switch) => switch.0,
            None => std::env::var("HELM_DEBUG")
                .ok()
                .and_then(|text| super::go::boolean(&text))
                .unwrap_or_default(),
        }
    }

    fn namespace(&self) -> String {
        match self.namespace.as_deref() {
            None | Some("") => {
                namespace::of_context(self.kubeconfig.as_deref(), self.kube_context.as_deref())
            }
            Some(namespace) => namespace.to_owned(),
        }
    }

    fn parts(&self) -> Parts {
        Parts {
            crds: on(self.include_crds),
            no_hooks: on(self.no_hooks),
            no_tests: on(self.skip_tests),
        }
    }

    fn print(&self, release: &str, rendered: &Rendered) -> anyhow::Result<()> {
        let parts = self.parts();
        match self.output_dir.as_deref().filter(|dir| !dir.is_empty()) {
            Some(directory) => {
                let folder = on(self.release_name).then_some(release);
                output_dir::write(directory, folder, rendered, parts)?;
                // Nothing is left that could be shown.
                self.show("\n")
            }
            None => self.show(&manifest::stream(rendered, parts)),
        }
    }

    /// Prints a stream, or what of it is asked for.
    fn show(&self, stream: &str) -> anyhow::Result<()> {
        if self.show_only.is_empty() {
            output::text(stream)?;
        } else {
            output::text(show_only::show_only(stream, &self.show_only)?)?;
        }
        Ok(())
    }

    /// The words for a failure. Whoever debugs sees what was rendered.
    fn explain(&self, failure: Failure) -> anyhow::Result<anyhow::Error> {
        log_failure(&failure);
        let (words, rendered, hint) = match failure {
            Failure::Chart(words) | Failure::Lookup(words) => return Ok(anyhow!(words)),
            Failure::Dependencies(words) => {
                return Ok(anyhow!(
                    "{words}; hint: --dependency-update fetches what is missing, and leaves the chart's folder as it is"
                ));
            }
            Failure::Values(words) => return Ok(values_hint(words)),
            Failure::Incompatible(words) if words.starts_with("invalid kube version") => {
                return Ok(anyhow!(
                    "{words}; hint: expected a version such as 1.34 or v1.34.2"
                ));
            }
            Failure::Incompatible(words) => {
                let hint =
                    "; hint: --kube-version says what version of Kubernetes it is rendered for";
                (words, String::new(), hint)
            }
            Failure::Template(words) => (words, String::new(), ""),
            Failure::Output { message, output } => (message, output, ""),
        };
        if !self.debug() {
            return Ok(anyhow!("{words}{MORE}{hint}"));
        }
        match self.show(&format!("{}\n", rendered.trim())) {
            // What was asked for is not there: the failure says why.
            Err(error) if !output::nobody_reads(&error) => {}
            shown => shown?,
        }
        Ok(anyhow!("{words}{hint}"))
    }
}

/// What Helm logs too, before it says it.
fn log_failure(failure: &Failure) {
    let words = failure.to_string();
    for step in [
        "release name check failed",
        "chart dependencies processing failed",
    ] {
        if let Some(error) = words
            .strip_prefix(step)
            .and_then(|rest| rest.strip_prefix(": "))
        {
            log::line("ERROR", step, &[("error", error)]);
        }
    }
}

fn values_hint(words: String) -> anyhow::Error {
    if words.starts_with("values don't meet the specifications") {
        anyhow!(
            "{words}; hint: what is wrong is given by -f, --set and the chart's own values; --skip-schema-validation renders it all the same"
        )
    } else {
        anyhow!(words)
    }
}

/// What Helm warns of. What it says by Go's own log, that values do not fit together, is mere information to its logger.
fn warn(text: &str) {
    let level = if text.starts_with("warning: ") {
        "INFO"
    } else {
        "WARN"
    };
    log::line(level, text, &[]);
}

/// A seed that nobody knows.
fn new_seed() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 32];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| anyhow!("the system gives no randomness; hint: --seed"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
