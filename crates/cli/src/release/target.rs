//! Which object is meant: words of a command line, by what the API server serves.

use std::str::FromStr;

use anyhow::{Context as _, bail};
use kube::Client;
use kube::api::Api;
use kube::core::ApiResource;
use kube::discovery::{ApiCapabilities, Discovery, Scope};

use super::object::Handle;

/// An object as it is named on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Kind, singular or plural, in any case.
    kind: String,
    /// What follows it behind a dot, such as `example.com` or `v1.example.com`.
    group: Option<String>,
    name: String,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem =
            || format!("{text:?} is no object; expected KIND/NAME such as widgets.example.com/a");
        let (kind, name) = text.split_once('/').ok_or_else(problem)?;
        if kind.is_empty() || name.is_empty() || name.contains('/') {
            return Err(problem());
        }
        let (kind, group) = match kind.split_once('.') {
            Some((kind, group)) => (kind, Some(group.to_owned())),
            None => (kind, None),
        };
        Ok(Self {
            kind: kind.to_lowercase(),
            group,
            name: name.to_owned(),
        })
    }
}

impl Target {
    /// Whether a kind that is served is meant.
    fn names(&self, resource: &ApiResource) -> bool {
        let kind = self.kind == resource.plural || self.kind == resource.kind.to_lowercase();
        let group = self.group.as_ref().is_none_or(|group| {
            *group == resource.group || *group == format!("{}.{}", resource.version, resource.group)
        });
        kind && group
    }

    /// The object's place in the cluster.
    pub(super) async fn find(
        &self,
        client: Client,
        namespace: Option<&str>,
    ) -> anyhow::Result<Handle> {
        let discovery = Discovery::new(client.clone())
            .run()
            .await
            .context("the API server does not say what it serves")?;
        let mut found: Vec<(ApiResource, ApiCapabilities)> = discovery
            .groups()
            .flat_map(|group| {
                // The preferred version, unless another one is named.
                let named = group
                    .versions()
                    .flat_map(|version| group.versioned_resources(version))
                    .filter(|_| self.group.as_ref().is_some_and(|g| g != group.name()));
                group.recommended_resources().into_iter().chain(named)
            })
            .filter(|(resource, _)| self.names(resource))
            .collect();
        found.dedup_by(|(a, _), (b, _)| a == b);
        let kind = &self.kind;
        let (resource, capabilities) = match found.len() {
            0 => bail!(
                "the API server serves no kind {kind}{}; hint: `kubectl api-resources` lists what it serves",
                self.group
                    .as_ref()
                    .map(|group| format!(" of {group}"))
                    .unwrap_or_default()
            ),
            1 => found.remove(0),
            _ => {
                let names: Vec<String> = found
                    .iter()
                    .map(|(r, _)| format!("{}.{}/{}", r.plural, r.group, self.name))
                    .collect();
                bail!(
                    "{kind} is more than one kind; hint: name the group: {}",
                    names.join(" or ")
                );
            }
        };
        let namespace = match capabilities.scope {
            Scope::Cluster => None,
            Scope::Namespaced => {
                let default = client.default_namespace().to_owned();
                Some(namespace.map_or(default, str::to_owned))
            }
        };
        let api = match &namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        Ok(Handle {
            client,
            api,
            resource,
            namespace,
            name: self.name.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn widget() -> ApiResource {
        ApiResource {
            group: "example.com".to_owned(),
            version: "v1".to_owned(),
            api_version: "example.com/v1".to_owned(),
            kind: "Widget".to_owned(),
            plural: "widgets".to_owned(),
        }
    }

    #[test]
    fn kinds_are_named_as_for_kubectl() {
        for (text, named) in [
            ("widget/a", true),
            ("Widget/a", true),
            ("widgets/a", true),
            ("widgets.example.com/a", true),
            ("widget.v1.example.com/a", true),
            ("widget.v2.example.com/a", false),
            ("widget.example/a", false),
            ("gadget/a", false),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.names(&widget()), named, "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["widget", "/a", "widget/", "a/b/c"] {
            assert_eq!(
                text.parse::<Target>().unwrap_err(),
                format!("{text:?} is no object; expected KIND/NAME such as widgets.example.com/a")
            );
        }
    }
}
