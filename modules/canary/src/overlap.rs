//! Other Deployments whose selectors take the same Pods in.
//!
//! Their controllers do not fight over Pods, but Services and disruption budgets count those of both. It is looked for when
//! the Deployment is about to be held, and at no other time: every change of any Deployment beside it would be a reason to run.

use oarlock_sdk::{Context, ReadError, Selection, Value};

use crate::deployment::Live;
use crate::plan::Plan;

/// What people should know of it.
///
/// # Errors
///
/// Where the host has no answer.
pub(crate) fn warnings(cx: &Context, plan: &Plan, live: &Live) -> Result<Vec<String>, ReadError> {
    let all = cx.reads().query(&Selection {
        api_version: String::from("apps/v1"),
        kind: String::from("Deployment"),
        namespace: Some(plan.namespace.clone()),
        fields: vec![String::from("/spec/selector")],
        ..Selection::default()
    });
    let all = match all {
        Ok(all) => all,
        Err(ReadError::Denied(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let labels = &live.spec.template["metadata"]["labels"];
    let others = all.iter().filter_map(|other| {
        let name = other["metadata"]["name"].as_str()?;
        let own = name == plan.target || name == plan.stable();
        (!own && selects(&other["spec"]["selector"], labels)).then_some(name)
    });
    Ok(others
        .map(|other| {
            format!(
                "spec.targetRef.name: the selector of Deployment {other} takes the Pods of {} in, too; the rollout goes on, but \
                 what counts Pods by these labels counts those of both\n\
                 hint: give the two selectors that exclude each other",
                plan.target
            )
        })
        .collect())
}

/// Whether a selector takes Pods with these labels in. Of expressions nothing is claimed.
fn selects(selector: &Value, labels: &Value) -> bool {
    let expressions = selector["matchExpressions"].as_array();
    let wanted = selector["matchLabels"].as_object();
    expressions.is_none_or(Vec::is_empty)
        && wanted.is_some_and(|wanted| {
            !wanted.is_empty() && wanted.iter().all(|(key, value)| labels[key] == *value)
        })
}
