//! Which member a directory user is.

use crate::Target;

/// Where to look for a user's member, in this order: the directory's identifier, then the external
/// id, then the username.
pub fn order(identifier: &Target) -> Vec<Target> {
    let mut order = vec![identifier.clone()];
    order.extend([Target::ExternalId, Target::Username].into_iter().filter(|t| t != identifier));
    order
}

/// A living member who has a value that a user has as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub member_id: String,
    /// The field that is the same.
    pub target: Target,
    /// Whether an active user of the same directory is this member already.
    pub is_taken: bool,
    /// Whether it is the product's own and its e-mail domain is not verified by the organization.
    pub is_out_of_reach: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is this member; what says so.
    Link { member_id: String, by: Target },
    /// It is nobody that is known.
    New,
}

/// Decides by the first target that leads to exactly one member whom the user may be.
pub fn decide(identifier: &Target, candidates: &[Candidate]) -> Decision {
    for target in order(identifier) {
        let mut fitting =
            candidates.iter().filter(|c| c.target == target && !c.is_taken && !c.is_out_of_reach);
        if let (Some(candidate), None) = (fitting.next(), fitting.next()) {
            return Decision::Link { member_id: candidate.member_id.clone(), by: target };
        }
    }
    Decision::New
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_field_that_leads_to_one_member_decides() {
        let candidate = |id: &str, target: Target| Candidate {
            member_id: id.into(),
            target,
            is_taken: false,
            is_out_of_reach: false,
        };
        let link = |id: &str, by: Target| Decision::Link { member_id: id.into(), by };
        let by_email = candidate("a", Target::EmailAddress);
        let by_id = candidate("b", Target::ExternalId);
        let by_name = candidate("c", Target::Username);
        let taken = Candidate { is_taken: true, ..by_email.clone() };
        let far = Candidate { is_out_of_reach: true, ..by_email.clone() };
        let other = candidate("d", Target::ExternalId);
        for (identifier, candidates, expected) in [
            (Target::EmailAddress, vec![], Decision::New),
            (
                Target::EmailAddress,
                vec![by_name.clone(), by_id.clone(), by_email.clone()],
                link("a", Target::EmailAddress),
            ),
            (Target::ExternalId, vec![by_email.clone()], Decision::New),
            (Target::Username, vec![by_id.clone(), by_name.clone()], link("c", Target::Username)),
            (Target::EmailAddress, vec![taken, by_id.clone()], link("b", Target::ExternalId)),
            (Target::EmailAddress, vec![far], Decision::New),
            (Target::EmailAddress, vec![by_id, other, by_name], link("c", Target::Username)),
        ] {
            assert_eq!(decide(&identifier, &candidates), expected, "{identifier} {candidates:?}");
        }
    }
}
