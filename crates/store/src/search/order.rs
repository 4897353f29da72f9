//! The orders that SQL knows, and places in them.

use std::cmp::Ordering;

use scim::sort::{Key, Sort, SortOrder};

use super::Search;
use crate::{Param, Row, error::Result};

/// A place in an order: what the resource there is sorted by, and its id, which settles ties.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// [`Key::Missing`] also where nothing is sorted.
    pub key: Key,
    pub id: String,
}

/// Where a page begins, and which way it reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Seek {
    /// At the beginning, forward.
    Start,
    /// Forward, behind or from a position.
    After(Position),
    From(Position),
    /// Backward, the page that ends before or at a position.
    Before(Position),
    UpTo(Position),
}

impl Seek {
    pub(super) fn is_backward(&self) -> bool {
        matches!(self, Self::Before(_) | Self::UpTo(_))
    }

    /// On in the same direction, behind `position`.
    pub(super) fn beyond(&self, position: Position) -> Self {
        if self.is_backward() { Self::Before(position) } else { Self::After(position) }
    }

    /// The other direction, from the same place.
    pub(super) fn turned(&self) -> Option<Self> {
        Some(match self {
            Self::Start => return None,
            Self::After(position) => Self::UpTo(position.clone()),
            Self::From(position) => Self::Before(position.clone()),
            Self::Before(position) => Self::From(position.clone()),
            Self::UpTo(position) => Self::After(position.clone()),
        })
    }

    fn position(&self) -> Option<&Position> {
        match self {
            Self::Start => None,
            Self::After(position)
            | Self::From(position)
            | Self::Before(position)
            | Self::UpTo(position) => Some(position),
        }
    }

    fn is_inclusive(&self) -> bool {
        matches!(self, Self::From(_) | Self::UpTo(_))
    }
}

impl Position {
    /// The order of two places when sorted that way; `None` is the order of creation.
    pub fn compare(&self, other: &Self, order: Option<SortOrder>) -> Ordering {
        let keys = self.key.compare(&other.key, order.unwrap_or_default());
        keys.then_with(|| self.id.cmp(&other.id))
    }
}

/// The page at `seek` of what is sorted, with the places of the next and the previous page.
pub fn page<T: Clone>(
    sorted: &[T],
    order: Option<SortOrder>,
    seek: &Seek,
    count: usize,
    position: impl Fn(&T) -> &Position,
) -> (Vec<T>, Option<Seek>, Option<Seek>) {
    let wanted = count + 1;
    let hits = match seek.position() {
        None => sorted.iter().take(wanted).cloned().collect(),
        Some(at) => {
            // What is there itself belongs to the page, or not.
            let keeps_equal = seek.is_inclusive() == seek.is_backward();
            let at = sorted.partition_point(|item| match position(item).compare(at, order) {
                Ordering::Less => true,
                Ordering::Equal => keeps_equal,
                Ordering::Greater => false,
            });
            let (before, after) = sorted.split_at(at);
            if seek.is_backward() {
                before.iter().rev().take(wanted).cloned().collect()
            } else {
                after.iter().take(wanted).cloned().collect()
            }
        }
    };
    links(seek, count, hits, None, position)
}

/// The page that `hits` at `seek` make, in order, and the places of the next and the previous one.
/// `hits` are in the direction of reading, one more than `count` if there are more; reading ended
/// at `edge`, if that was for its cost. A page of nothing leads nowhere.
pub(super) fn links<T>(
    seek: &Seek,
    count: usize,
    mut hits: Vec<T>,
    edge: Option<Position>,
    position: impl Fn(&T) -> &Position,
) -> (Vec<T>, Option<Seek>, Option<Seek>) {
    if count == 0 {
        return (Vec::new(), None, None);
    }
    let there_is_more = hits.len() > count;
    hits.truncate(count);
    let last = hits.last().filter(|_| there_is_more).map(|hit| position(hit).clone());
    let onward = last.or(edge).map(|place| seek.beyond(place));
    let back = seek.turned().map(|turned| match hits.first() {
        Some(first) => turned.beyond(position(first).clone()),
        None => turned,
    });
    if seek.is_backward() {
        hits.reverse();
        (hits, back, onward)
    } else {
        (hits, onward, back)
    }
}

