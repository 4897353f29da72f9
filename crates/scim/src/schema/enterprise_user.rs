//! RFC 7643 §4.3 and §8.7.1; `manager.value` is case-exact (erratum 8472).

use super::{
    Schema,
    define::{complex, reference, schema, string},
};
use crate::urn;

pub(super) fn enterprise_user() -> Schema {
    schema(
        urn::ENTERPRISE_USER,
        "EnterpriseUser",
        "What an employer records about a user.",
        vec![
            string("employeeNumber", "Number or code the employer has given the user."),
            string("costCenter", "Cost center the user is accounted to."),
            string("organization", "Organization the user works for."),
            string("division", "Division the user works in."),
            string("department", "Department the user works in."),
            complex(
                "manager",
                "The user's manager, who is a user too.",
                vec![
                    string("value", "Id of the manager.").case_exact(),
                    reference("$ref", &["User"], "URL of the manager."),
                    string("displayName", "Name of the manager.").read_only(),
                ],
            ),
        ],
    )
}
