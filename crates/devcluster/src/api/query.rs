//! Query parameters, parsed into what they ask for.

use std::time::Duration;

use super::percent;
use crate::selector::Filter;
use crate::status::Status;
use crate::store::{FieldValidation, ListOptions, Revision, RevisionMatch};

/// The parameters of a request, in the order given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// What a watch asks for.
#[derive(Clone, Debug)]
pub(crate) struct WatchOptions {
    pub(crate) filter: Filter,
    pub(crate) start: WatchStart,
    pub(crate) bookmarks: bool,
    pub(crate) timeout: Option<Duration>,
}

/// Where a watch starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WatchStart {
    /// With the present state as ADDED events.
    State,
    /// With the present state, at least this new, closed by a bookmark that says so.
    StateWithBookmark(Revision),
    /// After this revision.
    After(Revision),
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                let plain = |text: &str| percent::decode(&text.replace('+', " "));
                (plain(key), plain(value))
            })
            .collect();
        Self { pairs }
    }

    /// A parameter; empty when absent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// A parameter that is on or off.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .is_some_and(|(_, value)| !matches!(value.as_str(), "false" | "0" | "False"))
    }

    pub(crate) fn dry_run(&self) -> Result<bool, Status> {
        dry_run(
            self.pairs
                .iter()
                .filter(|(key, _)| key == "dryRun")
                .map(|(_, value)| value.as_str()),
        )
    }

    pub(crate) fn field_validation(&self) -> Result<FieldValidation, Status> {
        match self.get("fieldValidation") {
            "" | "Warn" => Ok(FieldValidation::Warn),
            "Ignore" => Ok(FieldValidation::Ignore),
            "Strict" => Ok(FieldValidation::Strict),
            other => Err(Status::bad_request(format!(
                "fieldValidation: Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\""
            ))),
        }
    }

    pub(crate) fn filter(&self) -> Result<Filter, Status> {
        Filter::parse(self.get("labelSelector"), self.get("fieldSelector"))
    }

    pub(crate) fn list_options(&self) -> Result<ListOptions, Status> {
        let limit = self.number("limit")?.filter(|limit| *limit > 0);
        let continue_token = Some(self.get("continue")).filter(|token| !token.is_empty());
        let revision = self.number("resourceVersion")?;
        let revision = match (self.get("resourceVersionMatch"), revision) {
            ("", None | Some(0)) => RevisionMatch::Latest,
            ("", Some(_)) if continue_token.is_some() => {
                return Err(Status::bad_request(
                    "specifying resource version is not allowed when using continue",
                ));
            }
            // Pages were always pages of exactly that revision.
            ("", Some(revision)) if limit.is_some() => RevisionMatch::Exact(revision),
            ("", Some(revision)) | ("NotOlderThan", Some(revision)) => {
                RevisionMatch::NotOlderThan(revision)
            }
            ("Exact", Some(0)) => {
                return Err(Status::bad_request(
                    "resourceVersionMatch: Forbidden: resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"",
                ));
            }
            ("Exact", Some(revision)) => RevisionMatch::Exact(revision),
            (_, None) => {
                return Err(Status::bad_request(
                    "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
                ));
            }
            (other, _) => {
                return Err(Status::bad_request(format!(
                    "resourceVersionMatch: Unsupported value: {other:?}: supported values: \"Exact\", \"NotOlderThan\""
                )));
            }
        };
        Ok(ListOptions {
            filter: self.filter()?,
            limit: limit.and_then(|limit| usize::try_from(limit).ok()),
            continue_token: continue_token.map(String::from),
            revision,
        })
    }

    pub(crate) fn watch_options(&self) -> Result<WatchOptions, Status> {
        let revision = self.number("resourceVersion")?;
        let bookmarks = self.flag("allowWatchBookmarks");
        let start = if self.flag("sendInitialEvents") {
            if self.get("resourceVersionMatch") != "NotOlderThan" {
                return Err(Status::bad_request(
                    "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                ));
            }
            if bookmarks {
                WatchStart::StateWithBookmark(revision.unwrap_or(0))
            } else {
                WatchStart::State
            }
        } else {
            match revision {
                None | Some(0) if self.pairs.iter().any(|(key, _)| key == "sendInitialEvents") => {
                    WatchStart::After(0)
                }
                None | Some(0) => WatchStart::State,
                Some(revision) => WatchStart::After(revision),
            }
        };
        let timeout = self
            .number("timeoutSeconds")?
            .filter(|seconds| *seconds > 0);
        Ok(WatchOptions {
            filter: self.filter()?,
            start,
            bookmarks,
            timeout: timeout.map(Duration::from_secs),
        })
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Status> {
        match self.get(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_not_a_number| {
                Status::bad_request(format!(
                    "{name}: Invalid value: {text:?}: must be a non-negative integer"
                ))
            }),
        }
    }
}

/// `dryRun` has one value besides none.
pub(crate) fn dry_run<'a>(values: impl Iterator<Item = &'a str>) -> Result<bool, Status> {
    let mut asked = false;
    for value in values {
        match value {
            "" => {}
            "All" => asked = true,
            other => {
                return Err(Status::bad_request(format!(
                    "dryRun: Unsupported value: {other:?}: supported values: \"All\""
                )));
            }
        }
    }
    Ok(asked)
}
