//! What the module tells of itself. `conditions` are in all of them, and not in these tables.

use super::Shape::{Count, Flag, Free, Moment, Object, OneOf, Text, TextLists, Whole};
use super::{Field, Table, field};

const LAST_STATE: Field = field(
    "status.lastConditionState",
    Text,
    "what `kubectl get` shows: the type of the condition that is true, or the reason why none is",
);
const OBSERVED: Field = field(
    "status.observedGeneration",
    Whole,
    "`metadata.generation` that this status is of",
);
const RECONCILED: Field = field(
    "status.reconciledGeneration",
    Whole,
    "`metadata.generation` that was brought to its end last, well or not",
);
const STARTED: Field = field(
    "status.operationStartTime",
    Moment,
    "when what is under way began",
);
const ASYNC: Field = field(
    "status.asyncOpInProgress",
    Flag,
    "the broker works at it, and is polled",
);
const LAST_OPERATION: Field = field(
    "status.lastOperation",
    Text,
    "what the broker calls what it works at",
);
const MITIGATION: Field = field(
    "status.orphanMitigationInProgress",
    Flag,
    "something may be at the broker that nobody wants, and is removed",
);
const PLANNED: Field = field(
    "status.inProgressProperties",
    Object,
    "what is being brought about",
);
const PLANNED_PARAMETERS: Field = field(
    "status.inProgressProperties.parameters",
    Free,
    "values out of Secrets are `<redacted>`",
);
const PLANNED_SUM: Field = field(
    "status.inProgressProperties.parameterChecksum",
    Text,
    "SHA-256 of all of them, those out of Secrets too",
);
const PLANNED_USER: Field = field("status.inProgressProperties.userInfo", Object, "");
const PLANNED_USER_NAME: Field = field("status.inProgressProperties.userInfo.username", Text, "");
const PLANNED_USER_UID: Field = field("status.inProgressProperties.userInfo.uid", Text, "");
const PLANNED_USER_GROUPS: Field = field("status.inProgressProperties.userInfo.groups[]", Text, "");
const PLANNED_USER_EXTRA: Field =
    field("status.inProgressProperties.userInfo.extra", TextLists, "");
const KNOWN: Field = field(
    "status.externalProperties",
    Object,
    "what the broker has of it",
);
const KNOWN_PARAMETERS: Field = field(
    "status.externalProperties.parameters",
    Free,
    "values out of Secrets are `<redacted>`",
);
const KNOWN_SUM: Field = field("status.externalProperties.parameterChecksum", Text, "");
const KNOWN_USER: Field = field("status.externalProperties.userInfo", Object, "");
const KNOWN_USER_NAME: Field = field("status.externalProperties.userInfo.username", Text, "");
const KNOWN_USER_UID: Field = field("status.externalProperties.userInfo.uid", Text, "");
const KNOWN_USER_GROUPS: Field = field("status.externalProperties.userInfo.groups[]", Text, "");
const KNOWN_USER_EXTRA: Field = field("status.externalProperties.userInfo.extra", TextLists, "");
const ATTEMPTS: Field = field(
    "status.attempts",
    Count,
    "ours: calls of what is under way that came to no end",
);
const NEXT_POLL: Field = field(
    "status.nextPollAt",
    Moment,
    "ours: the broker is not asked again before; a restart hurries nothing",
);
const EXTERNAL_ID: Field = field(
    "status.externalID",
    Text,
    "ours: what the broker knows it by now",
);
const LIFECYCLE: Field = field(
    "status.lifecycle",
    Free,
    "ours: the module's memory, above all every ID that may be at a broker (`LIFECYCLE.md`). Whoever removes it loses track of them",
);
const ABANDONED: Field = field(
    "status.abandoned[]",
    Text,
    "ours: what was left at the broker on purpose",
);

/// Of both kinds of brokers.
pub(in crate::resource) const BROKER: Table = &[
    LAST_STATE,
    OBSERVED,
    RECONCILED,
    STARTED,
    field(
        "status.lastCatalogRetrievalTime",
        Moment,
        "when its catalog was read last",
    ),
    field(
        "status.catalog",
        Free,
        "ours: what is remembered of its catalog",
    ),
];

