-- Organizations, their directories and tokens; resources with their look-up keys and memberships;
-- the journal of every change and the log of every request; members, teams and roles with the
-- events that say how they came about.
--
-- Every table that holds a directory's data begins its key with directory_id, every table that holds
-- an organization's with organization_id: isolation is in the keys. Times are microseconds since 1970 (UTC), truth values 0 and 1, documents JSON text.
--
-- The other indexes of an organization's tables begin with the value that is looked for. Where most
-- organizations have a single row, PostgreSQL takes every index that begins with the organization for
-- as good as any other, and would read all rows of one that has a hundred thousand.
--
-- This is SQLite's spelling; `dialect.rs` turns it into PostgreSQL's. A line that ends in
-- `-- only sqlite` or `-- only postgres` is for that one.

CREATE TABLE organization (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Grows with everything that decides what its members and teams are: mappings, roles, rules,
    -- domains, settings, which directories there are.
    configuration INTEGER NOT NULL DEFAULT 0,
    -- The number of its last event.
    sequence INTEGER NOT NULL DEFAULT 0,
    -- Grows with every write to its resources, members and teams.
    writes INTEGER NOT NULL DEFAULT 0,
    -- JSON: what was set otherwise than by default.
    settings TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

-- A slug is free again once its organization is deleted; the row stays, so that it can come back.
CREATE UNIQUE INDEX organization_slug ON organization (slug) WHERE deleted_at IS NULL;

CREATE TABLE directory (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organization (id),
    kind TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    strict INTEGER NOT NULL,
    -- Whether groups are taken in.
    group_sync INTEGER NOT NULL,
    -- Requests a second; 0 is no limit.
    rate_limit INTEGER NOT NULL,
    -- Grows with every change of what the directory declares; 0 as long as it declares nothing.
    schemas_version INTEGER NOT NULL DEFAULT 0,
    -- Whether extension schemas that nobody declared are declared from what is sent.
    learn_schemas INTEGER NOT NULL DEFAULT 0,
    -- Whether discovery answers requests without a token.
    public_discovery INTEGER NOT NULL DEFAULT 1,
    -- What is laid over the default attribute mapping, JSON as it was saved; none: nothing.
    attribute_mapping TEXT,
    -- The target by which its users are linked to members before all else.
    identifier TEXT NOT NULL DEFAULT 'email_address',
    -- The highest role that it may give; none: any.
    role_ceiling TEXT,
    -- What becomes of the members that only it provides once it is deleted: keep or deactivate.
    leaves TEXT NOT NULL DEFAULT 'keep',
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

CREATE INDEX directory_organization ON directory (organization_id, created_at);

CREATE TABLE token (
    id TEXT PRIMARY KEY,
    directory_id TEXT NOT NULL REFERENCES directory (id),
    name TEXT NOT NULL,
    -- SHA-256 of the secret, hexadecimal; the secret itself is nowhere.
    digest TEXT NOT NULL UNIQUE,
    -- The last characters of the secret, to tell tokens apart.
    hint TEXT NOT NULL,
    -- The only user that the token speaks for; none for the identity provider's own.
    user_id TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE INDEX token_directory ON token (directory_id, created_at);

-- Access tokens: each stands for a token until it expires, and ends with it.
CREATE TABLE access_token (
    digest TEXT PRIMARY KEY,
    token_id TEXT NOT NULL REFERENCES token (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX access_token_token ON access_token (token_id, expires_at);

-- The extension schemas of a directory, in the form that /Schemas publishes.
CREATE TABLE declared_schema (
    directory_id TEXT NOT NULL REFERENCES directory (id),
    -- The URI in lower case: letter case does not tell URIs of schemas apart.
    uri_key TEXT NOT NULL,
    -- User or Group.
    resource_type TEXT NOT NULL,
    required INTEGER NOT NULL,
    -- Whether it was inferred from values that were sent.
    learned INTEGER NOT NULL,
    declared_at INTEGER NOT NULL,
    declaration TEXT NOT NULL,
    PRIMARY KEY (directory_id, uri_key)
) STRICT, WITHOUT ROWID;

-- The roles and entitlements that a directory's client may give to users.
CREATE TABLE grantable (
    directory_id TEXT NOT NULL REFERENCES directory (id),
    -- Role, or the type of an entitlement.
    resource_type TEXT NOT NULL,
    id TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT,
    declared_at INTEGER NOT NULL,
    PRIMARY KEY (directory_id, resource_type, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE resource (
    directory_id TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    -- UUID v7: lists ordered by id are ordered by creation.
    id TEXT NOT NULL,
    -- The folded userName of a User; no two in a directory are equal.
    user_name TEXT,
    -- What a group's member list or a report's manager shows for it.
    display TEXT NOT NULL,
    -- The user's enterprise manager as written; need not exist (yet).
    manager_id TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_modified_at INTEGER NOT NULL,
    -- The stored form: JSON without id, meta, groups and members.
    document TEXT NOT NULL,
    PRIMARY KEY (directory_id, resource_type, id)
) STRICT;

-- Not partial, although groups have no userName: absent ones never clash, and beside a partial index
-- SQLite prepares statements anew each time their parameters change.
CREATE UNIQUE INDEX resource_user_name ON resource (directory_id, user_name);

-- Attributes that clients look people and groups up by, folded as the schema says.
CREATE TABLE attribute_index (
    directory_id TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    attribute TEXT NOT NULL,
    value_key TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    PRIMARY KEY (directory_id, resource_type, attribute, value_key, resource_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE membership (
    directory_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    -- User or Group.
    member_type TEXT NOT NULL,
    PRIMARY KEY (directory_id, group_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_member ON membership (directory_id, member_id, group_id);

-- Ids that were given out and whose resource is deleted: never given out again, and passed over
-- where a client still names them.
CREATE TABLE tombstone (
    directory_id TEXT NOT NULL,
    id TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    deleted_at INTEGER NOT NULL,
    PRIMARY KEY (directory_id, id)
) STRICT, WITHOUT ROWID;

-- What changed, from what, by which request. `changes` holds earlier and later values by
-- attribute; a creation holds none (the resource itself is the later value, and later entries lead
-- back from it), a deletion holds the whole last document.
-- `entry` grows in the order of writing, with gaps; within an organization that is the order of
-- commits, because its writes run one after another.
CREATE TABLE journal (
    entry INTEGER PRIMARY KEY, -- only sqlite
    entry BIGINT GENERATED BY DEFAULT AS IDENTITY, -- only postgres
    PRIMARY KEY (entry, directory_id), -- only postgres
    directory_id TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    changes TEXT
) STRICT;

CREATE INDEX journal_resource ON journal (directory_id, resource_id, entry);
CREATE INDEX journal_request ON journal (directory_id, request_id);

-- Every request that reached a directory's endpoint. The request id is a UUID v7: ordered by time.
CREATE TABLE provisioning_log (
    directory_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    token_id TEXT,
    client TEXT NOT NULL,
    method TEXT NOT NULL,
    -- Path and query below the directory's base URL.
    target TEXT NOT NULL,
    status INTEGER NOT NULL,
    scim_type TEXT,
    detail TEXT,
    -- JSON array of what was read otherwise than it was written.
    notes TEXT,
    resource_type TEXT,
    resource_id TEXT,
    -- For an operation of a bulk request, the id of that request.
    part_of TEXT,
    PRIMARY KEY (directory_id, request_id)
) STRICT, WITHOUT ROWID;

-- What the product lets members do, declared by the operator for all organizations.
CREATE TABLE role (
    name TEXT PRIMARY KEY,
    -- 1 is the highest. Of several roles that somebody could have, the highest is theirs.
    precedence INTEGER NOT NULL,
    description TEXT,
    -- Whether members have it to whom nothing else gives one; at most one role.
    is_default INTEGER NOT NULL,
    -- Whether an organization must not lose its last member who has it.
    is_owner INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Which groups give which roles, in an organization.
CREATE TABLE role_rule (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL,
    -- Rules are looked at in this order, which decides what is shown as the reason.
    position INTEGER NOT NULL,
    -- A group's name, compared without case; `*` stands for any characters.
    pattern TEXT NOT NULL,
    role TEXT NOT NULL,
    -- Only groups of this directory; none: all.
    directory_id TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

-- E-mail domains that an organization says are its own.
CREATE TABLE domain (
    organization_id TEXT NOT NULL,
    -- In lower case, international names in their ASCII form.
    name TEXT NOT NULL,
    -- What a TXT record has to say.
    challenge TEXT NOT NULL,
    verified_at INTEGER,
    -- dns or operator.
    verified_by TEXT,
    -- When DNS was asked last, and what came of it.
    checked_at INTEGER,
    problem TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, name)
) STRICT, WITHOUT ROWID;

-- The people behind memberships, across organizations.
CREATE TABLE account (
    id TEXT PRIMARY KEY,
    email_address TEXT NOT NULL,
    email_key TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX account_email ON account (email_key);

-- People as the product sees them. The rows of deleted ones stay, without keys.
CREATE TABLE member (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL,
    -- active, deactivated, incomplete or deleted.
    state TEXT NOT NULL,
    -- The folded values that are theirs; no two living members have one e-mail address.
    email_key TEXT,
    username_key TEXT,
    external_id_key TEXT,
    -- An e-mail address that they should have and that another member has.
    wanted_email_key TEXT,
    role TEXT,
    -- Why something is held back of what its directories say: last_owner.
    held TEXT,
    account_id TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- When they were complete for the first time: from then on the product knows them.
    settled_at INTEGER,
    -- When a directory made them active for the first time.
    enrolled_at INTEGER,
    deleted_at INTEGER,
    -- JSON: their values, each with its reason.
    document TEXT NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;

CREATE UNIQUE INDEX member_email ON member (email_key, organization_id);
CREATE INDEX member_username ON member (username_key, organization_id);
CREATE INDEX member_external_id ON member (external_id_key, organization_id);
CREATE INDEX member_wanted_email ON member (wanted_email_key, organization_id);
CREATE INDEX member_role ON member (role, organization_id, state);
CREATE INDEX member_account ON member (account_id);

-- Which users of which directories are which member.
CREATE TABLE member_source (
    organization_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    -- The userName that it had before it was renamed by a soft delete.
    known_user_name TEXT,
    -- What made the link: created, email_address, external_id, username, person.
    linked_by TEXT NOT NULL,
    linked_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, directory_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX member_source_member ON member_source (member_id, organization_id);

-- Groups as the product sees them. The rows of deleted ones stay, without slug.
CREATE TABLE team (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The folded name; none of a deleted team.
    name_key TEXT,
    slug TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    -- JSON: where its name is from and how the slug came about.
    document TEXT NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;

CREATE UNIQUE INDEX team_slug ON team (slug, organization_id);
CREATE INDEX team_name ON team (name_key, organization_id);

-- Which groups of which directories are which team.
CREATE TABLE team_source (
    organization_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    PRIMARY KEY (organization_id, directory_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX team_source_team ON team_source (team_id, organization_id);

CREATE TABLE team_member (
    organization_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    PRIMARY KEY (organization_id, team_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX team_member_member ON team_member (member_id, organization_id, team_id);

-- Every change of members and teams, with what it was before and after and what caused it; numbered
-- without gaps within an organization.
CREATE TABLE event (
    organization_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    member_id TEXT,
    team_id TEXT,
    -- request, configuration, person: and which.
    cause TEXT NOT NULL,
    cause_id TEXT NOT NULL,
    -- The directory that the request came to.
    directory_id TEXT,
    -- JSON: what is different, by name.
    before TEXT,
    after TEXT,
    PRIMARY KEY (organization_id, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_member ON event (member_id, organization_id, sequence);
CREATE INDEX event_team ON event (team_id, organization_id, sequence);

-- How far the members and teams of an organization have been brought to its configuration: the
-- latest run, one row for each organization.
CREATE TABLE projection (
    organization_id TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    -- What was changed, as the cause of the events is called.
    reason TEXT NOT NULL,
    -- running or done.
    state TEXT NOT NULL,
    -- The last team and member that were seen; '' none yet.
    team_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    seen INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    total INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX projection_state ON projection (state, organization_id);

-- E-mail that waits to be sent, and what became of it.
CREATE TABLE mail (
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL,
    -- enrolment.
    kind TEXT NOT NULL,
    member_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    -- What the text is filled with, JSON.
    content TEXT NOT NULL,
    -- queued, sending, sent, unknown or failed.
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- When it is due; none where nothing is to be done any more.
    due_at INTEGER,
    problem TEXT,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    PRIMARY KEY (organization_id, id)
) STRICT;

CREATE UNIQUE INDEX mail_member ON mail (member_id, organization_id, kind);
CREATE INDEX mail_due ON mail (due_at);

-- What a directory has used of the requests that it may make, for all processes together. No row is
-- nothing.
CREATE TABLE rate_limit (
    directory_id TEXT PRIMARY KEY,
    -- When something was taken, by the clock that is furthest ahead.
    latest INTEGER NOT NULL,
    -- When all that was taken will have been earned; later than latest.
    earned_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which process does which background work. No row is nobody.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    -- Grows as long as the holder lives; whoever sees it stand still may take over.
    renewals INTEGER NOT NULL,
    held_since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is set for all organizations, and what a running server tells the command line beside it.
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
