//! `headcount directory`.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use mapping::{Target, configuration::Leaves};
use serde_json::{Value, json};
use store::{
    Store, Tx,
    directories::{Directory, Policies},
};

use super::{Failure, grantable, open, output, schema, settings, settle};
use crate::{
    admin::{
        directories::{self, Changes, DEFAULT_RATE_LIMIT, NewDirectory},
        roles::NONE,
    },
    clock,
    config::{ServeArgs, Settings, StoreArgs},
};

/// The setting under which a server leaves its public URL.
pub const PUBLIC_URL: &str = "public_url";

#[derive(Subcommand)]
pub enum Command {
    /// Create a directory; prints its SCIM base URL and its first token, which is shown only now
    Create {
        /// The organization's slug
        #[arg(long, value_name = "SLUG")]
        organization: String,
        /// What will connect; every kind is read alike
        #[arg(long, default_value = "generic")]
        kind: Kind,
        /// Requests a second; 0 is no limit
        #[arg(long, value_name = "N", default_value_t = DEFAULT_RATE_LIMIT)]
        rate_limit: u32,
        /// Turn all tolerance for clients off, for tests against the standard
        #[arg(long)]
        strict: bool,
        /// Declare extension schemas that nobody declared from what is sent
        #[arg(long, value_name = "on|off", default_value = "off")]
        learn_schemas: Switch,
        /// Answer discovery without a token; what it then shows holds nothing of the directory
        #[arg(long, value_name = "on|off", default_value = "on")]
        public_discovery: Switch,
        /// Address of the server, if it has not run on this store yet
        #[arg(long, value_name = "URL", env = "HEADCOUNT_PUBLIC_URL")]
        public_url: Option<String>,
        /// Print JSON: id, scim_url, token, token_endpoint
        #[arg(long)]
        json: bool,
    },
    /// List the directories
    List {
        /// Only those of this organization
        #[arg(long, value_name = "SLUG")]
        organization: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Switch a directory off: requests are refused, nothing is lost
    Disable(One),
    /// Switch a directory on again
    Enable(One),
    /// Change a directory's settings
    #[command(group = ArgGroup::new("settings").required(true).multiple(true)
        .args(["groups", "learn_schemas", "public_discovery", "identifier", "role_ceiling"]),
        after_help = "Examples:\n  headcount directory update dir-… --role-ceiling editor\n  \
            headcount directory update dir-… --identifier external_id")]
    Update {
        /// The directory's id
        id: String,
        /// Take groups in; off: there are none to see, and writes are refused with the reason
        #[arg(long, value_name = "on|off")]
        groups: Option<Switch>,
        /// Declare extension schemas that nobody declared from what is sent
        #[arg(long, value_name = "on|off")]
        learn_schemas: Option<Switch>,
        /// Answer discovery without a token
        #[arg(long, value_name = "on|off")]
        public_discovery: Option<Switch>,
        /// By what its users are linked to members before all else
        #[arg(long, value_name = "TARGET")]
        identifier: Option<Identifier>,
        /// The highest role that it may give to members; none: any
        #[arg(long, value_name = "ROLE|none")]
        role_ceiling: Option<String>,
        /// Print JSON: the directory
        #[arg(long)]
        json: bool,
    },
    /// Delete a directory: it answers nobody from then on
    Delete {
        #[command(flatten)]
        one: One,
        /// What becomes of members that no other directory provides: they stay as they are, and can
        /// be edited by hand, or they are deactivated
        #[arg(long, value_name = "keep|deactivate", default_value = "keep")]
        members: Members,
    },
    /// Declare, list and remove custom attributes
    Schema {
        #[command(subcommand)]
        command: schema::Command,
    },
    /// Declare, list and remove the roles that the identity provider may give to its users, as
    /// attributes of theirs. What your product lets members do is declared by `headcount role`
    Role {
        #[command(subcommand)]
        command: grantable::Role,
    },
    /// Declare, list and remove the entitlements that the identity provider may give to users
    Entitlement {
        #[command(subcommand)]
        command: grantable::Entitlement,
    },
}

#[derive(Args)]
pub struct One {
    /// The directory's id
    id: String,
    /// Print JSON: id, state
    #[arg(long)]
    json: bool,
}