/// Of instances.
pub(in crate::resource) const INSTANCE: Table = &[
    LAST_STATE,
    field(
        "status.userSpecifiedClassName",
        Text,
        "what `kubectl get` shows: kind and name of the class, as the object names it",
    ),
    field(
        "status.userSpecifiedPlanName",
        Text,
        "the plan, as the object names it; of one without, the one that was chosen",
    ),
    OBSERVED,
    RECONCILED,
    field(
        "status.currentOperation",
        OneOf(&["Provision", "Update", "Deprovision"]),
        "what is under way",
    ),
    STARTED,
    ASYNC,
    LAST_OPERATION,
    NEXT_POLL,
    ATTEMPTS,
    MITIGATION,
    field(
        "status.provisionStatus",
        OneOf(&["Provisioned", "NotProvisioned"]),
        "",
    ),
    field(
        "status.deprovisionStatus",
        OneOf(&["NotRequired", "Required", "Succeeded", "Failed"]),
        "`Required` as long as anything may be at the broker; `Failed` where it was left there on purpose",
    ),
    PLANNED,
    field(
        "status.inProgressProperties.clusterServicePlanExternalName",
        Text,
        "",
    ),
    field(
        "status.inProgressProperties.clusterServicePlanExternalID",
        Text,
        "",
    ),
    field(
        "status.inProgressProperties.servicePlanExternalName",
        Text,
        "",
    ),
    field(
        "status.inProgressProperties.servicePlanExternalID",
        Text,
        "",
    ),
    PLANNED_PARAMETERS,
    PLANNED_SUM,
    PLANNED_USER,
    PLANNED_USER_NAME,
    PLANNED_USER_UID,
    PLANNED_USER_GROUPS,
    PLANNED_USER_EXTRA,
    KNOWN,
    field(
        "status.externalProperties.clusterServicePlanExternalName",
        Text,
        "",
    ),
    field(
        "status.externalProperties.clusterServicePlanExternalID",
        Text,
        "",
    ),
    field(
        "status.externalProperties.servicePlanExternalName",
        Text,
        "",
    ),
    field("status.externalProperties.servicePlanExternalID", Text, ""),
    KNOWN_PARAMETERS,
    KNOWN_SUM,
    KNOWN_USER,
    KNOWN_USER_NAME,
    KNOWN_USER_UID,
    KNOWN_USER_GROUPS,
    KNOWN_USER_EXTRA,
    field("status.dashboardURL", Text, "the broker's page of it"),
    field(
        "status.instanceUsable",
        Flag,
        "ours: false once the broker said so",
    ),
    field(
        "status.maintenanceInfo",
        Object,
        "ours: what runs under it, and what its plan has now",
    ),
    field("status.maintenanceInfo.version", Text, "what it has"),
    field(
        "status.maintenanceInfo.available",
        Text,
        "what the next update brings; not there where it has that",
    ),
    EXTERNAL_ID,
    ABANDONED,
    field(
        "status.choice",
        Free,
        "ours: what class and plan were found for what the object names",
    ),
    field(
        "status.defaultProvisionParameters",
        Free,
        "defaults of class and plan as they were when it was provisioned",
    ),
    LIFECYCLE,
];

/// Of bindings.
pub(in crate::resource) const BINDING: Table = &[
    LAST_STATE,
    field(
        "status.binding",
        Object,
        "ours: what servicebinding.io calls a provisioned service; there while the Secret has credentials",
    ),
    field("status.binding.name", Text, "the Secret"),
    OBSERVED,
    RECONCILED,
    field(
        "status.currentOperation",
        OneOf(&["Bind", "Unbind"]),
        "what is under way",
    ),
    STARTED,
    ASYNC,
    LAST_OPERATION,
    NEXT_POLL,
    ATTEMPTS,
    MITIGATION,
    field(
        "status.unbindStatus",
        OneOf(&["NotRequired", "Required", "Succeeded", "Failed"]),
        "`Required` as long as anything may be at the broker; `Failed` where it was left there on purpose",
    ),
    PLANNED,
    PLANNED_PARAMETERS,
    PLANNED_SUM,
    PLANNED_USER,
    PLANNED_USER_NAME,
    PLANNED_USER_UID,
    PLANNED_USER_GROUPS,
    PLANNED_USER_EXTRA,
    KNOWN,
    KNOWN_PARAMETERS,
    KNOWN_SUM,
    KNOWN_USER,
    KNOWN_USER_NAME,
    KNOWN_USER_UID,
    KNOWN_USER_GROUPS,
    KNOWN_USER_EXTRA,
    field(
        "status.expiresAt",
        Moment,
        "ours: when the broker ends the credentials",
    ),
    field(
        "status.renewBefore",
        Moment,
        "ours: when the broker wants them to be rotated at the latest",
    ),
    EXTERNAL_ID,
    ABANDONED,
    LIFECYCLE,
];
