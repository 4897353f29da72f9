//! Playing steps on the store and on the model, which have to come to the same.

use std::{collections::BTreeSet, ops::ControlFlow, sync::Arc};

use headcount::{
    admin::{self, directories::NewDirectory, role_rules::NewRule},
    clock,
    directory::{self, Context, Precondition, References},
    ids,
    members::{Configurations, effects, run},
    schemas::ResourceTypes,
};
use mapping::{
    Target,
    member::{self, State, Why},
    roles::Role as DeclaredRole,
};
use scim::{Notes, dialect::Reading};
use serde_json::{Value, json};
use store::{
    OrganizationTx, Store, Tx,
    accounts::{self, Account},
    events::{Cause, Kind, NewEvent},
    members::StoredMember,
};

use crate::{
    compare::{Replayed, compare, hear},
    model::{self, EMAIL, EXTERNAL_ID, Model, Overrides, USERNAME},
    steps::{self, Change, DOMAINS, GROUPS, NewUser, PATTERNS, ROLES, SENT_ROLES, Step},
};

/// The digits that Entra puts in front of a user name.
const DIGITS: &str = "0123456789abcdef0123456789abcdef";

/// What two processes have in common, or one has to itself.
#[derive(Clone)]
pub struct Place {
    pub store: Arc<Store>,
    pub configurations: Arc<Configurations>,
}

/// An organization that is played with.
pub struct Play {
    pub place: Place,
    pub slug: String,
    pub organization_id: String,
    pub model: Model,
    pub replayed: Replayed,
    /// Whether changes of the configuration wait to be brought to members.
    pub is_lazy: bool,
    pub now: i64,
}

pub type Played<T> = Result<T, String>;

fn said<E: std::fmt::Debug>(what: &str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error:?}")
}

/// The one with a number of those that there are.
fn pick<T: Copy>(all: &[T], number: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[number % all.len()])
}

impl Play {
    /// A new organization with a directory.
    pub async fn new(place: &Place) -> Played<Self> {
        let slug = ids::prefixed("o");
        let now = clock::now();
        let organization = admin::organizations::create(&place.store, &slug, None, now).await;
        let organization_id = organization.map_err(said("organization"))?.id;
        let (model, replayed) = (Model::default(), Replayed::default());
        let mut play = Self {
            place: place.clone(),
            slug,
            organization_id,
            model,
            replayed,
            is_lazy: false,
            now,
        };
        play.declare(0b1111, 3, true).await?;
        play.add_directory().await?;
        Ok(play)
    }

    /// The same organization, for somebody else to play with.
    pub fn copy(&self) -> Self {
        Self {
            place: self.place.clone(),
            slug: self.slug.clone(),
            organization_id: self.organization_id.clone(),
            model: self.model.clone(),
            replayed: self.replayed.clone(),
            is_lazy: self.is_lazy,
            now: self.now,
        }
    }

    /// Plays one step while changes of the configuration wait. What comes of that depends on when they
    /// are brought to members, and is not the model's.
    pub async fn step_meanwhile(&mut self, step: &Step) -> Played<()> {
        self.now += 1_000_000;
        self.is_lazy = true;
        self.apply(step).await.map_err(|error| format!("{step:?}: {error}"))?;
        self.is_lazy = false;
        hear(self).await.map_err(|error| format!("after {step:?}: {error}"))
    }

    /// Plays one step, and compares.
    pub async fn step(&mut self, step: &Step) -> Played<()> {
        self.now += 1_000_000;
        self.apply(step).await.map_err(|error| format!("{step:?}: {error}"))?;
        self.model.settle();
        compare(self).await.map_err(|error| format!("after {step:?}: {error}"))
    }

    /// Looks at everybody from the beginning: nothing changes.
    pub async fn look_at_everybody(&mut self) -> Played<()> {
        let (before, sequence) = (self.stored().await?, self.replayed.sequence);
        let changed = self.reconfigured().await?;
        hear(self).await.map_err(|error| format!("from scratch: {error}"))?;
        let after = self.stored().await?;
        if changed != 0 || before != after || sequence != self.replayed.sequence {
            return Err(format!("from scratch {changed} are otherwise: {before:#?}\n{after:#?}"));
        }
        Ok(())
    }

