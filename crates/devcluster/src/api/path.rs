//! Request paths: `/api/v1/namespaces/x/pods/y/log` and their kin.

use super::percent::decode;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/api`.
    CoreVersions,
    /// `/apis`.
    Groups,
    /// `/apis/{group}`.
    Group(String),
    /// `/api/v1` and `/apis/{group}/{version}`.
    Resources {
        /// API group.
        group: String,
        /// API version.
        version: String,
    },
    /// `/openapi/v2`.
    OpenApiTwo,
    /// `/openapi/v3`.
    OpenApiIndex,
    /// `/openapi/v3/{rest}`.
    OpenApi(String),
    /// Objects.
    Objects(Target),
    /// `/version`.
    Version,
    /// `/healthz`, `/readyz`, `/livez`, and the single checks below them.
    Health,
    /// Anything else.
    Unknown,
}

/// A resource, maybe a namespace, a name and a subresource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: Option<String>,
    pub(crate) plural: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    /// The old form of a watch: `/api/v1/watch/…`.
    pub(crate) watch: bool,
}

impl Route {
    /// Reads a path.
    pub(crate) fn parse(path: &str) -> Self {
        let parts: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decode)
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["api"] => Self::CoreVersions,
            ["api", version] => resources("", version),
            ["api", version, rest @ ..] => objects("", version, rest),
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group(String::from(*group)),
            ["apis", group, version] => resources(group, version),
            ["apis", group, version, rest @ ..] => objects(group, version, rest),
            ["openapi", "v2"] => Self::OpenApiTwo,
            ["openapi", "v3"] => Self::OpenApiIndex,
            ["openapi", "v3", rest @ ..] => Self::OpenApi(rest.join("/")),
            ["version"] => Self::Version,
            ["healthz" | "readyz" | "livez", ..] => Self::Health,
            _ => Self::Unknown,
        }
    }
}

fn resources(group: &str, version: &str) -> Route {
    Route::Resources {
        group: String::from(group),
        version: String::from(version),
    }
}

fn objects(group: &str, version: &str, rest: &[&str]) -> Route {
    let (watch, rest) = match rest {
        ["watch", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // The Namespace resource itself, and its subresources, look like a scope.
    let (namespace, rest) = match rest {
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
        ["namespaces", namespace, rest @ ..] => (Some(String::from(*namespace)), rest),
        _ => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some(String::from(*name)), None),
        [plural, name, rest @ ..] => (plural, Some(String::from(*name)), Some(rest.join("/"))),
        [] => return Route::Unknown,
    };
    Route::Objects(Target {
        group: String::from(group),
        version: String::from(version),
        namespace,
        plural: String::from(*plural),
        name,
        subresource,
        watch,
    })
}
