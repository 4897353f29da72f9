//! The outbox: one mail for each member and kind, and each step taken once.

mod fresh;

use store::{
    Error, Tx,
    enrolment::{self, Enrolment, Policy},
    mail::{self, Content, ENROLMENT, Mail, NewMail, Outcome, State},
    organizations::{self, Organization},
};

fn new(id: &str, member_id: &str, now: i64) -> NewMail {
    NewMail {
        id: id.into(),
        kind: ENROLMENT,
        member_id: member_id.into(),
        recipient: format!("{member_id}@example.com"),
        content: Content { name: Some("Ines \"O\"".into()), locale: Some("de-CH".into()) },
        now,
    }
}

async fn organization(tx: &mut Tx, slug: &str) -> Result<(), Error> {
    let organization = Organization {
        id: format!("org-{slug}"),
        slug: slug.into(),
        name: slug.into(),
        created_at: 1,
    };
    organizations::create(tx, &organization).await
}

fn ids(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|mail| &*mail.id).collect()
}

#[tokio::test]
async fn a_member_is_written_to_once() {
    let store = fresh::open().await;
    store
        .administer::<_, Error, _>(async |tx: &mut Tx| {
            organization(tx, "a").await?;
            organization(tx, "b").await?;
            assert!(mail::enqueue(tx, "org-a", &new("m1", "ines", 10)).await?);
            assert!(!mail::enqueue(tx, "org-a", &new("m2", "ines", 11)).await?, "has one");
            assert!(mail::enqueue(tx, "org-b", &new("m3", "ines", 9)).await?, "of another");
            assert!(mail::enqueue(tx, "org-a", &new("m4", "mira", 12)).await?);

            assert_eq!(mail::due(tx, 8, 9).await?, []);
            assert_eq!(ids(&mail::due(tx, 11, 9).await?), ["m3", "m1"], "in the order of time");
            assert_eq!(ids(&mail::due(tx, 20, 1).await?), ["m3"]);
            let stored = mail::get(tx, "m1").await?.unwrap();
            assert_eq!(stored.content, new("m1", "ines", 10).content);
            assert_eq!(
                (stored.state, stored.attempts, stored.due_at),
                (State::Queued, 0, Some(10))
            );

            assert_eq!(mail::claim(tx, "org-a", "m1").await?, Some(1));
            assert_eq!(mail::claim(tx, "org-a", "m1").await?, None, "claimed");
            assert_eq!(mail::claim(tx, "org-a", "m3").await?, None, "not its organization");
            let begun = mail::due(tx, 20, 9).await?;
            assert_eq!(ids(&begun), ["m3", "m1", "m4"], "who sends it may be gone");
            assert!(!mail::again(tx, &begun[1], 30).await?, "it is being sent");
            let sent = Outcome::Sent { at: 21 };
            assert!(mail::settle(tx, "org-a", "m1", State::Sending, &sent).await?);
            assert!(!mail::settle(tx, "org-a", "m1", State::Sending, &sent).await?);
            assert_eq!(ids(&mail::due(tx, 99, 9).await?), ["m3", "m4"]);
            assert!(!mail::enqueue(tx, "org-a", &new("m5", "ines", 22)).await?, "also once sent");
            let sent = mail::get(tx, "m1").await?.unwrap();
            assert_eq!((sent.state, sent.due_at, sent.sent_at), (State::Sent, None, Some(21)));
            assert!(!mail::again(tx, &sent, 30).await?, "sent is sent");
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn what_went_wrong_is_kept_and_can_be_tried_again() {
    let store = fresh::open().await;
    store
        .administer::<_, Error, _>(async |tx: &mut Tx| {
            organization(tx, "a").await?;
            mail::enqueue(tx, "org-a", &new("m1", "ines", 10)).await?;
            let refused = |due_at| Outcome::Refused { problem: "451 later".into(), due_at };
            assert!(mail::settle(tx, "org-a", "m1", State::Queued, &refused(50)).await?);
            assert_eq!(mail::claim(tx, "org-a", "m1").await?, Some(2), "both were attempts");
            assert!(!mail::settle(tx, "org-a", "m1", State::Queued, &refused(50)).await?);
            assert!(mail::settle(tx, "org-a", "m1", State::Sending, &refused(60)).await?);
            assert_eq!(mail::due(tx, 59, 9).await?, []);
            let waiting = mail::due(tx, 60, 9).await?.remove(0);
            assert_eq!((waiting.attempts, waiting.problem.as_deref()), (2, Some("451 later")));
            mail::note(tx, "org-a", "m1", "no answer").await?;
            assert_eq!(mail::get(tx, "m1").await?.unwrap().problem.unwrap(), "no answer");

            for (outcome, state) in [
                (Outcome::Unknown { problem: "lost".into() }, State::Unknown),
                (Outcome::Failed { problem: "550 no".into() }, State::Failed),
            ] {
                mail::claim(tx, "org-a", "m1").await?.unwrap();
                assert!(mail::settle(tx, "org-a", "m1", State::Sending, &outcome).await?);
                assert_eq!(mail::due(tx, i64::MAX, 9).await?, [], "nobody sends it by itself");
                assert_eq!(mail::claim(tx, "org-a", "m1").await?, None);
                let ended = mail::get(tx, "m1").await?.unwrap();
                assert_eq!(ended.state, state);
                assert!(mail::again(tx, &ended, 70).await?);
                assert!(!mail::again(tx, &ended, 70).await?, "it is queued already");
                let queued = mail::due(tx, 70, 9).await?.remove(0);
                assert_eq!((queued.state, queued.attempts), (State::Queued, 0));
            }
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn mails_are_listed_by_organization_and_state() {
    let store = fresh::open().await;
    store
        .administer::<_, Error, _>(async |tx: &mut Tx| {
            organization(tx, "a").await?;
            organization(tx, "b").await?;
            for (id, of, now) in [("m1", "org-a", 1), ("m2", "org-b", 2), ("m3", "org-a", 3)] {
                mail::enqueue(tx, of, &new(id, id, now)).await?;
            }
            let failed = Outcome::Failed { problem: "550 no".into() };
            mail::settle(tx, "org-a", "m1", State::Queued, &failed).await?;
            assert_eq!(ids(&mail::list(tx, None, None, 9).await?), ["m3", "m2", "m1"]);
            assert_eq!(ids(&mail::list(tx, None, None, 2).await?), ["m3", "m2"]);
            assert_eq!(ids(&mail::list(tx, Some("org-a"), None, 9).await?), ["m3", "m1"]);
            let queued = Some(State::Queued);
            assert_eq!(ids(&mail::list(tx, None, queued, 9).await?), ["m3", "m2"]);
            assert_eq!(ids(&mail::list(tx, Some("org-a"), queued, 9).await?), ["m3"]);
            organizations::delete(tx, "a", 9).await?;
            assert_eq!(ids(&mail::list(tx, None, None, 9).await?), ["m2"]);
            assert_eq!(mail::get(tx, "m1").await?, None);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn an_organization_sets_its_enrolment() {
    let store = fresh::open().await;
    store
        .administer::<_, Error, _>(async |tx: &mut Tx| {
            organization(tx, "a").await?;
            assert_eq!(enrolment::get(tx, "org-a").await?, Enrolment::default());
            let link = Some("https://app.example.com".to_owned());
            let set = Enrolment { policy: Policy::Creation, link, ..Enrolment::default() };
            enrolment::set(tx, "org-a", &set).await?;
            assert_eq!(enrolment::get(tx, "org-a").await?, set);
            enrolment::set(tx, "org-a", &Enrolment::default()).await?;
            assert_eq!(enrolment::get(tx, "org-a").await?, Enrolment::default());
            assert!(organizations::settings(tx, "org-a").await?.is_empty());
            let odd = Some(serde_json::json!({"policy": 7}));
            organizations::set_setting(tx, "org-a", enrolment::SETTING, odd).await?;
            let error = enrolment::get(tx, "org-a").await.unwrap_err();
            assert!(matches!(error, Error::Corrupt { table: "organization", .. }), "{error}");
            Ok(())
        })
        .await
        .unwrap();
}
