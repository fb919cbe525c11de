//! Names to addresses that may be opened.

use std::net::{IpAddr, SocketAddr};

use oarlock_core::address::never_opened;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use tokio::net::lookup_host;

/// Resolves with the system, and refuses what is never opened. The connection goes to an address that was checked, so that a
/// name that resolves differently the next time gains nothing.
pub(super) struct Checked;

/// A name or URL leads to an address that is never opened.
#[derive(Debug, Error)]
#[error("{}{address}, which is never opened: {why}", named(.name.as_deref()))]
pub(super) struct NeverOpened {
    /// The name; `None` where there is only an address.
    pub(super) name: Option<String>,
    /// Where it leads.
    pub(super) address: IpAddr,
    /// What it is.
    pub(super) why: &'static str,
}

fn named(name: Option<&str>) -> String {
    name.map(|name| format!("{name} leads to "))
        .unwrap_or_default()
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str();
            let addresses: Vec<SocketAddr> = lookup_host((host, 0)).await?.collect();
            checked(host, &addresses)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// One bad address spoils a name: whoever mixes them means to have the bad one picked some day.
fn checked(host: &str, addresses: &[SocketAddr]) -> Result<(), NeverOpened> {
    for address in addresses {
        if let Some(why) = never_opened(address.ip()) {
            return Err(NeverOpened {
                name: Some(host.to_owned()),
                address: address.ip(),
                why,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn one_bad_address_spoils_a_name() {
        let addresses = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|a| a.parse().unwrap()).collect()
        };
        assert!(checked("a", &addresses(&["10.0.0.1:0", "1.1.1.1:0"])).is_ok());
        let error = checked("a", &addresses(&["1.1.1.1:0", "169.254.169.254:0"])).unwrap_err();
        insta::assert_snapshot!(error, @"a leads to 169.254.169.254, which is never opened: link-local");
    }
}