/// An order by a column of `resource r`, which agrees with that of [`Sort::key`]: texts by their
/// bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    column: Column,
    descending: bool,
    /// Whether the column is the key sorted by, or nothing is sorted.
    sorted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Id,
    UserName,
    CreatedAt,
    LastModifiedAt,
}

impl Column {
    fn of(resource_type: &str, sort: &Sort) -> Option<Self> {
        match sort.target() {
            (None, "id", _) => Some(Self::Id),
            (None, "userName", _) if resource_type == "User" => Some(Self::UserName),
            (None, "meta", "created") => Some(Self::CreatedAt),
            (None, "meta", "lastModified") => Some(Self::LastModifiedAt),
            _ => None,
        }
    }
}

impl Order {
    /// The order of creation.
    pub const CREATION: Self = Self { column: Column::Id, descending: false, sorted: false };

    /// The order of a type's resources, if SQL knows it.
    pub fn of(resource_type: &str, sort: &Sort, order: SortOrder) -> Option<Self> {
        let column = Column::of(resource_type, sort)?;
        Some(Self { column, descending: order == SortOrder::Descending, sorted: true })
    }

    /// The order of everything searched, if SQL knows it and it is the same for all types.
    pub fn of_all(search: &Search) -> Option<Self> {
        let Some(order) = search.sort_order else { return Some(Self::CREATION) };
        let mut orders = search
            .parts
            .iter()
            .map(|part| Self::of(&part.resource_type.name, part.sort.as_ref()?, order));
        let first = orders.next()??;
        orders.all(|order| order.is_some_and(|order| order.column == first.column)).then_some(first)
    }

