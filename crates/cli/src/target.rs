//! Which object is meant: words of a command line, by what the API server serves.

mod handle;

use std::str::FromStr;

use anyhow::{Context as _, bail};
use kube::Client;
use kube::api::Api;
use kube::core::ApiResource;
use kube::discovery::{ApiCapabilities, ApiGroup, Discovery, Scope};

pub(crate) use handle::{Handle, Told};

/// A kind that is served.
type Served = (ApiResource, ApiCapabilities);

/// An object as it is named on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Kind, singular, plural or short, in lower case.
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
        kind && self.is_of(resource)
    }

    /// Whether the group fits.
    fn is_of(&self, resource: &ApiResource) -> bool {
        self.group.as_ref().is_none_or(|group| {
            *group == resource.group || *group == format!("{}.{}", resource.version, resource.group)
        })
    }

    /// The object's place in the cluster.
    ///
    /// # Errors
    ///
    /// When the API server serves no such kind, or more than one.
    pub(crate) async fn find(
        &self,
        client: Client,
        namespace: Option<&str>,
    ) -> anyhow::Result<Handle> {
        let discovery = Discovery::new(client.clone())
            .run()
            .await
            .context("the API server does not say what it serves")?;
        let mut found: Vec<Served> = self
            .served(&discovery)
            .into_iter()
            .filter(|(resource, _)| self.names(resource))
            .collect();
        if found.is_empty() {
            found = self.by_other_names(&client, &discovery).await;
        }
        found.dedup_by(|(a, _), (b, _)| a == b);
        let (resource, capabilities) = self.only(found)?;
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

    /// Kinds in the preferred version of their group, and in the others where one may be named.
    fn served(&self, discovery: &Discovery) -> Vec<Served> {
        let of = |group: &ApiGroup| {
            let named = group
                .versions()
                .flat_map(|version| group.versioned_resources(version))
                .filter(|_| self.group.as_ref().is_some_and(|g| g != group.name()));
            let mut all = group.recommended_resources();
            all.extend(named);
            all
        };
        discovery.groups().flat_map(of).collect()
    }

    /// Kinds with such a short name or singular name, which the discovery client does not keep.
    async fn by_other_names(&self, client: &Client, discovery: &Discovery) -> Vec<Served> {
        let mut versions: Vec<(String, Vec<Served>)> = Vec::new();
        for (resource, capabilities) in self.served(discovery) {
            if !self.is_of(&resource) {
                continue;
            }
            let version = resource.api_version.clone();
            match versions.iter_mut().find(|(known, _)| *known == version) {
                Some((_, all)) => all.push((resource, capabilities)),
                None => versions.push((version, vec![(resource, capabilities)])),
            }
        }
        let mut found = Vec::new();
        for (version, all) in versions {
            let told = if version.contains('/') {
                client.list_api_group_resources(&version).await
            } else {
                client.list_core_api_resources(&version).await
            };
            // A group whose own server is down names nothing now.
            let Ok(told) = told.inspect_err(|error| tracing::debug!(%version, %error, "no names"))
            else {
                continue;
            };
            let named = told.resources.into_iter().filter(|resource| {
                let shorts = resource.short_names.iter().flatten();
                resource.singular_name == self.kind || shorts.into_iter().any(|s| *s == self.kind)
            });
            let plurals: Vec<String> = named.map(|resource| resource.name).collect();
            found.extend(all.into_iter().filter(|(r, _)| plurals.contains(&r.plural)));
        }
        found
    }

    /// The one that is meant.
    fn only(&self, mut found: Vec<Served>) -> anyhow::Result<Served> {
        let kind = &self.kind;
        match found.len() {
            0 => bail!(
                "the API server serves no kind {kind}{}; hint: `kubectl api-resources` lists what it serves",
                self.group
                    .as_ref()
                    .map(|group| format!(" of {group}"))
                    .unwrap_or_default()
            ),
            1 => Ok(found.remove(0)),
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
        }
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
