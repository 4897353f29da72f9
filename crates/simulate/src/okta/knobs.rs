//! What can be set about an app.

use crate::call::Blank;
use crate::knobs::{Knob, ON_OFF, Settings, Values};

use super::org::Family;

const fn knob(
    group: &'static str,
    name: &'static str,
    default: &'static str,
    values: Values,
    description: &'static str,
) -> Knob {
    Knob { group, name, default, values, description }
}

const FEATURES: &[&str] = &[
    "import-users",
    "create",
    "update",
    "deactivate",
    "sync-password",
    "push-groups",
    "import-groups",
    "rename-groups",
];

pub const KNOBS: [Knob; 14] = [
    knob(
        "wire",
        "auth",
        "bearer",
        Values::One(&["bearer", "header", "basic"]),
        "how the token is sent: after Bearer, alone, or as a password",
    ),
    knob(
        "wire",
        "blank",
        "family",
        Values::One(&["family", "plus", "percent"]),
        "a blank in a filter; family: %20 from the wizard's apps, + from the catalogue's",
    ),
    knob("wire", "call-gap-ms", "250", Values::Number(0, 60_000), "own time between requests"),
    knob("wire", "timeout-s", "60", Values::Number(1, 600), "own time until an answer is given up"),
    knob(
        "app",
        "family",
        "both",
        Values::One(&["both", "aiw", "oin"]),
        "the wizard's way (PUT) or the catalogue's (PATCH), where a scenario leaves it open",
    ),
    knob("app", "features", FEATURES_ON, Values::Some(FEATURES), "the boxes that are ticked"),
    knob(
        "users",
        "unique-field",
        "userName",
        Values::One(&["userName", "email"]),
        "what becomes the user name and is looked for",
    ),
    knob("users", "patch-users", "on", ON_OFF, "PATCH for states and passwords in the catalogue"),
    knob("users", "entitlements", "off", ON_OFF, "discover roles and entitlements on connecting"),
    knob("groups", "group-batch", "100", Values::Number(1, 1000), "members in one PATCH"),
    knob(
        "groups",
        "put-group-id",
        "any",
        Values::One(&["any", "on", "off"]),
        "whether a replaced group's body holds its id; any: every second one's",
    ),
    knob("groups", "post-members", "off", ON_OFF, "a new group is created with its members"),
    knob("groups", "reorder", "off", ON_OFF, "the PATCHes of one change arrive in reverse order"),
    knob(
        "groups",
        "large-group",
        "10000",
        Values::Number(1, 100_000),
        "most members of large-group",
    ),
];

const FEATURES_ON: &str = "import-users,create,update,deactivate,sync-password,push-groups,\
    import-groups,rename-groups";

pub struct Setup {
    blank: Option<Blank>,
    /// The one family that everything is done with.
    pub family: Option<Family>,
    pub import_users: bool,
    pub create: bool,
    pub update: bool,
    pub deactivate: bool,
    pub sync_password: bool,
    pub push_groups: bool,
    pub import_groups: bool,
    pub rename_groups: bool,
    pub by_mail: bool,
    pub patch_users: bool,
    pub entitlements: bool,
    pub batch: usize,
    put_id: Option<bool>,
    pub post_members: bool,
    pub reorder: bool,
    pub large: usize,
}

impl Setup {
    pub fn new(settings: &Settings) -> Self {
        let features = settings.list("features");
        let feature = |name| features.contains(&name);
        let number = |name| settings.number(name).unwrap_or(100) as usize;
        Setup {
            blank: match settings.get("blank") {
                "plus" => Some(Blank::Plus),
                "percent" => Some(Blank::Percent),
                _ => None,
            },
            family: match settings.get("family") {
                "aiw" => Some(Family::Aiw),
                "oin" => Some(Family::Oin),
                _ => None,
            },
            import_users: feature("import-users"),
            create: feature("create"),
            update: feature("update"),
            deactivate: feature("deactivate"),
            sync_password: feature("sync-password"),
            push_groups: feature("push-groups"),
            import_groups: feature("import-groups"),
            rename_groups: feature("rename-groups"),
            by_mail: settings.get("unique-field") == "email",
            patch_users: settings.on("patch-users"),
            entitlements: settings.on("entitlements"),
            batch: number("group-batch"),
            put_id: match settings.get("put-group-id") {
                "on" => Some(true),
                "off" => Some(false),
                _ => None,
            },
            post_members: settings.on("post-members"),
            reorder: settings.on("reorder"),
            large: number("large-group"),
        }
    }

    pub fn blank(&self, family: Family) -> Blank {
        self.blank.unwrap_or(family.blank())
    }

    /// Whether a group's body holds its id.
    pub fn puts_id(&self, place: usize) -> bool {
        self.put_id.unwrap_or(place.is_multiple_of(2))
    }
}
