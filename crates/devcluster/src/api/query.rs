//! Query parameters, parsed into what they ask for.

use std::time::Duration;

use serde_json::{Value, json};

use super::percent;
use crate::selector::Filter;
use crate::status::{Cause, Status};
use crate::store::metadata::qualified_name_fault;
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

    /// How a write is made, or what is wrong with its options.
    pub(crate) fn write_options(&self, kind: &str) -> Result<(FieldValidation, bool), Status> {
        let mut causes = Vec::new();
        let asked = self.dry_run(&mut causes);
        if self.get("fieldManager").len() > 128 {
            causes.push(Cause::new(
                "FieldValueTooLong",
                "fieldManager",
                "Too long: may not be more than 128 bytes",
            ));
        }
        let validation = match self.get("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            other => {
                let supported = ["", "Ignore", "Strict", "Warn"];
                causes.push(Cause::unsupported(
                    "fieldValidation",
                    &Value::from(other),
                    &supported,
                ));
                FieldValidation::Warn
            }
        };
        if causes.is_empty() {
            Ok((validation, asked))
        } else {
            Err(Status::invalid_options(kind, causes))
        }
    }

    /// `dryRun` has one value besides none.
    pub(crate) fn dry_run(&self, causes: &mut Vec<Cause>) -> bool {
        let values = self.pairs.iter().filter(|(key, _)| key == "dryRun");
        dry_run(values.map(|(_, value)| value.as_str()), causes)
    }

    pub(crate) fn filter(&self) -> Result<Filter, Status> {
        let filter = Filter::parse(self.get("labelSelector"), self.get("fieldSelector"))?;
        for key in filter.label_keys() {
            if let Some(why) = qualified_name_fault(key) {
                return Err(Status::bad_request(format!(
                    "unable to parse requirement: <nil>: Invalid value: {key:?}: {why}"
                )));
            }
        }
        Ok(filter)
    }

    pub(crate) fn list_options(&self) -> Result<ListOptions, Status> {
        let limit = self.whole("limit")?.filter(|limit| *limit > 0);
        let continue_token = Some(self.get("continue")).filter(|token| !token.is_empty());
        let (wanted, text) = (
            self.get("resourceVersionMatch"),
            self.get("resourceVersion"),
        );
        let mut causes = Vec::new();
        let mut refuse = |why: &str| causes.push(Cause::forbidden("resourceVersionMatch", why));
        if !wanted.is_empty() {
            if text.is_empty() {
                refuse("resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            if continue_token.is_some() {
                refuse("resourceVersionMatch is forbidden when continue is provided");
            }
            if wanted == "Exact" && text == "0" {
                refuse("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
            }
            if !matches!(wanted, "Exact" | "NotOlderThan") {
                let supported = ["Exact", "NotOlderThan", ""];
                causes.push(Cause::unsupported(
                    "resourceVersionMatch",
                    &Value::from(wanted),
                    &supported,
                ));
            }
        }
        if self.has("sendInitialEvents") {
            let why = "sendInitialEvents is forbidden for list";
            causes.push(Cause::forbidden("sendInitialEvents", why));
        }
        if !causes.is_empty() {
            return Err(Status::invalid_options("ListOptions", causes));
        }
        let revision = self
            .revision()
            .map_err(|why| Status::bad_request(format!("invalid resource version: {why}")))?;
        let revision = match (wanted, revision) {
            (_, None | Some(0)) => RevisionMatch::Latest,
            ("", Some(_)) if continue_token.is_some() => {
                return Err(Status::bad_request(
                    "specifying resource version is not allowed when using continue",
                ));
            }
            // Pages were always pages of exactly that revision.
            ("", Some(revision)) if limit.is_some() => RevisionMatch::Exact(revision),
            ("Exact", Some(revision)) => RevisionMatch::Exact(revision),
            (_, Some(revision)) => RevisionMatch::NotOlderThan(revision),
        };
        Ok(ListOptions {
            filter: self.filter()?,
            limit: limit.and_then(|limit| usize::try_from(limit).ok()),
            continue_token: continue_token.map(String::from),
            revision,
        })
    }

    pub(crate) fn watch_options(&self) -> Result<WatchOptions, Status> {
        let (wanted, initial) = (
            self.get("resourceVersionMatch"),
            self.has("sendInitialEvents"),
        );
        let mut causes = Vec::new();
        if initial && wanted != "NotOlderThan" {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            causes.push(Cause::forbidden("resourceVersionMatch", why));
        }
        if !wanted.is_empty() {
            if !initial {
                let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                causes.push(Cause::forbidden("resourceVersionMatch", why));
            }
            if wanted != "NotOlderThan" {
                let value = Value::from(wanted);
                causes.push(Cause::unsupported(
                    "resourceVersionMatch",
                    &value,
                    &["NotOlderThan"],
                ));
            }
        }
        if !causes.is_empty() {
            return Err(Status::invalid_options("ListOptions", causes));
        }
        let filter = self.filter()?;
        let revision = self.revision().map_err(Status::unclassified)?;
        let bookmarks = self.flag("allowWatchBookmarks");
        let start = match revision {
            _ if self.flag("sendInitialEvents") && bookmarks => {
                WatchStart::StateWithBookmark(revision.unwrap_or(0))
            }
            _ if self.flag("sendInitialEvents") => WatchStart::State,
            None | Some(0) if initial => WatchStart::After(0),
            None | Some(0) => WatchStart::State,
            Some(revision) => WatchStart::After(revision),
        };
        let timeout = self.whole("timeoutSeconds")?;
        Ok(WatchOptions {
            filter,
            start,
            bookmarks,
            timeout: timeout
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        })
    }

    /// `resourceVersion`, or what is wrong with it.
    pub(crate) fn revision(&self) -> Result<Option<Revision>, String> {
        match self.get("resourceVersion") {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_not_a_number| {
                format!(
                    "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
                )
            }),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, _)| key == name)
    }

    fn whole(&self, name: &str) -> Result<Option<i64>, Status> {
        match self.get(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_not_a_number| {
                Status::bad_request(format!(
                    "strconv.ParseInt: parsing {text:?}: invalid syntax"
                ))
            }),
        }
    }
}

/// Whether these values of `dryRun` ask for one; what is wrong with them goes to the causes.
pub(crate) fn dry_run<'a>(values: impl Iterator<Item = &'a str>, causes: &mut Vec<Cause>) -> bool {
    let values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
    if values.iter().any(|value| *value != "All") {
        causes.push(Cause::unsupported("dryRun", &json!(values), &["All"]));
    }
    !values.is_empty()
}
