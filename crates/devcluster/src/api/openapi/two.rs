//! `/openapi/v2`, as little as kubectl asks of it.
//!
//! For a kind that the version 3 documents do not name, kubectl looks into version 2 whether PATCH knows a parameter, and takes
//! Namespace for what holds of all kinds. The document is protobuf (gnostic's `openapi.v2.Document`) whatever is accepted,
//! since no client of today asks for it in JSON.

use http::StatusCode;

use crate::api::Reply;
use crate::schema::builtin;

/// What is asked for as `…v2@v1.0+protobuf`, which is no valid media type, is answered as this.
const MEDIA_TYPE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Parameters that every PATCH knows.
const PARAMETERS: [&str; 4] = ["dryRun", "fieldManager", "fieldValidation", "force"];

/// The document.
pub(in crate::api) fn two() -> Reply {
    let info = [text(1, "Kubernetes"), text(2, builtin::release())].concat();
    let kind = "group: \"\"\nkind: Namespace\nversion: v1\n";
    // Operation.vendor_extension: a name and a value given as YAML.
    let extension = [
        text(1, "x-kubernetes-group-version-kind"),
        message(2, &text(2, kind)),
    ]
    .concat();
    let mut patch = Vec::new();
    for name in PARAMETERS {
        // ParametersItem.parameter → Parameter.non_body_parameter → NonBodyParameter.query_parameter_sub_schema.
        let query = [text(2, "query"), text(4, name), text(6, "string")].concat();
        patch.extend(message(8, &message(1, &message(2, &message(3, &query)))));
    }
    patch.extend(message(13, &extension));
    let path = [
        text(1, "/api/v1/namespaces/{name}"),
        message(2, &message(8, &patch)),
    ]
    .concat();
    let document = [
        text(1, "2.0"),
        message(2, &info),
        message(8, &message(2, &path)),
    ]
    .concat();
    Reply::bytes(StatusCode::OK, MEDIA_TYPE, document)
}

fn text(number: u8, text: &str) -> Vec<u8> {
    message(number, text.as_bytes())
}

/// A field of bytes.
fn message(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        field.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend_from_slice(content);
    field
}
