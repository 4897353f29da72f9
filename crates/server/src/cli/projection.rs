//! `headcount projection`: how far the members of an organization have been brought to its
//! configuration.

use clap::Args as Arguments;
use serde_json::{Value, json};
use store::{Store, Tx, projections::Projection};

use super::{Failure, open, output, progress::LongCommand};
use crate::{admin::organizations, config::StoreArgs, members};

#[derive(Arguments)]
pub struct Args {
    /// The organization's slug
    #[arg(long, value_name = "SLUG")]
    organization: String,
    /// Bring everybody to the configuration now, if a server is not doing it already
    #[arg(long)]
    finish: bool,
    /// Print JSON: the latest run; null if the configuration has never changed
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, store: &StoreArgs) -> Result<(), Failure> {
    let store = open(store).await?;
    let latest = match args.finish {
        true => finish(&store, &args.organization).await?,
        false => {
            let id = organizations::get(&store, &args.organization).await?.id;
            let read = async move |tx: &mut Tx| store::projections::get(tx, &id).await;
            store.look_up::<_, store::Error, _>(read).await?
        }
    };
    if args.json {
        output::json(&latest.as_ref().map(to_json).unwrap_or_default());
    } else {
        print(latest.as_ref());
    }
    Ok(())
}

/// Carries the run of an organization to its end; it can be left at any time, a server goes on with
/// it.
pub async fn finish(store: &Store, organization: &str) -> Result<Option<Projection>, Failure> {
    let id = organizations::get(store, organization).await?.id;
    let template = "{spinner} members {pos} of {len}  {rate}";
    let command = LongCommand::start(template)?;
    let bar = command.bar.clone();
    let show = |run: &Projection| {
        bar.set_length(u64::try_from(run.total).unwrap_or(0));
        bar.set_position(u64::try_from(run.seen).unwrap_or(0));
        command.go_on()
    };
    let run = members::run::finish(store, &id, show).await?;
    command.end();
    Ok(run)
}

pub fn print(run: Option<&Projection>) {
    match run {
        None => println!("the configuration has never changed"),
        Some(run) if run.is_done => println!(
            "{} members looked at, {} changed (because of {})",
            run.seen, run.changed, run.reason
        ),
        Some(run) => println!(
            "{} of {} members looked at so far, {} changed (because of {}); a running server goes \
             on with it",
            run.seen, run.total, run.changed, run.reason
        ),
    }
}

pub fn to_json(run: &Projection) -> Value {
    json!({
        "id": run.id,
        "reason": run.reason,
        "state": if run.is_done { "done" } else { "running" },
        "seen": run.seen,
        "total": run.total,
        "changed": run.changed,
        "started_at": output::json_time(Some(run.started_at)),
        "finished_at": output::json_time(run.finished_at),
    })
}
