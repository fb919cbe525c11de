//! What a module brings and asks for.

/// What a module says of itself. [`module`](macro@crate::module) writes it from its arguments.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Manifest {
    /// DNS label; part of the field manager's name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// CustomResourceDefinitions as JSON.
    pub crds: Vec<String>,
    /// Put on every object before the first effect; with it the module is called for deletions too.
    pub finalizer: Option<String>,
    /// What it writes.
    pub writes: Vec<Grant>,
    /// What it reads.
    pub reads: Vec<Grant>,
    /// Origins that it calls.
    pub http: Vec<String>,
}

/// Rights on one resource, in the words of a Kubernetes RBAC rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    /// `""` for the core group.
    pub api_group: String,
    /// Plural resource name, or `*`.
    pub plural: String,
    /// Empty for all of them.
    pub verbs: Vec<String>,
}

impl Manifest {
    /// Asks for nothing.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            ..Self::default()
        }
    }

    /// Brings a CustomResourceDefinition.
    pub fn crd(mut self, json: impl Into<String>) -> Self {
        self.crds.push(json.into());
        self
    }

    /// Wants to be called for deletions.
    pub fn finalizer(self, name: impl Into<String>) -> Self {
        Self {
            finalizer: Some(name.into()),
            ..self
        }
    }

    /// Asks to write.
    pub fn writes(mut self, grant: Grant) -> Self {
        self.writes.push(grant);
        self
    }

    /// Asks to read.
    pub fn reads(mut self, grant: Grant) -> Self {
        self.reads.push(grant);
        self
    }

    /// Asks to call an origin.
    pub fn http(mut self, origin: impl Into<String>) -> Self {
        self.http.push(origin.into());
        self
    }
}

impl Grant {
    /// All verbs on a resource.
    pub fn new(api_group: impl Into<String>, plural: impl Into<String>) -> Self {
        Self {
            api_group: api_group.into(),
            plural: plural.into(),
            verbs: Vec::new(),
        }
    }

    /// These verbs only.
    pub fn verbs(self, verbs: &[&str]) -> Self {
        Self {
            verbs: verbs.iter().map(|&verb| String::from(verb)).collect(),
            ..self
        }
    }
}
