//! Lists: what a request asks for (RFC 7644 §3.4.2, RFC 9865) and the message that answers it.

use std::num::IntErrorKind;

use serde_json::{Value, json};

use crate::{Error, Notes, Object, ScimType, reading::Reading, sort::SortOrder, urn};

/// The most resources in one page; who asks for more by index gets this many (S-189).
pub const MAX_COUNT: u64 = 1000;

/// How many resources a page has when the request does not say (S-193). Who says nothing may not
/// page at all, so it is as many as a page can have.
pub const DEFAULT_COUNT: u64 = MAX_COUNT;

/// The names of a list's parameters.
const NAMES: [&str; 8] = [
    "filter",
    "sortBy",
    "sortOrder",
    "startIndex",
    "count",
    "cursor",
    "attributes",
    "excludedAttributes",
];

/// Whether `name` is that of a list's parameter.
pub fn is_parameter(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The parameters of a list, of a GET or of a search. Texts are as they came: the filter, the
/// paths and the cursor are for their own parsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    pub filter: Option<String>,
    pub sort_by: Option<String>,
    pub sort_order: SortOrder,
    /// From 1.
    pub start_index: u64,
    /// At most [`MAX_COUNT`]; 0 asks for the total alone. `None` where the request does not say.
    pub count: Option<u64>,
    /// Present if the request pages by cursor; empty for the first page.
    pub cursor: Option<String>,
    pub attributes: Option<String>,
    pub excluded_attributes: Option<String>,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self {
            filter: None,
            sort_by: None,
            sort_order: SortOrder::Ascending,
            start_index: 1,
            count: None,
            cursor: None,
            attributes: None,
            excluded_attributes: None,
        }
    }
}

/// The parameters as they come, whether in a URL or in the body of a search.
#[derive(Default)]
pub(crate) struct Parameters {
    pub filter: Option<String>,
    pub sort_by: Option<String>,
    pub sort_order: Option<String>,
    pub start_index: Option<i64>,
    pub count: Option<i64>,
    pub cursor: Option<String>,
    pub attributes: Option<String>,
    pub excluded_attributes: Option<String>,
}

impl ListQuery {
    /// How many resources a page has at most.
    pub fn count(&self) -> u64 {
        self.count.unwrap_or(DEFAULT_COUNT)
    }

    /// Reads the decoded pairs of a query string.
    ///
    /// Unknown names are ignored (S-014); a known one that comes twice is refused (S-450). A
    /// parameter without a value is no parameter, except `cursor`; an empty filter is refused, and by
    /// the strict reading an empty number.
    pub fn from_pairs(
        pairs: impl IntoIterator<Item = (String, String)>,
        reading: Reading,
        notes: &mut Notes,
    ) -> Result<Self, Error> {
        let mut values: [Option<String>; NAMES.len()] = Default::default();
        for (name, value) in pairs {
            let Some(index) = NAMES.iter().position(|known| known.eq_ignore_ascii_case(&name))
            else {
                continue;
            };
            if values[index].replace(value).is_some() {
                return Err(invalid_value(format!(
                    "`{}` is given twice: send it once",
                    NAMES[index]
                )));
            }
        }
        for (name, value) in NAMES.iter().zip(&mut values) {
            if *name == "cursor" || value.as_deref() != Some("") {
                continue;
            }
            if *name == "filter" {
                // Who filters by nothing must not be given everybody (O-25).
                let detail = "`filter` is empty: leave it out to list everything";
                return Err(Error::bad_request(ScimType::InvalidFilter, detail));
            }
            if reading == Reading::Strict && matches!(*name, "startIndex" | "count") {
                return Err(invalid_value(format!("`{name}` is empty: leave it out")));
            }
            notes.add(format!("`{name}` is empty: read as if it were not there"));
            *value = None;
        }
        let [
            filter,
            sort_by,
            sort_order,
            start_index,
            count,
            cursor,
            attributes,
            excluded_attributes,
        ] = values;
        Parameters {
            filter,
            sort_by,
            sort_order,
            start_index: start_index.map(|text| integer("startIndex", &text)).transpose()?,
            count: count.map(|text| integer("count", &text)).transpose()?,
            cursor,
            attributes,
            excluded_attributes,
        }
        .into_query()
    }
}

impl Parameters {
    pub fn into_query(self) -> Result<ListQuery, Error> {
        let sort_order = match self.sort_order {
            Some(text) => SortOrder::parse(&text)?,
            None => SortOrder::Ascending,
        };
        if self.cursor.is_some() {
            if self.start_index.is_some() {
                // S-204
                return Err(invalid_value(
                    "`cursor` and `startIndex` exclude each other: send one of them".into(),
                ));
            }
            // RFC 9865 §2.1: by cursor, a count out of range is an error (S-199).
            if self.count.is_some_and(|count| !(0..=MAX_COUNT as i64).contains(&count)) {
                let detail = format!("`count` has to be between 0 and {MAX_COUNT}");
                return Err(Error::bad_request(ScimType::InvalidCount, detail));
            }
        }
        Ok(ListQuery {
            filter: self.filter,
            sort_by: self.sort_by,
            sort_order,
            start_index: self.start_index.map_or(1, |index| index.max(1).unsigned_abs()),
            count: self.count.map(|count| count.max(0).unsigned_abs().min(MAX_COUNT)),
            cursor: self.cursor,
            attributes: self.attributes,
            excluded_attributes: self.excluded_attributes,
        })
    }
}

/// A whole number; one beyond 64 bits is taken as the largest or smallest there is (S-194).
fn integer(name: &str, text: &str) -> Result<i64, Error> {
    text.parse::<i64>().or_else(|error| match error.kind() {
        IntErrorKind::PosOverflow => Ok(i64::MAX),
        IntErrorKind::NegOverflow => Ok(i64::MIN),
        _ => Err(invalid_value(format!("`{name}` has to be a whole number"))),
    })
}

fn invalid_value(detail: String) -> Error {
    Error::bad_request(ScimType::InvalidValue, detail)
}

/// The ListResponse message (RFC 7644 §3.4.2, RFC 9865 §2) without its resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListResponse {
    /// All that match, not only this page; `None` where paging by cursor and counting costs too
    /// much.
    pub total_results: Option<u64>,
    /// The one asked for, also past the end (E-136); `None` when paging by cursor.
    pub start_index: Option<u64>,
    /// How many resources follow (S-142).
    pub items_per_page: u64,
    pub next_cursor: Option<String>,
    pub previous_cursor: Option<String>,
}

impl ListResponse {
    /// The message object; `Resources` are to follow, also where there are none.
    pub fn into_object(self) -> Object {
        let mut object = Object::new();
        object.insert("schemas".into(), json!([urn::LIST_RESPONSE]));
        for (name, value) in [
            ("totalResults", self.total_results.map(Value::from)),
            ("startIndex", self.start_index.map(Value::from)),
            ("itemsPerPage", Some(self.items_per_page.into())),
            ("nextCursor", self.next_cursor.map(Value::from)),
            ("previousCursor", self.previous_cursor.map(Value::from)),
        ] {
            object.extend(value.map(|value| (name.to_owned(), value)));
        }
        object
    }
}

#[cfg(test)]
mod tests;
