//! Sends the mails that wait in the store.
//!
//! At most once by itself: that a mail is being sent is stored after the mail server has asked for the
//! message and before the first byte of it goes out. A mail that is found in that state by who did not
//! begin it may have arrived: it becomes `unknown`, and an operator decides. Everything before is
//! tried again. Why: `docs/decisions/0013-enrolment-mail-at-most-once.md`.

pub mod message;
pub mod smtp;
pub mod template;
pub mod text;

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use store::{
    Tx,
    enrolment::{Enrolment, Policy},
    mail::{Circumstances, ENROLMENT, Mail, Outcome, State},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};

use crate::{
    background::{Done, Held},
    clock,
};
use message::{Letter, address};
use smtp::{Refusal, Relay, Session};
use template::{Values, one_line};
use text::{Compiled, choose};

/// How often mails are looked for.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long after each attempt the next one follows, where the mail server refused a mail for now.
/// After the last there is none.
pub const RETRIES: [Duration; 9] = {
    const fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }
    const HOUR: u64 = 60;
    [
        minutes(1),
        minutes(5),
        minutes(30),
        minutes(2 * HOUR),
        minutes(6 * HOUR),
        minutes(12 * HOUR),
        minutes(24 * HOUR),
        minutes(24 * HOUR),
        minutes(24 * HOUR),
    ]
};

/// Connections to the mail server at a time. Some allow no more than three.
const CONNECTIONS: u32 = 2;

/// Mails that are looked at together.
const BATCH: i64 = 200;

/// The pause after the mail server could not be used: at first, and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long it is tried to store what became of a mail.
const PATIENCE: Duration = Duration::from_secs(120);
const TRY_EVERY: Duration = Duration::from_millis(500);

/// What sends mails: one for each process; of several processes, the one with the lease does.
pub struct Outbox {
    relay: Option<Relay>,
    /// A permit for each connection. What is being sent goes on when its run has ended.
    connections: Arc<Semaphore>,
    is_stopping: AtomicBool,
    seen: Mutex<Seen>,
}

/// What is known of the mail server.
#[derive(Default)]
struct Seen {
    is_missing_said: bool,
    /// Since it could not be used: until when it is not tried, and the pause that led there.
    pause: Option<(Instant, Duration)>,
}

/// What a run has still to send.
#[derive(Default)]
struct Queue(Mutex<VecDeque<Mail>>);

impl Queue {
    fn next(&self) -> Option<Mail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Clears the queue when the run ends, also when it is ended: connections finish the mail that they
/// are at, and no other.
struct Run(Arc<Queue>);

impl Drop for Run {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// How a connection goes on after a mail.
#[derive(PartialEq, Eq)]
enum Next {
    Mail,
    Pause,
}

impl Outbox {
    /// Without a mail server, mails wait.
    pub fn new(relay: Option<Relay>) -> Self {
        Self {
            relay,
            connections: Arc::new(Semaphore::new(CONNECTIONS as usize)),
            is_stopping: AtomicBool::new(false),
            seen: Mutex::default(),
        }
    }

    /// Begins no further mail, and waits for those that are being sent.
    pub async fn finish(&self, patience: Duration) {
        self.is_stopping.store(true, Ordering::Relaxed);
        if timeout(patience, self.connections.acquire_many(CONNECTIONS)).await.is_err() {
            tracing::warn!("a mail is still being sent: whether it arrives will not be known");
        }
    }

