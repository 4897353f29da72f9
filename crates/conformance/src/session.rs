//! A run: discovery, every check, and cleaning up.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Error, Options, PREFIX, Progress,
    answer::Answer,
    check::{Check, Outcome, Stop, Verdict},
    checks,
    connection::{Call, Connection, encode, locked},
    invent,
    report::{self, Failure, Left, Report},
    target::{ENTERPRISE, Feature, PATCH_OP, Target, USER},
};

/// What the checks work with.
pub struct Session {
    pub connection: Connection,
    pub target: Target,
    /// Only checks that write nothing run.
    pub read_only: bool,
    /// The random word of this run.
    run: String,
    number: AtomicU64,
}

/// A resource that the run created.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: String,
    /// Below the base URL.
    pub path: String,
    /// The answer to its creation.
    pub answer: Answer,
}

pub async fn run(
    options: Options,
    progress: impl Fn(Progress),
    stop: impl Future<Output = ()>,
) -> Result<Report, Error> {
    let start = Instant::now();
    let chosen = chosen(&options)?;
    let connection = Connection::new(&options)?;
    locked(&connection.ledger).base = connection.base().to_owned();
    let target = Target::discover(&connection).await?;
    let session = Session {
        connection,
        target,
        read_only: options.read_only,
        run: invent::word(),
        number: AtomicU64::new(0),
    };
    let mut results = Vec::new();
    let total = chosen.len();
    let all = async {
        for (done, check) in chosen.iter().enumerate() {
            progress(Progress { done, total, title: check.title });
            locked(&session.connection.steps).clear();
            let verdict = (check.run)(&session).await;
            results.push(session.judged(check, verdict));
            session.tidy().await;
        }
    };
    let interrupted = tokio::select! {
        () = all => false,
        () = stop => true,
    };
    progress(Progress { done: total, total, title: "deleting what was created" });
    let left = session.leave().await;
    let counts = Report::count(&results);
    let connection = &session.connection;
    Ok(Report {
        url: connection.base().to_owned(),
        server: session.target.server(),
        seconds: start.elapsed().as_secs_f64(),
        requests: connection.requests.load(Ordering::Relaxed),
        throttled: connection.throttled.load(Ordering::Relaxed),
        interrupted,
        passed: counts.must.fail == 0,
        counts,
        results,
        left,
    })
}

/// The checks that the options ask for.
fn chosen(options: &Options) -> Result<Vec<Check>, Error> {
    let all = checks::all();
    for wanted in &options.only {
        if !all.iter().any(|check| check.is(wanted)) {
            return Err(Error::Unknown(wanted.clone()));
        }
    }
    let asked = |check: &Check| options.only.is_empty() || options.only.iter().any(|w| check.is(w));
    let allowed = |check: &Check| !options.read_only || !check.writes;
    Ok(all.into_iter().filter(|check| asked(check) && allowed(check)).collect())
}

impl Session {
    fn judged(&self, check: &Check, verdict: Verdict) -> report::Verdict {
        let mut result = report::Verdict {
            name: check.name,
            numbers: check.numbers.split(' ').collect(),
            title: check.title,
            level: check.level,
            source: check.source,
            outcome: Outcome::Pass,
            reason: None,
            failure: None,
        };
        match verdict {
            Ok(()) => {}
            Err(Stop::Skip(reason)) => {
                result.outcome = Outcome::Skip;
                result.reason = Some(reason);
            }
            Err(Stop::Unclear(reason)) => {
                result.outcome = Outcome::Unclear;
                result.reason = Some(reason);
            }
            Err(Stop::Fail(found)) => {
                result.outcome = Outcome::Fail;
                result.level = found.level.map_or(check.level, |level| level.max(check.level));
                let steps = locked(&self.connection.steps);
                let shown_by = found.shown_by;
                let before = steps.iter().take_while(|step| {
                    !shown_by.as_ref().is_some_and(|shown| std::sync::Arc::ptr_eq(step, shown))
                });
                let wrote = |method: &str| !matches!(method, "GET" | "HEAD");
                let before = before.filter(|step| wrote(&step.method));
                let before = before.map(|step| report::Exchange::clone(step)).collect();
                let shown_by = shown_by.as_ref().map(|step| report::Exchange::clone(step));
                result.failure = Some(Failure {
                    expected: found.expected,
                    got: found.got,
                    why: check.why,
                    before,
                    shown_by,
                });
            }
        }
        result
    }

