//! `ClusterServiceClass`, `ServiceClass`, `ClusterServicePlan` and `ServicePlan`: written by the module, read by people.

use super::Shape::{Count, Flag, Free, Object, Text};
use super::{Field, Table, field};

const NAME: Field = field(
    "spec.externalName",
    Text,
    "its name at the broker; the broker may change it",
)
.required();
const ID: Field = field(
    "spec.externalID",
    Text,
    "its ID at the broker; the object is the same as long as this is",
)
.required();
const DESCRIPTION: Field = field("spec.description", Text, "");
const METADATA: Field = field(
    "spec.externalMetadata",
    Free,
    "what else the broker says of it",
);
const DEFAULTS: Field = field(
    "spec.defaultProvisionParameters",
    Free,
    "by an administrator: parameters of new instances, below their own; kept when the catalog is read again",
);
const REMOVED: Field = field(
    "status.removedFromBrokerCatalog",
    Flag,
    "the broker does not offer it any more; it is kept while instances have it, and new ones are refused",
);
const CLUSTER_BROKER: Field =
    field("spec.clusterServiceBrokerName", Text, "whose it is").required();
const BROKER: Field = field("spec.serviceBrokerName", Text, "whose it is").required();

const CLASS_BINDABLE: Field = field(
    "spec.bindable",
    Flag,
    "whether its instances can be bound, where a plan does not say",
);
const RETRIEVABLE: Field = field(
    "spec.bindingRetrievable",
    Flag,
    "whether credentials can be read again",
);
const INSTANCE_RETRIEVABLE: Field = field("spec.instanceRetrievable", Flag, "ours");
const CLASS_UPDATABLE: Field = field(
    "spec.planUpdatable",
    Flag,
    "whether an instance can get another plan, where its plan does not say",
);
const CONTEXT_UPDATES: Field = field("spec.allowContextUpdates", Flag, "ours");
const TAGS: Field = field("spec.tags[]", Text, "");
const REQUIRES: Field = field(
    "spec.requires[]",
    Text,
    "permissions of Cloud Foundry; none is granted",
);

const PLAN_BINDABLE: Field = field("spec.bindable", Flag, "instead of the class'");
const PLAN_UPDATABLE: Field = field("spec.planUpdatable", Flag, "ours: instead of the class'");
const FREE: Field = field("spec.free", Flag, "whether it costs nothing");
const ROTATABLE: Field = field(
    "spec.bindingRotatable",
    Flag,
    "ours: whether the broker rotates bindings itself (OSB 2.17)",
);
const POLLING: Field = field(
    "spec.maximumPollingDuration",
    Count,
    "ours: seconds after which an operation that is still polled has failed; seven days where nothing is said",
);
const MAINTENANCE: Field = field(
    "spec.maintenanceInfo",
    Object,
    "ours: what runs under its instances",
);
const MAINTENANCE_VERSION: Field = field("spec.maintenanceInfo.version", Text, "").required();
const MAINTENANCE_ABOUT: Field = field("spec.maintenanceInfo.description", Text, "");
const CREATE_SCHEMA: Field = field(
    "spec.instanceCreateParameterSchema",
    Free,
    "JSON Schema, for people: the broker checks",
);
const UPDATE_SCHEMA: Field = field("spec.instanceUpdateParameterSchema", Free, "");
const BIND_SCHEMA: Field = field("spec.serviceBindingCreateParameterSchema", Free, "");

/// `ClusterServiceClass`.
pub(in crate::resource) const CLUSTER_CLASS: Table = &[
    CLUSTER_BROKER,
    NAME,
    ID,
    DESCRIPTION,
    CLASS_BINDABLE,
    RETRIEVABLE,
    INSTANCE_RETRIEVABLE,
    CLASS_UPDATABLE,
    CONTEXT_UPDATES,
    TAGS,
    REQUIRES,
    METADATA,
    DEFAULTS,
    REMOVED,
];

/// `ServiceClass`.
pub(in crate::resource) const CLASS: Table = &[
    BROKER,
    NAME,
    ID,
    DESCRIPTION,
    CLASS_BINDABLE,
    RETRIEVABLE,
    INSTANCE_RETRIEVABLE,
    CLASS_UPDATABLE,
    CONTEXT_UPDATES,
    TAGS,
    REQUIRES,
    METADATA,
    DEFAULTS,
    REMOVED,
];

/// `ClusterServicePlan`.
pub(in crate::resource) const CLUSTER_PLAN: Table = &[
    CLUSTER_BROKER,
    field("spec.clusterServiceClassRef", Object, "its class").required(),
    field("spec.clusterServiceClassRef.name", Text, "").required(),
    NAME,
    ID,
    DESCRIPTION,
    PLAN_BINDABLE,
    PLAN_UPDATABLE,
    FREE,
    ROTATABLE,
    POLLING,
    MAINTENANCE,
    MAINTENANCE_VERSION,
    MAINTENANCE_ABOUT,
    METADATA,
    CREATE_SCHEMA,
    UPDATE_SCHEMA,
    BIND_SCHEMA,
    DEFAULTS,
    REMOVED,
];

/// `ServicePlan`.
pub(in crate::resource) const PLAN: Table = &[
    BROKER,
    field("spec.serviceClassRef", Object, "its class").required(),
    field("spec.serviceClassRef.name", Text, "").required(),
    NAME,
    ID,
    DESCRIPTION,
    PLAN_BINDABLE,
    PLAN_UPDATABLE,
    FREE,
    ROTATABLE,
    POLLING,
    MAINTENANCE,
    MAINTENANCE_VERSION,
    MAINTENANCE_ABOUT,
    METADATA,
    CREATE_SCHEMA,
    UPDATE_SCHEMA,
    BIND_SCHEMA,
    DEFAULTS,
    REMOVED,
];
