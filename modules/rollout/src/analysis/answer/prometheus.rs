//! Answers of Prometheus' `/api/v1/query`.

use std::collections::BTreeMap;

use oarlock_sdk::http::Response;
use serde::Deserialize;
use serde_json::{Number, Value};

use super::{Answered, Measurement, Nothing, Trouble, refused, too_large};
use crate::analysis::excerpt;

/// Longer label sets are told by their beginning.
const MOST_LABELS: usize = 8;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    status: String,
    data: Option<Data>,
    error: Option<String>,
    error_type: Option<String>,
    warnings: Option<Vec<String>>,
    infos: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

/// Reads one.
pub(crate) fn read(response: &Response) -> Result<Answered, Trouble> {
    let success = (200..300).contains(&response.status);
    too_large(&response.body)?;
    let Ok(body) = serde_json::from_slice::<Body>(&response.body) else {
        return Err(match success {
            false => refused(response.status, &response.body),
            true => unreadable(&response.body),
        });
    };
    if let Some(error) = body.error {
        let kind = body.error_type.unwrap_or_else(|| String::from("error"));
        return Err(Trouble::Status {
            code: response.status,
            said: excerpt::line(&format!("{kind}: {error}")),
        });
    }
    let Some(data) = body.data.filter(|_| success && body.status == "success") else {
        return Err(match success {
            false => refused(response.status, &response.body),
            true => unreadable(&response.body),
        });
    };
    let measurement = match data.result_type.as_str() {
        "vector" => vector(data.result, &response.body)?,
        "scalar" => match serde_json::from_value::<(f64, String)>(data.result) {
            Ok((_, text)) => value(&text, &response.body)?,
            Err(_malformed) => return Err(unreadable(&response.body)),
        },
        "matrix" => {
            return Err(Trouble::Kind {
                kind: String::from("a matrix"),
            });
        }
        "string" => {
            return Err(Trouble::Kind {
                kind: String::from("a string"),
            });
        }
        _ => return Err(unreadable(&response.body)),
    };
    let warnings = body.warnings.iter().chain(&body.infos).flatten();
    Ok(Answered {
        measurement,
        warnings: warnings.map(|text| excerpt::line(text)).collect(),
    })
}

fn vector(result: Value, body: &[u8]) -> Result<Measurement, Trouble> {
    let Ok(series) = serde_json::from_value::<Vec<Series>>(result) else {
        return Err(unreadable(body));
    };
    match series.as_slice() {
        [] => Ok(Measurement::Nothing(Nothing::NoSeries)),
        [one] => match &one.value {
            Some((_, text)) => value(text, body),
            None => Err(Trouble::Kind {
                kind: String::from("a native histogram"),
            }),
        },
        [first, second, ..] => Err(Trouble::Several {
            count: series.len(),
            first: labels(&first.metric),
            second: labels(&second.metric),
        }),
    }
}

/// A value as Prometheus writes it: NaN and infinities are texts that no JSON number can be.
fn value(text: &str, body: &[u8]) -> Result<Measurement, Trouble> {
    match text.parse::<f64>() {
        Ok(number) => Ok(match Number::from_f64(number) {
            Some(number) => Measurement::Value(Value::Number(number)),
            None => Measurement::Nothing(Nothing::NotFinite(text.into())),
        }),
        Err(_no_number) => Err(unreadable(body)),
    }
}

fn labels(set: &BTreeMap<String, String>) -> String {
    let shown = set
        .iter()
        .take(MOST_LABELS)
        .map(|(name, value)| format!("{name}={value:?}"));
    let more = (set.len() > MOST_LABELS).then(|| String::from("…"));
    let all: Vec<_> = shown.chain(more).collect();
    excerpt::line(&format!("{{{}}}", all.join(", ")))
}

fn unreadable(body: &[u8]) -> Trouble {
    Trouble::Unreadable {
        said: excerpt::of(body),
        expected: "the JSON of a Prometheus",
    }
}
