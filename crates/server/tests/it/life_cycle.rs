//! What becomes of a member when an identity provider does something, row by row, driven by the simulated ones: Entra in
//! both of its grammars, and both families of Okta's apps.

mod people;
mod recycle_bin;
mod teams;

use mapping::{Target, member::State};
use simulate::{Kind, Options, Tenant};
use store::members::Loaded;

use crate::{
    audited,
    harness::{Directory, TestServer},
};

/// A provisioning client; each has an organization of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    slug: &'static str,
    kind: Kind,
    knob: (&'static str, &'static str),
}

const CLIENTS: [Client; 4] = [
    Client { slug: "entra-old", kind: Kind::Entra, knob: ("flag", "off") },
    Client { slug: "entra-flag", kind: Kind::Entra, knob: ("flag", "on") },
    Client { slug: "okta-wizard", kind: Kind::Okta, knob: ("family", "aiw") },
    Client { slug: "okta-catalogue", kind: Kind::Okta, knob: ("family", "oin") },
];

/// People and groups whom a tenant has at first: everybody is in the first group.
const PEOPLE: usize = 3;
const GROUPS: usize = 2;

pub struct Organization<'s> {
    server: &'s TestServer,
    directory: Directory,
    client: Client,
}

impl Organization<'_> {
    fn is_entra(&self) -> bool {
        self.client.kind == Kind::Entra
    }

    async fn members(&self) -> Vec<Loaded> {
        self.server.members(self.client.slug).await
    }

    /// The one member with this user name; none if there is nobody.
    async fn find(&self, user_name: &str) -> Option<Loaded> {
        let mut members = self.members().await;
        members.retain(|loaded| loaded.stored.member.text(&Target::Username) == Some(user_name));
        assert!(members.len() < 2, "{:?}: {members:#?}", self.client);
        members.pop()
    }

    /// A person's member.
    async fn member(&self, tenant: &mut Tenant<'_, '_>, place: usize) -> Loaded {
        let user_name = tenant.user_name(place);
        let found = self.find(&user_name).await;
        found.unwrap_or_else(|| panic!("{:?}: no member `{user_name}`", self.client))
    }

    /// The kinds of the events after a number that are about somebody, and the number of the last of all.
    async fn events(&self, after: i64, member_id: &str) -> (Vec<&'static str>, i64) {
        let events = self.server.events(self.client.slug, after).await;
        let last = events.last().map_or(after, |event| event.sequence);
        let about = events.iter().filter(|e| e.event.member_id.as_deref() == Some(member_id));
        (about.map(|event| event.event.kind.as_str()).collect(), last)
    }

    async fn last_event(&self) -> i64 {
        self.events(0, "").await.1
    }

    /// Somebody is as before, but for the state.
    async fn same_but(
        &self,
        tenant: &mut Tenant<'_, '_>,
        place: usize,
        before: &Loaded,
        state: State,
    ) {
        let now = self.member(tenant, place).await;
        let client = self.client;
        assert_eq!(now.stored.member.state, state, "{client:?}: {now:#?}");
        assert_eq!(now.stored.id, before.stored.id, "{client:?}");
        assert_eq!(now.stored.member.fields, before.stored.member.fields, "{client:?}");
        assert_eq!(now.stored.member.role, before.stored.member.role, "{client:?}");
        assert_eq!(now.teams, before.teams, "{client:?}");
    }
}

/// Plays a row of the table with every client that `with` lets pass, from the moment when everybody has arrived.
/// At the end the members are what the client believes, and the events tell all of it.
async fn play(
    knobs: &[(&str, &str)],
    with: impl Fn(&Client) -> bool,
    row: impl AsyncFn(&Organization<'_>, &mut Tenant<'_, '_>),
) {
    let server = TestServer::start().await;
    for client in CLIENTS.into_iter().filter(with) {
        let kind = if client.kind == Kind::Entra { "entra" } else { "okta" };
        let directory = server.directory_of(client.slug, kind, 0).await;
        let mut options = Options::new(client.kind, server.scim_url(&directory), &directory.token);
        (options.users, options.groups) = (PEOPLE, GROUPS);
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        options.knobs = knobs.iter().chain([&client.knob]).map(own).collect();
        let organization = Organization { server: &server, directory, client };
        let steered = simulate::steer(options, async |tenant: &mut Tenant<'_, '_>| {
            tenant.sync().await;
            row(&organization, tenant).await;
        });
        let ((), report) = steered.await.unwrap();
        assert!(report.passed(), "{client:?}: {report}");
        let id = &organization.directory.id;
        audited::as_believed(&server, client.slug, id, &report.believed).await;
        audited::events_tell_all(&server, client.slug).await;
    }
}

/// With all clients.
async fn row(row: impl AsyncFn(&Organization<'_>, &mut Tenant<'_, '_>)) {
    play(&[], |_| true, row).await;
}
