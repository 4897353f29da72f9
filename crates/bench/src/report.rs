//! What was measured, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::Samples;
use crate::measure::{BULK, PAGE};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    BareHttp,
    OneRow,
    SameRows,
    Create,
    LookUp,
    GetById,
    Patch,
    AddMember,
}

use Operation::{AddMember, BareHttp, Create, GetById, LookUp, OneRow, Patch, SameRows};

/// What a floor is compared with, and the ratio that is aimed at.
struct Row {
    operation: Operation,
    key: &'static str,
    title: &'static str,
    of_http: Option<f64>,
    of_same_rows: Option<f64>,
}

const ROWS: [Row; 8] = [
    row(BareHttp, "bare_http", "bare HTTP server, stored document", None, None),
    row(OneRow, "bare_one_row", "bare durable inserts, one row", None, None),
    row(SameRows, "bare_same_rows", "bare durable inserts, a user's rows", None, None),
    row(Create, "create", "create user", None, Some(0.35)),
    row(LookUp, "look_up", "look-up by userName", Some(0.5), None),
    row(GetById, "get", "GET by id", Some(0.7), None),
    row(Patch, "patch", "PATCH, replace title", None, None),
    row(AddMember, "add_member", "PATCH, one member of a group", None, None),
];

const fn row(
    operation: Operation,
    key: &'static str,
    title: &'static str,
    of_http: Option<f64>,
    of_same_rows: Option<f64>,
) -> Row {
    Row { operation, key, title, of_http, of_same_rows }
}

const AIM_GROUPS: f64 = 1.5;
const AIM_READY: Duration = Duration::from_millis(50);
const AIM_IDLE: f64 = 25.0;
const AIM_LOADED: f64 = 64.0;

#[derive(Default)]
pub struct Report {
    pub plan: Vec<(&'static str, String)>,
    /// Every operation of every round.
    pub rounds: Vec<BTreeMap<Operation, Samples>>,
    pub ready: Duration,
    pub idle_memory: Option<u64>,
    pub loaded_users: usize,
    pub loaded_memory: Option<u64>,
    pub large_group: usize,
    pub small_patch: Samples,
    pub large_patch: Samples,
    /// The pages of the list of users, first to last.
    pub index_pages: Samples,
    pub cursor_pages: Samples,
    /// Creating [`BULK`] users, by one request and by as many one after another.
    pub bulk: Samples,
    pub one_by_one: Samples,
}

impl Report {
    /// The middle round's rate.
    fn rate(&self, operation: Operation) -> f64 {
        middle(self.rounds.iter().map(|round| round[&operation].rate()).collect(), |rate| *rate)
    }

    /// The middle one of the rounds' ratios: both sides of a ratio were measured a moment apart.
    fn ratio(&self, operation: Operation, floor: Operation) -> f64 {
        let ratio = |round: &BTreeMap<_, Samples>| round[&operation].rate() / round[&floor].rate();
        middle(self.rounds.iter().map(ratio).collect(), |ratio| *ratio)
    }

    /// p50, p95 and p99 over all rounds.
    fn latencies(&self, operation: Operation) -> [Duration; 3] {
        percentiles(self.rounds.iter().flat_map(|round| &round[&operation].latencies))
    }

    fn groups_ratio(&self) -> f64 {
        let [small, ..] = percentiles(&self.small_patch.latencies);
        let [large, ..] = percentiles(&self.large_patch.latencies);
        large.as_secs_f64() / small.as_secs_f64().max(1e-9)
    }

    fn bulk_ratio(&self) -> f64 {
        let [bulk, ..] = percentiles(&self.bulk.latencies);
        let [single, ..] = percentiles(&self.one_by_one.latencies);
        bulk.as_secs_f64() / single.as_secs_f64().max(1e-9)
    }

    /// What the last tenth of a list's pages cost beside the first, by their p50.
    fn depth_ratio(pages: &Samples) -> f64 {
        let tenth = pages.latencies.len().div_ceil(10);
        let [first, ..] = percentiles(pages.latencies.iter().take(tenth));
        let [last, ..] = percentiles(pages.latencies.iter().rev().take(tenth));
        last.as_secs_f64() / first.as_secs_f64().max(1e-9)
    }

