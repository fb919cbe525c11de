//! Flags that give values, and what they name, read. What the texts mean is the engine's business.

use std::io::Read as _;

use anyhow::{anyhow, bail};
use oarlock_helm::ValueSource;

use super::go;
use super::room::Room;
use super::set_file::{self, Content};

/// Flags that give values; whatever is given later on this list wins.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Values, the later the stronger")]
#[group(skip)]
pub(super) struct Flags {
    /// Values files, URLs of them, or - for standard input.
    #[arg(short = 'f', long, value_name = "FILE", allow_hyphen_values = true)]
    values: Vec<String>,
    /// JSON values: key=JSON, or one object.
    #[arg(long, value_name = "KEY=JSON", allow_hyphen_values = true)]
    set_json: Vec<String>,
    /// Values: key1=val1,key2=val2.
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Values that are text, whatever they look like.
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set_string: Vec<String>,
    /// Values that are the texts of files.
    #[arg(long, value_name = "KEY=FILE", allow_hyphen_values = true)]
    set_file: Vec<String>,
    /// One value that is text, taken literally to its end.
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set_literal: Vec<String>,
}

impl Flags {
    /// The contributions, in the order in which Helm merges them.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(super) async fn read(&self, room: &Room) -> anyhow::Result<Vec<ValueSource>> {
        let mut sources = Vec::new();
        for file in lists("-f, --values", &self.values)? {
            let text = text(&file, room).await?;
            let text = String::from_utf8(text).map_err(|_| not_utf8(&file))?;
            sources.push(ValueSource::Yaml((file, text)));
        }
        sources.extend(self.set_json.iter().cloned().map(ValueSource::SetJson));
        sources.extend(self.set.iter().cloned().map(ValueSource::Set));
        sources.extend(self.set_string.iter().cloned().map(ValueSource::SetString));
        for line in &self.set_file {
            for (key, content) in set_file::pairs(line)? {
                let text = match &content {
                    Content::File(path) => file_value(path, room).await?,
                    Content::Nothing | Content::List => String::new(),
                };
                // In place of a list, and refused in the words for `--set-file` where there can be none.
                let list = format!("{key}={{}}");
                sources.push(ValueSource::SetFile((key, text)));
                if content == Content::List {
                    sources.push(ValueSource::Set(list));
                }
            }
        }
        let literals = self.set_literal.iter().cloned();
        sources.extend(literals.map(ValueSource::SetLiteral));
        Ok(sources)
    }
}

/// A flag that may be given several times, each time with several values between commas.
pub(super) fn lists(flag: &str, given: &[String]) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for text in given {
        let values = go::list(text).map_err(|problem| {
            anyhow!(
                "invalid argument {} for \"{flag}\" flag: {problem}",
                go::quoted(text)
            )
        })?;
        all.extend(values);
    }
    Ok(all)
}

fn not_utf8(file: &str) -> anyhow::Error {
    anyhow!(
        "failed to parse {file}: cannot unmarshal yaml document: error converting YAML to JSON: yaml: invalid leading UTF-8 octet; \
         hint: values files are text in UTF-8"
    )
}

async fn file_value(path: &str, room: &Room) -> anyhow::Result<String> {
    let text = text(path, room)
        .await
        .map_err(|error| anyhow!("failed parsing --set-file data: {error}"))?;
    String::from_utf8(text).map_err(|_| {
        anyhow!("failed parsing --set-file data: {path} is not text; hint: a chart takes text in UTF-8, such as base64 of what is none")
    })
}

/// A file, what a URL names, or all of standard input.
async fn text(name: &str, room: &Room) -> anyhow::Result<Vec<u8>> {
    if name.trim() == "-" {
        let mut text = Vec::new();
        std::io::stdin()
            .read_to_end(&mut text)
            .map_err(|error| anyhow!(go::path_error("read", "/dev/stdin", &error)))?;
        return Ok(text);
    }
    if name.starts_with("http://") || name.starts_with("https://") {
        return room.text(name).await;
    }
    if name.starts_with("oci://") {
        bail!(
            "{name} is no values file; hint: values come from files and from http:// and https:// URLs"
        );
    }
    std::fs::read(name).map_err(|error| {
        let operation = if error.kind() == std::io::ErrorKind::IsADirectory {
            "read"
        } else {
            "open"
        };
        anyhow!(go::path_error(operation, name, &error))
    })
}