    /// Everybody as they are stored.
    async fn stored(&self) -> Played<Vec<String>> {
        let id = self.organization_id.clone();
        let read = async move |tx: &mut Tx| {
            let mut tx = OrganizationTx::new(tx, &id);
            let ids = tx.member_ids("", 10_000).await?;
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let mut all: Vec<String> =
                tx.load_members(&ids).await?.iter().map(|member| format!("{member:#?}")).collect();
            all.extend(tx.teams_after("", 10_000).await?.iter().map(|team| format!("{team:#?}")));
            Ok(all)
        };
        self.place.store.administer::<_, store::Error, _>(read).await.map_err(said("reading"))
    }

    pub fn context(&self, directory: usize) -> Arc<Context> {
        Arc::new(Context {
            store: Arc::clone(&self.place.store),
            directory_id: self.model.directories[directory].id.clone(),
            resource_types: Arc::new(ResourceTypes::default()),
            learn_schemas: false,
            base_url: "https://headcount.example/scim/v2".into(),
            reading: Reading::default(),
            group_sync: true,
            request_id: ids::uuid(),
            now: self.now,
            configurations: Arc::clone(&self.place.configurations),
        })
    }

    /// The directories that take requests.
    fn open(&self, number: usize) -> Option<usize> {
        let of = |&at: &usize| {
            let directory = &self.model.directories[at];
            directory.enabled && directory.deleted.is_none()
        };
        pick(&(0..self.model.directories.len()).filter(of).collect::<Vec<_>>(), number)
    }

    fn living(&self, number: usize) -> Option<usize> {
        let of = |&at: &usize| self.model.directories[at].deleted.is_none();
        pick(&(0..self.model.directories.len()).filter(of).collect::<Vec<_>>(), number)
    }

    /// The users of directories that take requests.
    fn user(&self, number: usize) -> Option<usize> {
        let model = &self.model;
        let of = |&at: &usize| {
            let user = &model.users[at];
            user.member.is_some() && model.directories[user.directory].enabled
        };
        pick(&(0..model.users.len()).filter(of).collect::<Vec<_>>(), number)
    }

    fn group(&self, number: usize) -> Option<usize> {
        let model = &self.model;
        let of = |&at: &usize| {
            let group = &model.groups[at];
            group.team.is_some() && model.directories[group.directory].enabled
        };
        pick(&(0..model.groups.len()).filter(of).collect::<Vec<_>>(), number)
    }

    fn users_in(&self, directory: usize, numbers: &[usize]) -> BTreeSet<usize> {
        let users = &self.model.users;
        let of = |&at: &usize| users[at].member.is_some() && users[at].directory == directory;
        let users: Vec<usize> = (0..users.len()).filter(of).collect();
        numbers.iter().filter_map(|&number| pick(&users, number)).collect()
    }

    fn is_name_free(&self, directory: usize, name: &str, except: Option<usize>) -> bool {
        let mut users = self.model.users.iter().enumerate();
        let is_other = |(at, user): (usize, &model::User)| {
            Some(at) == except
                || user.member.is_none()
                || user.directory != directory
                || !user.name.eq_ignore_ascii_case(name)
        };
        users.all(is_other)
    }

