//! What git's words mean.

use oarlock_core::artifact::{Credentials, FetchError};

use super::isolation::Isolation;
use super::location::{Location, Transport};
use super::process::CallGit;

/// Most characters of git's words that are passed on.
const WORDS: usize = 600;

/// What git says when a server has a web page, or nothing, where a repository should be.
const ABSENT: &[&str] = &[
    "repository not found",
    "does not appear to be a git repository",
    "no such project",
    "could not be found",
    "not found",
];
const UNAUTHORIZED: &[&str] = &[
    "could not read username",
    "could not read password",
    "authentication failed",
    "returned error: 401",
    "returned error: 403",
    "permission denied",
    "access denied",
    "error in libcrypto",
    "invalid format",
];
const HOST_KEY: &[&str] = &["host key verification failed", "host key is known for"];
const CERTIFICATE: &[&str] = &["certificate", "ssl: no alternative"];

/// The error that a call which asked `location` ends in.
pub(super) fn refusal(
    error: CallGit,
    location: &Location,
    isolation: &Isolation,
    credentials: &Credentials,
) -> FetchError {
    let words = match error {
        CallGit::Failed(words) => words,
        CallGit::Start { program, source } => {
            return FetchError::Unavailable(format!(
                "cannot start {program}: {source}; hint: install git (apt-get install git, apk add git) where this runs, or \
                 take the chart from a repository or a registry"
            ));
        }
        CallGit::TooLarge(most) => {
            return FetchError::Invalid(format!(
                "{location}: the repository is larger than {most} bytes; hint: publish the chart to a repository or a registry"
            ));
        }
        CallGit::TooLong(most) => {
            return FetchError::Invalid(format!(
                "{location}: git answers with more than {most} bytes"
            ));
        }
        CallGit::TimedOut(after) => {
            return FetchError::Unavailable(format!(
                "{location}: git was ended after {} s; hint: is the server reachable from here, and the repository not too large?",
                after.as_secs()
            ));
        }
        CallGit::Talk(source) => {
            return FetchError::Unavailable(format!("{location}: cannot talk to git: {source}"));
        }
    };
    let said = isolation.masked(&essence(&words));
    of_words(&said, location, credentials)
}

/// Git's words without the prefixes and the advice that is for people at a terminal.
pub(super) fn essence(words: &str) -> String {
    let boilerplate = |line: &str| {
        line.is_empty()
            || line.starts_with("Please make sure")
            || line.starts_with("and the repository exists")
            || line.starts_with("warning: ")
    };
    let mut lines: Vec<&str> = words
        .lines()
        .map(str::trim)
        .map(|line| line.strip_prefix("fatal: ").unwrap_or(line))
        .map(|line| line.strip_prefix("error: ").unwrap_or(line))
        .map(|line| line.trim_matches(['@', ' ', '.']))
        .filter(|line| !boilerplate(line))
        .collect();
    lines.dedup();
    // That it could not be read is said after why.
    if lines.len() > 1 {
        lines.retain(|line| !line.starts_with("Could not read from remote repository"));
    }
    let text: String = lines
        .join("; ")
        .chars()
        .filter(|c| !c.is_control())
        .take(WORDS)
        .collect();
    if text.is_empty() {
        "git ended without a word".to_owned()
    } else {
        text
    }
}

fn of_words(said: &str, location: &Location, credentials: &Credentials) -> FetchError {
    let lower = said.to_lowercase();
    // It would have asked a person, since the server did not take what it was sent.
    let said = if lower.contains("terminal prompts disabled") {
        "Authentication failed"
    } else {
        said
    };
    let any = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    let message = |hint: &str| format!("{location}: {said}; hint: {hint}");
    if lower.contains("identification has changed") {
        return FetchError::Mismatch(message(
            "the server has another key than `known_hosts` says: ask its owner before you replace the entry",
        ));
    }
    if any(HOST_KEY) {
        return FetchError::Unauthorized(message(
            "`known_hosts` in the Secret of `credentials` has no entry for this host and port",
        ));
    }
    if any(CERTIFICATE) {
        return FetchError::Unavailable(message(
            "put the certificate of the authority as `caFile` into the Secret of `credentials`",
        ));
    }
    if any(UNAUTHORIZED) {
        return FetchError::Unauthorized(message(open_sesame(location, credentials)));
    }
    if lower.contains("no user exists for uid") {
        return FetchError::Unavailable(message(
            "ssh runs only for users that the system knows: the image needs a line for this one in /etc/passwd, as deploy/Dockerfile \
             has it; or take the repository by https://",
        ));
    }
    if lower.contains("dubious ownership") {
        return FetchError::Unavailable(message(
            "the repository's folder has to belong to whoever runs this",
        ));
    }
    if lower.contains("not allowed") && lower.contains("transport") {
        return FetchError::Invalid(message("https://, ssh:// and file:// are"));
    }
    // "not found" of a name or a program is none of a repository.
    if any(ABSENT) && !lower.contains("resolve host") && !lower.contains("ssh: not found") {
        return FetchError::NotFound(message(absent(location, credentials)));
    }
    FetchError::Unavailable(message(match location.transport() {
        Transport::Ssh { .. } => "is the server reachable from here by ssh, and is ssh installed?",
        Transport::Web { .. } | Transport::File => "is the server reachable from here?",
    }))
}

fn open_sesame(location: &Location, credentials: &Credentials) -> &'static str {
    match location.transport() {
        Transport::Ssh { .. } => {
            "the server does not take the key: it has to be a private key without passphrase, and its public half be known there"
        }
        Transport::Web { .. } if credentials.basic.is_none() && credentials.bearer.is_none() => {
            "the repository asks for credentials: name a Secret with `username` and `password`, or `bearerToken`, in `credentials`"
        }
        Transport::Web { .. } | Transport::File => {
            "the server does not take the user name and the password or token of the Secret in `credentials`"
        }
    }
}

fn absent(location: &Location, credentials: &Credentials) -> &'static str {
    match location.transport() {
        Transport::Web { .. } if credentials.basic.is_none() && credentials.bearer.is_none() => {
            "check the URL; some servers say so of private repositories too, which need `credentials`"
        }
        Transport::Web { .. } | Transport::Ssh { .. } => {
            "check the URL; some servers say so too when the credentials may not read it"
        }
        Transport::File => "it has to be below the chart folder",
    }
}
