//! What can be set about a job.

use crate::knobs::{Knob, ON_OFF, Settings, Values};
use crate::timeline::{MINUTE, Moment};
use crate::wire::Flag;

use super::attributes::{ExternalId, Mapping, Match, TombstoneOrder};
use super::patch::Shape;
use super::roles::Roles;

const fn knob(
    group: &'static str,
    name: &'static str,
    default: &'static str,
    values: Values,
    description: &'static str,
) -> Knob {
    Knob { group, name, default, values, description }
}

pub const KNOBS: [Knob; 23] = [
    knob(
        "wire",
        "flag",
        "off",
        Values::One(&["off", "on", "mixed"]),
        "aadOptscim062020 in the Tenant URL; mixed: every second object in the old grammar",
    ),
    knob(
        "wire",
        "flag-form",
        "any",
        Values::One(&["any", "bare", "equals", "true", "leading", "trailing"]),
        "how the flag stands in a query",
    ),
    knob("wire", "user-agent", "absent", Values::One(&["absent", "present"]), "the header"),
    knob("wire", "adscim-version", "on", ON_OFF, "the header ADSCIMVersion"),
    knob(
        "wire",
        "auth",
        "bearer",
        Values::One(&["bearer", "oauth-body", "oauth-basic"]),
        "the token itself, or as a client secret for access tokens: --token-url and --client-id",
    ),
    knob(
        "wire",
        "retry",
        "cycle",
        Values::One(&["cycle", "immediate"]),
        "when a request whose answer got lost is sent again",
    ),
    knob(
        "mapping",
        "match-users",
        "userName",
        Values::Some(&["userName", "externalId", "workEmail", "employeeNumber"]),
        "what users are looked for by, one after the other",
    ),
    knob(
        "mapping",
        "match-groups",
        "displayName",
        Values::One(&["displayName", "externalId"]),
        "what groups are looked for by",
    ),
    knob(
        "mapping",
        "external-id-source",
        "mailNickname",
        Values::One(&["mailNickname", "objectId"]),
        "the source of a user's externalId",
    ),
    knob(
        "mapping",
        "add-when-empty",
        "on",
        ON_OFF,
        "Add for a value where none was; off: always Replace",
    ),
    knob(
        "mapping",
        "manager-shape",
        "any",
        Values::One(&["any", "string", "array", "object", "value", "dictionary"]),
        "how a manager is written; any: all shapes of the grammar in turn",
    ),
    knob(
        "mapping",
        "roles",
        "none",
        Values::One(&["none", "single", "complex", "assertive"]),
        "which of the role expressions is mapped to `roles`",
    ),
    knob(
        "mapping",
        "tombstone",
        "on",
        ON_OFF,
        "the object id in front of the user name of who is in the recycle bin",
    ),
    knob(
        "mapping",
        "tombstone-order",
        "together",
        Values::One(&["together", "name-first", "active-first"]),
        "that name and the switching off: in one request, or one after the other",
    ),
    knob(
        "groups",
        "member-batch",
        "random",
        Values::NumberOr(1, 5000, "random"),
        "members in one PATCH; random: 1 to 100",
    ),
    knob(
        "job",
        "scope",
        "all",
        Values::One(&["all", "assigned-departments"]),
        "a scoping filter that leaves every fourth department out",
    ),
    knob(
        "job",
        "skip-out-of-scope-deletions",
        "off",
        ON_OFF,
        "leave those alone who fall out of scope",
    ),
    knob(
        "job",
        "missing",
        "search",
        Values::One(&["search", "anchor-error"]),
        "what follows a 404 for a linked user",
    ),
    knob(
        "job",
        "deletion-threshold",
        "off",
        Values::NumberOr(1, 100_000, "off"),
        "more deactivations and group deletions than that in one cycle wait for an approval, a day",
    ),
    knob(
        "job",
        "escrow",
        "50",
        Values::Number(1, 5000),
        "failures in a cycle from which on their share counts; the service's own number is 5000",
    ),
    knob(
        "job",
        "escrow-share",
        "40",
        Values::Number(1, 100),
        "per cent of failed objects that stop the job",
    ),
    knob("job", "escrow-total", "60000", Values::Number(1, 60000), "failures that stop it anyway"),
    knob("job", "cycle-minutes", "40", Values::Number(1, 1440), "from one cycle to the next"),
];

/// The knobs that the job asks for itself.
pub struct Setup {
    pub flag: Flag,
    pub add_when_empty: bool,
    /// `None`: all in turn.
    pub manager: Option<Shape>,
    pub roles: Roles,
    /// `None`: 1 to 100.
    pub batch: Option<usize>,
    pub scoped: bool,
    pub skip_deletions: bool,
    pub search_missing: bool,
    pub threshold: Option<usize>,
    pub escrow: usize,
    pub escrow_share: usize,
    pub escrow_total: usize,
    pub cycle: Moment,
}

impl Setup {
    pub fn new(settings: &Settings, flag: Flag) -> Self {
        let number = |name| settings.number(name).map(|number| number as usize);
        Setup {
            flag,
            add_when_empty: settings.on("add-when-empty"),
            manager: match settings.get("manager-shape") {
                "string" => Some(Shape::Text),
                "array" => Some(Shape::Array),
                "object" => Some(Shape::Object),
                "value" => Some(Shape::Value),
                "dictionary" => Some(Shape::Dictionary),
                _ => None,
            },
            roles: match settings.get("roles") {
                "single" => Roles::Single,
                "complex" => Roles::Complex,
                "assertive" => Roles::Assertive,
                _ => Roles::None,
            },
            batch: number("member-batch"),
            scoped: settings.get("scope") != "all",
            skip_deletions: settings.on("skip-out-of-scope-deletions"),
            search_missing: settings.get("missing") == "search",
            threshold: number("deletion-threshold"),
            escrow: number("escrow").unwrap_or(50),
            escrow_share: number("escrow-share").unwrap_or(40),
            escrow_total: number("escrow-total").unwrap_or(60_000),
            cycle: settings.number("cycle-minutes").unwrap_or(40) * MINUTE,
        }
    }
}

pub fn mapping(settings: &Settings) -> Mapping {
    let user = |name: &str| match name {
        "externalId" => Match::ExternalId,
        "workEmail" => Match::WorkEmail,
        "employeeNumber" => Match::EmployeeNumber,
        _ => Match::Name,
    };
    Mapping {
        external_id: match settings.get("external-id-source") {
            "objectId" => ExternalId::ObjectId,
            _ => ExternalId::MailNickname,
        },
        users: settings.list("match-users").into_iter().map(user).collect(),
        groups: match settings.get("match-groups") {
            "externalId" => Match::ExternalId,
            _ => Match::Name,
        },
        tombstone: settings.on("tombstone"),
        tombstone_order: match settings.get("tombstone-order") {
            "name-first" => TombstoneOrder::NameFirst,
            "active-first" => TombstoneOrder::ActiveFirst,
            _ => TombstoneOrder::Together,
        },
    }
}
