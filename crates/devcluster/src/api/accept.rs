//! `Accept`: in which form a client wants its answer.

use crate::status::{Details, Reason, Status};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accept {
    /// Whether JSON will do at all.
    pub(crate) json: bool,
    /// Whether it would, but not in the form asked for.
    pub(crate) other_form: bool,
    /// The form of objects.
    pub(crate) form: Form,
    /// The version of the aggregated discovery document, when that was asked for first.
    pub(crate) aggregated: Option<&'static str>,
}

/// The form of objects in an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are.
    #[default]
    Whole,
    /// `as=Table`.
    Table,
    /// `as=PartialObjectMetadata` and `as=PartialObjectMetadataList`.
    Metadata,
}

impl Accept {
    /// The first media type of the header that this server can produce wins.
    pub(crate) fn parse(header: &str) -> Self {
        if header.trim().is_empty() {
            return Self {
                json: true,
                other_form: false,
                form: Form::Whole,
                aggregated: None,
            };
        }
        let mut other_form = false;
        for entry in header.split(',') {
            let mut parts = entry.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            if !matches!(media, "application/json" | "application/*" | "*/*") {
                continue;
            }
            let parameters: Vec<(&str, &str)> = parts
                .filter_map(|parameter| parameter.split_once('='))
                .collect();
            let get = |name: &str| {
                parameters
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map_or("", |(_, value)| *value)
            };
            let (form, aggregated) = match (get("as"), get("g"), get("v")) {
                ("", _, _) => (Form::Whole, None),
                ("Table", "meta.k8s.io", "v1" | "v1beta1") => (Form::Table, None),
                (
                    "PartialObjectMetadata" | "PartialObjectMetadataList",
                    "meta.k8s.io",
                    "v1" | "v1beta1",
                ) => (Form::Metadata, None),
                ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => (Form::Whole, Some("v2")),
                ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2beta1") => {
                    (Form::Whole, Some("v2beta1"))
                }
                _ => {
                    other_form = true;
                    continue;
                }
            };
            return Self {
                json: true,
                other_form: false,
                form,
                aggregated,
            };
        }
        Self {
            json: false,
            other_form,
            form: Form::Whole,
            aggregated: None,
        }
    }
}

pub(super) fn not_acceptable(accept: &Accept) -> Status {
    if accept.other_form {
        return Status::new(
            406,
            Reason::NotAcceptable,
            "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
        );
    }
    Status::new(
        406,
        Reason::NotAcceptable,
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    )
    .with_details(Details::default())
}
