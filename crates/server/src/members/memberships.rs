//! Who joins and leaves a team, where that is all that comes of it: by the number of those who do, not
//! of those who are in it.

use store::{
    events::{Kind, NewEvent},
    teams::LinkedUser,
};

use super::world::World;

impl World<'_> {
    /// Takes users of a group into its team and out of it. Those whose members are other users as
    /// well are not dealt with: they are put into the queue.
    pub async fn change_team(
        &mut self,
        directory_id: &str,
        group_id: &str,
        added: &[&str],
        removed: &[&str],
    ) -> Result<Vec<NewEvent>, store::Error> {
        let mut events = Vec::new();
        for (kind, users) in [(Kind::TeamMemberAdded, added), (Kind::TeamMemberRemoved, removed)] {
            let mut users = self.organization.linked_users(directory_id, group_id, users).await?;
            users.sort_by(|a, b| a.member_id.cmp(&b.member_id));
            for user in users {
                if user.links > 1 {
                    self.queue.insert(user.member_id);
                    continue;
                }
                let Some(team_id) = user.team_id.as_deref() else { continue };
                match (kind, user.is_in_team) {
                    (Kind::TeamMemberAdded, false) => {
                        self.organization.join_team(team_id, &user.member_id).await?;
                    }
                    (Kind::TeamMemberRemoved, true) => {
                        self.organization.leave_team(team_id, &user.member_id).await?;
                    }
                    _ => continue,
                }
                events.extend(event(kind, team_id, &user));
            }
        }
        Ok(events)
    }
}

/// Whom the product does not know yet makes none.
fn event(kind: Kind, team_id: &str, user: &LinkedUser) -> Option<NewEvent> {
    user.is_settled.then(|| NewEvent {
        kind,
        member_id: Some(user.member_id.clone()),
        team_id: Some(team_id.into()),
        before: None,
        after: None,
    })
}
