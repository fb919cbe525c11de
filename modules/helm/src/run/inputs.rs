//! What a wish comes to: the chart that is meant now, the merged values, and the digests that tell whether anything changed.
//!
//! Nothing is rendered here. A run that changes nothing fetches (from what the host knows), reads the values, and compares.

use std::time::Duration;

use oarlock_sdk::Context;
use oarlock_sdk::artifacts::{Artifact, Fetch, Source};
use serde_json::{Map, Value, json};

use super::decryption::Keys;
use super::engine::Engine;
use super::values::Reader;
use super::{digest, failed};
use crate::dialect::POLL;
use crate::situation::Obstacle;
use crate::state::{Inputs, State};
use crate::wish::{Chart, Common, Follows, Post, Target, Wish};

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// What is wished for.
    pub wish: &'a Wish,
    /// What is remembered.
    pub state: &'a State,
    /// Namespace of the object: of Secrets that open sources, and of values.
    pub namespace: &'a str,
    /// Whether values that are optional may lack their key too, as the first Flux has it.
    pub lenient: bool,
    /// Secret with the keys of encrypted values.
    pub decryption: Option<&'a str>,
}

/// What a wish comes to.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What makes the release what it is.
    pub inputs: Inputs,
    /// The chart. This run fetched it: the engine may read it.
    pub artifact: Artifact,
    /// The merged values.
    pub config: Map<String, Value>,
}

/// Fetches the chart and reads the values.
///
/// # Errors
/// Whatever cannot be had.
pub fn prepare(cx: &Context, engine: &dyn Engine, asked: &Asked<'_>) -> Result<Prepared, Obstacle> {
    let wish = asked.wish;
    let artifact = cx
        .fetch(&fetch(wish))
        .map_err(|error| failed::fetch(&error))?;
    let reader = Reader {
        cx,
        engine,
        chart: &artifact.digest,
        namespace: asked.namespace,
        account: wish.account.as_deref(),
        lenient: asked.lenient,
        keys: Keys::new(cx, asked.namespace, asked.decryption),
    };
    let config = reader.merged(&wish.values)?;
    let mut inputs = Inputs {
        chart_name: artifact.name.clone(),
        chart_version: artifact.version.clone(),
        app_version: String::new(),
        chart_digest: match wish.follows {
            Follows::Version => String::new(),
            Follows::Content => artifact.digest.clone(),
        },
        config_digest: digest::of_values(&config),
        post_digest: post_digest(&wish.post, &wish.common),
        dialect_digest: String::new(),
    };
    inputs.app_version = match known(asked.state, &inputs) {
        Some(version) => version.to_owned(),
        None => {
            engine
                .inspect(&artifact.digest)
                .map_err(|failure| failed::engine(&failure))?
                .app_version
        }
    };
    Ok(Prepared {
        inputs,
        artifact,
        config,
    })
}

/// What a chart says that it installs, as it was when the chart was looked into: that is not done in every run.
fn known<'a>(state: &'a State, chart: &Inputs) -> Option<&'a str> {
    let attempted = state.attempted.iter().map(|attempt| &attempt.inputs);
    let under_way = state.action.iter().map(|action| &action.inputs);
    let made = state.history.iter().map(|made| &made.inputs);
    under_way
        .chain(attempted)
        .chain(made)
        .find(|known| {
            known.chart_name == chart.chart_name
                && known.chart_version == chart.chart_version
                && known.chart_digest == chart.chart_digest
        })
        .map(|known| known.app_version.as_str())
}

fn fetch(wish: &Wish) -> Fetch {
    let (source, secret, dependencies) = match &wish.chart {
        Chart::Local(path) => (Source::Local(path.clone()), None, false),
        Chart::Repository {
            url,
            name,
            version,
            secret,
        } => {
            let source = Source::Repository {
                url: url.clone(),
                chart: name.clone(),
                version: version.clone(),
            };
            (source, secret.as_ref(), false)
        }
        Chart::Oci {
            repository,
            version,
            secret,
        } => {
            let source = Source::Oci {
                repository: repository.clone(),
                version: version.clone(),
            };
            (source, secret.as_ref(), false)
        }
        Chart::Git {
            url,
            reference,
            path,
            dependencies,
            secret,
        } => {
            let source = Source::Git {
                url: url.clone(),
                reference: reference.clone(),
                path: path.clone(),
            };
            (source, secret.as_ref(), *dependencies)
        }
    };
    Fetch {
        credentials: secret.cloned(),
        max_age: max_age(wish.poll.unwrap_or(POLL)),
        dependencies,
        ..Fetch::new(source)
    }
}

/// How old an answer may be where a source is asked every `poll`. Answers come a moment after the run began that asked: the run that
/// is due after `poll` has to find it too old, or it would ask every other time.
pub(super) fn max_age(poll: Duration) -> Duration {
    poll.saturating_sub(poll / 10)
}

/// Digest of what is done to the rendered objects; empty where nothing is. It outlives this program: other words for the same thing
/// would be an upgrade of every release.
fn post_digest(posts: &[Post], common: &Common) -> String {
    if posts.is_empty() && common.labels.is_empty() && common.annotations.is_empty() {
        return String::new();
    }
    let target = |target: &Target| {
        json!({
            "group": target.group,
            "version": target.version,
            "kind": target.kind,
            "name": target.name,
            "namespace": target.namespace,
            "labels": target.labels,
            "annotations": target.annotations,
        })
    };
    let posts: Vec<Value> = posts
        .iter()
        .map(|post| match post {
            Post::Patch { target: of, patch } => json!({"target": target(of), "patch": patch}),
            Post::Image {
                name,
                new_name,
                new_tag,
                digest,
            } => json!({"image": name, "newName": new_name, "newTag": new_tag, "digest": digest}),
        })
        .collect();
    digest::of_value(&json!({
        "posts": posts,
        "labels": common.labels,
        "annotations": common.annotations,
    }))
}

#[cfg(test)]
mod tests;