impl One {
    fn report(&self, state: &str, text: &str) {
        if self.json {
            output::json(&json!({"id": self.id, "state": state}));
        } else {
            println!("directory {} {text}", self.id);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Identifier {
    EmailAddress,
    ExternalId,
    Username,
}

impl From<Identifier> for Target {
    fn from(identifier: Identifier) -> Self {
        match identifier {
            Identifier::EmailAddress => Self::EmailAddress,
            Identifier::ExternalId => Self::ExternalId,
            Identifier::Username => Self::Username,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Members {
    Keep,
    Deactivate,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    Entra,
    Okta,
    Generic,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Okta => "okta",
            Self::Generic => "generic",
        }
    }
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    let store = open(args).await?;
    match command {
        Command::Create {
            organization,
            kind,
            rate_limit,
            strict,
            learn_schemas,
            public_discovery,
            public_url,
            json,
        } => {
            let base = public_url_of(&store, args, public_url).await?;
            let new = NewDirectory {
                organization: &organization,
                kind: kind.name(),
                rate_limit,
                strict,
                learn_schemas: learn_schemas == Switch::On,
                public_discovery: public_discovery == Switch::On,
            };
            let (directory, token) = directories::create(&store, new, clock::now()).await?;
            let scim_url = scim_url(&base, &directory.id);
            if json {
                output::json(&json!({
                    "id": directory.id,
                    "organization": directory.organization_slug,
                    "kind": directory.kind,
                    "scim_url": scim_url,
                    "token": token,
                    "token_endpoint": format!("{base}{}", crate::http::oauth::TOKEN),
                }));
            } else {
                println!("created directory {}", directory.id);
                println!("SCIM base URL  {scim_url}");
                println!("token          {token}");
                println!("token endpoint {base}{}", crate::http::oauth::TOKEN);
                println!(
                    "               (for OAuth: client id {}, the token as secret)",
                    directory.id
                );
                println!("The token is shown only now: paste it into the identity provider.");
            }
        }
        Command::List { organization, json } => {
            let base = public_url_of(&store, args, None).await?;
            let all = directories::list(&store, organization.as_deref()).await?;
            if json {
                let policies = directories::policies(&store, organization.as_deref()).await?;
                let listed = all.iter().map(|d| to_json(d, policies.get(&d.id), &base));
                output::json(&Value::from_iter(listed));
            } else if all.is_empty() {
                println!("no directories yet: headcount directory create --organization SLUG");
            } else {
                let rows: Vec<Vec<String>> = all
                    .into_iter()
                    .map(|directory| {
                        let scim_url = scim_url(&base, &directory.id);
                        vec![
                            directory.id,
                            directory.organization_slug,
                            directory.kind,
                            on_off(directory.enabled).into(),
                            on_off(directory.group_sync).into(),
                            directory.rate_limit.to_string(),
                            scim_url,
                        ]
                    })
                    .collect();
                output::table(
                    &[
                        "ID",
                        "ORGANIZATION",
                        "KIND",
                        "STATE",
                        "GROUPS",
                        "RATE LIMIT",
                        "SCIM BASE URL",
                    ],
                    &rows,
                );
            }
        }
        Command::Disable(one) => {
            directories::set_enabled(&store, &one.id, false, clock::now()).await?;
            settle().await;
            one.report("off", "is off: its requests are refused with 403");
        }
        Command::Enable(one) => {
            directories::set_enabled(&store, &one.id, true, clock::now()).await?;
            settle().await;
            one.report("on", "is on");
        }
        Command::Update {
            id,
            groups,
            learn_schemas,
            public_discovery,
            identifier,
            role_ceiling,
            json,
        } => {
            let is_on = |switch: Switch| switch == Switch::On;
            let changes = Changes {
                group_sync: groups.map(is_on),
                learn_schemas: learn_schemas.map(is_on),
                public_discovery: public_discovery.map(is_on),
                identifier: identifier.map(Target::from),
                role_ceiling: role_ceiling.map(|role| Some(role).filter(|role| role != NONE)),
            };
            directories::update(&store, &id, changes, clock::now()).await?;
            settle().await;
            let directory = directories::get(&store, &id).await?;
            let policies =
                directories::policies(&store, Some(&directory.organization_slug)).await?;
            let policies = policies.get(&id);
            if json {
                let base = public_url_of(&store, args, None).await?;
                output::json(&to_json(&directory, policies, &base));
            } else {
                println!(
                    "directory {id}: groups {}, learn schemas {}, public discovery {}, \
                     identifier {}, role ceiling {}",
                    on_off(directory.group_sync),
                    on_off(directory.learn_schemas),
                    on_off(directory.public_discovery),
                    policies.map(|p| p.identifier.to_string()).unwrap_or_default(),
                    policies.and_then(|p| p.role_ceiling.as_deref()).unwrap_or(NONE)
                );
            }
        }
        Command::Schema { command } => schema::run(command, &store).await?,
        Command::Role { command } => grantable::role(command, &store).await?,
        Command::Entitlement { command } => grantable::entitlement(command, &store).await?,
        Command::Delete { one, members } => {
            let leaves = match members {
                Members::Keep => Leaves::Keep,
                Members::Deactivate => Leaves::Deactivate,
            };
            directories::delete(&store, &one.id, leaves, clock::now()).await?;
            settle().await;
            one.report("deleted", "is deleted; its data is kept");
        }
    }
    Ok(())
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// The SCIM base URL of a directory.
pub fn scim_url(public_url: &str, id: &str) -> String {
    format!("{public_url}/scim/v2/{id}")
}

/// The server's address: as given or set, else as the server that last ran on this store left it,
/// else the default listen address.
async fn public_url_of(
    store: &Store,
    args: &StoreArgs,
    given: Option<String>,
) -> Result<String, Failure> {
    let serve = ServeArgs { public_url: given, ..ServeArgs::default() };
    let settings = settings(Settings::new(args, &serve))?;
    if let Some(public_url) = settings.public_url {
        return Ok(public_url);
    }
    let left: Option<String> = store
        .look_up::<_, store::Error, _>(async |tx: &mut Tx| {
            store::settings::get(tx, PUBLIC_URL).await
        })
        .await?;
    Ok(left.unwrap_or_else(|| format!("http://{}", settings.listen)))
}

fn to_json(directory: &Directory, policies: Option<&Policies>, base: &str) -> Value {
    json!({
        "id": directory.id,
        "organization": directory.organization_slug,
        "kind": directory.kind,
        "enabled": directory.enabled,
        "strict": directory.strict,
        "groups": on_off(directory.group_sync),
        "rate_limit": directory.rate_limit,
        "learn_schemas": directory.learn_schemas,
        "public_discovery": directory.public_discovery,
        "identifier": policies.map(|policies| policies.identifier.to_string()),
        "role_ceiling": policies.and_then(|policies| policies.role_ceiling.as_deref()),
        "scim_url": scim_url(base, &directory.id),
        "created_at": output::json_time(Some(directory.created_at)),
    })
}
