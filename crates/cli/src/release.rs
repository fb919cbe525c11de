//! `oarlock release`: lets an object that is being deleted go without its module.
//!
//! It asks the operator by an annotation, so that what the operator would do anyway is still done and told; only where none
//! answers, and only when that was asked for, it takes the finalizers off itself.

mod object;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use oarlock_cluster::client::{Source, connect};
use oarlock_config::GoDuration;

use crate::output;
use crate::target::{Handle, Target};

use object::Held;

/// Arguments of `oarlock release`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The object: KIND/NAME, such as widget/a or widgets.example.com/a.
    #[arg(value_name = "KIND/NAME")]
    object: Target,
    /// Its namespace [default: that of the context].
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// Why; told by an Event on the object.
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    reason: String,
    /// Do not ask whether this is meant.
    #[arg(short, long)]
    yes: bool,
    /// How long the operator may take.
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    timeout: GoDuration,
    /// Take the finalizers off without an operator, when none has done so in time.
    #[arg(long)]
    force_finalizers: bool,
    /// A kubeconfig file instead of $KUBECONFIG, ~/.kube/config or the Pod's ServiceAccount.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig instead of the current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// Releases one object, and says what was done.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let source = Source {
        kubeconfig: args.kubeconfig,
        context: args.context,
    };
    let reason = args.reason.trim();
    if reason.is_empty() {
        bail!("a release needs a reason; hint: --reason says why, for whoever reads the Event");
    }
    let client = connect(&source, concat!("oarlock/", env!("CARGO_PKG_VERSION"))).await?;
    let handle = args.object.find(client, args.namespace.as_deref()).await?;
    let held = handle.held().await?;
    handle.may_release().await?;
    say(&held.told(&handle));
    if !args.yes && !confirmed()? {
        bail!("nothing was done");
    }
    handle.ask(&held, reason).await?;
    let timeout: Duration = args.timeout.get();
    if handle.is_let_go(&held, timeout).await? {
        match handle.note(&held).await {
            Some(note) => output::line(format!("{handle} released: {note}"))?,
            None => output::line(format!("{handle} released"))?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !args.force_finalizers {
        bail!(
            "no operator has let {handle} go within {timeout:?}; hint: it does as soon as one runs that serves the kind, or \
             --force-finalizers takes the finalizers off without one"
        );
    }
    force(&handle, &held, reason).await
}

/// What is left of an operator's work where there is none.
async fn force(handle: &Handle, held: &Held, reason: &str) -> anyhow::Result<ExitCode> {
    let behind = handle.children(held).await;
    handle.take_finalizers(held).await?;
    output::line(format!(
        "{handle} released without an operator: {} taken off: {reason}",
        held.ours.join(", ")
    ))?;
    for child in &behind.found {
        output::line(format!("left behind: {child}"))?;
    }
    for problem in &behind.unknown {
        output::line(format!("left behind, perhaps: {problem}"))?;
    }
    if let Err(error) = handle.record(held, reason, &behind).await {
        say(&format!("warning: the Event was not recorded: {error:#}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

fn confirmed() -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        bail!("nobody is there to ask whether this is meant; hint: --yes");
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "Release it? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[expect(
    clippy::print_stderr,
    reason = "what is about to happen goes to stderr, what was done to stdout"
)]
fn say(text: &str) {
    eprint!("{text}");
}