    /// A name that no other resource has.
    pub fn name(&self) -> String {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        format!("{PREFIX}{}-{number}", self.run)
    }

    /// What all names of this run begin with.
    pub fn prefix(&self) -> String {
        format!("{PREFIX}{}-", self.run)
    }

    /// The body of a new user.
    pub fn user(&self) -> Value {
        invent::user(&self.target, &self.name())
    }

    /// The body of a new group.
    pub fn group(&self) -> Value {
        invent::group(&self.target, &self.name())
    }

    pub fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        self.connection.call(method, path)
    }

    pub async fn get(&self, path: impl Into<String>) -> Result<Answer, Stop> {
        self.call(Method::GET, path).send().await
    }

    pub async fn post(&self, path: impl Into<String>, body: &Value) -> Result<Answer, Stop> {
        self.call(Method::POST, path).json(body).send().await
    }

    pub async fn put(&self, path: impl Into<String>, body: &Value) -> Result<Answer, Stop> {
        self.call(Method::PUT, path).json(body).send().await
    }

    pub async fn delete(&self, path: impl Into<String>) -> Result<Answer, Stop> {
        self.call(Method::DELETE, path).send().await
    }

    /// PATCH with these operations, an array.
    pub async fn patch(&self, path: impl Into<String>, operations: Value) -> Result<Answer, Stop> {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        self.call(Method::PATCH, path).json(&body).send().await
    }

    /// PATCH that must succeed, and the resource afterwards, read anew.
    pub async fn patched(&self, made: &Made, operations: Value) -> Result<Answer, Stop> {
        self.patch(&made.path, operations).await?.status(&[200, 204])?;
        self.read(made).await
    }

    /// The resource, read anew.
    pub async fn read(&self, made: &Made) -> Result<Answer, Stop> {
        let answer = self.get(&made.path).await?;
        answer.fine()?;
        Ok(answer)
    }

    /// The path of the users.
    pub fn users(&self) -> &str {
        &self.target.users
    }

    /// The path of the groups.
    pub fn groups(&self) -> Result<&str, Stop> {
        let none = || Stop::Skip("the server announces no groups".to_owned());
        self.target.groups.as_deref().ok_or_else(none)
    }

    /// Creates something that a check needs before it can look at what it is about.
    pub async fn make(&self, endpoint: &str, body: &Value) -> Result<Made, Stop> {
        let answer = self.post(endpoint, body).await?;
        let made = self.made(endpoint, answer);
        made.map_err(|stop| stop.in_the_way("what the check needs cannot be created"))
    }

    /// What a POST created.
    pub fn made(&self, endpoint: &str, answer: Answer) -> Result<Made, Stop> {
        answer.status(&[201])?;
        answer.object()?;
        let Some(id) = answer.at("/id").as_str().filter(|id| !id.is_empty()) else {
            return Err(answer.fail("the new resource with its `id`", "none"));
        };
        let id = id.to_owned();
        Ok(Made { path: format!("{endpoint}/{}", encode(&id)), id, answer })
    }

    pub async fn make_user(&self) -> Result<Made, Stop> {
        self.make(self.users(), &self.user()).await
    }

    /// A user with further attributes, each of which the server must know and keep.
    pub async fn make_user_with(&self, more: Value) -> Result<Made, Stop> {
        let mut body = self.user();
        for (name, value) in more.as_object().into_iter().flatten() {
            self.knows(name)?;
            body[name] = value.clone();
        }
        let made = self.make(self.users(), &body).await?;
        for (name, value) in more.as_object().into_iter().flatten() {
            if made.answer.at(&format!("/{name}")).is_null() && !value.is_null() {
                return Err(Stop::Unclear(format!("the server does not keep `{name}`")));
            }
        }
        Ok(made)
    }

    pub async fn make_group(&self, members: &[&Made]) -> Result<Made, Stop> {
        let mut body = self.group();
        if !members.is_empty() {
            let members = members.iter().map(|member| json!({"value": member.id}));
            body["members"] = members.collect();
        }
        self.make(self.groups()?, &body).await
    }

    /// Skips the check unless the server announces this.
    pub fn need(&self, feature: Feature) -> Verdict {
        if self.target.has(feature) {
            return Ok(());
        }
        let name = feature.name();
        Err(Stop::Skip(match self.target.config.is_null() {
            true => format!("there is no ServiceProviderConfig that announces `{name}`"),
            false => format!("ServiceProviderConfig does not announce `{name}`"),
        }))
    }

    /// Skips the check unless users have this attribute and clients can write it.
    pub fn knows(&self, attribute: &str) -> Verdict {
        if attribute == "externalId" || self.target.knows(USER, attribute) {
            return Ok(());
        }
        Err(Stop::Skip(format!("the server's users have no writable `{attribute}`")))
    }

    /// Skips the check unless users have the enterprise extension.
    pub fn enterprise(&self) -> Verdict {
        if self.target.extends_users(ENTERPRISE) {
            return Ok(());
        }
        Err(Stop::Skip("the server's users have no enterprise extension".to_owned()))
    }

    /// The path of a query.
    pub fn query(&self, endpoint: &str, parameters: &[(&str, &str)]) -> String {
        let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value)));
        format!("{endpoint}?{}", pairs.collect::<Vec<_>>().join("&"))
    }

    /// The users that a filter finds.
    pub async fn filter(&self, filter: &str) -> Result<Answer, Stop> {
        self.get(self.query(self.users(), &[("filter", filter)])).await
    }

    /// That a filter is answered with exactly these users. A refusal is the milder fault, since
    /// the client at least knows.
    pub async fn finds(&self, filter: &str, wanted: &[&Made]) -> Verdict {
        let answer = self.filter(filter).await?;
        self.found(&answer, filter, wanted)
    }

    pub fn found(&self, answer: &Answer, filter: &str, wanted: &[&Made]) -> Verdict {
        if matches!(answer.status, 400 | 403 | 501) {
            let stop = answer.status(&[200]).err();
            return Err(stop
                .map_or(Stop::Unclear(String::new()), |stop| stop.at_level(crate::Level::Should)));
        }
        let got: Vec<&str> = answer.list()?.iter().filter_map(|r| r["id"].as_str()).collect();
        let total = answer.at("/totalResults").as_u64().unwrap_or_default();
        let missing = wanted.iter().filter(|made| !got.contains(&made.id.as_str())).count();
        let strangers = got.iter().filter(|id| !wanted.iter().any(|made| made.id == **id)).count();
        if missing == 0 && strangers == 0 && total == wanted.len() as u64 {
            return Ok(());
        }
        let told = match (missing, strangers) {
            (0, 0) => format!("`totalResults` {total} with the right resources"),
            (missing, 0) => format!("{missing} of the {} are missing", wanted.len()),
            (0, others) => format!("{others} more that do not match"),
            (missing, others) => format!("{missing} missing and {others} that do not match"),
        };
        let expected = match wanted.len() {
            0 => format!("nothing to match `{filter}`"),
            1 => format!("`{filter}` to find exactly the one user it describes"),
            many => format!("`{filter}` to find exactly the {many} users it describes"),
        };
        Err(answer.fail(expected, told))
    }

    /// Deletes what the last check left, so that the server never holds much of it.
    async fn tidy(&self) {
        let remaining = locked(&self.connection.ledger).remaining();
        for path in remaining {
            // Tried once more at the end.
            let _ = self.call(Method::DELETE, path).unobserved().exchange().await;
        }
    }

    /// Deletes everything, asks the server whether it is gone, and tells.
    async fn leave(&self) -> Left {
        if !locked(&self.connection.ledger).wrote {
            return Left { verified: "nothing was written".into(), ..Left::default() };
        }
        self.tidy().await;
        let mut verified = true;
        let mut suspects = Vec::new();
        for (endpoint, attribute) in [
            (Some(self.users().to_owned()), "userName"),
            (self.target.groups.clone(), "displayName"),
        ] {
            let Some(endpoint) = endpoint else { continue };
            match self.sweep(&endpoint, attribute).await {
                Some(found) => suspects.extend(found),
                None => {
                    verified = false;
                    self.look_for_unsure(&endpoint, attribute).await;
                }
            }
        }
        if verified {
            suspects.extend(locked(&self.connection.ledger).remaining());
        } else {
            suspects.extend(locked(&self.connection.ledger).all());
        }
        let mut remaining = Vec::new();
        for path in suspects {
            let answer = self.call(Method::GET, &path).unobserved().exchange().await;
            match answer {
                Ok(answer) if matches!(answer.status, 404 | 410) => {
                    locked(&self.connection.ledger).gone(&path);
                }
                _ if remaining.contains(&path) => {}
                _ => remaining.push(path),
            }
        }
        let ledger = locked(&self.connection.ledger);
        let deleted = ledger.deleted.min(ledger.created.saturating_sub(remaining.len()));
        let verified = match verified {
            true => format!("a search for names that begin with `{}` finds none", self.prefix()),
            false => "each was asked for by its id and is gone".to_owned(),
        };
        Left { created: ledger.created, deleted, remaining, verified }
    }

    /// Finds whatever still bears a name of this run and deletes it; the paths of what is there
    /// even so. `None` where the server cannot search by the beginning of a name.
    async fn sweep(&self, endpoint: &str, attribute: &'static str) -> Option<Vec<String>> {
        let filter = format!("{attribute} sw \"{}\"", self.prefix());
        let path = self.query(endpoint, &[("filter", &filter), ("count", "200")]);
        let mut found = Vec::new();
        // The last time only shows that deleting had its effect.
        for round in 0..3 {
            let answer = self.call(Method::GET, &path).unobserved().exchange().await.ok()?;
            answer.list().ok()?;
            found = self.ours(&answer, endpoint, attribute);
            if found.is_empty() {
                // Others are listed where the filter was not applied.
                return (answer.at("/totalResults") == 0).then_some(found);
            }
            if round < 2 {
                self.remove(found.clone()).await;
            }
        }
        Some(found)
    }

    async fn look_for_unsure(&self, endpoint: &str, attribute: &'static str) {
        let unsure = locked(&self.connection.ledger).unsure.clone();
        for (place, by, name) in unsure {
            if place != endpoint || by != attribute {
                continue;
            }
            let filter = format!("{attribute} eq {}", json!(name));
            let path = self.query(endpoint, &[("filter", &filter)]);
            let answer = self.call(Method::GET, path).unobserved().exchange().await;
            if let Ok(answer) = answer {
                self.remove(self.ours(&answer, endpoint, attribute)).await;
            }
        }
    }

    /// Paths of the listed resources that bear a name of this run.
    fn ours(&self, answer: &Answer, endpoint: &str, attribute: &str) -> Vec<String> {
        let listed = answer.elements("/Resources").into_iter();
        let ours = listed.filter(|resource| {
            let name = resource[attribute].as_str().unwrap_or_default();
            invent::is_invented(name, &self.run)
        });
        let path = |id| format!("{endpoint}/{}", encode(id));
        ours.filter_map(|resource| resource["id"].as_str().map(path)).collect()
    }

    async fn remove(&self, paths: Vec<String>) {
        for path in paths {
            let _ = self.call(Method::DELETE, path).unobserved().exchange().await;
        }
    }
}
