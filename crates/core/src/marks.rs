//! The marks that the host leaves on objects: everything that it has to know after a restart is on the objects themselves.

/// Label on an owned object that cannot carry an owner reference: the owner's uid.
pub const OWNER_UID_LABEL: &str = "oarlock.dev/owner-uid";

/// Annotation on every owned object: `Kind.group namespace/name` of the owner. It tells what the host made from what other
/// programs gave an owner reference.
pub const OWNER_ANNOTATION: &str = "oarlock.dev/owner";

/// Annotation on an owned object that is to be kept when it leaves: `keep`.
pub const ON_LEAVE_ANNOTATION: &str = "oarlock.dev/on-leave";

/// Prefix of the annotation on somebody else's object of which fields are shared; the sharing object's uid follows. The
/// value is a [`Share`] as JSON.
pub const SHARE_ANNOTATION_PREFIX: &str = "share.oarlock.dev/";

/// Finalizer of the host itself, on objects whose children no garbage collector would find.
pub const CHILDREN_FINALIZER: &str = "oarlock.dev/children";

/// Annotation beside [`CHILDREN_FINALIZER`]: the kinds of those children, as `apiVersion Kind`, separated by commas. A host
/// that has just been started looks through these before it lets the object go.
pub const CHILD_KINDS_ANNOTATION: &str = "oarlock.dev/child-kinds";

/// What the host must know to give shared fields back, stored with the same write that takes them.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The sharing object, for people: `Kind.group namespace/name`.
    pub owner: String,
    /// Field manager that holds the fields.
    pub manager: String,
    /// JSON Merge Patch that brings back what was there; absent where nothing has to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<serde_json::Map<String, serde_json::Value>>,
}
