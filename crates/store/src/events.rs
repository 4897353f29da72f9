//! Events: every change of the members and teams of an organization, in one order.

use serde_json::Value;

use crate::{
    OrganizationTx, Row,
    error::{Error, Result},
};

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    MemberCreated,
    MemberUpdated,
    MemberDeactivated,
    MemberReactivated,
    MemberDeleted,
    MemberRoleChanged,
    TeamCreated,
    TeamUpdated,
    TeamDeleted,
    TeamMemberAdded,
    TeamMemberRemoved,
}

const KINDS: &[(Kind, &str)] = &[
    (Kind::MemberCreated, "member.created"),
    (Kind::MemberUpdated, "member.updated"),
    (Kind::MemberDeactivated, "member.deactivated"),
    (Kind::MemberReactivated, "member.reactivated"),
    (Kind::MemberDeleted, "member.deleted"),
    (Kind::MemberRoleChanged, "member.role_changed"),
    (Kind::TeamCreated, "team.created"),
    (Kind::TeamUpdated, "team.updated"),
    (Kind::TeamDeleted, "team.deleted"),
    (Kind::TeamMemberAdded, "team.member_added"),
    (Kind::TeamMemberRemoved, "team.member_removed"),
];

impl Kind {
    pub fn as_str(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// What caused a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A request of an identity provider, by its id, to this directory.
    Request { request_id: String, directory_id: String },
    /// A change of the configuration: the run that brought it to the members.
    Configuration { run_id: String },
    /// Somebody, by hand.
    Person { name: String },
}

impl Cause {
    /// Its kind, which one, and the directory.
    pub fn parts(&self) -> (&'static str, &str, Option<&str>) {
        match self {
            Self::Request { request_id, directory_id } => {
                ("request", request_id, Some(directory_id))
            }
            Self::Configuration { run_id } => ("configuration", run_id, None),
            Self::Person { name } => ("person", name, None),
        }
    }

    fn of(kind: &str, id: &str, directory_id: Option<&str>) -> Option<Self> {
        Some(match (kind, directory_id) {
            ("request", Some(directory_id)) => {
                Self::Request { request_id: id.into(), directory_id: directory_id.into() }
            }
            ("configuration", _) => Self::Configuration { run_id: id.into() },
            ("person", _) => Self::Person { name: id.into() },
            _ => return None,
        })
    }
}

/// A change that is to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    pub kind: Kind,
    pub member_id: Option<String>,
    pub team_id: Option<String>,
    /// What is different, by name; none where there was nothing before.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// A stored change.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub sequence: i64,
    /// Microseconds since 1970.
    pub at: i64,
    pub cause: Cause,
    pub event: NewEvent,
}

fn read(row: &Row<'_>) -> Result<Event> {
    let sequence = row.int(0)?;
    let corrupt = |problem: &str| Error::Corrupt {
        table: "event",
        row: sequence.to_string(),
        problem: problem.into(),
    };
    let kind = row.text(2)?;
    let json = |column| -> Result<Option<Value>> {
        let Some(text) = row.optional_text(column)? else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|e| corrupt(&e.to_string()))
    };
    Ok(Event {
        sequence,
        at: row.int(1)?,
        cause: Cause::of(row.text(5)?, row.text(6)?, row.optional_text(7)?)
            .ok_or_else(|| corrupt("unknown cause"))?,
        event: NewEvent {
            kind: KINDS
                .iter()
                .find(|(_, name)| *name == kind)
                .map(|(kind, _)| *kind)
                .ok_or_else(|| corrupt("unknown kind"))?,
            member_id: row.optional_text(3)?.map(str::to_owned),
            team_id: row.optional_text(4)?.map(str::to_owned),
            before: json(8)?,
            after: json(9)?,
        },
    })
}

const COLUMNS: &str = "sequence, at, kind, member_id, team_id, cause, cause_id, directory_id, \
     before, after";

impl OrganizationTx<'_> {
    /// Stores an event under its number, which is the one after the last.
    pub async fn record_event(
        &mut self,
        sequence: i64,
        event: &NewEvent,
        cause: &Cause,
        now: i64,
    ) -> Result<()> {
        let (cause, cause_id, directory_id) = cause.parts();
        let (before, after) = (
            event.before.as_ref().map(Value::to_string),
            event.after.as_ref().map(Value::to_string),
        );
        self.tx
            .send(
                "INSERT INTO event (organization_id, sequence, at, kind, member_id, team_id, \
                 cause, cause_id, directory_id, before, after) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                &[
                    (&self.organization_id).into(),
                    sequence.into(),
                    now.into(),
                    event.kind.as_str().into(),
                    event.member_id.as_ref().into(),
                    event.team_id.as_ref().into(),
                    cause.into(),
                    cause_id.into(),
                    directory_id.into(),
                    before.as_ref().into(),
                    after.as_ref().into(),
                ],
            )
            .await
    }

    /// The events after a number, in order, as many as `limit`.
    pub async fn events_after(&mut self, sequence: i64, limit: usize) -> Result<Vec<Event>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM event WHERE organization_id = ?1 AND sequence > ?2 \
             ORDER BY sequence LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let params = [(&self.organization_id).into(), sequence.into(), limit.into()];
        self.tx.query(&sql, &params, read).await
    }

    /// The events of a member, the latest first, as many as `limit`.
    pub async fn events_of_member(&mut self, member_id: &str, limit: usize) -> Result<Vec<Event>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM event WHERE organization_id = ?1 AND member_id = ?2 \
             ORDER BY sequence DESC LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let params = [(&self.organization_id).into(), member_id.into(), limit.into()];
        self.tx.query(&sql, &params, read).await
    }

    /// The events of a team, the latest first, as many as `limit`.
    pub async fn events_of_team(&mut self, team_id: &str, limit: usize) -> Result<Vec<Event>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM event WHERE organization_id = ?1 AND team_id = ?2 \
             ORDER BY sequence DESC LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let params = [(&self.organization_id).into(), team_id.into(), limit.into()];
        self.tx.query(&sql, &params, read).await
    }
}