    async fn apply(&mut self, step: &Step) -> Played<()> {
        match step {
            Step::CreateUser { directory, user } => {
                let Some(directory) = self.open(*directory) else { return Ok(()) };
                self.create_user(directory, user).await
            }
            Step::PatchUser { user, changes } => {
                let Some(user) = self.user(*user) else { return Ok(()) };
                let mut to = self.model.users[user].clone();
                changes.iter().for_each(|change| changed(&mut to, change));
                self.patch_user(user, to).await
            }
            Step::ReplaceUser { user, with } => {
                let Some(user) = self.user(*user) else { return Ok(()) };
                let mut to = self.model.users[user].clone();
                (to.title, to.nick_name) = (None, None);
                let external_id = to.external_id.take();
                filled(&mut to, with);
                // What a client leaves out of a PUT is cleared, but for this.
                to.external_id = to.external_id.or(external_id);
                self.put_user(user, to).await
            }
            Step::DeleteUser { user } => {
                let Some(user) = self.user(*user) else { return Ok(()) };
                self.delete_user(user).await
            }
            Step::SoftDelete { user, with_email, together } => {
                let Some(user) = self.user(*user) else { return Ok(()) };
                let mut to = self.model.users[user].clone();
                if to.name.starts_with(DIGITS) {
                    return Ok(());
                }
                to.name = format!("{DIGITS}{}", to.name);
                if *with_email {
                    to.email = to.email.map(|email| format!("{DIGITS}{email}"));
                }
                if !together {
                    self.patch_user(user, to.clone()).await?;
                    self.model.settle();
                }
                to.active = false;
                self.patch_user(user, to).await
            }
            Step::Restore { user } => {
                let Some(user) = self.user(*user) else { return Ok(()) };
                let mut to = self.model.users[user].clone();
                for text in [Some(&mut to.name), to.email.as_mut()].into_iter().flatten() {
                    *text = text.strip_prefix(DIGITS).unwrap_or(text).to_owned();
                }
                to.active = true;
                self.patch_user(user, to).await
            }
            Step::CreateGroup { directory, name, users } => {
                let Some(directory) = self.open(*directory) else { return Ok(()) };
                let users = self.users_in(directory, users);
                self.create_group(directory, GROUPS[*name], users).await
            }
            Step::RenameGroup { group, name } => {
                let Some(group) = self.group(*group) else { return Ok(()) };
                self.model.groups[group].name = GROUPS[*name].into();
                let rename =
                    json!({"op": "replace", "path": "displayName", "value": GROUPS[*name]});
                self.patch("Group", group, json!([rename])).await
            }
            Step::ChangeMembers { group, add, remove } => {
                let Some(group) = self.group(*group) else { return Ok(()) };
                let directory = self.model.groups[group].directory;
                let (add, remove) =
                    (self.users_in(directory, add), self.users_in(directory, remove));
                let mut operations: Vec<Value> = Vec::new();
                if !add.is_empty() {
                    let value = self.references(&add);
                    operations.push(json!({"op": "add", "path": "members", "value": value}));
                }
                for &user in &remove {
                    let path = format!("members[value eq \"{}\"]", self.model.users[user].id);
                    operations.push(json!({"op": "remove", "path": path}));
                }
                if operations.is_empty() {
                    return Ok(());
                }
                let members = &mut self.model.groups[group].members;
                members.extend(&add);
                members.retain(|user| !remove.contains(user));
                self.patch("Group", group, operations.into()).await
            }
            Step::ReplaceMembers { group, users } => {
                let Some(group) = self.group(*group) else { return Ok(()) };
                let users = self.users_in(self.model.groups[group].directory, users);
                let value = self.references(&users);
                self.model.groups[group].members = users;
                let replace = json!([{"op": "replace", "path": "members", "value": value}]);
                self.patch("Group", group, replace).await
            }
            Step::DeleteGroup { group } => {
                let Some(group) = self.group(*group) else { return Ok(()) };
                let id = self.model.groups[group].id.clone();
                let context = self.context(self.model.groups[group].directory);
                let types = &context.resource_types;
                directory::delete(&types.group, &id, Precondition::default(), &context)
                    .await
                    .map_err(said("delete"))?;
                self.model.unlink_group(group, false);
                Ok(())
            }
            _ => self.configure(step).await,
        }
    }

