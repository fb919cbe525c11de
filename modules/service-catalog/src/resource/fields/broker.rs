//! `ClusterServiceBroker` and `ServiceBroker`.

use super::Shape::{Bytes, Count, Duration, Flag, Name, Object, OneOf, Text};
use super::{Field, Table, field};

const URL: Field = field(
    "spec.url",
    Name,
    "its address, below which `/v2/catalog` is; `https://…`, or `http://…` where the watch grants it. Credentials do not belong here",
)
.required();
const INSECURE: Field = field(
    "spec.insecureSkipTLSVerify",
    Flag,
    "its certificate is not looked at; `caBundle` is the safe way",
);
const CA_BUNDLE: Field = field(
    "spec.caBundle",
    Bytes,
    "certificates (PEM) in base64; its certificate is trusted by them alone",
);
const AUTH: Field = field(
    "spec.authInfo",
    Object,
    "who we are to it; exactly one of `basic` and `bearer`. Credentials are read when a call is made and never kept; a Secret that appears or changes is a try by itself",
);
const BASIC: Field = field("spec.authInfo.basic", Object, "a name and a password");
const BASIC_REF: Field = field(
    "spec.authInfo.basic.secretRef",
    Object,
    "a Secret with entries `username` and `password`",
)
.required();
const BASIC_NAME: Field = field("spec.authInfo.basic.secretRef.name", Name, "").required();
const BEARER: Field = field("spec.authInfo.bearer", Object, "a token");
const BEARER_REF: Field = field(
    "spec.authInfo.bearer.secretRef",
    Object,
    "a Secret with the entry `token`",
)
.required();
const BEARER_NAME: Field = field("spec.authInfo.bearer.secretRef.name", Name, "").required();
const BEHAVIOR: Field = field(
    "spec.relistBehavior",
    OneOf(&["Duration", "Manual"]),
    "`Duration`: its catalog is read again every `relistDuration`; `Manual`: when `relistRequests` grows or the object changes",
)
.or("Duration");
const DURATION: Field = field(
    "spec.relistDuration",
    Duration,
    "a day where nothing is said, five minutes at least; with the tag of the last catalog (ETag), so that one that is unchanged is not sent",
);
const REQUESTS: Field = field(
    "spec.relistRequests",
    Count,
    "counted up by whoever wants the catalog to be read now",
);
const RESTRICTIONS: Field = field(
    "spec.catalogRestrictions",
    Object,
    "which classes and plans are shown; all have to hold: `property=value`, `property!=value`, `property in (a,b)`, `property notin (a,b)`",
);
const CLASSES: Field = field(
    "spec.catalogRestrictions.serviceClass[]",
    Text,
    "of `name`, `spec.externalName`, `spec.externalID`",
);
const PLANS: Field = field(
    "spec.catalogRestrictions.servicePlan[]",
    Text,
    "of those, `spec.free`, `spec.clusterServiceClass.name` and `spec.serviceClass.name`",
);
const DELETION: Field = field(
    "spec.deletionPolicy",
    OneOf(&["Deprovision", "Abandon"]),
    "ours. `Deprovision` (usual): the object stays while instances or bindings have something at the broker; `Abandon`: it goes, and its classes and plans with it",
);

/// `ClusterServiceBroker`.
pub(in crate::resource) const CLUSTER: Table = &[
    URL,
    INSECURE,
    CA_BUNDLE,
    AUTH,
    BASIC,
    BASIC_REF,
    BASIC_NAME,
    field("spec.authInfo.basic.secretRef.namespace", Name, "").required(),
    BEARER,
    BEARER_REF,
    BEARER_NAME,
    field("spec.authInfo.bearer.secretRef.namespace", Name, "").required(),
    BEHAVIOR,
    DURATION,
    REQUESTS,
    RESTRICTIONS,
    CLASSES,
    PLANS,
    DELETION,
];

/// `ServiceBroker`.
pub(in crate::resource) const NAMESPACED: Table = &[
    URL,
    INSECURE,
    CA_BUNDLE,
    AUTH,
    BASIC,
    BASIC_REF,
    BASIC_NAME,
    field(
        "spec.authInfo.basic.secretRef.namespace",
        Text,
        "the broker's own, or left out; any other is refused",
    ),
    BEARER,
    BEARER_REF,
    BEARER_NAME,
    field(
        "spec.authInfo.bearer.secretRef.namespace",
        Text,
        "the broker's own, or left out; any other is refused",
    ),
    BEHAVIOR,
    DURATION,
    REQUESTS,
    RESTRICTIONS,
    CLASSES,
    PLANS,
    DELETION,
];
