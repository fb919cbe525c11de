//! Where packages may be fetched from: `https://charts.example.com`, `oci://*.{namespace}:5000`, `ssh://git@git.example.com`,
//! `local`.

use oarlock_core::origin::without_user;

use super::origin;
use crate::problem::Problem;
use crate::suggestion::suggest;

/// The host's chart folder.
const LOCAL: &str = "local";

/// `local`, or `scheme://host[:port]` where labels of the host may be `*` or `{namespace}`.
pub(super) fn check(text: &str) -> Result<(), Problem> {
    // A password must not turn up in the conditions of the objects.
    let shown = without_user(text);
    let wrong = |why: &str| {
        Problem::new(format!("{shown:?} is no source of packages: {why}")).expected(
            "local, or https, http, oci or ssh, a host and perhaps a port, such as https://charts.example.com",
        )
    };
    if text == LOCAL {
        return Ok(());
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let meant =
            suggest(text, [LOCAL]).map_or_else(|| format!("https://{shown}"), str::to_owned);
        return Err(wrong("it has no scheme").hint(format!("did you mean {meant:?}?")));
    };
    if !matches!(scheme, "http" | "https" | "oci" | "ssh") {
        let problem = wrong(&format!("{scheme:?} is none of https, http, oci and ssh"));
        return Err(match scheme {
            "file" => problem.hint("folders below the chart folder are granted as local"),
            _ => problem,
        });
    }
    if let Some((site, _)) = rest.split_once(['/', '?', '#']) {
        return Err(wrong("it has a path").hint(format!(
            "packages are granted for a whole server; write {scheme}://{site}"
        )));
    }
    let server = match rest.rsplit_once('@') {
        None => rest,
        Some((user, server)) if scheme == "ssh" => {
            user_problem(user).map_or(Ok(server), |why| Err(wrong(why)))?
        }
        Some(_) => {
            let problem = wrong("it names a user");
            return Err(problem.hint("credentials are named by the call, as a Secret"));
        }
    };
    origin::server(server).map_err(|why| wrong(&why))
}

fn user_problem(user: &str) -> Option<&'static str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if user.contains(':') {
        return Some("it has a password in it");
    }
    let good = !user.is_empty() && !user.starts_with('-') && user.bytes().all(plain);
    (!good).then_some("its user is none that SSH logs in as")
}

#[cfg(test)]
mod tests {
    use oarlock_core::artifact::SiteGrant;

    use super::*;

    #[test]
    fn what_is_good_here_is_a_grant() {
        for text in [
            "local",
            "https://charts.example.com",
            "http://chartmuseum.{namespace}:8080",
            "https://*.example.com",
            "oci://registry.example.com:5000",
            "oci://[::1]:5000",
            "ssh://git@git.example.com",
            "ssh://git.example.com:2222",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
            assert!(SiteGrant::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_bad_here_is_none() {
        for text in [
            "",
            "locals",
            "charts.example.com",
            "file:///srv/charts",
            "git://git.example.com",
            "HTTPS://charts.example.com",
            "https://",
            "https://charts.example.com/stable",
            "https://user@charts.example.com",
            "ssh://git:x@git.example.com",
            "ssh://-x@git.example.com",
            "ssh://@git.example.com",
            "oci://registry:0",
            "oci://Registry",
            "https://a*.example.com",
            "https://x-{namespace}",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