    /// Sends what is due.
    pub async fn run(self: Arc<Self>, held: Held) -> Done {
        // What an earlier run of this process has begun is finished before anybody can be thought to
        // have left it.
        let Ok(all) = self.connections.acquire_many(CONNECTIONS).await else { return Ok(()) };
        drop(all);
        let now = clock::now();
        let due =
            held.store.look_up(async move |tx: &mut Tx| store::mail::due(tx, now, BATCH).await);
        let due: Vec<Mail> = due.await?;
        let (queued, begun): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|mail| mail.state == State::Queued);
        for mail in begun {
            let problem = "the process that sent it ended before the mail server answered".into();
            settle(&held, &mail, State::Sending, Outcome::Unknown { problem }).await?;
        }
        if queued.is_empty() || self.is_stopping.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.relay.is_none() {
            if !mem::replace(&mut self.seen().is_missing_said, true) {
                tracing::warn!(
                    "mails wait: no mail server is set (--smtp-url and --mail-from of serve)"
                );
            }
            return Ok(());
        }
        if self.seen().pause.is_some_and(|(until, _)| Instant::now() < until) {
            return Ok(());
        }
        let lanes = queued.len().min(CONNECTIONS as usize);
        let queue = Arc::new(Queue(Mutex::new(queued.into())));
        let _run = Run(Arc::clone(&queue));
        let mut sending = Vec::new();
        for _ in 0..lanes {
            let Ok(permit) = Arc::clone(&self.connections).acquire_owned().await else { break };
            let (outbox, queue, held) = (Arc::clone(&self), Arc::clone(&queue), held.clone());
            // A task of its own: a mail that was begun is finished, whatever becomes of the run.
            sending.push(tokio::spawn(async move {
                let sent = outbox.send_all(&queue, &held).await;
                drop(permit);
                sent
            }));
        }
        let mut result = Ok(());
        for task in sending {
            match task.await {
                Ok(sent) => result = result.and(sent),
                Err(error) => tracing::error!(%error, "sending mails failed"),
            }
        }
        result
    }

    /// Sends what is queued over one connection, one mail after another.
    async fn send_all(&self, queue: &Queue, held: &Held) -> Done {
        let Some(relay) = &self.relay else { return Ok(()) };
        let mut session = None;
        let mut result = Ok(());
        while !self.is_stopping.load(Ordering::Relaxed)
            && let Some(mail) = queue.next()
        {
            match self.send(relay, &mut session, held, &mail).await {
                Ok(Next::Mail) => {}
                Ok(Next::Pause) => queue.clear(),
                Err(error) => {
                    queue.clear();
                    result = Err(error);
                }
            }
        }
        if let Some(session) = session {
            session.close().await;
        }
        result
    }

    async fn send(
        &self,
        relay: &Relay,
        open: &mut Option<Session>,
        held: &Held,
        mail: &Mail,
    ) -> Result<Next, store::Error> {
        let about = mail.clone();
        let circumstances: Circumstances = held
            .store
            .look_up(async move |tx: &mut Tx| store::mail::circumstances(tx, &about).await)
            .await?;
        let now = clock::now();
        let (to, message) = match write(relay, mail, circumstances, now) {
            Ok(written) => written,
            Err(problem) => {
                settle(held, mail, State::Queued, Outcome::Failed { problem }).await?;
                return Ok(Next::Mail);
            }
        };
        let mut session = match self.offer(relay, open.take(), &to).await {
            Ok(session) => session,
            Err(Refusal::Server(problem)) => {
                self.begin_pause(&problem);
                if mail.problem.as_deref() != Some(&*problem) {
                    let (organization_id, id) = (mail.organization_id.clone(), mail.id.clone());
                    held.write(async move |tx: &mut Tx| {
                        store::mail::note(tx, &organization_id, &id, &problem).await
                    })
                    .await?;
                }
                return Ok(Next::Pause);
            }
            Err(refusal) => {
                let outcome = became(refusal, mail.attempts + 1, now);
                settle(held, mail, State::Queued, outcome).await?;
                return Ok(Next::Mail);
            }
        };
        let (organization_id, id) = (mail.organization_id.clone(), mail.id.clone());
        let claimed = held
            .write(async move |tx: &mut Tx| store::mail::claim(tx, &organization_id, &id).await);
        // Not ours any more: the mail server waits for a message that does not come.
        let Some(attempts) = claimed.await? else { return Ok(Next::Mail) };
        let outcome = match session.transmit(&message).await {
            Ok(_) => {
                *open = Some(session);
                Outcome::Sent { at: clock::now() }
            }
            Err(refusal) => became(refusal, attempts, clock::now()),
        };
        settle(held, mail, State::Sending, outcome).await?;
        Ok(Next::Mail)
    }

