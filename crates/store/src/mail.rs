//! E-mail that waits to be sent, and what became of it.
//!
//! A mail moves through its states like this; each step is one conditional statement, so that of
//! two that want to take it one does:
//!
//! ```text
//! queued ──▶ sending ──▶ sent
//!   ▲ ▲         │ └────▶ unknown: transmitted, but never answered
//!   │ └─────────┘ refused for now
//!   │
//!   └── again: by an operator, from unknown or failed ◀── failed
//! ```
//!
//! `sending` is stored before the first byte of the message goes out. Who finds a mail in it after a
//! crash cannot know whether it arrived.

use serde_json::{Map, Value};

use crate::{
    Row, Tx,
    error::{Error, Result},
};

/// The kind of the mail that greets a new member.
pub const ENROLMENT: &str = "enrolment";

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits until it is due.
    Queued,
    /// Handed to the mail server right now, or when a process ended.
    Sending,
    /// The mail server has taken it.
    Sent,
    /// It may have been taken or not.
    Unknown,
    /// Nobody tries any more.
    Failed,
}

impl State {
    /// In the order of a mail's life.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Sending, Self::Sent, Self::Unknown, Self::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What the text is filled with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The recipient's name.
    pub name: Option<String>,
    /// The language tag or list of them that their directory gave.
    pub locale: Option<String>,
}

impl Content {
    fn to_json(&self) -> String {
        let parts = [("name", &self.name), ("locale", &self.locale)];
        let given = parts.into_iter().filter_map(|(name, value)| {
            value.as_ref().map(|value| (name.to_owned(), Value::from(value.as_str())))
        });
        Value::Object(given.collect()).to_string()
    }

    fn read(text: &str) -> std::result::Result<Self, serde_json::Error> {
        let parts: Map<String, Value> = serde_json::from_str(text)?;
        let part = |name: &str| parts.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self { name: part("name"), locale: part("locale") })
    }
}

/// A mail to be sent.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// No other mail has it, in any organization.
    pub id: String,
    /// What for, as in [`ENROLMENT`].
    pub kind: &'static str,
    pub member_id: String,
    /// The e-mail address.
    pub recipient: String,
    pub content: Content,
    /// Microseconds since 1970.
    pub now: i64,
}

/// A stored mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub organization_id: String,
    pub id: String,
    pub kind: String,
    pub member_id: String,
    pub recipient: String,
    pub content: Content,
    pub state: State,
    /// How often sending it was tried, since it was queued or sent again by an operator.
    pub attempts: i64,
    /// When it is or was due; none where nothing is to be done any more.
    pub due_at: Option<i64>,
    /// What went wrong at the last attempt.
    pub problem: Option<String>,
    /// Microseconds since 1970.
    pub created_at: i64,
    pub sent_at: Option<i64>,
}

const COLUMNS: &str = "organization_id, id, kind, member_id, recipient, content, state, attempts, \
     due_at, problem, created_at, sent_at";

fn read(row: &Row<'_>) -> Result<Mail> {
    let id = row.text(1)?;
    let corrupt = |problem: String| Error::Corrupt { table: "mail", row: id.into(), problem };
    let state = row.text(6)?;
    Ok(Mail {
        organization_id: row.text(0)?.into(),
        id: id.into(),
        kind: row.text(2)?.into(),
        member_id: row.text(3)?.into(),
        recipient: row.text(4)?.into(),
        content: Content::read(row.text(5)?).map_err(|error| corrupt(error.to_string()))?,
        state: State::from_name(state)
            .ok_or_else(|| corrupt(format!("unknown state `{state}`")))?,
        attempts: row.int(7)?,
        due_at: row.optional_int(8)?,
        problem: row.optional_text(9)?.map(str::to_owned),
        created_at: row.int(10)?,
        sent_at: row.optional_int(11)?,
    })
}

/// Queues a mail, due at once, in the transaction of what it is about. Another one of the same kind
/// to the same member is passed over, whatever has become of the first. Whether it was queued.
pub async fn enqueue(tx: &mut Tx, organization_id: &str, mail: &NewMail) -> Result<bool> {
    let queued = tx
        .execute(
            "INSERT INTO mail (organization_id, id, kind, member_id, recipient, content, state, \
             attempts, due_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', 0, ?7, ?7) \
             ON CONFLICT (organization_id, member_id, kind) DO NOTHING",
            &[
                organization_id.into(),
                (&mail.id).into(),
                mail.kind.into(),
                (&mail.member_id).into(),
                (&mail.recipient).into(),
                (&mail.content.to_json()).into(),
                mail.now.into(),
            ],
        )
        .await?;
    Ok(queued == 1)
}

/// What is to be done by `now`, of all organizations, in the order in which it was due: mails that
/// are queued, and those that somebody has begun to send.
pub async fn due(tx: &mut Tx, now: i64, limit: i64) -> Result<Vec<Mail>> {
    let sql = format!("SELECT {COLUMNS} FROM mail WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2");
    tx.query(&sql, &[now.into(), limit.into()], read).await
}

/// Begins to send a queued mail, which counts as an attempt: how many there were with it. None if it
/// is not queued any more; then somebody else sends it.
pub async fn claim(tx: &mut Tx, organization_id: &str, id: &str) -> Result<Option<i64>> {
    tx.query_opt(
        "UPDATE mail SET state = 'sending', attempts = attempts + 1, problem = NULL \
         WHERE organization_id = ?1 AND id = ?2 AND state = 'queued' RETURNING attempts",
        &[organization_id.into(), id.into()],
        |row| row.int(0),
    )
    .await
}

