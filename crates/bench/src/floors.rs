//! The bare work that a server's operations stand beside, on the kind of database that it uses.

use std::path::Path;

use crate::bare_inserts::{BareInserts, Shape};
use crate::bare_postgres::{BarePostgres, POOL, Way, Work};
use crate::database::Database;
use crate::load::Samples;
use crate::measure::Plan;
use crate::operations::Operation;

pub enum Floors {
    Embedded {
        one_row: BareInserts,
        same_rows: BareInserts,
    },
    Postgres {
        bare: BarePostgres,
        /// The best ways to insert and to read on this machine.
        inserts: Way,
        look_ups: Way,
    },
}

impl Floors {
    pub async fn open(database: &Database, dir: &Path, plan: &Plan) -> anyhow::Result<Self> {
        match database {
            Database::Embedded(_) => Ok(Self::Embedded {
                one_row: BareInserts::open(Shape::OneRow, &dir.join("one-row.db"))?,
                same_rows: BareInserts::open(Shape::User, &dir.join("same-rows.db"))?,
            }),
            Database::Postgres(url) => {
                eprintln!("finding the best ways to use the database …");
                let bare = BarePostgres::open(url).await?;
                bare.check_durability().await?;
                let inserts = bare.best_way(Work::User, plan.create_callers, plan.trial).await?;
                let look_ups = bare.best_way(Work::LookUp, plan.callers, plan.trial).await?;
                Ok(Self::Postgres { bare, inserts, look_ups })
            }
        }
    }

    /// One round of what stores something.
    pub async fn inserts(&self, plan: &Plan) -> anyhow::Result<Vec<(Operation, Samples)>> {
        let (callers, time) = (plan.create_callers, plan.round);
        match self {
            Self::Embedded { one_row, same_rows } => Ok(vec![
                (Operation::OneRow, one_row.run(callers, time).await?),
                (Operation::SameRows, same_rows.run(callers, time).await?),
            ]),
            Self::Postgres { bare, inserts, .. } => {
                let mut measured = Vec::new();
                for (operation, work, way) in [
                    (Operation::OneRow, Work::OneRow, Way::Pool(POOL)),
                    (Operation::SameRows, Work::User, Way::Pool(POOL)),
                    (Operation::SameRowsAtBest, Work::User, *inserts),
                ] {
                    measured.push((operation, bare.run(work, way, callers, time).await?));
                }
                Ok(measured)
            }
        }
    }

    /// One round of what reads.
    pub async fn look_ups(&self, plan: &Plan) -> anyhow::Result<Vec<(Operation, Samples)>> {
        let Self::Postgres { bare, look_ups, .. } = self else { return Ok(Vec::new()) };
        let mut measured = Vec::new();
        for (operation, way) in
            [(Operation::BareLookUp, Way::Pool(POOL)), (Operation::BareLookUpAtBest, *look_ups)]
        {
            let samples = bare.run(Work::LookUp, way, plan.callers, plan.round).await?;
            measured.push((operation, samples));
        }
        Ok(measured)
    }

    /// For the head of the report.
    pub async fn describe(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let Self::Postgres { bare, inserts, look_ups } = self else { return Ok(Vec::new()) };
        Ok(vec![
            ("PostgreSQL", format!("{}, fsync and synchronous_commit on", bare.version().await?)),
            ("bare statements", format!("through {}", Way::Pool(POOL))),
            ("at best", format!("inserts {inserts}, look-ups {look_ups}")),
        ])
    }
}
