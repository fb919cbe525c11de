//! Which servers of a chain of redirects may have a private address.
//!
//! A server on the internet that sends its callers to an address of the network that they are in means to use what they can
//! reach and it cannot. So only servers that somebody chose may be there: the one that was asked for, those that may be asked
//! anyway, and those that a server which is there itself sends to.

use std::net::IpAddr;

use oarlock_core::artifact::{Reach, Site, Source};
use reqwest::Url;

/// Who named the server of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// Who wants the package, with the right to ask there.
    Caller,
    /// Another server, in an answer.
    Server {
        /// Whether that one, and all that led to it, have private addresses.
        private: bool,
    },
}

/// A chain of redirects so far.
pub(super) struct Trail<'a> {
    first: Url,
    named_by: NamedBy,
    reach: &'a Reach,
    /// Whether all servers so far have private addresses.
    private: bool,
}

impl<'a> Trail<'a> {
    pub(super) fn new(first: &Url, named_by: NamedBy, reach: &'a Reach) -> Self {
        Self {
            first: first.clone(),
            named_by,
            reach,
            private: match named_by {
                NamedBy::Caller => true,
                NamedBy::Server { private } => private,
            },
        }
    }

    /// Whether the server of `url`, which is next, may have a private address.
    pub(super) fn may_be_private(&self, url: &Url) -> bool {
        let chosen = self.named_by == NamedBy::Caller && self.first.origin() == url.origin();
        self.private || chosen || is_reached(self.reach, url)
    }

    /// Goes on after the answer of a server that has, or has not, a private address.
    pub(super) fn passed(&mut self, private: bool) {
        self.private &= private;
    }

    /// Whether all servers so far have private addresses.
    pub(super) const fn is_private(&self) -> bool {
        self.private
    }
}

/// Whether the server of `url` may be asked anyway. One that is granted as a registry may be led to as one.
fn is_reached(reach: &Reach, url: &Url) -> bool {
    let covers = |source: &Source| Site::of(source).is_ok_and(|site| reach.covers(&site));
    let registry = || Source::Oci {
        repository: url.as_str().replacen("https://", "oci://", 1),
        version: String::new(),
    };
    covers(&Source::Archive(url.to_string())) || (url.scheme() == "https" && covers(&registry()))
}

/// Whether an address means something else on every network.
pub(crate) type IsPrivate = fn(IpAddr) -> bool;
