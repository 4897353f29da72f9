//! Who joins and leaves a team, where that is all that comes of it: by the number of those who do, not
//! of those who are in it.

use std::collections::BTreeSet;

use store::{
    events::{Kind, NewEvent},
    teams::LinkedUser,
};

use super::world::World;

impl World<'_> {
    /// Takes users of a directory into a team and out of it. Those whose members are other users as
    /// well are not dealt with: they are put into the queue.
    pub async fn change_team(
        &mut self,
        directory_id: &str,
        team_id: &str,
        added: &[&str],
        removed: &[&str],
    ) -> Result<Vec<NewEvent>, store::Error> {
        let mut events = Vec::new();
        let (joining, leaving) =
            (self.alone(directory_id, added).await?, self.alone(directory_id, removed).await?);
        let ids = |users: &[LinkedUser]| -> Vec<String> {
            users.iter().map(|user| user.member_id.clone()).collect()
        };
        let (join_ids, leave_ids) = (ids(&joining), ids(&leaving));
        let there = self.in_team(team_id, &join_ids).await?;
        for user in joining.iter().filter(|user| !there.contains(&user.member_id)) {
            self.organization.join_team(team_id, &user.member_id).await?;
            events.extend(event(Kind::TeamMemberAdded, team_id, user));
        }
        let there = self.in_team(team_id, &leave_ids).await?;
        for user in leaving.iter().filter(|user| there.contains(&user.member_id)) {
            self.organization.leave_team(team_id, &user.member_id).await?;
            events.extend(event(Kind::TeamMemberRemoved, team_id, user));
        }
        Ok(events)
    }

    /// The users whose members are nobody else.
    async fn alone(
        &mut self,
        directory_id: &str,
        user_ids: &[&str],
    ) -> Result<Vec<LinkedUser>, store::Error> {
        let mut users = self.organization.linked_users(directory_id, user_ids).await?;
        users.sort_by(|a, b| a.member_id.cmp(&b.member_id));
        let (alone, others): (Vec<_>, Vec<_>) = users.into_iter().partition(|user| user.links == 1);
        self.queue.extend(others.into_iter().map(|user| user.member_id));
        Ok(alone)
    }

    async fn in_team(
        &mut self,
        team_id: &str,
        member_ids: &[String],
    ) -> Result<BTreeSet<String>, store::Error> {
        let ids: Vec<&str> = member_ids.iter().map(String::as_str).collect();
        Ok(self.organization.members_in_team(team_id, &ids).await?.into_iter().collect())
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
