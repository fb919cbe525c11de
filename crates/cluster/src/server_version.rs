//! Which version the API server has: asked when somebody wants to know, and kept for some minutes.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::transport::{ApiCall, Transport};

const VERSION: &str = "/version";

/// Clusters are upgraded while programs run, though not often.
const FRESH: Duration = Duration::from_secs(600);

/// A server that did not answer is not asked for each of many callers in a row.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks `/version`.
pub(crate) struct ServerVersion {
    transport: Arc<Transport>,
    /// One call at a time: whoever comes meanwhile gets its answer.
    last: Mutex<Option<Last>>,
}

struct Last {
    answer: Result<String, ApiError>,
    until: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    git_version: String,
}

impl ServerVersion {
    pub(crate) fn new(transport: Arc<Transport>) -> Self {
        Self {
            transport,
            last: Mutex::new(None),
        }
    }

    /// Such as `v1.34.0`. Where the server does not answer any more, what it said before holds.
    pub(crate) async fn get(&self) -> Result<String, ApiError> {
        let clock = self.transport.clock();
        let mut last = self.last.lock().await;
        if let Some(last) = &*last
            && clock.now() < last.until
        {
            return last.answer.clone();
        }
        let asked = self.ask().await;
        let fresh = if asked.is_ok() { FRESH } else { PATIENCE };
        let answer = match (asked, last.take()) {
            (
                Err(error),
                Some(Last {
                    answer: Ok(before), ..
                }),
            ) => {
                tracing::warn!(%error, "the API server does not tell its version; what it said before holds");
                Ok(before)
            }
            (asked, _) => asked,
        };
        let until = clock.now().after(fresh);
        *last = Some(Last {
            answer: answer.clone(),
            until,
        });
        answer
    }

    async fn ask(&self) -> Result<String, ApiError> {
        let answer = self.transport.send(&ApiCall::get(VERSION)).await?;
        let info: Info = answer.parse(VERSION)?;
        Ok(info.git_version)
    }
}
