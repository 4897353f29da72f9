//! What an error of PostgreSQL means for the transaction it came in, and for who asked.

use tokio_postgres::error::{Severity, SqlState};

use crate::error::Error;

/// Why a transaction cannot go on.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub kind: Kind,
    pub error: Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It clashed with another: the same work can succeed when it is done again.
    Serialisation,
    /// The connection is gone, and with it the transaction.
    Connection,
    /// The database has no room, or a lock was not free in time: the transaction is over, and doing it
    /// again at once would only wait again.
    Full,
    /// A statement was refused.
    Statement,
}

impl Failure {
    pub fn lost(why: impl Into<String>) -> Self {
        Self { kind: Kind::Connection, error: Error::Unavailable(why.into()) }
    }

    /// Whether the code is of a class that passes: the connection, resources, an operator's
    /// intervention, the system.
    pub fn is_passing(code: &SqlState) -> bool {
        ["08", "53", "57", "58"].iter().any(|class| code.code().starts_with(class))
    }
}

impl From<tokio_postgres::Error> for Failure {
    /// Messages of the server are kept without their `detail`, which holds stored values.
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(answer) = error.as_db_error() else {
            return Self::lost(in_full(&error));
        };
        let (code, message) = (answer.code(), answer.message());
        let text = format!("{message} ({})", code.code());
        let statement = |error| Self { kind: Kind::Statement, error };
        match *code {
            // The connection ends with it, whatever it is: an operator ended it, a transaction was
            // idle for too long.
            _ if matches!(answer.parsed_severity(), Some(Severity::Fatal | Severity::Panic)) => {
                Self::lost(text)
            }
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
                Self { kind: Kind::Serialisation, error: Error::Unavailable(text) }
            }
            // Nobody knows whether it was done.
            SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN => Self::lost(text),
            SqlState::UNIQUE_VIOLATION => statement(match answer.constraint() {
                Some("resource_user_name") => Error::Conflict { attribute: "userName" },
                Some("organization_slug") => Error::Conflict { attribute: "slug" },
                _ => Error::Refused(text),
            }),
            // The connection goes on.
            SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE | SqlState::DISK_FULL => {
                Self { kind: Kind::Full, error: Error::Unavailable(text) }
            }
            SqlState::READ_ONLY_SQL_TRANSACTION => Self::lost(format!(
                "{text}: the server is a replica; name the primary, or several hosts with \
                 `target_session_attrs=read-write`"
            )),
            _ if Self::is_passing(code) => Self::lost(text),
            _ => statement(Error::Refused(text)),
        }
    }
}

/// The error with its causes: the outermost alone says only where it came up.
pub(super) fn in_full(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
