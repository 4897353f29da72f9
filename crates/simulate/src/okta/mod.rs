//! Okta's SCIM client, in the shapes of both of its app families.

mod entitlements;
mod groups;
mod knobs;
mod org;
mod profile;
mod scenarios;
mod users;

use crate::Scenario;
use crate::audit::Beliefs;
use crate::run::Run;

pub use knobs::KNOBS;

pub use groups::Members;
pub use org::{Event, Family, Org, Stop};

const fn scenario(name: &'static str, description: &'static str) -> Scenario {
    Scenario { name, description }
}

pub const SCENARIOS: [Scenario; 21] = [
    scenario("connect", "test connector configuration, once with a wrong token"),
    scenario(
        "assign-aiw",
        "people are assigned to an app made with the wizard: look-up, create or GET and PUT",
    ),
    scenario("assign-oin", "people are assigned to an app of the catalogue"),
    scenario("update", "profiles change, values are emptied: GET and PUT"),
    scenario(
        "deactivate",
        "people are suspended, unassigned and deactivated, through both families",
    ),
    scenario("reactivate", "people are assigned again and are who they were"),
    scenario("rename", "people get another user name"),
    scenario(
        "push-groups-aiw",
        "groups are pushed and changed with whole member lists: GET and PUT",
    ),
    scenario(
        "push-groups-oin",
        "groups are pushed and changed with PATCH, members in batches of 100",
    ),
    scenario("push-now", "groups that somebody else changed are overwritten, an empty one too"),
    scenario("link-existing", "users and groups that the product had before are found and linked"),
    scenario("unlink", "group mappings end, with and without deletion, and begin again"),
    scenario("import", "all users and groups are read, page by page"),
    scenario("password", "passwords are synchronised and never returned"),
    scenario("force-sync", "every profile is pushed again and repairs what somebody else changed"),
    scenario("credentials", "a wrong token, then the right one, then its successor"),
    scenario("bad-gateway", "a proxy fails while groups are pushed; an administrator retries"),
    scenario("bad-network", "429, 503, time-outs, lost answers and repeats, and retries"),
    scenario("deleted-behind", "rows that Okta knows are deleted by somebody else"),
    scenario("large-group", "everybody in one group, by one PUT"),
    scenario("entitlements", "roles and entitlements are discovered, granted and taken away"),
];

/// Plays scenarios in their order against one directory; a refused connection ends the play, and the log says why.
pub async fn play(run: &mut Run<'_>, scenarios: &[Scenario]) -> Beliefs {
    let mut org = Org::new(run);
    for scenario in scenarios {
        if let Err(Stop) = org.play(scenario.name).await {
            break;
        }
    }
    org.into_beliefs()
}
