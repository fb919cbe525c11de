//! `oarlock promote`, `abort`, `retry`, `pause` and `resume`: people steer a rollout.
//!
//! They write wishes into `spec.control`, for the revision that `status.currentRevision` names, and the module does the rest:
//! a wish that is kept never means another rollout, and the same may be written by hand or from Git.

mod rollout;
mod wish;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use kube::api::{DynamicObject, Patch, PatchParams};
use oarlock_cluster::client::{Source, connect};
use serde_json::{Value, json};

use crate::output;
use crate::target::{Handle, Target, Told};

use rollout::Rollout;
use wish::{Change, Decision, Refusal, decide};

pub(crate) use wish::{Reach, Wish};

/// Field manager of what these commands write.
const MANAGER: &str = "oarlock-cli";

/// Tries of a write that others' writes make void.
const ATTEMPTS: usize = 5;

/// Arguments that all of them have.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The object: KIND/NAME, such as deployer/nginx or canaries.flagger.app/podinfo.
    #[arg(value_name = "KIND/NAME")]
    object: Target,
    /// Its namespace [default: that of the context].
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// Why; told by an Event on the object.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// A kubeconfig file instead of $KUBECONFIG, ~/.kube/config or the Pod's ServiceAccount.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig instead of the current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// Arguments of `oarlock promote`.
#[derive(Debug, clap::Args)]
pub(crate) struct PromoteArgs {
    #[command(flatten)]
    args: Args,
    /// Past all steps.
    #[arg(long, conflicts_with = "step")]
    full: bool,
    /// Past this step, counted from 1 [default: the current one].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    step: Option<u32>,
}

/// `oarlock promote`.
pub(crate) async fn promote(args: PromoteArgs) -> anyhow::Result<ExitCode> {
    let reach = match (args.full, args.step) {
        (true, _) => Reach::Full,
        (false, Some(step)) => Reach::Step(step),
        (false, None) => Reach::Current,
    };
    steer(args.args, Wish::Promote(reach)).await
}

/// `oarlock abort`.
pub(crate) async fn abort(args: Args) -> anyhow::Result<ExitCode> {
    steer(args, Wish::Abort).await
}

/// `oarlock retry`.
pub(crate) async fn retry(args: Args) -> anyhow::Result<ExitCode> {
    steer(args, Wish::Retry).await
}

/// `oarlock pause`.
pub(crate) async fn pause(args: Args) -> anyhow::Result<ExitCode> {
    steer(args, Wish::Pause).await
}

/// `oarlock resume`.
pub(crate) async fn resume(args: Args) -> anyhow::Result<ExitCode> {
    steer(args, Wish::Resume).await
}

async fn steer(args: Args, wish: Wish) -> anyhow::Result<ExitCode> {
    let source = Source {
        kubeconfig: args.kubeconfig,
        context: args.context,
    };
    let reason = args.reason.as_deref().map(str::trim);
    if reason == Some("") {
        bail!("--reason says nothing; hint: leave it out, or tell why for whoever reads the Event");
    }
    let client = connect(&source, concat!("oarlock/", env!("CARGO_PKG_VERSION"))).await?;
    let handle = args.object.find(client, args.namespace.as_deref()).await?;
    carry_out(&handle, wish, reason).await
}

/// Decides and writes, again where somebody else wrote in between: what was decided was about what is no more.
async fn carry_out(handle: &Handle, wish: Wish, reason: Option<&str>) -> anyhow::Result<ExitCode> {
    let words = handle.words();
    for _ in 0..ATTEMPTS {
        let object = handle.get().await?;
        let rollout = Rollout::of(&object);
        let change = match decide(wish, &rollout, &words) {
            Ok(Decision::Write(change)) => change,
            Ok(Decision::Already(told)) => {
                output::line(format!("{handle}: {told}"))?;
                warn(handle, &rollout, wish);
                return Ok(ExitCode::SUCCESS);
            }
            Err(refusal) => return Err(refuse(handle, refusal).await),
        };
        if !write(handle, &object, &change).await? {
            continue;
        }
        output::line(format!("{handle}: {}", change.done))?;
        say(&format!("{}\nUndo: {}\n", change.then, change.undo));
        warn(handle, &rollout, wish);
        if let Some(reason) = reason {
            tell(handle, &object, wish, &change, reason).await;
        }
        return Ok(ExitCode::SUCCESS);
    }
    bail!("{handle}: others keep writing it; hint: try again")
}

