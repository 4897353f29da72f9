//! `headcount demo`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use mapping::{member::State, roles::Role};
use simulate::{Kind, Options, Report};
use store::{DirectoryTx, Store};

use super::{
    Failure,
    directory::scim_url,
    output,
    serve::{Server, stop_signal},
    settings,
    simulate::ProgressView,
    team,
};
use crate::{
    admin::{
        directories::{self, NewDirectory},
        members::{self, Filter},
        organizations,
        role_rules::{self, NewRule},
        roles, teams,
    },
    clock,
    config::{ServeArgs, Settings, StoreArgs},
    telemetry,
};

#[derive(clap::Args)]
pub struct Args {
    /// Address to listen on [default: a free port on 127.0.0.1]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// People in each simulated directory
    #[arg(long, value_name = "N", default_value_t = 300)]
    users: usize,
    /// Groups in each simulated directory
    #[arg(long, value_name = "M", default_value_t = 20)]
    groups: usize,
    /// Stop after the report instead of serving on
    #[arg(long)]
    once: bool,
}

pub async fn run(args: Args) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("headcount-demo-").tempdir();
    let folder = folder.map_err(|e| Failure::Failed(format!("no temporary folder: {e}")))?;
    let store_args = StoreArgs { data: Some(folder.path().into()), ..StoreArgs::default() };
    let listen = args.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let serve_args = ServeArgs { listen: Some(listen), ..ServeArgs::default() };
    let settings = settings(Settings::new(&store_args, &serve_args))?;
    telemetry::start(settings.log_format, "warn")?;
    let stopped = stop_signal()?;
    let server = Server::start(settings).await?;
    println!("A server runs at {} on a fresh store.", server.public_url);
    let played = tokio::select! {
        played = play(&args, folder.path(), &server) => played,
        () = stopped => {
            server.stop().await;
            return Ok(());
        }
    };
    if !args.once && played.is_ok() {
        println!("\nServing until stopped (Ctrl-C); the store is removed then.");
        stop_signal()?.await;
    }
    server.stop().await;
    played
}

/// Both directories are filled and changed at the same time, as customers do.
async fn play(args: &Args, folder: &Path, server: &Server) -> Result<(), Failure> {
    let now = clock::now();
    organizations::create(&server.store, "acme", Some("Acme"), now).await?;
    declare_roles(&server.store, now).await?;
    let mut directories = Vec::new();
    for kind in ["entra", "okta"] {
        let new = NewDirectory {
            organization: "acme",
            kind,
            rate_limit: 0,
            strict: false,
            learn_schemas: false,
            public_discovery: true,
        };
        let (directory, token) = directories::create(&server.store, new, now).await?;
        directories.push((scim_url(&server.public_url, &directory.id), token, directory.id));
    }
    println!(
        "Organization acme has two directories: Microsoft Entra ID and Okta, {} people and {} \
         groups each.\nThere are four roles, and rules for the groups that give them.\n",
        args.users, args.groups
    );
    let options = |kind, at: usize| {
        let (url, token, _) = &directories[at];
        let mut options = Options::new(kind, url, token);
        options.users = args.users;
        options.groups = args.groups;
        options
    };
    let (entra_view, okta_view) = (ProgressView::start("entra"), ProgressView::start("okta"));
    let entra = simulate::run(options(Kind::Entra, 0), |progress| entra_view.show(progress)).await;
    entra_view.finish();
    let okta = simulate::run(options(Kind::Okta, 1), |progress| okta_view.show(progress)).await;
    okta_view.finish();
    let mut clean = true;
    for (report, (_, _, id)) in [entra, okta].into_iter().zip(&directories) {
        let report = report.map_err(|error| Failure::Failed(error.to_string()))?;
        clean &= report.passed();
        show(&report, id, server).await?;
    }
    show_members(&server.store).await?;
    let (url, token, _) = &directories[0];
    println!("Try it by hand:\n");
    println!("  headcount member list --organization acme --data {}", folder.display());
    println!("  curl -H 'Authorization: Bearer {token}' '{url}/Users?count=2'");
    println!(
        "  curl -H 'Authorization: Bearer {token}' -G '{url}/Users' \\\n       \
         --data-urlencode 'filter=userName sw \"a\"'"
    );
    if clean { Ok(()) } else { Err(Failure::Failed("the simulations found faults".into())) }
}

