//! `headcount member`.

pub mod show;

use clap::{Args, Subcommand, ValueEnum};
use mapping::{Target, member::State};
use serde_json::{Value, json};
use store::{Store, members::Loaded};

use super::{Failure, open, output};
use crate::{
    admin::members::{
        self, Filter,
        by_hand::{self, Fields, parse_field},
    },
    clock,
    config::StoreArgs,
};

/// How events name who changed something here.
const BY: &str = "command line";

#[derive(Subcommand)]
pub enum Command {
    /// List the members of an organization
    List {
        /// The organization's slug
        #[arg(long, value_name = "SLUG")]
        organization: String,
        /// Only those in this state [default: all but deleted]
        #[arg(long)]
        state: Option<Shown>,
        /// Only those who have this role
        #[arg(long, value_name = "NAME")]
        role: Option<String>,
        /// Only those in this team, by its slug or id
        #[arg(long, value_name = "TEAM")]
        team: Option<String>,
        /// Only those whose e-mail address, name, username or external id contains this
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        page: Page,
        /// Print JSON: members, next
        #[arg(long)]
        json: bool,
    },
    /// Show a member: every value with its reason, where they come from, what has changed
    Show(One),
    /// Show the changes of a member, the latest first
    Events {
        #[command(flatten)]
        one: One,
        /// Most changes
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Create a member that no directory has yet, with an account; directories of a verified e-mail
    /// domain take them over
    #[command(after_help = "Example:\n  headcount member create --organization acme \
        --email ada@example.com --first-name Ada")]
    Create {
        /// The organization's slug
        #[arg(long, value_name = "SLUG")]
        organization: String,
        /// E-mail address
        #[arg(long, value_name = "ADDRESS")]
        email: String,
        #[command(flatten)]
        new: New,
        /// Print JSON: the member
        #[arg(long)]
        json: bool,
    },
    /// Set fields by hand that no directory provides
    #[command(after_help = "Example:\n  headcount member update ada@example.com --organization \
        acme locale=de public_metadata.desk=4\n\nFIELD= takes away what was set by hand.")]
    Update {
        #[command(flatten)]
        one: One,
        /// email_address, username, first_name, last_name, display_name, phone_number, locale,
        /// external_id, active, organization_role, public_metadata.NAME or private_metadata.NAME
        #[arg(value_name = "FIELD=VALUE", required = true)]
        fields: Vec<String>,
    },
    /// Deactivate a member whom no directory has
    Deactivate(One),
    /// Make a member active again whom no directory has
    Reactivate(One),
    /// Delete a member whom no directory has; what they were stays
    Delete(One),
}

#[derive(Args)]
pub struct One {
    /// Id or e-mail address
    #[arg(value_name = "MEMBER")]
    who: String,
    /// The organization's slug
    #[arg(long, value_name = "SLUG")]
    organization: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Page {
    /// Most members
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Go on behind the member with this id
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

#[derive(Args)]
pub struct New {
    #[arg(long, value_name = "TEXT")]
    username: Option<String>,
    /// The product's own id of the person
    #[arg(long, value_name = "TEXT")]
    external_id: Option<String>,
    #[arg(long, value_name = "TEXT")]
    first_name: Option<String>,
    #[arg(long, value_name = "TEXT")]
    last_name: Option<String>,
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    #[arg(long, value_name = "TEXT")]
    phone_number: Option<String>,
    /// As in de or fr-CA
    #[arg(long, value_name = "TAG")]
    locale: Option<String>,
    /// The role; one that a directory gives goes before it
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shown {
    Active,
    Deactivated,
    Incomplete,
    Deleted,
}

impl From<Shown> for State {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Active => Self::Active,
            Shown::Deactivated => Self::Deactivated,
            Shown::Incomplete => Self::Incomplete,
            Shown::Deleted => Self::Deleted,
        }
    }
}

pub async fn run(command: Command, args: &StoreArgs) -> Result<(), Failure> {
    let store = open(args).await?;
    let now = clock::now();
    match command {
        Command::List { organization, state, role, team, search, page, json } => {
            let filter = Filter {
                state: state.map(State::from),
                role: role.as_deref(),
                team: team.as_deref(),
                search: search.as_deref(),
            };
            let Page { limit, after } = page;
            let page =
                members::list(&store, &organization, filter, after.as_deref(), limit).await?;
            if json {
                let members = page.members.iter().map(summary).collect::<Value>();
                output::json(&json!({"members": members, "next": page.next}));
            } else if page.members.is_empty() {
                println!("no members");
            } else {
                table(&page.members);
                if let Some(next) = page.next {
                    println!("\nmore: --after {next}");
                }
            }
        }
        Command::Show(One { who, organization, json }) => {
            show(&store, &organization, &who, json).await?;
        }
        Command::Events { one: One { who, organization, json }, limit } => {
            let (events, directories) = members::events(&store, &organization, &who, limit).await?;
            if json {
                let events = events.iter().map(|event| show::event_json(event, &directories));
                output::json(&events.collect());
            } else {
                show::print_events(&events, &directories);
            }
        }
        Command::Create { organization, email, new, json } => {
            let fields = new.fields(email);
            let id = by_hand::create(&store, &organization, fields, BY, now).await?;
            show(&store, &organization, &id, json).await?;
        }
        Command::Update { one: One { who, organization, json }, fields } => {
            let fields = fields.iter().map(|field| parse_field(field));
            let fields: Fields = fields.collect::<Result<_, _>>()?;
            let id = by_hand::update(&store, &organization, &who, fields, BY, now).await?;
            show(&store, &organization, &id, json).await?;
        }
        Command::Deactivate(one) => set_active(&store, one, false).await?,
        Command::Reactivate(one) => set_active(&store, one, true).await?,
        Command::Delete(One { who, organization, json }) => {
            let id = by_hand::delete(&store, &organization, &who, BY, now).await?;
            if json {
                output::json(&json!({"id": id, "state": "deleted"}));
            } else {
                println!("deleted {id}; what they were stays: headcount member show {id}");
            }
        }
    }
    Ok(())
}

async fn set_active(store: &Store, one: One, active: bool) -> Result<(), Failure> {
    let One { who, organization, json } = one;
    let fields = Fields::from([(Target::Active, Some(active.into()))]);
    let now = clock::now();
    let id = by_hand::update(store, &organization, &who, fields, BY, now).await?;
    show(store, &organization, &id, json).await
}

async fn show(store: &Store, organization: &str, who: &str, json: bool) -> Result<(), Failure> {
    let details = members::get(store, organization, who).await?;
    if json {
        output::json(&show::to_json(organization, &details));
    } else {
        show::print(organization, &details);
    }
    Ok(())
}

impl New {
    fn fields(self, email: String) -> Fields {
        let given = [
            (Target::EmailAddress, Some(email)),
            (Target::Username, self.username),
            (Target::ExternalId, self.external_id),
            (Target::FirstName, self.first_name),
            (Target::LastName, self.last_name),
            (Target::DisplayName, self.display_name),
            (Target::PhoneNumber, self.phone_number),
            (Target::Locale, self.locale),
            (Target::OrganizationRole, self.role),
        ];
        let given = given.into_iter().filter_map(|(target, value)| Some((target, value?)));
        given.map(|(target, value)| (target, Some(value.into()))).collect()
    }
}

/// Members as a table.
pub fn table(members: &[Loaded]) {
    let row = |loaded: &Loaded| {
        let member = &loaded.stored.member;
        let wanted = member.wanted_email.as_ref();
        let note = match (&member.held, wanted) {
            (Some(_), _) => "held: last owner",
            (None, Some(_)) => "wants an address that is taken",
            (None, None) if member.state == State::Incomplete => "no e-mail address",
            (None, None) => "",
        };
        vec![
            member.email_address().unwrap_or("-").to_owned(),
            name(loaded),
            member.state.as_str().into(),
            member.role_name().unwrap_or("-").into(),
            loaded.teams.len().to_string(),
            loaded.stored.id.clone(),
            note.into(),
        ]
    };
    let rows: Vec<Vec<String>> = members.iter().map(row).collect();
    output::table(&["E-MAIL ADDRESS", "NAME", "STATE", "ROLE", "TEAMS", "ID", ""], &rows);
}

fn name(loaded: &Loaded) -> String {
    let member = &loaded.stored.member;
    let text = |target| member.text(&target).unwrap_or_default();
    let (first, last) = (text(Target::FirstName), text(Target::LastName));
    let whole = format!("{first} {last}");
    let named = [text(Target::DisplayName), whole.trim(), text(Target::Username)];
    named.into_iter().find(|name| !name.is_empty()).unwrap_or("-").to_owned()
}

/// A member in a list.
fn summary(loaded: &Loaded) -> Value {
    let (stored, member) = (&loaded.stored, &loaded.stored.member);
    let values: serde_json::Map<String, Value> = member
        .fields
        .iter()
        .map(|(target, field)| (target.to_string(), field.value.clone()))
        .collect();
    json!({
        "id": stored.id,
        "state": member.state,
        "role": member.role_name(),
        "fields": values,
        "held": member.held,
        "wanted_email": member.wanted_email,
        "teams": loaded.teams,
        "directories": loaded.sources.iter().map(|source| &source.directory_id).collect::<Vec<_>>(),
        "account_id": stored.account_id,
        "created_at": output::json_time(Some(stored.created_at)),
        "updated_at": output::json_time(Some(stored.updated_at)),
    })
}
