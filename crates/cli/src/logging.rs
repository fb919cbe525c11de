//! Logs go to standard error, data to standard output.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// How a log line is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts logging.
pub(crate) fn start(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(spread(filter)).with_context(|| {
        format!("--log {filter:?} is no filter; hint: such as debug, or info,oarlock_engine=trace")
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would be told on standard error, by a macro that panics where nobody reads it any more.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}

/// A level alone is about this program: the debug logs of a compiler and of HTTP clients are for those who name them.
fn spread(filter: &str) -> String {
    match filter.parse::<LevelFilter>() {
        Ok(level) if level >= LevelFilter::INFO => {
            // What kube_client calls an error is told, with its object, by whoever asked.
            format!("warn,kube_client=off,oarlock={level}")
        }
        Ok(level) => format!("{level},kube_client=off"),
        Err(_) => filter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn a_level_alone_is_about_this_program() {
        assert_eq!(spread("debug"), "warn,kube_client=off,oarlock=debug");
        assert_eq!(spread("warn"), "warn,kube_client=off");
        assert_eq!(spread("off"), "off,kube_client=off");
        assert_eq!(spread("info,kube=debug"), "info,kube=debug");
    }
}