    pub fn column(&self) -> &'static str {
        match self.column {
            Column::Id => "r.id",
            Column::UserName => "r.user_name",
            Column::CreatedAt => "r.created_at",
            Column::LastModifiedAt => "r.last_modified_at",
        }
    }

    /// The column as it is compared. Where an index narrows the candidates, as an expression: these
    /// few are to be sorted, not all rows read in the order of the column's index to find them.
    fn compared(&self, narrowed: bool) -> &'static str {
        match self.column {
            Column::Id if narrowed => "(r.id || '')",
            Column::UserName if narrowed => "(r.user_name || '')",
            _ => self.column(),
        }
    }

    /// The condition that a row is of the type searched, which is `?2`. In the order of userNames, as
    /// their index has it: it has all types, of which users alone have one.
    pub fn of_type(&self, narrowed: bool) -> &'static str {
        match self.column {
            Column::UserName if !narrowed => "?2 = 'User' AND r.user_name IS NOT NULL",
            _ => "r.resource_type = ?2",
        }
    }

    /// Whether an index has the order; where not, all candidates are sorted for each page.
    pub fn is_indexed(&self) -> bool {
        self.is_unique()
    }

    fn is_unique(&self) -> bool {
        matches!(self.column, Column::Id | Column::UserName)
    }

    /// What follows ORDER BY; equal keys go by id, ascending also where the keys descend.
    pub fn by(&self, backward: bool, narrowed: bool) -> String {
        let direction = |descends: bool| if descends { " DESC" } else { "" };
        let column = self.compared(narrowed);
        let by = format!("{column}{}", direction(self.descending != backward));
        if self.is_unique() { by } else { format!("{by}, r.id{}", direction(backward)) }
    }

    /// The condition, beginning with AND, that a row is on the page or behind it. Its parameters
    /// are bound from `place` on.
    pub fn seek<'p>(
        &self,
        seek: &'p Seek,
        place: usize,
        narrowed: bool,
    ) -> (String, Vec<Param<'p>>) {
        let Some(position) = seek.position() else { return (String::new(), Vec::new()) };
        let column = self.compared(narrowed);
        let key = match (self.column, &position.key) {
            (Column::UserName, Key::Text(text)) => Param::Text(text),
            (Column::CreatedAt | Column::LastModifiedAt, Key::Time(time)) => Param::Int(*time),
            _ => Param::Text(&position.id),
        };
        let beyond = |descends: bool| if descends { "<" } else { ">" };
        let equal = if seek.is_inclusive() { "=" } else { "" };
        let backward = seek.is_backward();
        let operator = beyond(self.descending != backward);
        if self.is_unique() {
            return (format!(" AND {column} {operator}{equal} ?{place}"), vec![key]);
        }
        let sql = format!(
            " AND ({column} {operator} ?{place} OR ({column} = ?{place} AND r.id {}{equal} ?{}))",
            beyond(backward),
            place + 1
        );
        (sql, vec![key, Param::Text(&position.id)])
    }

    /// The place of a row whose id is known and whose column stands at `at`.
    pub fn position(&self, id: &str, row: &Row<'_>, at: usize) -> Result<Position> {
        let key = match self.column {
            _ if !self.sorted => Key::Missing,
            Column::Id => Key::Text(id.into()),
            Column::UserName => {
                row.optional_text(at)?.map_or(Key::Missing, |name| Key::Text(name.into()))
            }
            Column::CreatedAt | Column::LastModifiedAt => Key::Time(row.int(at)?),
        };
        Ok(Position { key, id: id.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(id: &str) -> Position {
        Position { key: Key::Missing, id: id.into() }
    }

    #[test]
    fn pages_of_what_is_sorted() {
        let sorted: Vec<Position> = "bdfhj".chars().map(|c| at(&c.to_string())).collect();
        for (seek, ids, next, previous) in [
            (Seek::Start, "bd", Some(Seek::After(at("d"))), None),
            (Seek::After(at("d")), "fh", Some(Seek::After(at("h"))), Some(Seek::Before(at("f")))),
            (Seek::After(at("e")), "fh", Some(Seek::After(at("h"))), Some(Seek::Before(at("f")))),
            (Seek::From(at("d")), "df", Some(Seek::After(at("f"))), Some(Seek::Before(at("d")))),
            (Seek::After(at("f")), "hj", None, Some(Seek::Before(at("h")))),
            (Seek::Before(at("f")), "bd", Some(Seek::After(at("d"))), None),
            (Seek::Before(at("g")), "df", Some(Seek::After(at("f"))), Some(Seek::Before(at("d")))),
            (Seek::UpTo(at("f")), "df", Some(Seek::After(at("f"))), Some(Seek::Before(at("d")))),
            (Seek::After(at("j")), "", None, Some(Seek::UpTo(at("j")))),
            (Seek::Before(at("b")), "", Some(Seek::From(at("b"))), None),
        ] {
            let page = page(&sorted, None, &seek, 2, |position| position);
            let found: String = page.0.iter().map(|position| &*position.id).collect();
            assert_eq!((&*found, page.1, page.2), (ids, next, previous), "{seek:?}");
        }
    }

    #[test]
    fn conditions() {
        let position = Position { key: Key::Time(7), id: "x".into() };
        let created = |descending| Order { column: Column::CreatedAt, descending, sorted: true };
        for (order, seek, sql, by) in [
            (Order::CREATION, Seek::After(at("x")), " AND r.id > ?3", "r.id"),
            (Order::CREATION, Seek::UpTo(at("x")), " AND r.id <= ?3", "r.id DESC"),
            (
                created(false),
                Seek::From(position.clone()),
                " AND (r.created_at > ?3 OR (r.created_at = ?3 AND r.id >= ?4))",
                "r.created_at, r.id",
            ),
            (
                created(true),
                Seek::After(position.clone()),
                " AND (r.created_at < ?3 OR (r.created_at = ?3 AND r.id > ?4))",
                "r.created_at DESC, r.id",
            ),
            (
                created(true),
                Seek::Before(position.clone()),
                " AND (r.created_at > ?3 OR (r.created_at = ?3 AND r.id < ?4))",
                "r.created_at, r.id DESC",
            ),
        ] {
            let narrowed = order.seek(&seek, 3, true).0.contains("(r.id || '')");
            assert_eq!(narrowed, order.column == Column::Id);
            assert_eq!(order.seek(&seek, 3, false).0, sql);
            assert_eq!(order.by(seek.is_backward(), false), by);
        }
    }
}