    async fn configure(&mut self, step: &Step) -> Played<()> {
        let (place, slug, now) = (self.place.clone(), self.slug.clone(), self.now);
        let store = &place.store;
        match step {
            Step::AddDirectory => {
                if self.model.directories.len() < 4 {
                    self.add_directory().await?;
                }
                return Ok(());
            }
            Step::Switch { directory, on } => {
                let Some(at) = self.living(*directory) else { return Ok(()) };
                let directory = &mut self.model.directories[at];
                directory.enabled = *on;
                let set = admin::directories::set_enabled(store, &directory.id, *on, now).await;
                set.map_err(said("switch"))?;
            }
            Step::DeleteDirectory { directory, leaves } => {
                let Some(at) = self.living(*directory) else { return Ok(()) };
                let directory = &mut self.model.directories[at];
                directory.deleted = Some(*leaves);
                let deleted = admin::directories::delete(store, &directory.id, *leaves, now).await;
                deleted.map_err(said("delete"))?;
                let keeps = *leaves == mapping::configuration::Leaves::Keep;
                for group in 0..self.model.groups.len() {
                    if self.model.groups[group].directory == at {
                        self.model.unlink_group(group, keeps);
                    }
                }
            }
            Step::Identify { directory, by } => {
                let Some(at) = self.living(*directory) else { return Ok(()) };
                let directory = &mut self.model.directories[at];
                directory.identifier = by;
                let identifier: Target = by.parse().map_err(said("target"))?;
                let changes = admin::directories::Changes {
                    identifier: Some(identifier),
                    ..Default::default()
                };
                let set = admin::directories::update(store, &directory.id, changes, now).await;
                set.map_err(said("identifier"))?;
            }
            Step::Limit { directory, ceiling } => {
                let Some(at) = self.living(*directory) else { return Ok(()) };
                let ceiling = ceiling.map(|role| ROLES[role]);
                let directory = &mut self.model.directories[at];
                if ceiling.is_some_and(|c| !self.model.roles.iter().any(|role| role.name == c)) {
                    return Ok(());
                }
                directory.ceiling = ceiling;
                let role_ceiling = Some(ceiling.map(str::to_owned));
                let changes = admin::directories::Changes { role_ceiling, ..Default::default() };
                let set = admin::directories::update(store, &directory.id, changes, now).await;
                set.map_err(said("ceiling"))?;
            }
            Step::Map { directory, overrides } => {
                let Some(at) = self.living(*directory) else { return Ok(()) };
                let directory = &mut self.model.directories[at];
                directory.overrides = *overrides;
                let saved = match overrides {
                    Overrides::Nothing => None,
                    Overrides::Title => Some(json!({"title": "organization_role"})),
                    Overrides::Groups => Some(json!({
                        "groups[*].displayName": "{{ value | downcase }}.organization_role"
                    })),
                    Overrides::NickName => Some(json!({"nickName": "email_address"})),
                };
                let id = directory.id.clone();
                match saved.as_ref().and_then(Value::as_object) {
                    Some(saved) => {
                        let set = admin::mappings::set(store, &id, saved.clone(), None, now).await;
                        set.map_err(said("mapping"))?;
                    }
                    None => {
                        let clear = admin::mappings::clear(store, &id, now).await;
                        clear.map_err(said("mapping"))?;
                    }
                }
            }
            Step::AddRule { pattern, role, directory } => {
                let directory = directory.and_then(|number| self.living(number));
                let (pattern, role) = (PATTERNS[*pattern], ROLES[*role]);
                let is_there =
                    |rule: &model::Rule| (rule.pattern, rule.directory) == (pattern, directory);
                if !self.model.roles.iter().any(|declared| declared.name == role)
                    || self.model.rules.iter().any(is_there)
                {
                    return Ok(());
                }
                let directory_id = directory.map(|at| &*self.model.directories[at].id);
                let new = NewRule { pattern, role, directory_id, position: None };
                let added = admin::role_rules::add(store, &slug, new, now).await;
                let (_, rule) = added.map_err(said("rule"))?;
                self.model.rules.push(model::Rule { id: rule.id, pattern, role, directory });
            }
            Step::RemoveRule { rule } => {
                if self.model.rules.is_empty() {
                    return Ok(());
                }
                let rule = self.model.rules.remove(rule % self.model.rules.len());
                let removed = admin::role_rules::remove(store, &slug, &rule.id, now).await;
                removed.map_err(said("rule"))?;
            }
            Step::Declare { roles, default, owner } => {
                self.declare(*roles, *default, *owner).await?
            }
            Step::Verify { domain } => {
                let name = DOMAINS[*domain];
                if !self.model.verified.insert(name) {
                    return Ok(());
                }
                admin::domains::add(store, &slug, name, now).await.map_err(said("domain"))?;
                let verified = admin::domains::verify_by_operator(store, &slug, name, now).await;
                verified.map_err(said("domain"))?;
            }
            Step::RemoveDomain { domain } => {
                let name = DOMAINS[*domain];
                if !self.model.verified.remove(name) {
                    return Ok(());
                }
                let removed = admin::domains::remove(store, &slug, name, now).await;
                removed.map_err(said("domain"))?;
            }
            // Whose address is taken is not known as long as changes wait.
            Step::Product { .. } if self.is_lazy => return Ok(()),
            Step::Product { email, username, external_id } => {
                return self.product(*email, *username, *external_id).await;
            }
            _ => unreachable!("the others are requests"),
        }
        self.model.settle();
        self.reconfigured().await.map(drop)
    }