    pub fn table(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| writeln!(out, "{text}").expect("a String takes every write");
        for (name, value) in &self.plan {
            line(format!("{name}: {value}"));
        }
        line(String::new());
        line(format!(
            "{:<36}{:>12}{:>11}{:>11}{:>11}  {:<19}{:<19}{}",
            "", "requests/s", "p50", "p95", "p99", "of bare HTTP", "of user's rows", "of one row"
        ));
        for row in &ROWS {
            let [p50, p95, p99] = self.latencies(row.operation).map(milliseconds);
            let against = |floor, aim| share(self.ratio(row.operation, floor), aim);
            let [of_http, of_same_rows, of_one_row] = match row.operation {
                BareHttp | OneRow | SameRows => Default::default(),
                // Reads store nothing: only writes stand beside the inserts.
                LookUp | GetById => [against(BareHttp, row.of_http), String::new(), String::new()],
                Create | Patch | AddMember => [
                    against(BareHttp, row.of_http),
                    against(SameRows, row.of_same_rows),
                    against(OneRow, None),
                ],
            };
            line(
                format!(
                    "{:<36}{:>12.0}{p50:>11}{p95:>11}{p99:>11}  {of_http:<19}{of_same_rows:<19}{of_one_row}",
                    row.title,
                    self.rate(row.operation),
                )
                .trim_end()
                .to_owned(),
            );
        }
        line(String::new());
        for (title, samples) in [
            ("add a member to a group of 10".to_owned(), &self.small_patch),
            (format!("add a member to a group of {}", self.large_group), &self.large_patch),
        ] {
            let [p50, p95, p99] = percentiles(&samples.latencies).map(milliseconds);
            line(format!("{title:<48}{p50:>11}{p95:>11}{p99:>11}"));
        }
        let ratio = self.groups_ratio();
        line(format!("  ratio of both p50: {ratio:.2}{}", at_most(ratio, AIM_GROUPS)));
        for (method, pages) in [("index", &self.index_pages), ("cursor", &self.cursor_pages)] {
            let [p50, p95, p99] = percentiles(&pages.latencies).map(milliseconds);
            let title = format!("list {PAGE} of {} users by {method}", self.loaded_users);
            line(format!("{title:<48}{p50:>11}{p95:>11}{p99:>11}"));
            line(format!("  last tenth beside first, p50: {:.2}", Self::depth_ratio(pages)));
        }
        for (how, samples) in
            [("by one Bulk request", &self.bulk), ("one after another", &self.one_by_one)]
        {
            let [p50, p95, p99] = percentiles(&samples.latencies).map(milliseconds);
            let title = format!("create {BULK} users {how}");
            line(format!("{title:<48}{p50:>11}{p95:>11}{p99:>11}"));
        }
        line(format!("  ratio of both p50: {:.2}", self.bulk_ratio()));
        let ready = self.ready.as_secs_f64() * 1e3;
        let aim = AIM_READY.as_secs_f64() * 1e3;
        line(format!("ready on an empty store: {ready:.1} ms{}", at_most(ready, aim)));
        for (title, memory, aim) in [
            ("idle".to_owned(), self.idle_memory, AIM_IDLE),
            (format!("with {} users", self.loaded_users), self.loaded_memory, AIM_LOADED),
        ] {
            let text = memory.map_or("unknown".to_owned(), |bytes| {
                let megabytes = megabytes(bytes);
                format!("{megabytes:.1} MB{}", at_most(megabytes, aim))
            });
            line(format!("resident {title}: {text}"));
        }
        out
    }

