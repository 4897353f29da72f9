//! The built-in lines: what Entra ID and Okta send unless an admin changed it there.
//!
//! The e-mail address is never taken from `userName`: a name to sign in with need not receive mail,
//! and could belong to somebody else there.

use std::sync::{Arc, LazyLock};

use scim::schema::{ResourceType, user_type};

use crate::{
    Target,
    attribute_mapping::{Line, Making},
    path::SourcePath,
};

/// In the order in which they are asked.
const DEFAULTS: [(&str, Target); 18] = [
    (r#"emails[type eq "work"].value"#, Target::EmailAddress),
    ("emails[primary eq true].value", Target::EmailAddress),
    ("emails[*].value", Target::EmailAddress),
    ("userName", Target::Username),
    ("name.givenName", Target::FirstName),
    ("name.familyName", Target::LastName),
    ("displayName", Target::DisplayName),
    ("name.formatted", Target::DisplayName),
    (r#"phoneNumbers[type eq "work"].value"#, Target::PhoneNumber),
    (r#"phoneNumbers[type eq "mobile"].value"#, Target::PhoneNumber),
    ("phoneNumbers[primary eq true].value", Target::PhoneNumber),
    ("phoneNumbers[*].value", Target::PhoneNumber),
    ("preferredLanguage", Target::Locale),
    ("locale", Target::Locale),
    ("externalId", Target::ExternalId),
    ("active", Target::Active),
    ("roles[primary eq true].value", Target::OrganizationRole),
    ("roles[*].value", Target::OrganizationRole),
];

/// The users of a directory that declares nothing.
pub(crate) static USER: LazyLock<ResourceType> = LazyLock::new(|| user_type(Vec::new()));

/// The lines, read once.
pub(crate) static LINES: LazyLock<Arc<[Line]>> = LazyLock::new(|| {
    DEFAULTS
        .iter()
        .map(|(source, target)| {
            let path = SourcePath::read(source, &USER).expect("a default reads");
            let making = Making { path, template: None };
            Line::new((*source).into(), target.clone(), None, true, making)
        })
        .collect()
});
