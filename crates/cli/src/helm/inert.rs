//! Flags of `helm template` that are taken so that command lines go on working, and change nothing about what is rendered.

use clap::{Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches};

/// On or off.
const SWITCHES: [&str; 16] = [
    "atomic",
    "create-namespace",
    "disable-openapi-validation",
    "force",
    "force-conflicts",
    "force-replace",
    "hide-notes",
    "kube-insecure-skip-tls-verify",
    "render-subchart-notes",
    "replace",
    "rollback-on-failure",
    "server-side",
    "skip-crds",
    "take-ownership",
    "wait",
    "wait-for-jobs",
];

/// With a value.
const VALUES: [&str; 16] = [
    "burst-limit",
    "color",
    "colour",
    "content-cache",
    "description",
    "kube-apiserver",
    "kube-as-group",
    "kube-as-user",
    "kube-ca-file",
    "kube-tls-server-name",
    "kube-token",
    "labels",
    "qps",
    "repository-cache",
    "timeout",
    "post-renderer-args",
];

/// Those that Helm itself wants to be rid of, and what it says.
const DEPRECATED: [(&str, &str); 4] = [
    ("force", "use --force-replace instead"),
    ("atomic", "use --rollback-on-failure instead"),
    (
        "hide-notes",
        "this flag has no effect for 'helm template' and will be removed in Helm 5",
    ),
    (
        "render-subchart-notes",
        "this flag has no effect for 'helm template' and will be removed in Helm 5",
    ),
];

/// Which of them were given.
#[derive(Debug, Default)]
pub(super) struct Inert(Vec<&'static str>);

impl Inert {
    /// What Helm says of those that it wants to be rid of, a line each.
    pub(super) fn notices(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|given| {
            let (name, text) = DEPRECATED.iter().find(|(name, _)| name == given)?;
            Some(format!("Flag --{name} has been deprecated, {text}\n"))
        })
    }
}

fn switch(name: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .action(ArgAction::Append)
        .hide(true)
}

fn value(name: &'static str) -> Arg {
    let arg = Arg::new(name)
        .long(name)
        .num_args(1)
        .allow_hyphen_values(true)
        .action(ArgAction::Append)
        .hide(true);
    if name == "labels" {
        arg.short('l')
    } else {
        arg
    }
}

impl clap::Args for Inert {
    fn augment_args(command: Command) -> Command {
        command.args(SWITCHES.map(switch)).args(VALUES.map(value))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Inert {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let names = SWITCHES.iter().chain(&VALUES).copied();
        Ok(Self(
            names.filter(|name| matches.contains_id(name)).collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use clap::Args as _;

    use super::*;

    #[test]
    fn they_are_taken_and_said() {
        let command = Inert::augment_args(Command::new("t").arg(Arg::new("chart")));
        let matches = command
            .try_get_matches_from([
                "t",
                "--force",
                "--wait",
                "--atomic=false",
                "--timeout",
                "5m",
                "-l",
                "a=b",
                "-l=c=d",
                "--wait=legacy",
                "chart",
            ])
            .unwrap();
        let inert = Inert::from_arg_matches(&matches).unwrap();
        assert_eq!(inert.0, ["atomic", "force", "wait", "labels", "timeout"]);
        let notices: Vec<String> = inert.notices().collect();
        insta::assert_snapshot!(notices.concat(), @r"
        Flag --atomic has been deprecated, use --rollback-on-failure instead
        Flag --force has been deprecated, use --force-replace instead
        ");
    }
}