/// What became of an attempt to send a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent { at: i64 },
    Refused { problem: String, due_at: i64 },
    Failed { problem: String },
    Unknown { problem: String },
}

/// Keeps what became of a mail that was `from` until now: [`State::Sending`] of one that was claimed,
/// [`State::Queued`] of one that did not come so far, which counts as an attempt here. Whether it
/// still was.
pub async fn settle(
    tx: &mut Tx,
    organization_id: &str,
    id: &str,
    from: State,
    outcome: &Outcome,
) -> Result<bool> {
    let (state, due_at, problem, sent_at) = match outcome {
        Outcome::Sent { at } => (State::Sent, None, None, Some(*at)),
        Outcome::Refused { problem, due_at } => (State::Queued, Some(*due_at), Some(problem), None),
        Outcome::Failed { problem } => (State::Failed, None, Some(problem), None),
        Outcome::Unknown { problem } => (State::Unknown, None, Some(problem), None),
    };
    let settled = tx
        .execute(
            "UPDATE mail SET state = ?4, attempts = attempts + ?5, due_at = ?6, problem = ?7, \
             sent_at = ?8 WHERE organization_id = ?1 AND id = ?2 AND state = ?3",
            &[
                organization_id.into(),
                id.into(),
                from.name().into(),
                state.name().into(),
                (from == State::Queued).into(),
                due_at.into(),
                problem.into(),
                sent_at.into(),
            ],
        )
        .await?;
    Ok(settled == 1)
}

/// Notes why a queued mail still waits, where that is not the mail's fault and no attempt.
pub async fn note(tx: &mut Tx, organization_id: &str, id: &str, problem: &str) -> Result<()> {
    tx.send(
        "UPDATE mail SET problem = ?3 WHERE organization_id = ?1 AND id = ?2 AND state = 'queued'",
        &[organization_id.into(), id.into(), problem.into()],
    )
    .await
}

/// What sending a mail depends on beside itself.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The organization's name; none once it is deleted.
    pub organization: Option<String>,
    /// The organization's settings.
    pub settings: Map<String, Value>,
    /// The member's state; none where there is no such member.
    pub member_state: Option<String>,
}

/// What sending a mail depends on, as it is now. A single statement.
pub async fn circumstances(tx: &mut Tx, mail: &Mail) -> Result<Circumstances> {
    let found = tx
        .query_opt(
            "SELECT o.name, o.settings, o.deleted_at, (SELECT m.state FROM member m \
             WHERE m.organization_id = o.id AND m.id = ?2) FROM organization o WHERE o.id = ?1",
            &[(&mail.organization_id).into(), (&mail.member_id).into()],
            |row| {
                let corrupt = |e: serde_json::Error| Error::Corrupt {
                    table: "organization",
                    row: mail.organization_id.clone(),
                    problem: e.to_string(),
                };
                let name = row.text(0)?.to_owned();
                Ok(Circumstances {
                    organization: row.optional_int(2)?.is_none().then_some(name),
                    settings: serde_json::from_str(row.text(1)?).map_err(corrupt)?,
                    member_state: row.optional_text(3)?.map(str::to_owned),
                })
            },
        )
        .await?;
    Ok(found.unwrap_or_else(|| Circumstances {
        organization: None,
        settings: Map::new(),
        member_state: None,
    }))
}

/// The mail with this id, of any living organization.
pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Mail>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM mail WHERE id = ?1 \
         AND organization_id IN (SELECT o.id FROM organization o WHERE o.deleted_at IS NULL)"
    );
    tx.query_opt(&sql, &[id.into()], read).await
}

/// Queues a mail anew that nobody tries to send any more, or one that waits for its next attempt: to
/// the recipient and with the content that `mail` has now, due at once, its attempts counted anew.
/// Whether it still was in that state.
pub async fn again(tx: &mut Tx, mail: &Mail, now: i64) -> Result<bool> {
    if matches!(mail.state, State::Sending | State::Sent) {
        return Ok(false);
    }
    let queued = tx
        .execute(
            "UPDATE mail SET state = 'queued', attempts = 0, due_at = ?4, recipient = ?5, \
             content = ?6 WHERE organization_id = ?1 AND id = ?2 AND state = ?3",
            &[
                (&mail.organization_id).into(),
                (&mail.id).into(),
                mail.state.name().into(),
                now.into(),
                (&mail.recipient).into(),
                (&mail.content.to_json()).into(),
            ],
        )
        .await?;
    Ok(queued == 1)
}

/// Mails, newest first, at most `limit`: of one organization or of all living ones, in one state or in
/// any.
pub async fn list(
    tx: &mut Tx,
    organization_id: Option<&str>,
    state: Option<State>,
    limit: i64,
) -> Result<Vec<Mail>> {
    let organizations = match organization_id {
        Some(_) => "organization_id = ?3",
        None => {
            "?3 = '' \
             AND organization_id IN (SELECT o.id FROM organization o WHERE o.deleted_at IS NULL)"
        }
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM mail WHERE {organizations} AND (?1 = '' OR state = ?1) \
         ORDER BY created_at DESC, id DESC LIMIT ?2"
    );
    let (state, organization_id) = (state.map_or("", State::name), organization_id.unwrap_or(""));
    tx.query(&sql, &[state.into(), limit.into(), organization_id.into()], read).await
}
