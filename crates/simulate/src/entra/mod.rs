//! Entra ID's provisioning job.

mod attributes;
mod groups;
mod job;
mod knobs;
mod on_demand;
mod patch;
mod quarantine;
mod references;
mod roles;
mod scenarios;
mod users;

use crate::Scenario;
use crate::audit::Beliefs;
use crate::run::Run;

pub use knobs::KNOBS;

pub use job::{Depth, Job};

use job::Disabled;

const fn scenario(name: &'static str, description: &'static str) -> Scenario {
    Scenario { name, description }
}

pub const SCENARIOS: [Scenario; 19] = [
    scenario("initial", "test connection, then the first cycle: users, groups, managers, members"),
    scenario("quiet", "a cycle without changes, then a look whether anything would be sent again"),
    scenario("rename", "people marry and get another user name; a group gets another name"),
    scenario("move", "people change groups, departments and managers, all at once"),
    scenario("leaver", "people are unassigned, then assigned again"),
    scenario(
        "soft-delete",
        "people go to the recycle bin and come back; a new hire takes a freed name",
    ),
    scenario("purge", "people are deleted for good"),
    scenario("restart", "everything is evaluated again, with the links kept and without them"),
    scenario("provision-on-demand", "single users and a group by the button, in the old grammar"),
    scenario("remap", "externalId gets another source, then becomes the matching attribute"),
    scenario("lost-answers", "requests are repeated because their answers never came"),
    scenario("group-lifecycle", "awkward names, large batches, nesting, deletion, a second life"),
    scenario("concurrent-members", "many single-member requests to one group at the same time"),
    scenario(
        "outage",
        "503 for 50 minutes, time-outs, 429, then everything as if nothing had been",
    ),
    scenario(
        "quarantine",
        "a token is refused, and replaced; most objects fail; waits of 6, 12, 24 hours",
    ),
    scenario(
        "scope",
        "a scoping filter comes, changes and goes; people out of scope are switched off",
    ),
    scenario(
        "accidental-deletion",
        "a mistake would switch too many people off; somebody looks first",
    ),
    scenario(
        "validator",
        "Microsoft's validators by hand: users, groups, paging, clearing, errors",
    ),
    scenario("flag", "renames, moves, leavers and deletions in the grammar of aadOptscim062020"),
];

/// Plays scenarios in their order on one tenant; a quarantine ends the play early, and the log says why.
pub async fn play(run: &mut Run<'_>, scenarios: &[Scenario]) -> Beliefs {
    let mut job = Job::new(run);
    for scenario in scenarios {
        let mut outcome = job.play(scenario.name).await;
        if outcome.is_ok() {
            outcome = job.settle().await;
        }
        if let Err(Disabled) = outcome {
            break;
        }
    }
    job.run.client.troubles().quiet();
    let _ = job.settle().await;
    job.into_beliefs()
}
