//! The spec, checked: what shall run, how much of it, and by which steps.

use std::collections::BTreeMap;
use std::time::Duration;

use oarlock_sdk::{Failure, FieldError, Object};

use crate::deployment::{self, DeploymentSpec};
use crate::naming;
use crate::spec::{DeployerSpec, Step};
use crate::status::Release;

/// What shall run in the end.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Name of the Deployer.
    pub(crate) deployer: String,
    pub(crate) namespace: String,
    pub(crate) release: Release,
    /// As the spec has them, without the module's own.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) replicas: u32,
    /// Strictly increasing, at least one.
    pub(crate) steps: Vec<PlannedStep>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PlannedStep {
    /// 1 to 100.
    pub(crate) percent: u8,
    pub(crate) sleep: Duration,
}

impl Plan {
    /// Checks a Deployer. What it owns decides under which name a relabelled version runs.
    pub(crate) fn of(
        deployer: &Object<DeployerSpec>,
        owned: &[Object<DeploymentSpec>],
    ) -> Result<Self, Failure> {
        let wrong = errors(deployer);
        if !wrong.is_empty() {
            return Err(Failure::Invalid(wrong));
        }
        let template = &deployer.spec.deployment;
        let mut plan = Self {
            deployer: String::from(deployer.name()),
            namespace: String::from(deployer.namespace()),
            release: Release {
                deployment: naming::deployment(&template.name, &template.version),
                version: template.version.clone(),
                image: naming::image(&template.image, &template.version),
            },
            labels: template.labels.clone(),
            replicas: template.replicas,
            steps: steps(&deployer.spec.steps),
        };
        plan.release.deployment = plan.deployment_name(owned);
        Ok(plan)
    }

    /// A selector cannot be changed. Labels that an existing Deployment's selector does not match make a new
    /// Deployment beside it, which is then rolled out like a new version.
    fn deployment_name(&self, owned: &[Object<DeploymentSpec>]) -> String {
        let plain = &self.release.deployment;
        let find = |name: &str| owned.iter().find(|child| child.name() == name);
        let relabelled = naming::relabelled(plain, self.labels.iter());
        if find(&relabelled).is_some() {
            return relabelled;
        }
        let labels = deployment::labels(&self.deployer, &self.release.version, &self.labels);
        match find(plain) {
            Some(child) if !child.spec.selects(&labels) => relabelled,
            _ => plain.clone(),
        }
    }
}

fn steps(steps: &[Step]) -> Vec<PlannedStep> {
    if steps.is_empty() {
        return vec![PlannedStep {
            percent: 100,
            sleep: Duration::ZERO,
        }];
    }
    steps
        .iter()
        .map(|step| PlannedStep {
            percent: step.percent,
            sleep: Duration::from_secs(u64::from(step.sleep)),
        })
        .collect()
}

/// All of them at once. The schema refuses most before; this is for an object that came past it.
fn errors(deployer: &Object<DeployerSpec>) -> Vec<FieldError> {
    let template = &deployer.spec.deployment;
    let mut wrong = Vec::new();
    let own = deployer.namespace();
    if let Some(namespace) = template
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
    if !naming::is_dns_label(&template.name) || template.name.len() > 63 {
        wrong.push(FieldError::new(
            "spec.deployment.name",
            format!(
                "must be a DNS label: at most 63 lower-case letters, digits and hyphens, not {:?}",
                template.name
            ),
        ));
    }
    for (field, value) in [("image", &template.image), ("version", &template.version)] {
        if value.is_empty() || value.contains(char::is_whitespace) {
            wrong.push(FieldError::new(
                format!("spec.deployment.{field}"),
                "must not be empty or contain white space",
            ));
        }
    }
    let mut before = 0;
    for (index, step) in deployer.spec.steps.iter().enumerate() {
        let path = format!("spec.steps[{index}].percent");
        if !(1..=100).contains(&step.percent) {
            wrong.push(FieldError::new(path, "must be between 1 and 100"));
        } else if step.percent <= before {
            wrong.push(FieldError::new(
                path,
                format!("must be more than the {before} of the step before"),
            ));
        }
        before = step.percent;
    }
    wrong
}
