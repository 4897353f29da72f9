use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::audit::Beliefs;
use crate::call::Call;
use crate::client::Client;
use crate::knobs::Settings;
use crate::log::Log;
use crate::report::{Durations, Report};
use crate::timeline::Moment;
use crate::{Error, Options, Progress, Scenario, parallel, script};

/// What a simulation carries along: the connection, and who is told how far it is.
pub struct Run<'a> {
    pub client: Client,
    pub options: &'a Options,
    pub settings: Settings,
    pub scenario: &'static str,
    pub differences: Vec<crate::Difference>,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl<'a> Run<'a> {
    pub fn new(
        options: &'a Options,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> Result<Self, Error> {
        if options.users == 0 {
            return Err(Error::NoUsers);
        }
        let settings = Settings::new(options.kind, &options.knobs)?;
        let client = Client::new(options, &settings)?;
        Ok(Run { client, options, settings, scenario: "", differences: Vec::new(), progress })
    }

    /// Makes sure that something answers and knows the token, before anything is counted.
    pub async fn reach(&mut self) -> Result<(), Error> {
        self.begin("reach");
        self.client.sign_in().await?;
        let probe = Call::query("/Users").with("startIndex", 1).with("count", 1).verifying();
        let Some(answer) = self.client.send(probe).await else {
            let reason = self.client.log().faults.first().map(|fault| fault.got.clone());
            let reason = reason.unwrap_or_default();
            return Err(Error::Unreachable { url: self.options.url.clone(), reason });
        };
        if matches!(answer.status, 401 | 403) {
            let detail = answer.body.as_ref().and_then(|body| body["detail"].as_str());
            let detail = detail.unwrap_or("no reason given").to_owned();
            return Err(Error::Credentials { status: answer.status, detail });
        }
        Ok(())
    }

    pub fn begin(&mut self, scenario: &'static str) {
        self.scenario = scenario;
        self.client.log().scenario = scenario;
    }

    /// Does `work` for every item, as many at once as the options say, and tells how far it is.
    pub async fn each<T, R, F, Fut>(&self, step: &'static str, items: Vec<T>, work: F) -> Vec<R>
    where
        F: Fn(T) -> Fut,
        Fut: Future<Output = R>,
    {
        let total = items.len();
        let done = AtomicUsize::new(0);
        let scenario = self.scenario;
        let tell = |done| (self.progress)(Progress { scenario, step, done, total });
        if total > 0 {
            tell(0);
        }
        let limit = self.options.parallel.clamp(1, 256);
        self.client.log().timeline.begin(total);
        let enter = |lane| self.client.log().timeline.enter(lane);
        let results = parallel::map(limit, items, enter, |item| {
            let work = work(item);
            let (done, tell) = (&done, &tell);
            async move {
                let result = work.await;
                tell(done.fetch_add(1, Ordering::Relaxed) + 1);
                result
            }
        });
        let results = results.await;
        self.client.log().timeline.end(limit);
        results
    }

    /// The simulation's own time.
    pub fn now(&self) -> Moment {
        self.client.log().timeline.now()
    }

    /// Lets the simulation's own time pass.
    pub fn pass(&self, time: Moment) {
        self.client.log().timeline.pass(time);
    }

    pub async fn into_report(
        self,
        chosen: &[Scenario],
        beliefs: &Beliefs,
        started: Instant,
    ) -> Report {
        let took = started.elapsed();
        // Reading for the script is not part of it.
        let mut log = std::mem::replace(&mut *self.client.log(), Log::new(false));
        let state = match self.options.script {
            true => script::read_state(&self).await,
            false => Vec::new(),
        };
        log.sent.sort_by_key(|sent| sent.place);
        let mut report = Report {
            kind: self.options.kind,
            url: self.options.url.clone(),
            seed: self.options.seed,
            scenarios: chosen.iter().map(|scenario| scenario.name).collect(),
            users: beliefs.users.len(),
            groups: beliefs.groups.len(),
            seconds: took.as_secs_f64(),
            total: log.requests.values().flat_map(|statuses| statuses.values()).sum(),
            verification: log.verification,
            requests: log.requests,
            durations: Durations::of(log.micros),
            changes: log.changes,
            throttled: log.throttled,
            troubles: log.troubles,
            outages: log.outages,
            quarantines: log.quarantines,
            clock_ms: log.timeline.now(),
            faults: log.faults,
            differences: self.differences,
            sent: log.sent,
            believed: beliefs.believed(),
            script: None,
        };
        if self.options.script {
            report.script = Some(script::write(&report, self.options, &self.client, state));
        }
        report
    }
}