    /// Looks at everybody as after a change of the configuration; how many have changed.
    pub async fn reconfigured(&self) -> Played<i64> {
        let (id, run, now) = (self.organization_id.clone(), ids::prefixed("run"), self.now);
        let begin = async move |tx: &mut Tx| {
            store::projections::begin(tx, &id, "settings", &run, now).await
        };
        let store = &self.place.store;
        store.administer::<_, store::Error, _>(begin).await.map_err(said("begin"))?;
        if self.is_lazy {
            return Ok(0);
        }
        let done = run::finish(store, &self.organization_id, |_| ControlFlow::Continue(()))
            .await
            .map_err(said("run"))?;
        Ok(done.ok_or("there is no run")?.changed)
    }

    pub async fn add_directory(&mut self) -> Played<usize> {
        let new = NewDirectory {
            organization: &self.slug,
            kind: "generic",
            rate_limit: 0,
            strict: false,
            learn_schemas: false,
            public_discovery: true,
        };
        self.now += 1_000_000;
        let created = admin::directories::create(&self.place.store, new, self.now).await;
        let (directory, _) = created.map_err(said("directory"))?;
        self.model.directories.push(model::Directory {
            id: directory.id,
            enabled: true,
            identifier: EMAIL,
            ..Default::default()
        });
        Ok(self.model.directories.len() - 1)
    }

    /// Declares roles. They are all organizations', of which the others are not looked at again.
    pub async fn declare(&mut self, roles: u8, default: usize, owner: bool) -> Played<()> {
        let there = (0..ROLES.len()).filter(|role| roles & (1 << role) != 0);
        let role = |role: usize| model::Role {
            name: ROLES[role],
            is_default: role == default,
            is_owner: owner && role == 0,
        };
        self.model.roles = there.map(role).collect();
        let roles = self.model.roles.clone();
        let declare = async move |tx: &mut Tx| {
            for name in ROLES {
                store::roles::remove(tx, name).await?;
            }
            for (precedence, role) in (1..).zip(&roles) {
                let role = DeclaredRole {
                    name: role.name.into(),
                    precedence,
                    is_default: role.is_default,
                    is_owner: role.is_owner,
                };
                let declared =
                    store::roles::DeclaredRole { role, description: None, created_at: 0 };
                store::roles::declare(tx, &declared).await?;
            }
            Ok(())
        };
        let store = &self.place.store;
        store.administer::<_, store::Error, _>(declare).await.map_err(said("roles"))?;
        self.reconfigured().await.map(drop)
    }