/// What `wish` means where the object stands, by the rules of the commands: a merge patch of its `spec`, or none where it is so
/// already.
///
/// # Errors
///
/// When there is nothing that could be steered like that. `words` name the object in the hint.
pub(crate) fn change(
    wish: Wish,
    object: &DynamicObject,
    words: &str,
) -> anyhow::Result<Option<Value>> {
    match decide(wish, &Rollout::of(object), words)? {
        Decision::Write(change) => Ok(Some(change.spec)),
        Decision::Already(_) => Ok(None),
    }
}

/// Writes the change, unless somebody else has written meanwhile.
async fn write(handle: &Handle, object: &DynamicObject, change: &Change) -> anyhow::Result<bool> {
    let metadata = &object.metadata;
    let patch = json!({
        "metadata": {"uid": metadata.uid, "resourceVersion": metadata.resource_version},
        "spec": change.spec,
    });
    let written = match patch_spec(handle, patch, false).await {
        Err(kube::Error::Api(status)) if status.code == 409 => return Ok(false),
        written => written.map_err(|error| handle.refused("patch", error))?,
    };
    if let Some((field, value)) = &change.proof
        && written.data["spec"]["control"][*field] != Value::String(value.clone())
    {
        return Err(unsteerable(handle));
    }
    Ok(true)
}

async fn patch_spec(
    handle: &Handle,
    patch: Value,
    dry_run: bool,
) -> Result<DynamicObject, kube::Error> {
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        dry_run,
        ..PatchParams::default()
    };
    let patch = Patch::Merge(patch);
    handle.api.patch(&handle.name, &params, &patch).await
}

/// The kind's schema knows no wishes: the API server takes them off.
fn unsteerable(handle: &Handle) -> anyhow::Error {
    anyhow!(
        "{} is not steered: the API server drops spec.control, which its definition does not have; hint: apply the kind's newest \
         CustomResourceDefinition; kinds that are no rollouts cannot be steered",
        handle.resource.kind
    )
}

async fn refuse(handle: &Handle, refusal: Refusal) -> anyhow::Error {
    if refusal != Refusal::NoRevision {
        return anyhow!("{handle}: {refusal}");
    }
    // Either its operator has not looked, or there is none for such a kind: its definition tells.
    let probe = json!({"spec": {"control": {"retry": "probe"}}});
    match patch_spec(handle, probe, true).await {
        Ok(would) if would.data["spec"]["control"]["retry"] != "probe" => unsteerable(handle),
        Ok(_) | Err(_) => anyhow!(
            "{handle} {refusal}; hint: its operator has not looked at it yet: is one running that serves {}?",
            handle.resource.kind
        ),
    }
}

/// What stands in the way of what was asked for.
fn warn(handle: &Handle, rollout: &Rollout, wish: Wish) {
    let words = handle.words();
    if rollout.host_paused {
        say(&format!(
            "warning: the annotation oarlock.dev/paused holds the operator off {handle}, so nothing happens until it is taken away\n"
        ));
    }
    if rollout.behind {
        say(&format!(
            "warning: the operator has not looked at the newest spec of {handle} yet; a version that it has not seen is not meant\n"
        ));
    }
    if !rollout.holds.is_empty() && matches!(wish, Wish::Promote(_) | Wish::Retry) {
        let fields: Vec<String> = rollout.holds.iter().map(|f| format!("spec.{f}")).collect();
        say(&format!(
            "warning: {} still holds it; `oarlock resume {words}` lets it go on\n",
            fields.join(" and ")
        ));
    }
}

/// Tells why, where others see it.
async fn tell(handle: &Handle, object: &DynamicObject, wish: Wish, change: &Change, reason: &str) {
    let user = handle.user().await;
    let user = user.as_deref().unwrap_or("somebody");
    let word = match wish {
        Wish::Promote(_) => "PromotionAsked",
        Wish::Abort => "AbortAsked",
        Wish::Retry => "RetryAsked",
        Wish::Pause => "PauseAsked",
        Wish::Resume => "ResumptionAsked",
    };
    let told = Told {
        severity: "Normal",
        reason: word,
        note: format!("{}, as {user} asked: {reason}", change.done),
        by: MANAGER,
        user,
    };
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    if let Err(error) = handle.tell(uid, told).await {
        say(&format!(
            "warning: the reason was not recorded as an Event: {error:#}\n"
        ));
    }
}

#[expect(
    clippy::print_stderr,
    reason = "what was asked for goes to stdout, what it means to stderr"
)]
fn say(text: &str) {
    eprint!("{text}");
}

#[cfg(test)]
mod tests;
