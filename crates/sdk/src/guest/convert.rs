//! The SDK's types to and from the generated ones, field by field.

use std::time::Duration;

use super::bindings::exports::oarlock::reconcile::module as exports;
use super::bindings::oarlock::reconcile::{
    artifacts as wit_artifacts, cluster, http as wit_http, types as wit,
};
use crate::artifacts::{Fetch, FetchError, Source, Verification};
use crate::http::{Auth, HttpError, Request, SecretRef};
use crate::{
    ApiError, Child, Children, Condition, ConditionStatus, Event, Expect, Failure, Grant, Health,
    KindInfo, Manifest, Notice, ObjectRef, OnLeave, Outcome, Owner, Propagation, ReadError,
    Removal, RemovalResult, RemovalStatus, Report, Requeue, Selection, State, Write, WriteResult,
    WriteStatus,
};

pub(super) fn manifest(manifest: Manifest) -> exports::Manifest {
    exports::Manifest {
        name: manifest.name,
        version: manifest.version,
        crds: manifest.crds,
        finalizer: manifest.finalizer,
        writes: manifest.writes.into_iter().map(grant).collect(),
        reads: manifest.reads.into_iter().map(grant).collect(),
        http: manifest.http,
    }
}

fn grant(grant: Grant) -> exports::Grant {
    exports::Grant {
        api_group: grant.api_group,
        plural: grant.plural,
        verbs: grant.verbs,
    }
}

pub(super) fn outcome(outcome: Outcome) -> wit::Outcome {
    wit::Outcome {
        tag: outcome.tag,
        children: match outcome.children {
            Children::Keep => wit::Children::Keep,
            Children::Exactly(children) => {
                wit::Children::Exactly(children.into_iter().map(child).collect())
            }
        },
        removals: outcome.removals.into_iter().map(removal).collect(),
        status: outcome
            .status
            .ok()
            .flatten()
            .map(|status| status.to_string()),
        conditions: outcome.conditions.into_iter().map(condition).collect(),
        events: outcome.events.into_iter().map(event).collect(),
        notify: outcome.notify.into_iter().map(notice).collect(),
        requeue: match outcome.requeue {
            Requeue::OnChange => wit::Requeue::OnChange,
            Requeue::OnceWritten => wit::Requeue::OnceWritten,
            Requeue::After(duration) => wit::Requeue::After(millis(duration)),
            Requeue::At(at) => wit::Requeue::At(at.as_millis()),
        },
        finalized: outcome.finalized,
        act_as: outcome.act_as,
    }
}

pub(super) fn child(child: Child) -> wit::Child {
    wit::Child {
        // An outcome is checked before it is converted: there is no child without a text.
        object: child.object.unwrap_or_default(),
        owner: match child.owner {
            Owner::Owned => wit::Owner::Owned,
            Owner::Unowned => wit::Owner::Unowned,
        },
        write: match child.write {
            Write::Apply => wit::Write::Apply,
            Write::Create => wit::Write::Create,
            Write::Recreate => wit::Write::Recreate,
            Write::Share => wit::Write::Share,
            Write::Compare => wit::Write::Compare,
        },
        expect: match child.expect {
            Expect::Any => wit::Expect::Any,
            Expect::Absent => wit::Expect::Absent,
            Expect::Uid(uid) => wit::Expect::Uid(uid),
            Expect::Version(version) => wit::Expect::Version(version),
        },
        force: child.force,
        manager: child.manager,
        ignore: child.ignore,
        on_leave: match child.on_leave {
            OnLeave::Delete => wit::OnLeave::Delete,
            OnLeave::Keep => wit::OnLeave::Keep,
            OnLeave::Restore(patch) => wit::OnLeave::Restore(patch.to_string()),
        },
    }
}

fn removal(removal: Removal) -> wit::Removal {
    wit::Removal {
        target: reference(removal.target),
        uid: removal.uid,
        propagation: match removal.propagation {
            Propagation::Background => wit::Propagation::Background,
            Propagation::Foreground => wit::Propagation::Foreground,
            Propagation::Orphan => wit::Propagation::Orphan,
        },
    }
}

