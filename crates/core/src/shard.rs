//! Which of several processes reconciles an object: rendezvous hashing over the members of a [`View`].
//!
//! Owned here: the rule that gives every object exactly one member of a view, and what a process may work on while views
//! differ ([`Share`]). Not known here: how members find each other, or when a view changes.
//!
//! An object is hashed by group, kind, namespace and name: not by its version, so that replicas whose watches name
//! different versions of a kind agree, and not by its uid, so that an object that is deleted and created again stays with its
//! member and nobody has to look it up before a run.

use std::fmt;
use std::sync::Arc;

use crate::reference::ObjectRef;

/// The form of [`View`]'s text, and with it the hash. Another one makes every claim of the other form unreadable, which counts
/// as a claim to everything: two builds that hash differently never work at the same time on one object.
const FORM: &str = "1:";

/// One process, by an identity that no other process ever has, such as `host_uuid`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member(Arc<str>);

impl Member {
    /// From its identity. `None` when it is empty or has a comma, which [`View`]'s text separates by.
    #[must_use]
    pub fn new(identity: &str) -> Option<Self> {
        (!identity.is_empty() && !identity.contains(',')).then(|| Self(identity.into()))
    }

    /// The identity.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of members that split all objects among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View(Arc<[(Member, u64)]>);

impl View {
    /// Of these members; who is named twice counts once.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = Member>) -> Self {
        let mut members: Vec<Member> = members.into_iter().collect();
        members.sort();
        members.dedup();
        let hashed = members.into_iter().map(|member| {
            let hash = mix(fnv(FNV_START, member.as_str()));
            (member, hash)
        });
        Self(hashed.collect())
    }

    /// Its members, sorted.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.0.iter().map(|(member, _)| member)
    }

    /// The one member that `object` belongs to; `None` in the view of nobody.
    #[must_use]
    pub fn owner(&self, object: &ObjectRef) -> Option<&Member> {
        let object = hash(object);
        self.0
            .iter()
            .max_by_key(|(member, hash)| (mix(object ^ hash), member))
            .map(|(member, _)| member)
    }

    /// Whether `object` belongs to `member`.
    #[must_use]
    pub fn gives(&self, object: &ObjectRef, member: &Member) -> bool {
        self.owner(object) == Some(member)
    }

    /// Reads what [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let members = text.strip_prefix(FORM)?;
        if members.is_empty() {
            return Some(Self::new([]));
        }
        let members: Option<Vec<Member>> = members.split(',').map(Member::new).collect();
        Some(Self::new(members?))
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FORM)?;
        for (index, member) in self.members().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(member.as_str())?;
        }
        Ok(())
    }
}

/// What somebody else may be working on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// What a view gives to a member.
    Of(Member, View),
    /// Nobody knows: whatever was published cannot be read.
    Anything,
}

impl Claim {
    fn holds(&self, object: &ObjectRef) -> bool {
        match self {
            Self::Of(member, view) => view.gives(object, member),
            Self::Anything => true,
        }
    }
}

/// The objects that a process may reconcile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// All of them: there is no other process, or this one leads.
    Everything,
    /// None of them: this process stands by.
    Nothing,
    /// A part of them.
    Part(Part),
}

/// A part of all objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// This process.
    pub member: Member,
    /// Views that all have to give an object to this process: the published one, and those on the way.
    pub views: Vec<View>,
    /// What others have published: what they claim is not touched until they give it up.
    pub claims: Vec<Claim>,
}

impl Share {
    /// Whether `object` may be reconciled.
    #[must_use]
    pub fn owns(&self, object: &ObjectRef) -> bool {
        match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::Part(part) => part.owns(object),
        }
    }
}

impl Part {
    /// Whether nothing is on its way from one member to another, as far as this one is concerned.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.views.len() == 1 && self.claims.is_empty()
    }

    fn owns(&self, object: &ObjectRef) -> bool {
        !self.views.is_empty()
            && self
                .views
                .iter()
                .all(|view| view.gives(object, &self.member))
            && !self.claims.iter().any(|claim| claim.holds(object))
    }
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, 64 bits, over a text and an end mark that UTF-8 does not contain.
fn fnv(start: u64, text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().chain([0xff]).fold(start, step)
}

/// The finalizer of SplitMix64: every bit of the input changes half of the output.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn hash(object: &ObjectRef) -> u64 {
    let namespace = object.namespace.as_deref().unwrap_or_default();
    [
        object.gvk.group.as_str(),
        &object.gvk.kind,
        namespace,
        &object.name,
    ]
    .into_iter()
    .fold(FNV_START, fnv)
}

#[cfg(test)]
mod tests;
