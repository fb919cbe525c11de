//! What is wrong with a spec. All of it at once, each with its field.
//!
//! The schema refuses most before; this is for an object that came past it, and for what a schema cannot say. Nothing
//! is touched as long as anything is wrong.

use oarlock_sdk::{FieldError, Object};

use crate::naming;
use crate::spec::{DeployerSpec, Kind};
use crate::template;

pub(super) fn of(deployer: &Object<DeployerSpec>) -> Vec<FieldError> {
    let spec = &deployer.spec;
    let deployed = &spec.deployment;
    let mut wrong = Vec::new();
    let own = deployer.namespace();
    if let Some(namespace) = deployed
        .namespace
        .as_deref()
        .filter(|namespace| *namespace != own)
    {
        wrong.push(FieldError::new(
            "spec.deployment.namespace",
            format!(
                "must be the Deployer's own namespace {own:?}, not {namespace:?}\n\
                 hint: leave it out, or create the Deployer in {namespace:?}"
            ),
        ));
    }
    if !naming::is_dns_label(&deployed.name) || deployed.name.len() > 63 {
        wrong.push(FieldError::new(
            "spec.deployment.name",
            format!(
                "must be a DNS label: at most 63 lower-case letters, digits and hyphens, not {:?}",
                deployed.name
            ),
        ));
    }
    for (field, value) in [("image", &deployed.image), ("version", &deployed.version)] {
        if value.is_empty() || value.contains(char::is_whitespace) {
            wrong.push(FieldError::new(
                format!("spec.deployment.{field}"),
                "must not be empty or contain white space",
            ));
        }
    }
    if let Some(overlay) = &deployed.template {
        wrong.extend(template::errors(overlay, "spec.deployment.template"));
    }
    steps(spec, &mut wrong);
    migration(spec, &mut wrong);
    service(spec, &mut wrong);
    wrong
}

fn service(spec: &DeployerSpec, wrong: &mut Vec<FieldError>) {
    let Some(service) = &spec.service else {
        return;
    };
    if spec.kind != Kind::BlueGreen {
        wrong.push(FieldError::new(
            "spec.service",
            "is for type blueGreen only: in steps, both versions have traffic",
        ));
    }
    if service.preview.as_ref() == Some(&service.name) {
        wrong.push(FieldError::new(
            "spec.service.preview",
            "must be another Service than spec.service.name",
        ));
    }
}

fn steps(spec: &DeployerSpec, wrong: &mut Vec<FieldError>) {
    let mut before = 0;
    for (index, step) in spec.steps.iter().enumerate() {
        let path = format!("spec.steps[{index}].percent");
        if !(1..=100).contains(&step.percent) {
            wrong.push(FieldError::new(path, "must be between 1 and 100"));
        } else if step.percent <= before {
            wrong.push(FieldError::new(
                path,
                format!(
                    "must be more than the {before} of the step before; until then nothing is changed"
                ),
            ));
        } else if index + 1 == spec.steps.len() && step.percent != 100 {
            wrong.push(FieldError::new(
                path,
                format!(
                    "the last step must be 100, not {}\n\
                     hint: add a step of 100 percent; until then nothing is changed",
                    step.percent
                ),
            ));
        }
        before = step.percent;
    }
}

fn migration(spec: &DeployerSpec, wrong: &mut Vec<FieldError>) {
    let Some(migration) = &spec.migration else {
        return;
    };
    if spec.kind != Kind::Recreate {
        wrong.push(FieldError::new(
            "spec.migration",
            "is for type recreate only: two versions would run while it does",
        ));
    }
    if let Some(overlay) = &migration.template {
        wrong.extend(template::errors(overlay, "spec.migration.template"));
    }
}

/// A promotion that says nothing.
pub(super) fn promotion(far: &str) -> FieldError {
    FieldError::new(
        "spec.control.promote",
        format!(
            "{far:?} is neither the number of a step nor `full`\n\
             hint: REVISION/2 goes past step 2, REVISION/full to the end"
        ),
    )
}