pub(super) fn condition(condition: Condition) -> wit::Condition {
    wit::Condition {
        kind: condition.kind,
        status: match condition.status {
            ConditionStatus::Yes => wit::ConditionStatus::Yes,
            ConditionStatus::No => wit::ConditionStatus::No,
            ConditionStatus::Unknown => wit::ConditionStatus::Unknown,
        },
        reason: condition.reason,
        message: condition.message,
    }
}

fn event(event: Event) -> wit::Event {
    wit::Event {
        key: event.key,
        warning: event.warning,
        reason: event.reason,
        message: event.message,
        about: event.about.map(reference),
    }
}

fn notice(notice: Notice) -> wit::Notice {
    wit::Notice {
        key: notice.key,
        url: notice.url,
        headers: notice.headers,
        body: notice.body,
    }
}

pub(super) fn failure(failure: Failure) -> wit::Failure {
    match failure {
        Failure::Retry(message) => wit::Failure::Retry(message),
        Failure::RetryAfter(after, message) => wit::Failure::RetryAfter((millis(after), message)),
        Failure::Terminal(message) => wit::Failure::Terminal(message),
        Failure::Invalid(fields) => wit::Failure::Invalid(
            fields
                .into_iter()
                .map(|field| wit::FieldError {
                    path: field.path,
                    message: field.message,
                })
                .collect(),
        ),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn report(report: wit::Report) -> Report {
    Report {
        tag: report.tag,
        generation: report.generation,
        module: report.module,
        writes: report
            .writes
            .into_iter()
            .map(|write| WriteResult {
                target: known(write.target),
                status: match write.status {
                    wit::WriteStatus::Applied => WriteStatus::Applied,
                    wit::WriteStatus::Unchanged => WriteStatus::Unchanged,
                    wit::WriteStatus::Differs(pointers) => WriteStatus::Differs(pointers),
                    wit::WriteStatus::Refused(error) => WriteStatus::Refused(api_error(error)),
                    wit::WriteStatus::NotTried(why) => WriteStatus::NotTried(why),
                },
            })
            .collect(),
        removals: report
            .removals
            .into_iter()
            .map(|removal| RemovalResult {
                target: known(removal.target),
                status: match removal.status {
                    wit::RemovalStatus::Deleted => RemovalStatus::Deleted,
                    wit::RemovalStatus::Absent => RemovalStatus::Absent,
                    wit::RemovalStatus::Refused(error) => RemovalStatus::Refused(api_error(error)),
                    wit::RemovalStatus::NotTried(why) => RemovalStatus::NotTried(why),
                },
            })
            .collect(),
    }
}

fn api_error(error: wit::ApiError) -> ApiError {
    ApiError {
        code: error.code,
        reason: error.reason,
        message: error.message,
    }
}

pub(super) fn reference(target: ObjectRef) -> wit::ObjectRef {
    wit::ObjectRef {
        api_version: target.api_version,
        kind: target.kind,
        namespace: target.namespace,
        name: target.name,
    }
}

fn known(target: wit::ObjectRef) -> ObjectRef {
    ObjectRef {
        api_version: target.api_version,
        kind: target.kind,
        namespace: target.namespace,
        name: target.name,
    }
}

pub(super) fn selection(selection: Selection) -> cluster::Selection {
    cluster::Selection {
        api_version: selection.api_version,
        kind: selection.kind,
        namespace: selection.namespace,
        labels: selection.labels,
        fields: selection.fields,
        act_as: selection.act_as,
    }
}

pub(super) fn state(state: cluster::State) -> State {
    State {
        target: known(state.target),
        health: match state.health {
            cluster::Health::Current => Health::Current,
            cluster::Health::InProgress => Health::InProgress,
            cluster::Health::Failed => Health::Failed,
            cluster::Health::Terminating => Health::Terminating,
            cluster::Health::NotFound => Health::NotFound,
            cluster::Health::Unknown => Health::Unknown,
        },
        message: state.message,
    }
}

pub(super) fn kind_info(kind: cluster::KindInfo) -> KindInfo {
    KindInfo {
        api_version: kind.api_version,
        kind: kind.kind,
        plural: kind.plural,
        namespaced: kind.namespaced,
    }
}

pub(super) fn read_error(error: cluster::ReadError) -> ReadError {
    match error {
        cluster::ReadError::Denied(message) => ReadError::Denied(message),
        cluster::ReadError::UnknownKind(message) => ReadError::UnknownKind(message),
        cluster::ReadError::Unavailable(message) => ReadError::Unavailable(message),
    }
}

pub(super) fn http_request(request: Request) -> wit_http::Request {
    wit_http::Request {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body,
        // 0 means what is left of the deadline, so that less than a millisecond is one.
        timeout_ms: request.timeout.map_or(0, |timeout| {
            u32::try_from(timeout.as_millis())
                .unwrap_or(u32::MAX)
                .max(1)
        }),
        ca_bundle: request.ca_bundle,
        insecure_skip_tls_verify: request.insecure_skip_tls_verify,
        auth: request.auth.map(|auth| match auth {
            Auth::Basic(user, password) => wit_http::Auth::Basic((secret(user), secret(password))),
            Auth::Bearer(token) => wit_http::Auth::Bearer(secret(token)),
        }),
        effect: request.effect,
    }
}

fn secret(secret: SecretRef) -> wit_http::SecretRef {
    wit_http::SecretRef {
        namespace: secret.namespace,
        name: secret.name,
        key: secret.key,
    }
}

pub(super) fn http_error(error: wit_http::HttpError) -> HttpError {
    match error {
        wit_http::HttpError::Denied(message) => HttpError::Denied(message),
        wit_http::HttpError::TimedOut => HttpError::TimedOut,
        wit_http::HttpError::Connect(message) => HttpError::Connect(message),
        wit_http::HttpError::Tls(message) => HttpError::Tls(message),
        wit_http::HttpError::TooLarge(limit) => HttpError::TooLarge(limit),
        wit_http::HttpError::Other(message) => HttpError::Other(message),
    }
}

pub(super) fn fetch(wanted: Fetch) -> wit_artifacts::Request {
    wit_artifacts::Request {
        source: source(wanted.source),
        credentials: wanted.credentials,
        expect: wanted.expect,
        max_age_ms: millis(wanted.max_age),
        dependencies: wanted.dependencies,
        verify: wanted.verify.into_iter().map(proof).collect(),
    }
}

fn proof(proof: Verification) -> wit_artifacts::Verification {
    match proof {
        Verification::Provenance(keyring) => {
            wit_artifacts::Verification::Provenance(secret(keyring))
        }
        Verification::Cosign(key) => wit_artifacts::Verification::Cosign(secret(key)),
    }
}

pub(super) fn source(source: Source) -> wit_artifacts::Source {
    match source {
        Source::Local(path) => wit_artifacts::Source::Local(path),
        Source::Archive(url) => wit_artifacts::Source::Archive(url),
        Source::Repository {
            url,
            chart,
            version,
        } => wit_artifacts::Source::Repository(wit_artifacts::RepositoryChart {
            url,
            chart,
            version,
        }),
        Source::Oci {
            repository,
            version,
        } => wit_artifacts::Source::Oci(wit_artifacts::OciChart {
            repository,
            version,
        }),
        Source::Git {
            url,
            reference,
            path,
        } => wit_artifacts::Source::Git(wit_artifacts::GitChart {
            url,
            ref_: reference,
            path,
        }),
    }
}

pub(super) fn fetch_error(error: wit_artifacts::FetchError) -> FetchError {
    match error {
        wit_artifacts::FetchError::Denied(message) => FetchError::Denied(message),
        wit_artifacts::FetchError::NotFound(message) => FetchError::NotFound(message),
        wit_artifacts::FetchError::Unauthorized(message) => FetchError::Unauthorized(message),
        wit_artifacts::FetchError::Unavailable(message) => FetchError::Unavailable(message),
        wit_artifacts::FetchError::Mismatch(message) => FetchError::Mismatch(message),
        wit_artifacts::FetchError::Invalid(message) => FetchError::Invalid(message),
    }
}
