//! Names to addresses that may be opened.

use std::net::{IpAddr, SocketAddr};

use oarlock_core::address::never_opened;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use tokio::net::lookup_host;

use super::trail::IsPrivate;

/// Resolves with the system, and refuses what is not opened. The connection goes to an address that was checked, so that a
/// name that resolves differently the next time gains nothing.
pub(super) struct Checked {
    /// Which addresses are refused beside those that are never opened.
    pub(super) refused: Option<IsPrivate>,
}

/// A name or URL leads to an address that is not opened.
#[derive(Debug, Error)]
pub(super) enum NotOpened {
    /// For nobody.
    #[error("{}{address}, which is never opened: {why}", named(.name.as_deref()))]
    Never {
        /// The name; `None` where there is only an address.
        name: Option<String>,
        /// Where it leads.
        address: IpAddr,
        /// What it is.
        why: &'static str,
    },
    /// For servers that nobody chose.
    #[error(
        "{}{address}, a private address, and a server elsewhere has sent us there; hint: where that is meant, grant this server too \
         (`grants.artifacts` of the watch)",
        named(.name.as_deref())
    )]
    Private {
        /// The name; `None` where there is only an address.
        name: Option<String>,
        /// Where it leads.
        address: IpAddr,
    },
}

/// Refuses `address`, which `name` leads to, where it is not opened.
pub(super) fn check(
    name: Option<&str>,
    address: IpAddr,
    refused: Option<IsPrivate>,
) -> Result<(), NotOpened> {
    let name = || name.map(str::to_owned);
    if let Some(why) = never_opened(address) {
        return Err(NotOpened::Never {
            name: name(),
            address,
            why,
        });
    }
    if refused.is_some_and(|refused| refused(address)) {
        return Err(NotOpened::Private {
            name: name(),
            address,
        });
    }
    Ok(())
}

fn named(name: Option<&str>) -> String {
    name.map(|name| format!("{name} leads to "))
        .unwrap_or_default()
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let refused = self.refused;
        Box::pin(async move {
            let host = name.as_str();
            let addresses: Vec<SocketAddr> = lookup_host((host, 0)).await?.collect();
            checked(host, &addresses, refused)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// One bad address spoils a name: whoever mixes them means to have the bad one picked some day.
fn checked(
    host: &str,
    addresses: &[SocketAddr],
    refused: Option<IsPrivate>,
) -> Result<(), NotOpened> {
    addresses
        .iter()
        .try_for_each(|address| check(Some(host), address.ip(), refused))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use oarlock_core::address::is_private;

    use super::*;

    #[test]
    fn one_bad_address_spoils_a_name() {
        let addresses = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|a| a.parse().unwrap()).collect()
        };
        let mixed = addresses(&["1.1.1.1:0", "10.0.0.1:0"]);
        assert!(checked("a", &mixed, None).is_ok());
        let error = checked("a", &mixed, Some(is_private)).unwrap_err();
        insta::assert_snapshot!(error, @"a leads to 10.0.0.1, a private address, and a server elsewhere has sent us there; hint: where that is meant, grant this server too (`grants.artifacts` of the watch)");
        let error =
            checked("a", &addresses(&["1.1.1.1:0", "169.254.169.254:0"]), None).unwrap_err();
        insta::assert_snapshot!(error, @"a leads to 169.254.169.254, which is never opened: link-local");
    }
}
