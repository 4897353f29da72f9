//! What is written down, and what becomes of it when it is sent again.

use simulate::{Kind, Options, Report, Troubled};

use crate::reference::{self, Flaw};

async fn record(kind: Kind, seed: u64, parallel: usize, troubles: &[&str]) -> Report {
    let url = reference::start(None).await;
    let troubles = troubles.iter().map(|text| text.parse::<Troubled>().expect("it is right"));
    let options = Options {
        users: 15,
        groups: 4,
        seed,
        parallel,
        script: true,
        troubles: troubles.collect(),
        ..Options::new(kind, url, reference::TOKEN)
    };
    simulate::run(options, |_| ()).await.expect("the simulation begins")
}

fn script(report: Report) -> String {
    assert!(report.passed(), "{report}");
    report.script.expect("it was asked for")
}

/// The same seed sends the same requests, byte for byte, whatever ids, ports and times the server gives.
#[tokio::test]
async fn the_same_seed_gives_the_same_script() {
    for kind in Kind::ALL {
        let one = script(record(kind, 7, 1, &["lost=15", "throttled=20"]).await);
        let other = script(record(kind, 7, 1, &["lost=15", "throttled=20"]).await);
        if let Some((one, other)) = one.lines().zip(other.lines()).find(|(one, other)| one != other)
        {
            panic!("{kind:?}\n{one}\n{other}");
        }
        assert_eq!(one, other);
        assert_ne!(one, script(record(kind, 8, 1, &[]).await), "another seed");
    }
}

/// How many requests are under way at once does not change what is sent, only when.
#[tokio::test]
async fn requests_at_once_change_nothing() {
    for kind in [Kind::Entra, Kind::Okta] {
        let requests = |report: Report| -> Vec<String> {
            let own = |sent: &simulate::Sent| (sent.scenario, sent.request.method.clone());
            report.sent.iter().map(|sent| format!("{:?}", own(sent))).collect()
        };
        let one = requests(record(kind, 3, 1, &[]).await);
        let several = requests(record(kind, 3, 6, &[]).await);
        assert_eq!(one, several, "{kind:?}");
    }
}

/// A script sent to a fresh server meets the same answers and leaves the same behind, troubles included.
#[tokio::test]
async fn a_replay_ends_the_same() {
    for kind in Kind::ALL {
        let script =
            script(record(kind, 5, 4, &["lost=12", "repeated=14", "bad-gateway=17"]).await);
        assert!(script.contains("\"{user-1}\"") || script.contains("/{user-1}"), "{kind:?}");
        let url = reference::start(None).await;
        let replayed = simulate::replay(&script, &url, reference::TOKEN, |_, _| ()).await;
        let replayed = replayed.expect("it can be replayed");
        assert!(replayed.passed(), "{kind:?}: {replayed}");
        assert!(replayed.requests > 100 && replayed.left_out > 0 && replayed.resources > 10);
    }
}

/// The token is in no script.
#[tokio::test]
async fn no_script_holds_the_token() {
    let script = script(record(Kind::Okta, 1, 1, &[]).await);
    assert!(!script.contains(reference::TOKEN));
    assert!(!script.contains("127.0.0.1"), "nor the address");
    assert!(
        script
            .lines()
            .skip(1)
            .all(|line| line.starts_with("{\"at_ms\"") || line.starts_with("{\"held\""))
    );
}

#[tokio::test]
async fn a_replay_notices_another_server() {
    let script = script(record(Kind::Entra, 5, 4, &[]).await);
    let url = reference::start(Some(Flaw::EmptiesGroupOnRemove)).await;
    let replayed = simulate::replay(&script, &url, reference::TOKEN, |_, _| ()).await;
    let replayed = replayed.expect("it can be replayed");
    assert!(!replayed.passed());
    let text = replayed.to_string();
    assert!(
        text.contains("difference {group-") && text.ends_with("differences at the end"),
        "{text}"
    );
}
