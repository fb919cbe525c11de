//! `oarlock explain`: why a rollout is where it is, from what its module told (`status.why`).

mod account;
mod moment;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use oarlock_cluster::client::{Source, connect};

use crate::output;
use crate::target::Target;

use account::Account;

/// Arguments of `oarlock explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The object: KIND/NAME, such as deployer/nginx or canaries.flagger.app/podinfo.
    #[arg(value_name = "KIND/NAME")]
    object: Target,
    /// Its namespace [default: that of the context].
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// text for people, json for programs.
    #[arg(
        short,
        long,
        value_enum,
        default_value = "text",
        hide_possible_values = true,
        value_name = "FORMAT"
    )]
    output: Format,
    /// A kubeconfig file instead of $KUBECONFIG, ~/.kube/config or the Pod's ServiceAccount.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig instead of the current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// For whom it is.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Prints what is known.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let source = Source {
        kubeconfig: args.kubeconfig,
        context: args.context,
    };
    let client = connect(&source, concat!("oarlock/", env!("CARGO_PKG_VERSION"))).await?;
    let handle = args.object.find(client, args.namespace.as_deref()).await?;
    let object = handle.get().await?;
    let now = moment::server(&handle.client).await;
    let account = Account::of(&handle, &object, now).await;
    let told = match args.output {
        Format::Text => text::render(&account),
        Format::Json => serde_json::to_string_pretty(&account)?,
    };
    output::line(told.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
