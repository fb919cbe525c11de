//! Users: by token, and by impersonation.

use super::Attributes;
use crate::status::Status;

/// Somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    name: String,
    groups: Vec<String>,
}

/// What a request says of who sends it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    /// Of `Authorization: Bearer`.
    pub(crate) token: Option<String>,
    /// `Impersonate-User`.
    pub(crate) user: Option<String>,
    /// `Impersonate-Group`, each.
    pub(crate) groups: Vec<String>,
}

const AUTHENTICATED: &str = "system:authenticated";
const MASTERS: &str = "system:masters";

impl User {
    /// A user in these groups, beside those that everybody is in.
    #[must_use]
    pub fn new<G: Into<String>>(
        name: impl Into<String>,
        groups: impl IntoIterator<Item = G>,
    ) -> Self {
        let mut groups: Vec<String> = groups.into_iter().map(Into::into).collect();
        if !groups.iter().any(|group| group == AUTHENTICATED) {
            groups.push(String::from(AUTHENTICATED));
        }
        Self {
            name: name.into(),
            groups,
        }
    }

    /// Whom somebody asks about: in these groups and in no other.
    pub(super) fn exactly(name: &str, groups: Vec<&str>) -> Self {
        Self {
            name: String::from(name),
            groups: groups.into_iter().map(String::from).collect(),
        }
    }

    /// A ServiceAccount, with the groups that it has.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self::new(
            format!("system:serviceaccount:{namespace}:{name}"),
            [
                String::from("system:serviceaccounts"),
                format!("system:serviceaccounts:{namespace}"),
            ],
        )
    }

    /// Who may do everything.
    pub(crate) fn admin() -> Self {
        Self::new("oarlock:admin", [MASTERS])
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    pub(crate) fn is_master(&self) -> bool {
        self.is_in(MASTERS)
    }
}

/// Who `user` wants to be, if they may.
pub(super) fn impersonated(
    user: User,
    credentials: &Credentials,
    require: impl Fn(&User, &Attributes) -> Result<(), Status>,
) -> Result<User, Status> {
    let Some(wanted) = &credentials.user else {
        if credentials.groups.is_empty() {
            return Ok(user);
        }
        return Err(Status::internal(
            "requested groups without impersonating a user",
        ));
    };
    let account = wanted
        .strip_prefix("system:serviceaccount:")
        .and_then(|rest| rest.split_once(':'));
    let attributes = match account {
        Some((namespace, name)) => Attributes::impersonate("serviceaccounts", namespace, name),
        None => Attributes::impersonate("users", "", wanted),
    };
    require(&user, &attributes)?;
    for group in &credentials.groups {
        require(&user, &Attributes::impersonate("groups", "", group))?;
    }
    Ok(match account {
        Some((namespace, name)) if credentials.groups.is_empty() => {
            User::service_account(namespace, name)
        }
        _ => User::new(wanted.as_str(), credentials.groups.iter().cloned()),
    })
}
