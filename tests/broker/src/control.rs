//! How a broker in a process of its own is driven: JSON over HTTP, on a port of its own.
//!
//! | request | body | does |
//! |---|---|---|
//! | `POST /script` | `{"op": "provision", "behaviour": "servererror", "times": 2}`; `"always": true` instead of `times` | as [`Broker::times`] and [`Broker::always`]; `times` is 1 where it is not there |
//! | `POST /well` | | as [`Broker::well`] |
//! | `POST /finish`, `/fail`, `/vanish` | `{"id": "…"}` | the same of [`Broker`]; 404 where there is nothing like that |
//! | `POST /release` | | lets go what is held |
//! | `PUT /catalog` | a catalog | offers that from now on |
//! | `PUT /access` | `{"basic": ["user", "password"]}`, `{"bearer": "token"}` or `{}` | who may ask |
//! | `PUT /lifetime` | `{"expires_at": "…", "renew_before": "…"}` or null | when new bindings end |
//! | `POST /reset` | | forgets all but catalog and access |
//! | `GET /report` | | instances, bindings, what was removed, violations |
//! | `GET /journal` | | what came |
//! | `GET /secrets` | | every text that must not turn up anywhere |
//!
//! A behaviour is a name in lower case (`"timeout"`, `"201invalidjson"`), or a name with what belongs to it:
//! `{"async": {"polls": 3}}`, `{"retryafter": [{"seconds": 5}, "concurrencyerror"]}`, `{"done": "servererror"}`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::answer::Answer;
use crate::asked::Asked;
use crate::broker::{Access, Broker};
use crate::catalog::Catalog;
use crate::ledger::Lifetime;
use crate::script::{Behaviour, Op};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripted {
    op: Op,
    behaviour: Behaviour,
    #[serde(default = "once")]
    times: usize,
    #[serde(default)]
    always: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    basic: Option<(String, String)>,
    bearer: Option<String>,
}

/// Serves the control of a broker until told to stop.
pub async fn serve(broker: Broker, listener: TcpListener, stop: CancellationToken) {
    crate::server::serve_with(listener, stop, move |asked| answer(&broker, asked)).await;
}

/// What is answered to one request; 400 with the reason where it cannot be read.
#[must_use]
pub fn answer(broker: &Broker, asked: &Asked) -> Answer {
    match carry_out(broker, asked) {
        Ok(Some(value)) => Answer::json(200, &value),
        Ok(None) => Answer::refusal(404, None, "there is nothing like that"),
        Err(error) => Answer::refusal(400, None, &error.to_string()),
    }
}

fn carry_out(broker: &Broker, asked: &Asked) -> serde_json::Result<Option<Value>> {
    let is_there = |there: bool| there.then(|| json!({}));
    let done = Some(json!({}));
    Ok(match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/report") => Some(broker.report()),
        ("GET", "/journal") => Some(json!(broker.journal())),
        ("GET", "/secrets") => Some(json!(broker.secrets())),
        ("POST", "/script") => {
            let scripted: Scripted = read(asked)?;
            if scripted.always {
                broker.always(scripted.op, scripted.behaviour);
            } else {
                broker.times(scripted.op, scripted.times, scripted.behaviour);
            }
            done
        }
        ("POST", "/well") => {
            broker.well();
            done
        }
        ("POST", "/release") => {
            broker.release();
            done
        }
        ("POST", "/reset") => {
            broker.reset();
            done
        }
        ("POST", "/finish") => is_there(broker.finish(&read::<Named>(asked)?.id)),
        ("POST", "/fail") => is_there(broker.fail(&read::<Named>(asked)?.id)),
        ("POST", "/vanish") => is_there(broker.vanish(&read::<Named>(asked)?.id)),
        ("PUT", "/catalog") => {
            let wanted: Catalog = read(asked)?;
            broker.catalog(|catalog| *catalog = wanted);
            done
        }
        ("PUT", "/access") => {
            let allowed: Allowed = read(asked)?;
            broker.access(match (allowed.basic, allowed.bearer) {
                (Some((user, password)), _) => Access::Basic(user, password),
                (None, Some(token)) => Access::Bearer(token),
                (None, None) => Access::Open,
            });
            done
        }
        ("PUT", "/lifetime") => {
            broker.lifetime(read::<Option<Lifetime>>(asked)?);
            done
        }
        _ => None,
    })
}

fn read<T: DeserializeOwned>(asked: &Asked) -> serde_json::Result<T> {
    serde_json::from_slice(&asked.body)
}

const fn once() -> usize {
    1
}
