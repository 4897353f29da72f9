//! RFC 7643 §4.1 and §8.7.1, with errata 8471 (`groups.$ref`) and 6004 (no uniqueness on complex
//! attributes); `addresses.primary` is from §2.4.

use super::{
    Attribute, Mutability, Returned, Schema, Uniqueness,
    common_attributes::external_id,
    define::{binary, boolean, complex, reference, schema, string},
};
use crate::urn;

pub(super) fn user() -> Schema {
    schema(
        urn::USER,
        "User",
        "A person's account.",
        vec![
            external_id(),
            string("userName", "Name the user signs in with; unique, in any letter case.")
                .required()
                .uniqueness(Uniqueness::Server),
            name(),
            string("displayName", "Name of the user as shown to others."),
            string("nickName", "What the user is called informally."),
            reference("profileUrl", &["external"], "Page that presents the user."),
            string("title", "Job title, such as Site Lead."),
            string("userType", "Relation to the organization, such as Employee or Contractor."),
            string("preferredLanguage", "Languages the user prefers, such as en-GB."),
            string("locale", "Conventions for dates, numbers and currency, such as nb-NO."),
            string("timezone", "Time zone by its IANA name, such as Europe/Oslo."),
            boolean("active", "Whether the account is in use; false deactivates the user."),
            // Accepted and dropped (O-28, S-110); /Schemas leaves it out (E-123).
            string("password", "Never kept: users do not sign in with a password here.")
                .case_exact()
                .mutability(Mutability::WriteOnly)
                .returned(Returned::Never),
            emails(),
            phone_numbers(),
            ims(),
            photos(),
            addresses(),
            groups(),
            plural("entitlements", "Things the user may do or have.", "The entitlement."),
            plural("roles", "Roles the user holds.", "The role."),
            x509_certificates(),
        ],
    )
}

fn name() -> Attribute {
    complex(
        "name",
        "Parts of the user's name.",
        vec![
            string("formatted", "The whole name, as written out."),
            string("familyName", "Family name, also called last name."),
            string("givenName", "Given name, also called first name."),
            string("middleName", "Middle names."),
            string("honorificPrefix", "Title in front of the name, such as Dr."),
            string("honorificSuffix", "Addition after the name, such as III."),
        ],
    )
}

fn display() -> Attribute {
    string("display", "Readable form of the value.")
}

fn primary() -> Attribute {
    boolean("primary", "Whether this is the preferred value; true at most once in the list.")
}

fn kind(canonical: &[&str]) -> Attribute {
    string("type", "What the value is for.").canonical(canonical)
}

fn plural(name: &str, description: &str, value: &str) -> Attribute {
    // No canonical types: the clients' lists are addressed by `primary` instead (E-121).
    let subs = vec![string("value", value), display(), kind(&[]), primary()];
    complex(name, description, subs).multi_valued()
}

fn emails() -> Attribute {
    let value = string("value", "The e-mail address.");
    let subs = vec![value, display(), kind(&["work", "home", "other"]), primary()];
    complex("emails", "E-mail addresses of the user.", subs).multi_valued()
}

fn phone_numbers() -> Attribute {
    let value = string("value", "The phone number, kept as written.");
    let types = kind(&["work", "home", "mobile", "fax", "pager", "other"]);
    complex("phoneNumbers", "Phone numbers of the user.", vec![value, display(), types, primary()])
        .multi_valued()
}

fn ims() -> Attribute {
    let value = string("value", "The messaging address.");
    let types = kind(&["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo", "other"]);
    complex(
        "ims",
        "Instant messaging addresses of the user.",
        vec![value, display(), types, primary()],
    )
    .multi_valued()
}

fn photos() -> Attribute {
    let value = reference("value", &["external"], "URL of the picture.");
    let subs = vec![value, display(), kind(&["photo", "thumbnail"]), primary()];
    complex("photos", "Pictures of the user.", subs).multi_valued()
}

fn addresses() -> Attribute {
    complex(
        "addresses",
        "Postal addresses of the user.",
        vec![
            string("formatted", "The whole address, as written on a letter."),
            string("streetAddress", "Street, house number and what else is above the city."),
            string("locality", "City or town."),
            string("region", "State or region."),
            string("postalCode", "Postal code."),
            string("country", "Country by its two-letter code, such as NO."),
            kind(&["work", "home", "other"]),
            primary(),
        ],
    )
    .multi_valued()
}

fn groups() -> Attribute {
    complex(
        "groups",
        "Groups the user belongs to; changed through the groups themselves.",
        vec![
            string("value", "Id of the group.").case_exact(),
            reference("$ref", &["Group"], "URL of the group."),
            string("display", "Name of the group."),
            string("type", "Whether the user is a member directly or through another group.")
                .canonical(&["direct", "indirect"]),
        ],
    )
    .multi_valued()
    .read_only()
}

fn x509_certificates() -> Attribute {
    let value = binary("value", "One DER certificate in base64.");
    complex(
        "x509Certificates",
        "Certificates issued to the user.",
        vec![value, display(), kind(&[]), primary()],
    )
    .multi_valued()
}
