//! Cycle after cycle in a time of its own.

use std::sync::Mutex;

use simulate::{CycleLine, Kind, Options, Pace};

use crate::reference::{self, Flaw};

async fn cycles(kind: Kind, flaw: Option<Flaw>, pace: Pace) -> (simulate::Report, Vec<CycleLine>) {
    let url = reference::start(flaw).await;
    let options = Options { users: 30, groups: 4, ..Options::new(kind, url, reference::TOKEN) };
    let lines = Mutex::new(Vec::new());
    let told = |line: &CycleLine| lines.lock().expect("no holder panics").push(line.clone());
    let never = std::future::pending();
    let report = simulate::run_cycles(options, pace, never, |_| (), told).await;
    (report.expect("it begins"), lines.into_inner().expect("no holder panics"))
}

#[tokio::test]
async fn changes_arrive_with_every_cycle() {
    for kind in Kind::ALL {
        let pace = Pace { speed: 1_000_000, cycles: Some(8) };
        let (report, lines) = cycles(kind, None, pace).await;
        assert!(report.passed(), "{report}");
        assert_eq!(lines.len(), 8);
        let numbers: Vec<u32> = lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
        // Forty minutes from one to the next, however long they took.
        for pair in lines.windows(2) {
            assert!(pair[1].at_ms - pair[0].at_ms >= 40 * 60_000, "{pair:?}");
            assert!(pair[1].changes > 0 && pair[1].requests > 0, "{pair:?}");
        }
        assert!(report.users > 30, "somebody joined: {report}");
        assert!(report.changes.users_deactivated + report.changes.users_deleted > 0, "{report}");
        assert!(lines[1].to_string().starts_with("cycle 2    00:4"), "{}", lines[1]);
    }
}

#[tokio::test]
async fn stops_when_told() {
    let url = reference::start(None).await;
    let options = Options::new(Kind::Entra, url, reference::TOKEN);
    // At this pace the second cycle is forty minutes away.
    let pace = Pace { speed: 1, cycles: None };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let stop = Mutex::new(Some(stop));
    let told = |_: &CycleLine| {
        let stop = stop.lock().expect("no holder panics").take().expect("it is the only cycle");
        stop.send(()).expect("somebody listens");
    };
    let stopped = async { stopped.await.unwrap_or_default() };
    let report = simulate::run_cycles(options, pace, stopped, |_| (), told).await;
    assert!(report.expect("it begins").passed());
}

/// E-114: a server that fails for a moment is found again by a later cycle, without anybody's help.
#[tokio::test]
async fn e_114_a_server_that_comes_back_is_found_again() {
    let pace = Pace { speed: 1_000_000, cycles: Some(6) };
    let (report, lines) = cycles(Kind::Entra, Some(Flaw::FailsForAMoment), pace).await;
    assert!(report.differences.is_empty(), "{report}");
    assert!(lines.iter().any(|line| line.failed > 0), "{lines:?}");
    assert_eq!(lines.last().map(|line| line.failed), Some(0), "{lines:?}");
}
