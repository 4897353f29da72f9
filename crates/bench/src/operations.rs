//! What is measured on which store, beside which floors, and what is aimed at.

use crate::database::Database;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    BareHttp,
    OneRow,
    SameRows,
    SameRowsAtBest,
    BareLookUp,
    BareLookUpAtBest,
    Create,
    LookUp,
    GetById,
    Patch,
    AddMember,
}

use Operation::*;

/// The rows and columns of a report.
pub struct Layout {
    pub columns: &'static [Column],
    pub rows: &'static [Row],
    /// Of starting and of the memory: these are aims of the embedded store.
    pub aims: Option<Aims>,
}

/// Floors of one kind.
pub struct Column {
    pub title: &'static str,
    pub key: &'static str,
}

pub struct Row {
    pub operation: Operation,
    pub key: &'static str,
    pub title: &'static str,
    /// By column.
    pub floors: &'static [Option<Floor>],
}

/// What an operation is compared with, and the ratio that is aimed at.
pub struct Floor {
    pub operation: Operation,
    pub aim: Option<f64>,
}

pub struct Aims {
    pub ready_ms: f64,
    pub idle_mb: f64,
    pub loaded_mb: f64,
}

impl Layout {
    pub fn of(database: &Database) -> &'static Self {
        match database {
            Database::Embedded(_) => &EMBEDDED,
            Database::Postgres(_) => &POSTGRES,
        }
    }
}

pub static EMBEDDED: Layout = Layout {
    columns: &[
        Column { title: "of bare HTTP", key: "of_bare_http" },
        Column { title: "of user's rows", key: "of_bare_same_rows" },
        Column { title: "of one row", key: "of_bare_one_row" },
    ],
    rows: &[
        row(BareHttp, "bare_http", "bare HTTP server, stored document", &[]),
        row(OneRow, "bare_one_row", "bare durable inserts, one row", &[]),
        row(SameRows, "bare_same_rows", "bare durable inserts, a user's rows", &[]),
        row(Create, "create", "create user", &[of(BareHttp), aim(SameRows, 0.35), of(OneRow)]),
        row(LookUp, "look_up", "look-up by userName", &[aim(BareHttp, 0.5)]),
        row(GetById, "get", "GET by id", &[aim(BareHttp, 0.7)]),
        row(Patch, "patch", "PATCH, replace title", &[of(BareHttp), of(SameRows), of(OneRow)]),
        row(
            AddMember,
            "add_member",
            "PATCH, one member of a group",
            &[of(BareHttp), of(SameRows), of(OneRow)],
        ),
    ],
    aims: Some(Aims { ready_ms: 50.0, idle_mb: 25.0, loaded_mb: 64.0 }),
};

/// Writes stand beside a user's rows, reads beside look-ups.
pub static POSTGRES: Layout = Layout {
    columns: &[
        Column { title: "of bare HTTP", key: "of_bare_http" },
        Column { title: "of bare, pooled", key: "of_bare_pooled" },
        Column { title: "of bare, at best", key: "of_bare_at_best" },
        Column { title: "of one row", key: "of_bare_one_row" },
    ],
    rows: &[
        row(BareHttp, "bare_http", "bare HTTP server, stored document", &[]),
        row(OneRow, "bare_one_row", "bare inserts, one row", &[]),
        row(SameRows, "bare_same_rows", "bare inserts, a user's rows", &[]),
        row(SameRowsAtBest, "bare_same_rows_at_best", "the same at best", &[]),
        row(BareLookUp, "bare_look_up", "bare look-ups", &[]),
        row(BareLookUpAtBest, "bare_look_up_at_best", "the same at best", &[]),
        row(
            Create,
            "create",
            "create user",
            &[of(BareHttp), aim(SameRows, 0.5), aim(SameRowsAtBest, 0.5), of(OneRow)],
        ),
        row(
            LookUp,
            "look_up",
            "look-up by userName",
            &[of(BareHttp), aim(BareLookUp, 0.5), aim(BareLookUpAtBest, 0.5)],
        ),
        row(
            GetById,
            "get",
            "GET by id",
            &[of(BareHttp), aim(BareLookUp, 0.5), aim(BareLookUpAtBest, 0.5)],
        ),
        row(
            Patch,
            "patch",
            "PATCH, replace title",
            &[of(BareHttp), of(SameRows), of(SameRowsAtBest), of(OneRow)],
        ),
        row(
            AddMember,
            "add_member",
            "PATCH, one member of a group",
            &[of(BareHttp), of(SameRows), of(SameRowsAtBest), of(OneRow)],
        ),
    ],
    aims: None,
};

const fn row(
    operation: Operation,
    key: &'static str,
    title: &'static str,
    floors: &'static [Option<Floor>],
) -> Row {
    Row { operation, key, title, floors }
}

const fn of(operation: Operation) -> Option<Floor> {
    Some(Floor { operation, aim: None })
}

const fn aim(operation: Operation, aim: f64) -> Option<Floor> {
    Some(Floor { operation, aim: Some(aim) })
}

/// What servers on one database do together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sharing {
    pub operation: Operation,
    /// Of different organizations.
    pub directories: usize,
    pub processes: usize,
}

/// Two processes beside one.
pub const AIM_SHARING: f64 = 1.0;

/// What is measured of sharing, with titles and keys.
pub const SHARED: [(Operation, usize, &str, &str); 4] = [
    (Create, 1, "create user, one directory", "create_in_one_directory"),
    (Create, 2, "create user, two directories", "create_in_two_directories"),
    (GetById, 1, "GET by id, one directory", "get_in_one_directory"),
    (GetById, 2, "GET by id, two directories", "get_in_two_directories"),
];
