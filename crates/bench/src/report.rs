//! What was measured, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::database::Database;
use crate::directory::{BULK, PAGE};
use crate::load::Samples;
use crate::operations::{AIM_SHARING, EMBEDDED, Layout, Operation, SHARED, Sharing};

const AIM_GROUPS: f64 = 1.5;

pub struct Report {
    layout: &'static Layout,
    pub plan: Vec<(&'static str, String)>,
    /// Every operation of every round.
    pub rounds: Vec<BTreeMap<Operation, Samples>>,
    /// The same of what several servers do together, where they can.
    pub sharing: Vec<BTreeMap<Sharing, Samples>>,
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
    pub fn new(database: &Database, plan: Vec<(&'static str, String)>) -> Self {
        Self { layout: Layout::of(database), plan, ..Self::default() }
    }

    /// The middle round's rate.
    fn rate(&self, operation: Operation) -> f64 {
        middle(self.rounds.iter().map(|round| round[&operation].rate()).collect(), |rate| *rate)
    }

    /// The middle one of the rounds' ratios: both sides of a ratio were measured a moment apart.
    fn ratio(&self, operation: Operation, floor: Operation) -> f64 {
        let ratio = |round: &BTreeMap<_, Samples>| round[&operation].rate() / round[&floor].rate();
        middle(self.rounds.iter().map(ratio).collect(), |ratio| *ratio)
    }

    /// The middle rates of one process and of two, and the middle one of the rounds' ratios.
    fn shared(&self, operation: Operation, directories: usize) -> [f64; 3] {
        let rate = |round: &BTreeMap<_, Samples>, processes| {
            round[&Sharing { operation, directories, processes }].rate()
        };
        let all = |of: &dyn Fn(&BTreeMap<_, Samples>) -> f64| {
            middle(self.sharing.iter().map(of).collect(), |value| *value)
        };
        let ratio = |round: &_| rate(round, 2) / rate(round, 1);
        [all(&|round| rate(round, 1)), all(&|round| rate(round, 2)), all(&ratio)]
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
        let titles: Vec<String> =
            self.layout.columns.iter().map(|column| format!("{:<20}", column.title)).collect();
        let titles = titles.concat();
        line(format!(
            "{:<36}{:>12}{:>11}{:>11}{:>11}  {}",
            "",
            "requests/s",
            "p50",
            "p95",
            "p99",
            titles.trim_end()
        ));
        for row in self.layout.rows {
            let [p50, p95, p99] = self.latencies(row.operation).map(milliseconds);
            let ratios: Vec<String> = row
                .floors
                .iter()
                .map(|floor| {
                    let text = floor.as_ref().map_or(String::new(), |floor| {
                        share(self.ratio(row.operation, floor.operation), floor.aim)
                    });
                    format!("{text:<20}")
                })
                .collect();
            let rate = self.rate(row.operation);
            let text = format!(
                "{:<36}{rate:>12.0}{p50:>11}{p95:>11}{p99:>11}  {}",
                row.title,
                ratios.concat()
            );
            line(text.trim_end().to_owned());
        }
        if !self.sharing.is_empty() {
            line(String::new());
            line(format!(
                "{:<36}{:>12}{:>15}  ratio",
                "servers on one database", "one process", "two processes"
            ));
            for (operation, directories, title, _) in SHARED {
                let [one, two, ratio] = self.shared(operation, directories);
                let ratio = share(ratio, Some(AIM_SHARING));
                line(format!("{title:<36}{one:>12.0}{two:>15.0}  {ratio}"));
            }
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
        let aims = self.layout.aims.as_ref();
        let of_aim = |value, aim: Option<f64>| aim.map_or(String::new(), |aim| at_most(value, aim));
        let aim = aims.map(|aims| aims.ready_ms);
        line(format!("ready on an empty store: {ready:.1} ms{}", of_aim(ready, aim)));
        let loaded = format!("with {} users", self.loaded_users);
        for (title, memory, aim) in [
            ("idle".to_owned(), self.idle_memory, aims.map(|aims| aims.idle_mb)),
            (loaded, self.loaded_memory, aims.map(|aims| aims.loaded_mb)),
        ] {
            let text = memory.map_or("unknown".to_owned(), |bytes| {
                let megabytes = megabytes(bytes);
                format!("{megabytes:.1} MB{}", of_aim(megabytes, aim))
            });
            line(format!("resident {title}: {text}"));
        }
        out
    }

    pub fn json(&self) -> Value {
        let plan: BTreeMap<_, _> = self.plan.iter().map(|(key, value)| (*key, value)).collect();
        let mut operations = serde_json::Map::new();
        for row in self.layout.rows {
            let requests: usize =
                self.rounds.iter().map(|round| round[&row.operation].latencies.len()).sum();
            let mut entry = json!({
                "requests": requests,
                "per_second": rounded(self.rate(row.operation)),
                "latency_ms": latency_json(self.latencies(row.operation)),
            });
            for (column, floor) in self.layout.columns.iter().zip(row.floors) {
                if let Some(floor) = floor {
                    entry[column.key] = rounded(self.ratio(row.operation, floor.operation));
                }
            }
            operations.insert(row.key.to_owned(), entry);
        }
        let mut sharing = serde_json::Map::new();
        for (operation, directories, _, key) in SHARED {
            if self.sharing.is_empty() {
                break;
            }
            let [one, two, ratio] = self.shared(operation, directories).map(rounded);
            let entry = json!({ "one_process": one, "two_processes": two, "ratio": ratio });
            sharing.insert(key.to_owned(), entry);
        }
        json!({
            "plan": plan,
            "operations": operations,
            "sharing": sharing,
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

impl Default for Report {
    fn default() -> Self {
        Self {
            layout: &EMBEDDED,
            plan: Vec::new(),
            rounds: Vec::new(),
            sharing: Vec::new(),
            ready: Duration::ZERO,
            idle_memory: None,
            loaded_users: 0,
            loaded_memory: None,
            large_group: 0,
            small_patch: Samples::default(),
            large_patch: Samples::default(),
            index_pages: Samples::default(),
            cursor_pages: Samples::default(),
            bulk: Samples::default(),
            one_by_one: Samples::default(),
        }
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
    use crate::operations::Operation::*;

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

    fn samples(count: u64) -> Samples {
        let latencies = vec![Duration::from_millis(2); count as usize];
        Samples { latencies, elapsed: Duration::from_secs(1) }
    }

    #[test]
    fn a_report_on_postgres_shows_both_floors_and_what_servers_share() {
        let rates = [
            (BareHttp, 1000),
            (OneRow, 1000),
            (SameRows, 400),
            (SameRowsAtBest, 500),
            (BareLookUp, 500),
            (BareLookUpAtBest, 1000),
            (Create, 240),
            (LookUp, 400),
            (GetById, 500),
            (Patch, 200),
            (AddMember, 300),
        ];
        let shared = [(Create, 1, 100), (Create, 2, 90), (GetById, 1, 100), (GetById, 2, 120)]
            .into_iter()
            .flat_map(|(operation, processes, rate)| {
                [1, 2].map(|directories| {
                    (Sharing { operation, directories, processes }, samples(rate))
                })
            });
        let database = Database::Postgres("postgres://localhost/bench".to_owned());
        let report = Report {
            rounds: vec![rates.into_iter().map(|(o, rate)| (o, samples(rate))).collect()],
            sharing: vec![shared.collect()],
            ..Report::new(&database, Vec::new())
        };
        let table = report.table();
        assert!(table.contains("0.60 (aim 0.5)      0.48 (missed 0.5)   0.24"), "{table}");
        assert!(table.contains("90  0.90 (missed 1)"), "{table}");
        let json = report.json();
        assert_eq!(json["operations"]["get"]["of_bare_at_best"], 0.5);
        assert_eq!(json["operations"]["get"].get("of_bare_one_row"), None);
        assert_eq!(json["sharing"]["get_in_two_directories"]["ratio"], 1.2);
    }

    #[test]
    fn a_report_shows_ratios_and_missed_aims() {
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
        assert!(table.contains("0.25                0.50 (aim 0.35)     0.25"), "{table}");
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
