//! The file of receivers: text in, receivers or located findings out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use oarlock_config::Diagnostic;
use oarlock_config::document::{Document, Form, KeyPath, Problem};
use schemars::JsonSchema;
use serde::Deserialize;

use super::sender::Sender;
use super::sources::Pattern;

/// A token of this many bytes cannot be guessed.
const LONG_ENOUGH: usize = 16;

/// Longest file of a token.
const LONGEST: u64 = 4096;

/// Receivers by name.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    receivers: BTreeMap<String, Post>,
}

/// One receiver.
#[derive(Debug)]
pub(super) struct Post {
    /// Who sends.
    pub(super) sender: Sender,
    token: PathBuf,
    /// What it speaks for.
    pub(super) sources: Vec<Pattern>,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawFile {
    /// Who may send webhooks.
    #[schemars(required)]
    receivers: Option<Vec<RawReceiver>>,
}

/// One receiver.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawReceiver {
    /// Its name: webhooks go to /hook/NAME.
    #[schemars(required)]
    name: Option<String>,
    /// Who sends: github, gitlab, gitea, forgejo, gogs, bitbucket, registry, harbor, dockerhub, generic or generic-hmac.
    #[serde(rename = "type")]
    #[schemars(required)]
    sender: Option<String>,
    /// A file with the secret that it shares with the sender, such as that of a mounted Secret; read anew for every webhook.
    #[schemars(required)]
    token_file: Option<String>,
    /// URLs of the sources that it speaks for. With /* at the end, all below.
    #[schemars(required)]
    sources: Option<Vec<String>>,
}

fn form() -> Form {
    Form::of::<RawFile>("a file of receivers", |key| match key {
        "receivers" => Some("receivers: []"),
        "name" => Some("name: git"),
        "type" => Some("type: github"),
        "tokenFile" => Some("tokenFile: /etc/oarlock/git-token"),
        "sources" => Some("sources: [\"https://github.com/acme/*\"]"),
        _ => None,
    })
}

impl Configuration {
    /// Reads a file, and looks once at the tokens that it names.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let name = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        let configuration = Self::parse(file, &text).map_err(|findings| {
            let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
            anyhow::anyhow!(
                "{name} is no file of receivers\n\n{}",
                findings.join("\n\n")
            )
        })?;
        for (name, post) in &configuration.receivers {
            let token = post.token().with_context(|| format!("receiver {name}"))?;
            if token.len() < LONG_ENOUGH {
                tracing::warn!(
                    receiver = name,
                    "its token has only {} bytes and may be guessed; hint: `openssl rand -hex 32` makes a better one",
                    token.len()
                );
            }
        }
        Ok(configuration)
    }

    /// Reads the text of `file`. Tokens are looked for beside it.
    fn parse(file: &Path, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let name = file.display().to_string();
        let form = form();
        let (mut document, raw) = Document::read::<RawFile>(&name, text, &form);
        let beside = file.parent().unwrap_or(Path::new(""));
        let mut receivers = BTreeMap::new();
        let all = KeyPath::entry().key("receivers");
        let raw = raw.and_then(|raw| raw.receivers).into_iter().flatten();
        for (index, raw) in raw.enumerate() {
            let path = all.index(index);
            let Some((name, post)) = receiver(&mut document, &path, raw, beside) else {
                continue;
            };
            if receivers.insert(name, post).is_some() {
                let problem = Problem::new("another receiver has this name")
                    .hint("webhooks find a receiver by its name; choose another one");
                document.error(&path.key("name"), problem);
            }
        }
        let findings = document.finish();
        if findings.is_empty() {
            Ok(Self { receivers })
        } else {
            Err(findings)
        }
    }

    /// The receiver of a name.
    pub(super) fn get(&self, name: &str) -> Option<&Post> {
        self.receivers.get(name)
    }

    /// All names.
    pub(super) fn names(&self) -> Vec<&str> {
        self.receivers.keys().map(String::as_str).collect()
    }
}

fn receiver(
    document: &mut Document<'_>,
    path: &KeyPath,
    raw: RawReceiver,
    beside: &Path,
) -> Option<(String, Post)> {
    let name = raw
        .name
        .and_then(|name| document.ok(&path.key("name"), label(name)));
    let sender = raw
        .sender
        .and_then(|text| document.ok(&path.key("type"), kind(&text)));
    let at = path.key("sources");
    let texts = raw.sources?;
    if texts.is_empty() {
        let problem = Problem::new("it speaks for nothing").hint("name at least one source");
        document.error(&at, problem);
    }
    let mut sources = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        sources.extend(document.ok(&at.index(index), Pattern::parse(text)));
    }
    Some((
        name?,
        Post {
            sender: sender?,
            token: beside.join(raw.token_file?),
            sources,
        },
    ))
}

/// A name is a part of a path.
fn label(name: String) -> Result<String, Problem> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=63).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(name);
    }
    Err(Problem::new(format!("{name:?} is no name of a receiver"))
        .expected("up to 63 lower-case letters, digits and -"))
}

fn kind(text: &str) -> Result<Sender, Problem> {
    serde_json::from_value(text.into()).map_err(|_| {
        Problem::new(format!("{text:?} is no type of a receiver")).expected(
            "one of: github, gitlab, gitea, forgejo, gogs, bitbucket, registry, harbor, dockerhub, generic, generic-hmac",
        )
    })
}

impl Post {
    /// The secret as it is now. Editors leave a line feed at its end.
    pub(super) fn token(&self) -> anyhow::Result<Vec<u8>> {
        let name = self.token.display();
        let long = std::fs::metadata(&self.token)
            .with_context(|| format!("cannot read the token file {name}"))?
            .len();
        if long > LONGEST {
            bail!("the token file {name} has {long} bytes; expected {LONGEST} at most");
        }
        let bytes = std::fs::read(&self.token)
            .with_context(|| format!("cannot read the token file {name}"))?;
        let token = bytes.trim_ascii_end();
        if token.is_empty() {
            bail!("the token file {name} is empty; hint: without a secret anybody could send");
        }
        Ok(token.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match Configuration::parse(Path::new("dir/receivers.yaml"), text) {
            Ok(configuration) => format!("{configuration:#?}"),
            Err(findings) => {
                let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
                findings.join("\n\n")
            }
        }
    }

    #[test]
    fn receivers() {
        insta::assert_snapshot!("receivers", told("receivers:
- name: git
  type: github
  tokenFile: git-token
  sources: [\"https://github.com/acme/*\", \"git@github.com:other/shop.git\"]
- {name: registry, type: registry, tokenFile: /etc/token, sources: [\"oci://registry.example.com/charts/web\"]}
"));
    }

    #[test]
    fn the_example_is_one() {
        let text = include_str!("../../../../deploy/receivers.yaml");
        let parsed = Configuration::parse(Path::new("receivers.yaml"), text);
        let names = parsed.map(|file| file.names().join(" "));
        assert_eq!(
            names.ok().as_deref(),
            Some("github gitlab hub pipeline registry")
        );
    }

    #[test]
    fn what_is_wrong_with_receivers_is_told_with_its_place() {
        insta::assert_snapshot!(
            "wrong_receivers",
            told(
                "receivers:
- name: Git
  type: githup
  tokenFile: git-token
  sources: [\"https://*.example.com/a\", shop]
- type: generic
  sources: []
- {name: twice, type: gogs, tokenFile: a, sources: [\"https://a/b\"]}
- {name: twice, type: gogs, tokenFile: a, sources: [\"https://a/b\"], secret: x}
"
            )
        );
        insta::assert_snapshot!("no_receivers", told("- name: git\n"));
    }
}
