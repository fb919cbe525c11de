//! Why an instance has no class or plan, in words for whoever wrote it.

/// Why there is no class or no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Resolve {
    /// No class is named.
    #[error(
        "spec names no class\nhint: set one of clusterServiceClassExternalName, clusterServiceClassExternalID, clusterServiceClassName, or serviceClass… for one of the namespace"
    )]
    NoClass,
    /// A class, or a plan, is named in more than one way.
    #[error("spec names its {what} more than once: {fields}\nhint: keep one of them")]
    Several {
        /// `class` or `plan`.
        what: &'static str,
        /// The fields.
        fields: String,
    },
    /// The class is of the cluster and the plan of the namespace, or the other way round.
    #[error(
        "{class} and {plan} are not of one scope\nhint: name both of the cluster, or both of the namespace"
    )]
    Scopes {
        /// The field that names the class.
        class: &'static str,
        /// The field that names the plan.
        plan: &'static str,
    },
    /// There is no such class.
    #[error("no class has {wanted}\nhint: {hint}")]
    UnknownClass {
        /// What was looked for.
        wanted: String,
        /// What to do.
        hint: String,
    },
    /// Several brokers offer it.
    #[error("{count} classes have {wanted}: {names}\nhint: name one by its object")]
    AmbiguousClass {
        /// What was looked for.
        wanted: String,
        /// How many.
        count: usize,
        /// Their objects.
        names: String,
    },
    /// The class has no such plan.
    #[error("class {class:?} has no plan with {wanted}; it has {has}")]
    UnknownPlan {
        /// The class' name at its broker.
        class: String,
        /// What was looked for.
        wanted: String,
        /// Names of those it has.
        has: String,
    },
    /// No plan is named, and there is not just one.
    #[error(
        "spec names no plan, and class {class:?} has {count}: {has}\nhint: name one; a class with a single plan needs none"
    )]
    NoDefault {
        /// The class' name at its broker.
        class: String,
        /// How many.
        count: usize,
        /// Their names.
        has: String,
    },
    /// The broker does not offer the class any more.
    #[error("class {class:?} is not offered by its broker any more; new instances cannot have it")]
    RemovedClass {
        /// Its name at its broker.
        class: String,
    },
    /// The broker does not offer the plan any more.
    #[error(
        "plan {plan:?} of class {class:?} is not offered by its broker any more; new instances cannot have it"
    )]
    RemovedPlan {
        /// The class' name at its broker.
        class: String,
        /// The plan's.
        plan: String,
    },
}

/// Why an instance cannot go from one plan to another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangePlan {
    /// Its class would change.
    #[error(
        "an instance of class {from:?} cannot become one of class {to:?}\nhint: create another instance"
    )]
    Class {
        /// What it is of.
        from: String,
        /// What is wished for.
        to: String,
    },
    /// Its plan does not allow it.
    #[error(
        "instances of plan {from:?} cannot change their plan\nhint: set the plan back, or create another instance"
    )]
    Fixed {
        /// The plan that it has.
        from: String,
    },
}

impl Resolve {
    /// The reason of its condition, in service-catalog's word.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoClass | Self::Several { .. } | Self::Scopes { .. } => "InvalidPlanReference",
            Self::UnknownClass { .. } | Self::AmbiguousClass { .. } => {
                "ReferencesNonexistentServiceClass"
            }
            Self::UnknownPlan { .. } | Self::NoDefault { .. } => "ReferencesNonexistentServicePlan",
            Self::RemovedClass { .. } => "ReferencesDeletedServiceClass",
            Self::RemovedPlan { .. } => "ReferencesDeletedServicePlan",
        }
    }

    /// Whether it may be better by itself when classes and plans change, with no change of the instance.
    #[must_use]
    pub const fn waits(&self) -> bool {
        !matches!(
            self,
            Self::NoClass | Self::Several { .. } | Self::Scopes { .. }
        )
    }
}
