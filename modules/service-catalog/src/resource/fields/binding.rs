//! `ServiceBinding`.

use super::Shape::{Bytes, Duration, Free, Id, Name, Object, OneOf, Text, TextLists};
use super::{Table, field};

/// `ServiceBinding`.
pub(in crate::resource) const TABLE: Table = &[
    field(
        "spec.instanceRef",
        Object,
        "the instance, of the same namespace; it may be applied together with the binding, which waits for it",
    )
    .required(),
    field("spec.instanceRef.name", Name, "it cannot be changed").required(),
    field(
        "spec.parameters",
        Free,
        "sent to the broker. Other ones are another binding, whose credentials take the place of these",
    ),
    field(
        "spec.parametersFrom[]",
        Object,
        "more of them; a parameter that is given twice is an error",
    ),
    field(
        "spec.parametersFrom[].secretKeyRef",
        Object,
        "an entry of a Secret that is one JSON object",
    )
    .required(),
    field("spec.parametersFrom[].secretKeyRef.name", Name, "").required(),
    field("spec.parametersFrom[].secretKeyRef.key", Name, "").required(),
    field(
        "spec.secretName",
        Name,
        "the Secret with the credentials; the binding's own name where nothing is said. One that is somebody else's is never overwritten. It cannot be changed",
    ),
    field(
        "spec.secretTransforms[]",
        Object,
        "what is changed between the credentials and the Secret, in this order; each has exactly one of four fields",
    ),
    field(
        "spec.secretTransforms[].renameKey",
        Object,
        "an entry gets another name",
    ),
    field("spec.secretTransforms[].renameKey.from", Name, "").required(),
    field("spec.secretTransforms[].renameKey.to", Name, "").required(),
    field(
        "spec.secretTransforms[].addKey",
        Object,
        "an entry is added; exactly one of three values",
    ),
    field("spec.secretTransforms[].addKey.key", Name, "").required(),
    field("spec.secretTransforms[].addKey.value", Bytes, "base64"),
    field("spec.secretTransforms[].addKey.stringValue", Text, ""),
    field(
        "spec.secretTransforms[].addKey.jsonPathExpression",
        Text,
        "of the credentials: `jdbc:{.host}:{.port}`",
    ),
    field(
        "spec.secretTransforms[].addKeysFrom",
        Object,
        "all entries of a Secret are added",
    ),
    field(
        "spec.secretTransforms[].addKeysFrom.secretRef",
        Object,
        "",
    )
    .required(),
    field(
        "spec.secretTransforms[].addKeysFrom.secretRef.name",
        Name,
        "",
    )
    .required(),
    field(
        "spec.secretTransforms[].addKeysFrom.secretRef.namespace",
        Text,
        "refused: only Secrets of the binding's own namespace are read",
    ),
    field(
        "spec.secretTransforms[].removeKey",
        Object,
        "an entry is removed",
    ),
    field("spec.secretTransforms[].removeKey.key", Name, "").required(),
    field(
        "spec.invalidKeys",
        OneOf(&["Refuse", "Replace"]),
        "ours. Credentials whose names a Secret cannot have are refused (usual), or the characters replaced by `_`",
    ),
    field(
        "spec.type",
        Name,
        "ours. Entry `type` of the Secret (servicebinding.io), unless the credentials have one; the class' external name where nothing is said",
    ),
    field(
        "spec.provider",
        Name,
        "ours. Entry `provider` of the Secret, unless the credentials have one; the broker's name where nothing is said",
    ),
    field(
        "spec.externalID",
        Id,
        "what the broker knows it by; derived of cluster, object and attempt where nothing is said, as after each rotation. It cannot be changed",
    ),
    field(
        "spec.userInfo",
        Object,
        "on whose behalf the broker is asked (`X-Broker-API-Originating-Identity`). Who writes it has to be it, by the shipped policy",
    ),
    field("spec.userInfo.username", Text, "").required(),
    field("spec.userInfo.uid", Text, ""),
    field("spec.userInfo.groups[]", Text, ""),
    field("spec.userInfo.extra", TextLists, ""),
    field(
        "spec.rotation",
        Object,
        "ours. New credentials take the place of those that will expire (OSB 2.17); without it only on request, by the annotation `servicecatalog.oarlock.dev/rotate`",
    ),
    field(
        "spec.rotation.before",
        Duration,
        "so long before they expire, where the broker does not say itself when; `1h` where nothing is said",
    ),
    field(
        "spec.rotation.overlap",
        Duration,
        "so long the old ones stay good after the new ones are in the Secret; `10m` where nothing is said",
    ),
    field(
        "spec.deletionPolicy",
        OneOf(&["Deprovision", "Abandon"]),
        "ours. `Deprovision` (usual): it goes from the broker when the object is deleted; `Abandon`: it stays there, and the status and an Event say what stayed. The Secret goes either way",
    ),
];
