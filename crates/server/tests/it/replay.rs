//! What identity providers send, and what they must be answered: one file per case of
//! `fixtures/idp/<provider>`, each on a directory of its own. `HEADCOUNT_REPLAY=E-80` runs one.

mod case;
mod coverage;
mod matching;
mod run;

use std::sync::Arc;

use reqwest::redirect::Policy;
use serde_json::Value;

use crate::harness::{TestServer, in_parallel};
use case::Case;
pub use case::{files as case_files, number_of};
pub use coverage::not_replayed;
use run::Run;

/// S-341, S-342, S-343, S-344, S-346, S-348.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case() {
    let cases = Arc::new(Case::read_all());
    let server = Arc::new(TestServer::start().await);
    // No header is sent that the file does not name, but for `Accept: */*`; a redirect is an answer
    // like any other.
    let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    // The organization exists before several ask for it at once.
    server.directory("generic", 0).await;
    let failures = in_parallel(cases.len(), 4, {
        let cases = cases.clone();
        move |at| {
            let (server, cases, http) = (server.clone(), cases.clone(), http.clone());
            async move {
                let (provider, case) = &cases[at];
                failures(provider, case, &server, &http).await
            }
        }
    })
    .await
    .concat();
    let count = failures.len();
    assert!(failures.is_empty(), "{count} runs failed:\n\n{}", failures.join("\n\n"));
}

/// Runs the case once, or once for every element of `each` on the same directory, emptied between.
async fn failures(
    provider: &str,
    case: &Case,
    server: &Arc<TestServer>,
    http: &reqwest::Client,
) -> Vec<String> {
    let kind = if ["entra", "okta"].contains(&provider) { provider } else { "generic" };
    let directory = server.directory(kind, case.setup.rate_limit).await;
    let once = [Value::Null];
    let mut failures = Vec::new();
    for (at, each) in if case.each.is_empty() { &once[..] } else { &case.each }.iter().enumerate() {
        let mut run = Run::new(http.clone(), server.clone(), directory.clone(), each);
        let emptied = if at == 0 { Ok(()) } else { run.empty_directory().await };
        let played = match emptied {
            Ok(()) => run.play(case).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = played {
            let variant = if each.is_null() { "".into() } else { format!(" with {each}") };
            failures.push(format!("{}{variant}\n  {problem}", case.case));
        }
    }
    failures
}