/// Roles for all organizations, and the groups that give them in this one.
async fn declare_roles(store: &Store, now: i64) -> Result<(), Failure> {
    for (name, precedence) in [("owner", 1), ("admin", 10), ("billing", 20), ("member", 100)] {
        let role = Role {
            name: name.into(),
            precedence,
            is_default: name == "member",
            is_owner: name == "owner",
        };
        roles::create(store, role, None, now).await?;
    }
    for (pattern, role) in
        [("Security*", "owner"), ("*Engineering*", "admin"), ("Finance*", "billing")]
    {
        let rule = NewRule { pattern, role, directory_id: None, position: None };
        role_rules::add(store, "acme", rule, now).await?;
    }
    Ok(())
}

/// What has become of people and groups: members, roles, teams.
async fn show_members(store: &Store) -> Result<(), Failure> {
    const TEAMS: usize = 10;
    println!(
        "Members of acme, out of both directories, with an example of each kind and its reason:"
    );
    let mut rows = Vec::new();
    for (state, role, count) in members::count(store, "acme").await? {
        let states = [State::Active, State::Deactivated, State::Incomplete, State::Deleted];
        let filter = Filter {
            state: states.into_iter().find(|known| known.as_str() == state),
            role: role.as_deref(),
            ..Filter::default()
        };
        let page = members::list(store, "acme", filter, None, 1).await?;
        let example = page.members.first().map(|loaded| &loaded.stored.member);
        let reason = example.map(|member| match (member.state, &member.role) {
            (State::Active, Some(role)) => page.directories.reason(&role.from),
            _ => page.directories.why(member.state, &member.why),
        });
        let name = example.and_then(|member| member.email_address()).unwrap_or("-");
        rows.push(vec![
            format!("  {count}"),
            state,
            role.unwrap_or_else(|| "-".into()),
            name.to_owned(),
            reason.unwrap_or_default(),
        ]);
    }
    output::table(&["  MEMBERS", "STATE", "ROLE", "SUCH AS", "BECAUSE"], &rows);
    let mut all = teams::list(store, "acme").await?;
    all.sort_by_key(|(_, size)| -size.members);
    println!("\nThe largest of its {} teams; groups of one name are one team:", all.len());
    all.truncate(TEAMS);
    team::table(&all);
    println!();
    Ok(())
}

/// What arrived and what was refused, as the store holds it.
async fn show(report: &Report, directory_id: &str, server: &Server) -> Result<(), Failure> {
    // The log is written a moment after the answers.
    tokio::time::sleep(crate::log::DELAY * 2).await;
    let (counts, refusals) = server
        .store
        .scan(directory_id, async |mut tx: DirectoryTx<'_>| {
            Ok::<_, store::Error>((tx.journal_counts().await?, tx.log_refusals().await?))
        })
        .await?;
    println!("{report}\nWhat changed, from the journal:");
    let rows: Vec<Vec<String>> = counts
        .into_iter()
        .map(|(resource_type, operation, count)| {
            vec![format!("  {resource_type}"), operation, count.to_string()]
        })
        .collect();
    output::table(&["  RESOURCE", "OPERATION", "CHANGES"], &rows);
    if refusals.is_empty() {
        println!("\nNothing was refused.\n");
        return Ok(());
    }
    println!(
        "\nWhat was refused, from the provisioning log, with one reason of each kind. The simulated \
         service\nprovokes it: names that are taken, people who are gone, a wrong token."
    );
    let rows: Vec<Vec<String>> = refusals
        .into_iter()
        .map(|(status, scim_type, detail, count)| {
            let status = match scim_type {
                Some(scim_type) => format!("{status} {scim_type}"),
                None => status.to_string(),
            };
            vec![format!("  {count}"), status, detail]
        })
        .collect();
    output::table(&["  TIMES", "STATUS", "REASON"], &rows);
    println!();
    Ok(())
}