    /// Somebody whom no directory has.
    async fn product(
        &mut self,
        email: usize,
        username: Option<usize>,
        external_id: Option<usize>,
    ) -> Played<()> {
        let email = steps::email(email);
        let is_there = |member: &model::Member| {
            member.state != State::Deleted
                && member.fields.get(EMAIL).is_some_and(|e| e.eq_ignore_ascii_case(&email))
        };
        if self.model.members.iter().any(is_there) {
            return Ok(());
        }
        let mut now = member::Member::nobody();
        (now.state, now.why, now.by_product) = (State::Active, Why::Nothing, true);
        now.vouched_email = Some(email.clone());
        let fields = [
            (Target::EmailAddress, Some(email.clone())),
            (Target::Username, username.map(steps::user_name)),
            (Target::ExternalId, external_id.map(steps::external_id)),
        ];
        let mut member = model::Member::new();
        (member.by_product, member.vouched) = (true, Some(email));
        for (target, text) in fields {
            let Some(text) = text else { continue };
            let name =
                [EMAIL, USERNAME, EXTERNAL_ID].into_iter().find(|n| *n == target.to_string());
            member.by_hand.insert(name.ok_or("a target")?, text.clone());
            now.by_hand.insert(target, text.into());
        }
        let id = format!("mem-{}", ids::uuid());
        member.id.clone_from(&id);
        self.model.members.push(member);
        let (organization_id, at) = (self.organization_id.clone(), self.now);
        let create = async move |tx: &mut Tx| {
            store::organizations::hold(tx, &organization_id).await?;
            let mut tx = OrganizationTx::new(tx, &organization_id);
            let standing = tx.standing().await?;
            let configurations = Configurations::default();
            let configuration = configurations.get(&standing, &mut tx).await?;
            let member = member::project(&configuration, &[], &now).member;
            let new = Account {
                id: ids::prefixed("acc"),
                email_address: member.email_address().unwrap_or_default().into(),
                created_at: at,
            };
            let account_id = Some(accounts::find_or_create(tx.tx(), &new).await?);
            let event = NewEvent {
                kind: Kind::MemberCreated,
                member_id: Some(id.clone()),
                team_id: None,
                before: None,
                after: Some(effects::shown(&member)),
            };
            let stored = StoredMember {
                id: id.clone(),
                member,
                version: 1,
                created_at: at,
                updated_at: at,
                settled_at: Some(at),
                enrolled_at: None,
                deleted_at: None,
                account_id,
            };
            tx.create_member(&stored).await?;
            let cause = Cause::Person { name: "product".into() };
            let sequence = standing.sequence + 1;
            tx.record_event(sequence, &event, &cause, at).await?;
            tx.wrote(sequence).await
        };
        let store = &self.place.store;
        store.administer::<_, store::Error, _>(create).await.map_err(said("product"))?;
        // Who can join them does so when everybody is looked at.
        self.model.settle();
        self.reconfigured().await.map(drop)
    }

    pub fn references(&self, users: &BTreeSet<usize>) -> Value {
        users.iter().map(|&user| json!({"value": self.model.users[user].id})).collect()
    }

    pub async fn create_user(&mut self, directory: usize, new: &NewUser) -> Played<()> {
        let mut user = model::User { directory, ..Default::default() };
        filled(&mut user, new);
        if !self.is_name_free(directory, &user.name, None) {
            return Ok(());
        }
        user.id = self.create("User", directory, body(&user)).await?;
        self.model.users.push(user);
        self.model.link(self.model.users.len() - 1);
        Ok(())
    }

