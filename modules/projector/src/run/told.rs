//! What is told of a binding: conditions, in the words of the specification's reference implementation where it has them.

use oarlock_sdk::{Condition, ConditionStatus, Outcome};

use super::Gap;
use super::service::Service;
use crate::spec::Held;

/// How many workloads a message names.
const NAMED: usize = 10;

/// How it is with the workloads: how many there are, or what is wrong with them.
pub(super) fn workloads(
    gaps: &[(String, Gap)],
    absent: Option<&Gap>,
    held: &[Held],
    service: &Service,
) -> Result<String, Gap> {
    // What waits for the service alone is told once, of the service.
    let waiting = service.found().err();
    let (waits, wrong): (Vec<_>, Vec<_>) = gaps
        .iter()
        .partition(|(_, gap)| Some(gap) == waiting.as_ref());
    if let Some((_, first)) = wrong
        .iter()
        .find(|(_, gap)| gap.status == ConditionStatus::No)
    {
        let lines: Vec<String> = wrong
            .iter()
            .take(NAMED)
            .map(|(name, gap)| match wrong.len() {
                1 => gap.message.clone(),
                _ => format!("{name}: {}", gap.message),
            })
            .collect();
        let more = wrong.len().saturating_sub(NAMED);
        let rest = if more > 0 {
            format!("\n… and {more} more")
        } else {
            String::new()
        };
        let count = match wrong.len() {
            1 if held.len() == 1 => String::new(),
            wrong => format!("{wrong} of {} workloads: ", held.len()),
        };
        return Err(Gap::no(
            &first.reason,
            format!("{count}{}{rest}", lines.join("\n")),
        ));
    }
    if let Some(absent) = absent {
        return Err(absent.clone());
    }
    if !waits.is_empty() {
        return Err(Gap::unknown(
            "WaitingForService",
            "the workload is changed when the service has a Secret",
        ));
    }
    let projected = held.iter().filter(|held| held.projected).count();
    if let Some(first) = held.iter().find(|held| !held.projected) {
        return Err(Gap::unknown(
            "Initializing",
            match held.len() {
                1 => format!("{} {} is being changed", first.kind, first.name),
                all => format!("{} of {all} workloads are being changed", all - projected),
            },
        ));
    }
    Ok(match held {
        [only] if projected == 1 => format!("the binding is in {} {}", only.kind, only.name),
        _ => format!("the binding is in {projected} workloads"),
    })
}

/// Adds the conditions.
pub(super) fn conditions(
    outcome: Outcome,
    service: &Service,
    workloads: Result<String, Gap>,
) -> Outcome {
    let available = match service.found() {
        Ok(secret) => Condition::yes(
            "ServiceAvailable",
            "ResolvedBindingSecret",
            format!("the Secret is {secret}"),
        ),
        Err(gap) => of("ServiceAvailable", &gap),
    };
    let projected = match &workloads {
        Ok(message) => Condition::yes("WorkloadProjected", "WorkloadProjected", message.clone()),
        Err(gap) => of("WorkloadProjected", gap),
    };
    // What is False is told before what is not known, and the service before the workload.
    let both = [service.found().err(), workloads.as_ref().err().cloned()];
    let gaps: Vec<&Gap> = both.iter().flatten().collect();
    let worst = gaps
        .iter()
        .find(|gap| gap.status == ConditionStatus::No)
        .or(gaps.first());
    let ready = match worst {
        Some(gap) => of("Ready", gap),
        None => Condition::yes("Ready", "ServiceBound", workloads.unwrap_or_default()),
    };
    outcome
        .condition(available)
        .condition(projected)
        .condition(ready)
}

fn of(kind: &str, gap: &Gap) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status: gap.status,
        reason: gap.reason.clone(),
        message: gap.message.clone(),
    }
}
