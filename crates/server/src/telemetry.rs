//! Structured logs on standard error.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::LogFormat;

/// Below this, PostgreSQL's driver logs the values of statements: names, addresses and secrets.
const WITHOUT_VALUES: &str = "tokio_postgres=info";

/// Starts logging; what goes wrong with `filter` is said in one line.
pub fn start(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    // That connections to the database were closed shows in what they were wanted for.
    let filter = EnvFilter::try_new(format!("deadpool.postgres=error,{filter},{WITHOUT_VALUES}"))
        .map_err(|error| anyhow::anyhow!("the log filter `{filter}` is wrong: {error}"))?;
    let colours = std::io::stderr().is_terminal();
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let started = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}