    pub async fn create_group(
        &mut self,
        directory: usize,
        name: &str,
        members: BTreeSet<usize>,
    ) -> Played<()> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": name,
            // Two groups may have one name if these tell them apart.
            "externalId": ids::uuid(),
            "members": self.references(&members),
        });
        let id = self.create("Group", directory, body).await?;
        let group = model::Group { directory, id, name: name.into(), members, team: None };
        self.model.groups.push(group);
        self.model.link_group(self.model.groups.len() - 1);
        Ok(())
    }

    async fn create(&self, kind: &str, directory: usize, body: Value) -> Played<String> {
        let context = self.context(directory);
        let resource_type = context.resource_types.named(kind);
        let mut notes = Notes::default();
        let created =
            directory::create(resource_type, body, References::LeaveOut, &context, &mut notes);
        Ok(created.await.map_err(said("create"))?.resource.id)
    }

    pub async fn delete_user(&mut self, at: usize) -> Played<()> {
        let user = self.model.users[at].clone();
        let context = self.context(user.directory);
        let types = &context.resource_types;
        directory::delete(&types.user, &user.id, Precondition::default(), &context)
            .await
            .map_err(said("delete"))?;
        self.model.users[at].member = None;
        self.model.written = user.member;
        for group in &mut self.model.groups {
            group.members.remove(&at);
        }
        if let Some(member) = user.member
            && self.model.users_of(member).is_empty()
        {
            self.model.members[member].is_orphaned = true;
        }
        Ok(())
    }

    /// Replaces a user.
    async fn put_user(&mut self, at: usize, to: model::User) -> Played<()> {
        if !self.is_name_free(to.directory, &to.name, Some(at)) {
            return Ok(());
        }
        let context = self.context(to.directory);
        let resource_type = &context.resource_types.user;
        let mut notes = Notes::default();
        let (precondition, references) = (Precondition::default(), References::LeaveOut);
        directory::replace(
            resource_type,
            &to.id,
            body(&to),
            precondition,
            references,
            &context,
            &mut notes,
        )
        .await
        .map_err(said("replace"))?;
        self.model.written = to.member;
        self.model.users[at] = to;
        Ok(())
    }

    /// Patches what is different of a user.
    pub async fn patch_user(&mut self, at: usize, to: model::User) -> Played<()> {
        if !self.is_name_free(to.directory, &to.name, Some(at)) {
            return Ok(());
        }
        let (before, after) = (body(&self.model.users[at]), body(&to));
        let parts = |body: &Value| body.as_object().cloned().unwrap_or_default();
        let (before, after) = (parts(&before), parts(&after));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let different = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
        let operation = |name: &String| match after.get(name) {
            Some(value) => json!({"op": "replace", "path": name, "value": value}),
            None => json!({"op": "remove", "path": name}),
        };
        let operations: Vec<Value> = different.map(operation).collect();
        self.model.written = to.member;
        self.model.users[at] = to;
        if operations.is_empty() {
            return Ok(());
        }
        self.patch("User", at, operations.into()).await
    }

    pub async fn patch(&self, kind: &str, at: usize, operations: Value) -> Played<()> {
        let (directory, id) = match kind {
            "User" => (self.model.users[at].directory, &self.model.users[at].id),
            _ => (self.model.groups[at].directory, &self.model.groups[at].id),
        };
        let context = self.context(directory);
        let resource_type = context.resource_types.named(kind);
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        let mut notes = Notes::default();
        let (precondition, references) = (Precondition::default(), References::LeaveOut);
        directory::patch(resource_type, id, body, precondition, references, &context, &mut notes)
            .await
            .map_err(said("patch"))?;
        Ok(())
    }
}

fn filled(user: &mut model::User, new: &NewUser) {
    user.name = steps::user_name(new.name);
    user.email = new.email.map(steps::email);
    user.external_id = new.external_id.map(steps::external_id);
    user.active = new.active;
    user.role = new.role.map(|role| SENT_ROLES[role]);
}

fn changed(user: &mut model::User, change: &Change) {
    match change {
        Change::Name(name) => user.name = steps::user_name(*name),
        Change::Email(email) => user.email = email.map(steps::email),
        Change::NickName(email) => user.nick_name = email.map(steps::email),
        Change::ExternalId(id) => user.external_id = id.map(steps::external_id),
        Change::Title(role) => user.title = role.map(|role| SENT_ROLES[role]),
        Change::Role(role) => user.role = role.map(|role| SENT_ROLES[role]),
        Change::Active(active) => user.active = *active,
    }
}

/// A user as it is sent.
fn body(user: &model::User) -> Value {
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": user.name,
        "displayName": "Somebody",
        "active": user.active,
    });
    if let Some(email) = &user.email {
        body["emails"] = json!([{"value": email, "type": "work", "primary": true}]);
    }
    if let Some(role) = user.role {
        body["roles"] = json!([{"value": role}]);
    }
    for (name, text) in [
        ("nickName", user.nick_name.as_deref()),
        ("externalId", user.external_id.as_deref()),
        ("title", user.title),
    ] {
        if let Some(text) = text {
            body[name] = text.into();
        }
    }
    body
}