    /// A connection on which the mail server waits for the message. A connection that has been used
    /// may have ended meanwhile; then a new one is made.
    async fn offer(
        &self,
        relay: &Relay,
        open: Option<Session>,
        to: &lettre::Address,
    ) -> Result<Session, Refusal> {
        let mut open = open;
        loop {
            let mut session = match open.take() {
                Some(session) => session,
                None => Session::open(relay).await.map_err(Refusal::Server)?,
            };
            match session.offer(&relay.from.email, to).await {
                Ok(()) => {
                    self.end_pause();
                    return Ok(session);
                }
                Err(Refusal::Ended(_) | Refusal::Server(_)) if session.is_used => {}
                Err(refusal) => {
                    session.close().await;
                    return Err(refusal);
                }
            }
        }
    }

    fn begin_pause(&self, problem: &str) {
        let mut seen = self.seen();
        let pause = match seen.pause {
            None => {
                let problem = without_addresses(problem);
                tracing::warn!(problem, "mails wait: the mail server cannot be used");
                PAUSE
            }
            // The other connection has met it as well.
            Some((until, _)) if Instant::now() < until => return,
            Some((_, pause)) => (pause * 2).min(LONGEST_PAUSE),
        };
        seen.pause = Some((Instant::now() + pause, pause));
    }

