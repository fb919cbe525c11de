//! What a payload is about. Only read once its sender is known.

use oarlock_core::artifact::Upstream;
use serde_json::Value;
use thiserror::Error;

use super::sender::Sender;

/// Sources that one payload may name.
const MOST: usize = 32;

/// Why a payload cannot be read.
#[derive(Debug, Error)]
pub(super) enum ReadPayload {
    /// GitHub's other form.
    #[error("not JSON; hint: set the content type of the webhook to application/json")]
    Form,
    /// No JSON.
    #[error("not JSON")]
    Json,
    /// JSON of something else.
    #[error("it names no repository; hint: the type of the receiver is the sender's")]
    Nothing,
}

/// The sources that the payload of a sender names; `None` where it need not name any, and all of the receiver's are meant.
pub(super) fn upstreams(sender: Sender, body: &[u8]) -> Result<Option<Vec<Upstream>>, ReadPayload> {
    if matches!(sender, Sender::Generic | Sender::GenericHmac) {
        return Ok(None);
    }
    let payload: Value = serde_json::from_slice(body).map_err(|_| {
        if body.starts_with(b"payload=") {
            ReadPayload::Form
        } else {
            ReadPayload::Json
        }
    })?;
    let mut urls = match sender {
        Sender::Github => github(&payload),
        Sender::Gitea | Sender::Forgejo | Sender::Gogs => at(&payload, OF_REPOSITORY),
        Sender::Gitlab => at(&payload, OF_GITLAB),
        Sender::Bitbucket => bitbucket(&payload),
        Sender::Dockerhub => dockerhub(&payload),
        Sender::Registry => registry(&payload),
        Sender::Harbor => harbor(&payload),
        Sender::Generic | Sender::GenericHmac => Vec::new(),
    };
    urls.truncate(MOST);
    let mut upstreams: Vec<Upstream> = urls.iter().filter_map(|url| Upstream::parse(url)).collect();
    upstreams.sort();
    upstreams.dedup();
    // A notification of pulls alone is one, and names nothing.
    let may_be_silent = sender == Sender::Registry && payload["events"].is_array();
    if upstreams.is_empty() && !may_be_silent {
        return Err(ReadPayload::Nothing);
    }
    Ok(Some(upstreams))
}

const OF_REPOSITORY: &[&str] = &[
    "/repository/clone_url",
    "/repository/ssh_url",
    "/repository/html_url",
];

const OF_GITLAB: &[&str] = &[
    "/project/git_http_url",
    "/project/git_ssh_url",
    "/project/web_url",
    "/repository/git_http_url",
    "/repository/git_ssh_url",
    "/repository/homepage",
];

/// The texts that are there.
fn at(payload: &Value, pointers: &[&str]) -> Vec<String> {
    let texts = pointers
        .iter()
        .filter_map(|pointer| payload.pointer(pointer)?.as_str());
    texts.map(str::to_owned).collect()
}

fn github(payload: &Value) -> Vec<String> {
    let mut urls = at(payload, OF_REPOSITORY);
    let packages = [
        "/package/package_version/package_url",
        "/registry_package/package_version/package_url",
    ];
    urls.extend(at(payload, &packages).iter().map(|url| in_registry(url)));
    urls
}

/// The cloud's have a page, the server's have links to clone.
fn bitbucket(payload: &Value) -> Vec<String> {
    let mut urls = at(payload, &["/repository/links/html/href"]);
    let clones = payload.pointer("/repository/links/clone");
    for link in clones.and_then(Value::as_array).into_iter().flatten() {
        urls.extend(at(link, &["/href"]));
    }
    urls
}

fn dockerhub(payload: &Value) -> Vec<String> {
    let names = at(payload, &["/repository/repo_name"]);
    let urls = names.iter().map(|name| format!("oci://docker.io/{name}"));
    urls.collect()
}

/// Of the distribution's notifications: what was pushed, by the names that the registry has.
fn registry(payload: &Value) -> Vec<String> {
    let mut urls = Vec::new();
    for event in payload["events"].as_array().into_iter().flatten() {
        let Some(repository) = event.pointer("/target/repository").and_then(Value::as_str) else {
            continue;
        };
        if event["action"] != "push" {
            continue;
        }
        let hosts = at(event, &["/request/host", "/target/url"]);
        for host in hosts {
            let host = host
                .split_once("://")
                .map_or(host.as_str(), |(_, rest)| rest);
            let host = host.split('/').next().unwrap_or_default();
            urls.push(format!("oci://{host}/{repository}"));
        }
    }
    urls
}

fn harbor(payload: &Value) -> Vec<String> {
    let resources = payload.pointer("/event_data/resources");
    let resources = resources.and_then(Value::as_array).into_iter().flatten();
    resources
        .flat_map(|resource| at(resource, &["/resource_url"]))
        .map(|url| in_registry(&url))
        .collect()
}

