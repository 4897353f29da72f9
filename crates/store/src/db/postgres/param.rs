//! Values on their way to PostgreSQL, and back.

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::super::Param;
use crate::error::{Error, Result};

/// A value that waits with its statement.
#[derive(Debug)]
pub(super) enum OwnedParam {
    Null,
    Int(i64),
    Text(String),
}

impl From<Param<'_>> for OwnedParam {
    fn from(param: Param<'_>) -> Self {
        match param {
            Param::Null => Self::Null,
            Param::Int(number) => Self::Int(number),
            Param::Text(text) => Self::Text(text.to_owned()),
        }
    }
}

impl OwnedParam {
    pub fn borrowed(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Int(number) => Param::Int(*number),
            Self::Text(text) => Param::Text(text),
        }
    }
}

impl Param<'_> {
    /// The type that a statement which nobody prepared gives its parameter.
    pub(super) fn type_of(&self) -> Type {
        match self {
            Self::Null => Type::UNKNOWN,
            Self::Int(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
        }
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match *self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Int(number) if *ty == Type::INT8 => out.extend_from_slice(&number.to_be_bytes()),
            Self::Int(number) if *ty == Type::INT4 => {
                out.extend_from_slice(&i32::try_from(number)?.to_be_bytes());
            }
            Self::Text(text) if [Type::TEXT, Type::VARCHAR, Type::UNKNOWN].contains(ty) => {
                match text.contains('\0') {
                    // PostgreSQL's texts hold no U+0000; nothing that is stored has one.
                    true => out.extend_from_slice(text.replace('\0', "\u{FFFD}").as_bytes()),
                    false => out.extend_from_slice(text.as_bytes()),
                }
            }
            _ => return Err(format!("a parameter of the type {ty} cannot be {self:?}").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn wrong(column: usize, error: &tokio_postgres::Error) -> Error {
    Error::Refused(format!("column {column}: {}", super::error::in_full(error)))
}

pub(in crate::db) fn text(row: &tokio_postgres::Row, column: usize) -> Result<&str> {
    row.try_get(column).map_err(|e| wrong(column, &e))
}

pub(in crate::db) fn optional_text(
    row: &tokio_postgres::Row,
    column: usize,
) -> Result<Option<&str>> {
    row.try_get(column).map_err(|e| wrong(column, &e))
}

pub(in crate::db) fn int(row: &tokio_postgres::Row, column: usize) -> Result<i64> {
    let is_narrow = row.columns().get(column).is_some_and(|c| *c.type_() == Type::INT4);
    match is_narrow {
        true => row.try_get::<_, i32>(column).map(i64::from),
        false => row.try_get(column),
    }
    .map_err(|e| wrong(column, &e))
}

pub(in crate::db) fn optional_int(row: &tokio_postgres::Row, column: usize) -> Result<Option<i64>> {
    row.try_get(column).map_err(|e| wrong(column, &e))
}