    fn end_pause(&self) {
        if self.seen().pause.take().is_some() {
            tracing::info!("mails are sent again: the mail server can be used");
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What follows from a refusal at an attempt.
fn became(refusal: Refusal, attempts: i64, now: i64) -> Outcome {
    match refusal {
        Refusal::Never(problem) => Outcome::Failed { problem },
        Refusal::Unanswered(problem) => Outcome::Unknown { problem },
        Refusal::Later(problem) | Refusal::Ended(problem) | Refusal::Server(problem) => {
            let wait = usize::try_from(attempts - 1).ok().and_then(|past| RETRIES.get(past));
            match wait {
                Some(wait) => Outcome::Refused {
                    problem,
                    due_at: now + i64::try_from(wait.as_micros()).unwrap_or(i64::MAX - now),
                },
                None => Outcome::Failed {
                    problem: format!("given up after {attempts} attempts: {problem}"),
                },
            }
        }
    }
}

/// Stores what became of a mail, and says it where that is no success. What the mail server has answered
/// is not thrown away because the store is away for a moment.
async fn settle(held: &Held, mail: &Mail, from: State, outcome: Outcome) -> Done {
    let begun = Instant::now();
    loop {
        let (organization_id, id) = (mail.organization_id.clone(), mail.id.clone());
        let kept = outcome.clone();
        let settled = held.write(async move |tx: &mut Tx| {
            store::mail::settle(tx, &organization_id, &id, from, &kept).await
        });
        match settled.await {
            Ok(_) => break,
            Err(store::Error::Unavailable(_)) if begun.elapsed() < PATIENCE => {
                sleep(TRY_EVERY).await;
            }
            Err(error) => return Err(error),
        }
    }
    let (problem, said) = match &outcome {
        Outcome::Sent { .. } => return Ok(()),
        Outcome::Refused { problem, .. } => (problem, "a mail was refused for now"),
        Outcome::Failed { problem } => (problem, "a mail cannot be sent"),
        Outcome::Unknown { problem } => {
            (problem, "a mail may have arrived or not: `headcount mail send-again` sends it again")
        }
    };
    tracing::warn!(
        mail.id = mail.id,
        organization.id = mail.organization_id,
        problem = without_addresses(problem),
        "{said}"
    );
    Ok(())
}

/// A problem as it may stand in the log.
fn without_addresses(problem: &str) -> String {
    let words = problem.split(' ').map(|word| if word.contains('@') { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// The mail as it goes out now, and to whom; or why it does not.
fn write(
    relay: &Relay,
    mail: &Mail,
    circumstances: Circumstances,
    now: i64,
) -> Result<(lettre::Address, Vec<u8>), String> {
    let Circumstances { organization, settings, member_state } = circumstances;
    if mail.kind != ENROLMENT {
        return Err(format!("this version knows no mail of the kind `{}`", mail.kind));
    }
    let organization = organization.ok_or("the organization is deleted")?;
    let enrolment = Enrolment::of(&settings)?;
    if enrolment.policy == Policy::Off {
        return Err("the organization's enrolment mail is switched off".into());
    }
    if let Some(state) = member_state.filter(|state| state != "active") {
        return Err(format!("the member is {state}"));
    }
    let to = address(&mail.recipient).ok_or("mail cannot be sent to an address of this form")?;
    let (language, text) = choose(&enrolment, mail.content.locale.as_deref());
    let text = Compiled::new(&text)
        .map_err(|problem| format!("the text in the language `{language}`: {problem}"))?;
    let name = mail.content.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    let organization = one_line(&organization);
    let values = Values {
        name: name.clone().unwrap_or_else(|| mail.recipient.trim().to_owned()),
        organization: organization.clone(),
        link: enrolment.link.unwrap_or_default(),
    };
    let sender = enrolment.sender.or_else(|| relay.from.name.clone()).unwrap_or(organization);
    let letter = Letter {
        id: &mail.id,
        from: &relay.from.email,
        sender: &sender,
        to: to.clone(),
        name: name.as_deref(),
        language: &language,
        text: &text,
        values: &values,
        now,
    };
    Ok((to, letter.compose()?))
}

/// Sends a mail that says that mails can be sent; the mail server's answer.
pub async fn test(relay: &Relay, to: &str, id: &str, now: i64) -> Result<String, String> {
    let to = address(to).ok_or_else(|| format!("`{to}` is no address that mail can be sent to"))?;
    let text = store::enrolment::Text {
        subject: "Test mail of Headcount".into(),
        text: "Hello\n\nThis mail was sent by `headcount mail test`: the settings work.".into(),
    };
    let text = Compiled::new(&text).map_err(|error| error.to_string())?;
    let values = Values { name: String::new(), organization: String::new(), link: String::new() };
    let letter = Letter {
        id,
        from: &relay.from.email,
        sender: relay.from.name.as_deref().unwrap_or("Headcount"),
        to: to.clone(),
        name: None,
        language: "en",
        text: &text,
        values: &values,
        now,
    };
    let message = letter.compose()?;
    let mut session = Session::open(relay).await?;
    let told = |refusal| match refusal {
        Refusal::Server(why)
        | Refusal::Ended(why)
        | Refusal::Later(why)
        | Refusal::Never(why)
        | Refusal::Unanswered(why) => why,
    };
    session.offer(&relay.from.email, &to).await.map_err(told)?;
    let answer = session.transmit(&message).await.map_err(told)?;
    session.close().await;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schedule that is published in `docs/guides/enrolment-mail.md`.
    #[test]
    fn refused_mails_are_tried_again_by_the_schedule() {
        let later = || Refusal::Later("451 later".into());
        let minutes = [1, 5, 30, 120, 360, 720, 1_440, 1_440, 1_440];
        for (past, minutes) in minutes.into_iter().enumerate() {
            let attempts = i64::try_from(past).unwrap() + 1;
            let due_at = 7 + minutes * 60_000_000;
            let refused = Outcome::Refused { problem: "451 later".into(), due_at };
            assert_eq!(became(later(), attempts, 7), refused);
        }
        let Outcome::Failed { problem } = became(later(), 10, 7) else { panic!("tried for ever") };
        assert_eq!(problem, "given up after 10 attempts: 451 later");
        let failed = Outcome::Failed { problem: "550 no".into() };
        assert_eq!(became(Refusal::Never("550 no".into()), 1, 7), failed);
        let unknown = Outcome::Unknown { problem: "lost".into() };
        assert_eq!(became(Refusal::Unanswered("lost".into()), 1, 7), unknown);
    }

    #[test]
    fn the_log_has_no_addresses() {
        let problem = "550 5.1.1 <ines@example.com>: no such user";
        assert_eq!(without_addresses(problem), "550 5.1.1 … no such user");
    }
}
