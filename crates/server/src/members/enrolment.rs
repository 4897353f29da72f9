//! The mail to who has become a member: queued in the transaction that makes them active for the first
//! time, sent later (`crate::mail`).

use mapping::{Target, member::Member};
use store::{
    OrganizationTx,
    enrolment::{self, Enrolment, Policy},
    mail::{self, Content, ENROLMENT, NewMail},
    members::Standing,
};

use crate::ids;

/// Whether the organization greets its new members.
pub fn greets(standing: &Standing) -> bool {
    // Most have set nothing, and none of them is to wait for it.
    if !standing.settings.contains(enrolment::SETTING) {
        return false;
    }
    let read = serde_json::from_str(&standing.settings).map_err(|error| error.to_string());
    match read.and_then(|settings| Enrolment::of(&settings)) {
        Ok(enrolment) => enrolment.policy == Policy::Creation,
        // That somebody is not written to is no reason to refuse them.
        Err(problem) => {
            tracing::error!(
                organization.id = standing.organization_id,
                problem,
                "a new member gets no mail: the organization's settings cannot be read"
            );
            false
        }
    }
}

/// Queues the mail to a new member, unless they ever got one.
pub async fn greet(
    member_id: &str,
    member: &Member,
    now: i64,
    tx: &mut OrganizationTx<'_>,
) -> Result<(), store::Error> {
    let Some(address) = member.email_address() else { return Ok(()) };
    let mail = NewMail {
        id: ids::prefixed("mail"),
        kind: ENROLMENT,
        member_id: member_id.into(),
        recipient: address.into(),
        content: content(member),
        now,
    };
    let organization_id = tx.organization_id().to_owned();
    mail::enqueue(tx.tx(), &organization_id, &mail).await?;
    Ok(())
}

/// What a mail to a member is filled with.
pub fn content(member: &Member) -> Content {
    let text = |target| member.text(&target).filter(|text| !text.trim().is_empty());
    let parts = [text(Target::FirstName), text(Target::LastName)];
    let full = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = text(Target::DisplayName).map_or(full, str::to_owned);
    Content {
        name: Some(name).filter(|name| !name.is_empty()),
        locale: text(Target::Locale).map(str::to_owned),
    }
}