/// `host/path:tag` or `host/path@digest` as a URL.
fn in_registry(name: &str) -> String {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    let name = name.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    format!("oci://{name}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn named(sender: Sender, payload: &Value) -> String {
        let upstreams = upstreams(sender, payload.to_string().as_bytes());
        let upstreams = upstreams.unwrap().unwrap();
        let names: Vec<String> = upstreams.iter().map(ToString::to_string).collect();
        names.join(" ")
    }

    #[test]
    fn repositories_are_named_as_each_vendor_does() {
        let repository = json!({"repository": {
            "full_name": "acme/shop", "html_url": "https://github.com/acme/shop",
            "clone_url": "https://github.com/acme/shop.git", "ssh_url": "git@github.com:acme/shop.git",
        }});
        for sender in [Sender::Github, Sender::Gitea, Sender::Forgejo, Sender::Gogs] {
            assert_eq!(named(sender, &repository), "github.com/acme/shop");
        }
        let gitlab = json!({"project": {"git_http_url": "http://example.com/mike/diaspora.git",
            "git_ssh_url": "git@example.com:mike/diaspora.git", "web_url": "http://example.com/mike/diaspora"}});
        assert_eq!(named(Sender::Gitlab, &gitlab), "example.com/mike/diaspora");
        let cloud =
            json!({"repository": {"links": {"html": {"href": "https://bitbucket.org/team/repo"}}}});
        assert_eq!(named(Sender::Bitbucket, &cloud), "bitbucket.org/team/repo");
        let server = json!({"repository": {"links": {"clone": [
            {"href": "https://git.example.com/scm/team/repo.git", "name": "http"},
            {"href": "ssh://git@git.example.com:7999/team/repo.git", "name": "ssh"},
        ]}}});
        assert_eq!(
            named(Sender::Bitbucket, &server),
            "git.example.com/scm/team/repo git.example.com/team/repo"
        );
    }

    #[test]
    fn registries_name_what_was_pushed() {
        let hub = json!({"repository": {"repo_name": "acme/shop", "repo_url": "https://hub.docker.com/r/acme/shop"}});
        assert_eq!(named(Sender::Dockerhub, &hub), "docker.io/acme/shop");
        let event = |action: &str, repository: &str| {
            json!({"action": action, "request": {"host": "registry.example.com:5000"}, "target": {
                "repository": repository, "url": format!("http://10.0.0.1:5000/v2/{repository}/manifests/sha256:1")}})
        };
        let events =
            json!({"events": [event("push", "charts/web"), event("pull", "charts/other")]});
        assert_eq!(
            named(Sender::Registry, &events),
            "10.0.0.1/charts/web registry.example.com/charts/web"
        );
        assert_eq!(
            named(Sender::Registry, &json!({"events": [event("pull", "a")]})),
            ""
        );
        let harbor = json!({"type": "PUSH_ARTIFACT", "event_data": {"resources": [
            {"tag": "1.0.0", "resource_url": "hub.example.com/charts/web:1.0.0"},
            {"resource_url": "hub.example.com:8443/charts/db@sha256:0123"},
        ]}});
        assert_eq!(
            named(Sender::Harbor, &harbor),
            "hub.example.com/charts/db hub.example.com/charts/web"
        );
        let package = json!({"registry_package": {"package_version": {"package_url": "ghcr.io/acme/charts/web:1.0.0"}},
            "repository": {"html_url": "https://github.com/acme/shop"}});
        assert_eq!(
            named(Sender::Github, &package),
            "ghcr.io/acme/charts/web github.com/acme/shop"
        );
    }

    #[test]
    fn what_names_nothing_is_told() {
        let told = |sender, body: &[u8]| match upstreams(sender, body) {
            Err(error) => error.to_string(),
            Ok(upstreams) => format!("{upstreams:?}"),
        };
        let all = [
            told(Sender::Github, b"payload=%7B%7D"),
            told(Sender::Github, b""),
            told(Sender::Github, b"{\"repository\": {\"clone_url\": 1}}"),
            told(Sender::Registry, b"{}"),
            told(Sender::Generic, b"whatever"),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        not JSON; hint: set the content type of the webhook to application/json
        not JSON
        it names no repository; hint: the type of the receiver is the sender's
        it names no repository; hint: the type of the receiver is the sender's
        None
        ");
    }

    #[test]
    fn a_payload_names_so_many_at_most() {
        let event = |number: usize| json!({"action": "push", "request": {"host": "r.example"}, "target": {"repository": format!("a/{number}")}});
        let events: Vec<Value> = (0..100).map(event).collect();
        let upstreams = upstreams(
            Sender::Registry,
            json!({"events": events}).to_string().as_bytes(),
        );
        assert_eq!(upstreams.unwrap().unwrap().len(), MOST);
    }
}