    pub fn json(&self) -> Value {
        let plan: BTreeMap<_, _> = self.plan.iter().map(|(key, value)| (*key, value)).collect();
        let mut operations = serde_json::Map::new();
        for row in &ROWS {
            let requests: usize =
                self.rounds.iter().map(|round| round[&row.operation].latencies.len()).sum();
            let mut entry = json!({
                "requests": requests,
                "per_second": rounded(self.rate(row.operation)),
                "latency_ms": latency_json(self.latencies(row.operation)),
            });
            if !matches!(row.operation, BareHttp | OneRow | SameRows) {
                entry["of_bare_http"] = rounded(self.ratio(row.operation, BareHttp));
                entry["of_bare_same_rows"] = rounded(self.ratio(row.operation, SameRows));
                entry["of_bare_one_row"] = rounded(self.ratio(row.operation, OneRow));
            }
            operations.insert(row.key.to_owned(), entry);
        }
        json!({
            "plan": plan,
            "operations": operations,
            "one_member_patch": {
                "small_group": 10,
                "small_latency_ms": latency_json(percentiles(&self.small_patch.latencies)),
                "large_group": self.large_group,
                "large_latency_ms": latency_json(percentiles(&self.large_patch.latencies)),
                "ratio": rounded(self.groups_ratio()),
            },
            "list": {
                "page": PAGE,
                "index_latency_ms": latency_json(percentiles(&self.index_pages.latencies)),
                "index_depth_ratio": rounded(Self::depth_ratio(&self.index_pages)),
                "cursor_latency_ms": latency_json(percentiles(&self.cursor_pages.latencies)),
                "cursor_depth_ratio": rounded(Self::depth_ratio(&self.cursor_pages)),
            },
            "bulk": {
                "users": BULK,
                "latency_ms": latency_json(percentiles(&self.bulk.latencies)),
                "one_by_one_latency_ms": latency_json(percentiles(&self.one_by_one.latencies)),
                "ratio": rounded(self.bulk_ratio()),
            },
            "ready_ms": rounded(self.ready.as_secs_f64() * 1e3),
            "resident_mb": {
                "idle": self.idle_memory.map(|bytes| rounded(megabytes(bytes))),
                "loaded": self.loaded_memory.map(|bytes| rounded(megabytes(bytes))),
                "loaded_users": self.loaded_users,
            },
        })
    }
}

/// The middle value by `key`; the upper one of two. The default of an empty list.
pub fn middle<T: Default>(mut values: Vec<T>, key: impl Fn(&T) -> f64) -> T {
    values.sort_by(|a, b| key(a).total_cmp(&key(b)));
    let at = values.len() / 2;
    values.into_iter().nth(at).unwrap_or_default()
}

fn percentiles<'a>(latencies: impl IntoIterator<Item = &'a Duration>) -> [Duration; 3] {
    let mut sorted: Vec<Duration> = latencies.into_iter().copied().collect();
    sorted.sort_unstable();
    // Nearest rank: the smallest value that at least this share of the values does not exceed.
    [50, 95, 99].map(|percent| {
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    })
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn share(ratio: f64, aim: Option<f64>) -> String {
    match aim {
        Some(aim) if ratio < aim => format!("{ratio:.2} (missed {aim})"),
        Some(aim) => format!("{ratio:.2} (aim {aim})"),
        None => format!("{ratio:.2}"),
    }
}

fn at_most(value: f64, aim: f64) -> String {
    format!(" ({} {aim})", if value > aim { "missed" } else { "aim" })
}

fn latency_json([p50, p95, p99]: [Duration; 3]) -> Value {
    let value = |time: Duration| rounded(time.as_secs_f64() * 1e3);
    json!({ "p50": value(p50), "p95": value(p95), "p99": value(p99) })
}

/// Three decimals are more than a run repeats.
fn rounded(value: f64) -> Value {
    json!((value * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_take_the_nearest_rank() {
        let hundred: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentiles(&hundred), [50, 95, 99].map(Duration::from_millis));
        assert_eq!(percentiles(&hundred[..1]), [1, 1, 1].map(Duration::from_millis));
        assert_eq!(percentiles(&[]), [Duration::ZERO; 3]);
    }

    #[test]
    fn the_middle_round_counts() {
        assert_eq!(middle(vec![3.0, 1.0, 2.0], |v| *v), 2.0);
        assert_eq!(middle(Vec::<f64>::new(), |v| *v), 0.0);
    }

    #[test]
    fn a_report_shows_ratios_and_missed_aims() {
        let samples = |count: u64| Samples {
            latencies: vec![Duration::from_millis(2); count as usize],
            elapsed: Duration::from_secs(1),
        };
        let rates = [
            (BareHttp, 1000),
            (OneRow, 1000),
            (SameRows, 500),
            (Create, 250),
            (LookUp, 400),
            (GetById, 800),
            (Patch, 200),
            (AddMember, 300),
        ];
        let report = Report {
            rounds: vec![rates.into_iter().map(|(o, rate)| (o, samples(rate))).collect()],
            idle_memory: Some(30_000_000),
            small_patch: samples(3),
            large_patch: samples(3),
            ..Report::default()
        };
        let table = report.table();
        assert!(table.contains("0.25               0.50 (aim 0.35)    0.25"), "{table}");
        assert!(table.contains("0.40 (missed 0.5)"), "{table}");
        assert!(table.contains("resident idle: 30.0 MB (missed 25)"), "{table}");
        let json = report.json();
        assert_eq!(json["operations"]["get"]["of_bare_http"], 0.8);
        assert_eq!(json["one_member_patch"]["ratio"], 1.0);
        let pages: Vec<_> = (1..=20).map(Duration::from_millis).collect();
        let pages = Samples { latencies: pages, elapsed: Duration::from_secs(1) };
        assert_eq!(Report::depth_ratio(&pages), 19.0);
    }
}
