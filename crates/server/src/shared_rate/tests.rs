//! Simulated processes with clocks of their own, and one row.

use store::rate_limits::{Slice, Taken};

use super::{Share, Step};

const MS: i64 = 1_000;
const BURST: i64 = 2_000 * MS;

/// What `store::rate_limits::take` does.
fn take((latest, earned_at): &mut (i64, i64), slice: &Slice) -> Taken {
    if *earned_at > slice.now.max(*latest) + slice.burst - slice.lasts {
        return Taken::Nothing { latest: *latest, earned_at: *earned_at };
    }
    *latest = slice.now.max(*latest);
    *earned_at = slice.now.max(*earned_at) + slice.lasts;
    Taken::All { latest: *latest }
}

/// A process: how far its clock is from the true time, and what it waits for.
struct Process {
    share: Share,
    skew: i64,
    /// When the store is reached, when the answer is there, and what was asked for.
    fetching: Option<(i64, i64, u32, Slice, Option<Taken>)>,
}

/// What a simulated directory was allowed.
struct Let {
    in_all: i64,
    refused: i64,
    /// The most that was let in beyond what had been earned by then.
    beyond: i64,
}

/// Runs for so many milliseconds; `load` says how many requests come to a process in one of them.
fn run(rate: u32, skews: &[i64], length: i64, load: impl Fn(usize, i64) -> u32) -> Let {
    let start = 1_700_000_000_000 * MS;
    let mut row = (0, 0);
    let mut random = 88_172_645_463_325_252_u64;
    let mut processes: Vec<Process> = skews
        .iter()
        .map(|&skew| Process { share: Share::default(), skew, fetching: None })
        .collect();
    let mut admitted = Let { in_all: 0, refused: 0, beyond: i64::MIN };
    for ms in 0..length {
        for (number, process) in processes.iter_mut().enumerate() {
            let now = start + ms * MS + process.skew;
            if let Some((reached, answered, requests, slice, taken)) = &mut process.fetching {
                if ms >= *reached && taken.is_none() {
                    *taken = Some(take(&mut row, slice));
                }
                if ms >= *answered
                    && let Some(taken) = *taken
                {
                    process.share.answered(*requests, slice, taken, now);
                    process.fetching = None;
                }
            }
            for _ in 0..load(number, ms) {
                if process.fetching.is_some() {
                    break;
                }
                match process.share.step(rate, now) {
                    Step::Granted => admitted.in_all += 1,
                    Step::Refused(wait) => {
                        let most = 1_000_000 / i64::from(rate) + 100 * MS;
                        assert!((1..=most).contains(&(wait.as_micros() as i64)), "{wait:?}");
                        admitted.refused += 1;
                    }
                    Step::Fetch(requests, slice) => {
                        // Xorshift: the way there and the way back take up to 16 ms each.
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        let reached = ms + (random % 16) as i64;
                        let answered = reached + (random >> 32) as i64 % 16;
                        process.fetching = Some((reached, answered, requests, slice, None));
                    }
                }
            }
            let earned = i64::from(rate) * ms / 1_000;
            admitted.beyond = admitted.beyond.max(admitted.in_all - earned);
        }
    }
    admitted
}

/// Saturated in many ways: the rate and one burst, whoever answers the requests.
#[test]
fn together_processes_let_in_the_rate_and_no_more() {
    let seconds = 20;
    type Load = fn(usize, i64) -> u32;
    let loads: [(&str, Load); 5] = [
        ("all on one", |process, _| 5 * u32::from(process == 0)),
        ("evenly", |_, _| 5),
        ("unevenly", |process, _| if process == 0 { 5 } else { 1 }),
        ("each for a second", |process, ms| 5 * u32::from(ms / 1_000 % 3 == process as i64)),
        ("in gusts", |process, ms| 400 * u32::from(ms % 40 == process as i64)),
    ];
    let skews: [&[i64]; 4] = [
        &[0],
        &[0, 0, 0],
        // Clocks that differ by less and by more than a burst, days included.
        &[-700 * MS, 0, 400 * MS],
        &[0, -3_600_000 * MS, 90_000_000 * MS],
    ];
    for rate in [1, 3, 25, 100, 999, 2_000] {
        for skews in skews {
            for (name, load) in loads {
                let what = format!("{rate} a second, {name}, clocks {skews:?}");
                if skews.len() == 1 && name.starts_with("each") {
                    continue;
                }
                let admitted = run(rate, skews, seconds * 1_000, load);
                let rate = i64::from(rate);
                let differ = skews.iter().any(|skew| *skew != 0);
                // A burst, one more where clocks differ, and the millisecond that has begun.
                let most = rate * BURST / 1_000_000 * (1 + i64::from(differ)) + rate / 1_000 + 1;
                assert!(admitted.beyond <= most, "{what}: {} of {most} beyond", admitted.beyond);
                let least = rate * seconds * 8 / 10;
                assert!(admitted.in_all >= least, "{what}: {} of {least}", admitted.in_all);
            }
        }
    }
}

/// Whoever stays below the rate is not refused, wherever the requests go and whatever the clocks say.
#[test]
fn below_the_rate_nobody_is_refused() {
    for (skews, refused) in [(&[0, 0, 0][..], 0), (&[0, -5_000 * MS, 5_000 * MS], 0)] {
        // 90 a second at 100, to one process after another.
        let load =
            |process: usize, ms: i64| u32::from(ms % 11 == 0 && (ms / 11) % 3 == process as i64);
        let admitted = run(100, skews, 60_000, load);
        assert!(admitted.refused <= refused, "{skews:?}: {}", admitted.refused);
        assert!(admitted.in_all > 4_000, "{skews:?}: {}", admitted.in_all);
    }
}

/// A clock that is set back does not lock anybody out.
#[test]
fn a_clock_that_is_set_back_refuses_nobody_for_longer_than_a_slice() {
    let mut share = Share::default();
    let mut row = (0, 0);
    let mut now = 1_000_000 * MS;
    let mut admitted = 0;
    for ms in 0..20_000 {
        now += MS;
        if ms == 10_000 {
            now -= 3_600_000 * MS;
        }
        match share.step(100, now) {
            Step::Granted => admitted += 1,
            Step::Refused(_) => {}
            Step::Fetch(requests, slice) => {
                let taken = take(&mut row, &slice);
                share.answered(requests, &slice, taken, now);
            }
        }
    }
    assert!((1_900..=2_400).contains(&admitted), "{admitted}");
}
