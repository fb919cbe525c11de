//! A value within a JSON document that somebody serves.

use std::collections::BTreeMap;

use oarlock_sdk::FieldError;
use oarlock_sdk::http::Request;
use serde_json::Value;

use super::answer::{Measurement, Nothing, Trouble, refused, too_large};
use super::caller::Caller;
use super::duration::GoDuration;
use super::excerpt;
use super::scope::Scope;
use super::settings::Credentials;
use super::spec::WebSpec;
use super::text::Text;
use super::url::{self, Url};

/// For the whole call, where nobody says.
const TIMEOUT: GoDuration = GoDuration(std::time::Duration::from_secs(5));

/// A place in a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Web {
    url: Text,
    /// RFC 6901.
    pointer: String,
    /// The place as its author wrote it.
    place: String,
    headers: Vec<(String, String)>,
    credentials: Option<Credentials>,
    timeout: GoDuration,
}

impl Web {
    /// Checks what was written, and adds to `wrong` what is.
    pub(crate) fn parse(
        spec: &WebSpec,
        variables: &BTreeMap<String, String>,
        path: &str,
        wrong: &mut Vec<FieldError>,
    ) -> Option<Self> {
        let before = wrong.len();
        let url = match Text::parse(&spec.url, variables) {
            Ok(text) => Url::parse(&text.fill(&sample(), "1m"))
                .map(|_| text)
                .map_err(|message| wrong.push(FieldError::new(format!("{path}.url"), message)))
                .ok(),
            Err(error) => {
                wrong.push(FieldError::new(format!("{path}.url"), error.to_string()));
                None
            }
        };
        let place = match (&spec.json_pointer, &spec.json_path) {
            (Some(pointer), None) if pointer.is_empty() || pointer.starts_with('/') => {
                let place = if pointer.is_empty() {
                    "the root"
                } else {
                    pointer
                };
                Some((pointer.clone(), String::from(place)))
            }
            (Some(pointer), None) => {
                wrong.push(FieldError::new(
                    format!("{path}.jsonPointer"),
                    format!("{pointer:?} does not begin with a slash, expected such as /data/0/ok"),
                ));
                None
            }
            (None, Some(text)) => match pointer(text) {
                Some(pointer) => Some((pointer, text.clone())),
                None => {
                    wrong.push(FieldError::new(
                        format!("{path}.jsonPath"),
                        format!("{text:?} is not a path of names and indexes, expected such as {{$.data[0].ok}}"),
                    ));
                    None
                }
            },
            (both, _) => {
                let what = if both.is_some() {
                    "stands beside jsonPath"
                } else {
                    "is required"
                };
                wrong.push(FieldError::new(
                    format!("{path}.jsonPointer"),
                    format!("{what}, expected either jsonPointer or jsonPath"),
                ));
                None
            }
        };
        let timeout =
            super::draft::duration(spec.timeout, TIMEOUT, &format!("{path}.timeout"), wrong);
        let (url, (pointer, place)) = (url?, place?);
        (wrong.len() == before).then(|| Self {
            url,
            pointer,
            place,
            headers: spec
                .headers
                .iter()
                .map(|header| (header.key.clone(), header.value.clone()))
                .collect(),
            credentials: spec.secret_ref.as_ref().map(Credentials::of),
            timeout,
        })
    }

    /// Whether its address says how far it looks back.
    pub(crate) fn has_interval(&self) -> bool {
        self.url.has_interval()
    }

    /// Gets the document.
    pub(crate) fn ask(
        &self,
        caller: &Caller<'_>,
        name: &str,
        scope: &Scope,
        window: &str,
    ) -> Result<Measurement, Trouble> {
        let url = Url::parse(&self.url.fill(scope, window)).map_err(Trouble::Template)?;
        let mut request = Request::get(url.as_str())
            .header("accept", "application/json")
            .header("x-oarlock-metric", url::header(name));
        request.headers.extend(self.headers.iter().cloned());
        let response = caller.send(request, &url, self.credentials.as_ref(), self.timeout)?;
        if !(200..300).contains(&response.status) {
            return Err(refused(response.status, &response.body));
        }
        too_large(&response.body)?;
        let document: Value =
            serde_json::from_slice(&response.body).map_err(|_| Trouble::Unreadable {
                said: excerpt::of(&response.body),
                expected: "JSON",
            })?;
        Ok(match document.pointer(&self.pointer) {
            None | Some(Value::Null) => Measurement::Nothing(Nothing::Absent(self.place.clone())),
            Some(value) => Measurement::Value(value.clone()),
        })
    }
}

/// What stands for the names of an object where there is none yet.
fn sample() -> Scope {
    Scope {
        namespace: String::from("x"),
        name: String::from("x"),
        target: String::from("x"),
        service: String::from("x"),
        ingress: String::from("x"),
        ..Scope::default()
    }
}

/// A JSONPath of names and indexes as a JSON pointer.
fn pointer(path: &str) -> Option<String> {
    let inside = path.trim();
    let inside = match inside.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?.trim(),
        None => inside,
    };
    let mut rest = inside.strip_prefix('$').unwrap_or(inside);
    let mut pointer = String::new();
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    while !rest.is_empty() {
        let (step, tail) = if let Some(tail) = rest.strip_prefix('.') {
            let end = tail.find(['.', '[']).unwrap_or(tail.len());
            let (name, tail) = tail.split_at(end);
            let plain = |c: char| c.is_alphanumeric() || "_-".contains(c);
            (name.chars().all(plain).then(|| escaped(name))?, tail)
        } else {
            let (inside, tail) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = ['\'', '"']
                .into_iter()
                .find_map(|quote| inside.strip_prefix(quote)?.strip_suffix(quote));
            let step = match quoted {
                Some(name) => escaped(name),
                None => inside.parse::<usize>().ok()?.to_string(),
            };
            (step, tail)
        };
        if step.is_empty() {
            return None;
        }
        pointer.push('/');
        pointer += &step;
        rest = tail;
    }
    Some(pointer)
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn a_path_of_names_and_indexes_is_a_pointer() {
        for (path, wanted) in [
            ("{$.data[0].ok}", Some("/data/0/ok")),
            ("$.a.b-c", Some("/a/b-c")),
            (".a", Some("/a")),
            ("{ $['a/b'][\"c~\"] }", Some("/a~1b/c~0")),
            ("$", Some("")),
            ("$..a", None),
            ("$.a[*]", None),
            ("$.a[?(@.b)]", None),
            ("{$.a", None),
            ("a", None),
            ("$.a.", None),
        ] {
            assert_eq!(pointer(path).as_deref(), wanted, "{path}");
        }
    }
}
