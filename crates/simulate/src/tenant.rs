//! A source directory in the caller's hands: what happens to its people and groups is said one by one, and the service
//! pushes it as it does of its own. For watching what a server makes of a single step.

use std::time::Instant;

use crate::audit;
use crate::cycles::{CycleLine, Service, Stirred};
use crate::directory::{Bin, Directory, Person};
use crate::report::Report;
use crate::run::Run;
use crate::timeline::MINUTE;
use crate::{Error, Kind, Options, Scenario};

/// What happens to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act<'t> {
    Assign,
    Unassign,
    /// The account is switched off at the source. Other services than Entra unassign such people.
    Disable,
    Enable,
    /// A scoping filter leaves them out. Elsewhere they leave the group by which they were assigned.
    LeaveScope,
    ReturnToScope,
    /// Into the recycle bin. Elsewhere they are deactivated.
    Delete,
    Restore,
    /// For good. Only Entra says so: elsewhere, whoever was not deactivated before is.
    Purge,
    /// Another address, or none.
    Mail(&'t str),
    /// Another family name, and with it another user name and address.
    Marry,
}

/// A service with the directory that it pushes. Nothing is pushed before [`sync`](Tenant::sync); people and groups
/// are named by their places, which they keep.
pub struct Tenant<'a, 'r> {
    service: Service<'a, 'r>,
    stirred: Stirred,
    cycles: u32,
}

/// Lets `drive` steer a directory of as many people and groups as the options say, then reads everything back.
/// The options' scenarios do not count.
pub async fn steer<T>(
    options: Options,
    drive: impl AsyncFnOnce(&mut Tenant<'_, '_>) -> T,
) -> Result<(T, Report), Error> {
    let started = Instant::now();
    let mut run = Run::new(&options, &|_| {})?;
    run.reach().await?;
    run.begin("steered");
    let service = Service::new(&mut run);
    let mut tenant = Tenant { service, stirred: Stirred::default(), cycles: 0 };
    let done = drive(&mut tenant).await;
    let beliefs = tenant.service.into_beliefs().await;
    run.client.troubles().quiet();
    audit::read_back(&mut run, &beliefs).await;
    let chosen = [Scenario { name: "steered", description: "" }];
    Ok((done, run.into_report(&chosen, &beliefs, started).await))
}

impl Tenant<'_, '_> {
    /// Pushes what happened since the last time; at first, everybody and every group.
    pub async fn sync(&mut self) -> CycleLine {
        let stirred = std::mem::take(&mut self.stirred);
        let (run, _) = self.service.parts();
        run.pass(40 * MINUTE);
        self.cycles += 1;
        self.service.push(self.cycles, stirred).await
    }

    fn source(&mut self) -> &mut Directory {
        self.service.parts().1
    }

    fn kind(&mut self) -> Kind {
        self.service.parts().0.options.kind
    }

    /// The name that a person signs in with.
    pub fn user_name(&mut self, place: usize) -> String {
        self.source().people[place].clean_user_name()
    }

    pub fn mail(&mut self, place: usize) -> String {
        self.source().people[place].mail.clone()
    }

    pub fn group_name(&mut self, group: usize) -> String {
        self.source().groups[group].name.clone()
    }

    /// Whether a person is in a group at the source.
    pub fn is_in(&mut self, group: usize, place: usize) -> bool {
        self.source().groups[group].members.contains(&place)
    }

    /// Lets something happen to a person.
    pub fn act(&mut self, place: usize, act: Act<'_>) {
        let is_entra = self.kind() == Kind::Entra;
        let source = self.source();
        match act {
            Act::LeaveScope if is_entra => source.leave_out(place),
            _ => source.change(place, |person| befall(person, act, is_entra)),
        }
        let stirred = &mut self.stirred;
        match act {
            Act::Unassign | Act::Disable | Act::LeaveScope | Act::Delete => {
                stirred.left.push(place);
            }
            Act::Assign | Act::Enable | Act::ReturnToScope | Act::Restore => {
                stirred.back.push(place);
            }
            Act::Purge => {}
            Act::Mail(_) | Act::Marry => stirred.updated.push(place),
        }
    }

    /// Somebody joins. They have no group yet.
    pub fn hire(&mut self, tag: &str) -> usize {
        let drafted = self.source().draft_people(1, tag);
        self.join(drafted)
    }

    /// Somebody joins who has the names of another who is gone.
    pub fn hire_namesake(&mut self, place: usize) -> usize {
        let namesake = Person { assigned: true, ..self.source().people[place].namesake() };
        self.join(vec![namesake])
    }

    fn join(&mut self, people: Vec<Person>) -> usize {
        let hired = self.source().hire(people);
        let place = hired.first().copied().expect("one person was hired");
        self.stirred.hired.push(place);
        place
    }

    /// Somebody else deletes a person's account on the server, and the service comes to know of it when it assigns them
    /// next.
    pub async fn delete_behind(&mut self, place: usize) {
        self.service.forget(place).await;
    }

    pub fn join_group(&mut self, group: usize, place: usize) {
        self.source().change_group(group, |group| group.members.insert(place));
        self.stirred.groups.push(group);
    }

    pub fn leave_group(&mut self, group: usize, place: usize) {
        self.source().change_group(group, |group| group.members.remove(&place));
        self.stirred.groups.push(group);
    }

    pub fn rename_group(&mut self, group: usize, name: &str) {
        self.source().change_group(group, |group| group.name = name.to_owned());
        self.stirred.renamed.push(group);
    }

    /// Ends a group, at the source and on the server.
    pub fn delete_group(&mut self, group: usize) {
        self.source().change_group(group, |group| group.assigned = false);
        self.stirred.deleted.push(group);
    }

    /// Ends the push of a group. Okta leaves it on the server; others delete it.
    pub fn unlink_group(&mut self, group: usize) {
        if self.kind() != Kind::Okta {
            return self.delete_group(group);
        }
        self.source().change_group(group, |group| group.assigned = false);
        self.stirred.unlinked.push(group);
    }

    /// Begins the push of a group again.
    pub fn push_group(&mut self, group: usize) {
        self.source().change_group(group, |group| group.assigned = true);
    }
}

fn befall(person: &mut Person, act: Act<'_>, is_entra: bool) {
    match act {
        Act::Assign => person.assigned = true,
        Act::Unassign => person.assigned = false,
        Act::Enable | Act::ReturnToScope | Act::Restore if !is_entra => person.assigned = true,
        Act::Disable | Act::LeaveScope | Act::Delete | Act::Purge if !is_entra => {
            person.assigned = false;
        }
        Act::Enable => person.enabled = true,
        Act::Disable => person.enabled = false,
        // Whether a filter leaves them out is looked at with every change.
        Act::LeaveScope | Act::ReturnToScope => {}
        Act::Delete => person.bin = Bin::In,
        Act::Restore => person.bin = Bin::Out,
        Act::Purge => person.bin = Bin::Purged,
        Act::Mail(mail) => person.mail = mail.to_owned(),
        Act::Marry => person.marry(),
    }
}
