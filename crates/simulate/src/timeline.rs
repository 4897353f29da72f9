//! The simulation's own time, and the order of its requests.
//!
//! Real seconds pass as they like; a simulation that waits six hours for the end of a quarantine does not. Work that is
//! done for many items at once runs in lanes, one per item. Where a request stands is told by its step, its lane and
//! its number in there, none of which depends on how fast the server answers, so that the same seed gives the same
//! script.

/// Milliseconds since the simulation began.
pub type Moment = u64;

pub const SECOND: Moment = 1000;
pub const MINUTE: Moment = 60 * SECOND;
pub const HOUR: Moment = 60 * MINUTE;
pub const DAY: Moment = 24 * HOUR;

/// Where a request stands among all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub step: u32,
    pub lane: u32,
    pub number: u32,
}

impl Place {
    /// A number that looks random and depends on nothing else than the place, the seed and the purpose.
    pub fn draw(self, seed: u64, purpose: u64) -> u64 {
        let words = [seed, purpose, self.step.into(), self.lane.into(), self.number.into()];
        // SplitMix64 over the words.
        words.into_iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, word| {
            let mixed = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        })
    }
}

#[derive(Debug, Default)]
pub struct Timeline {
    /// When the current step began.
    began: Moment,
    step: u32,
    lane: usize,
    lanes: Vec<Lane>,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    passed: Moment,
    requests: u32,
}

impl Timeline {
    pub fn new() -> Self {
        Timeline { lanes: vec![Lane::default()], ..Timeline::default() }
    }

    pub fn now(&self) -> Moment {
        self.began + self.lanes[self.lane].passed
    }

    /// Lets time pass in the current lane.
    pub fn pass(&mut self, time: Moment) {
        self.lanes[self.lane].passed += time;
    }

    pub fn pass_until(&mut self, moment: Moment) {
        self.pass(moment.saturating_sub(self.now()));
    }

    /// The place of the next request.
    pub fn next(&mut self) -> Place {
        let lane = &mut self.lanes[self.lane];
        let number = lane.requests;
        lane.requests += 1;
        Place { step: self.step, lane: self.lane as u32, number }
    }

    /// A step in `lanes` lanes begins. Steps do not nest.
    pub fn begin(&mut self, lanes: usize) {
        self.turn(1);
        self.lanes = vec![Lane::default(); lanes.max(1)];
    }

    pub fn enter(&mut self, lane: usize) {
        self.lane = lane;
    }

    /// The step is over; so many of its lanes were busy at once.
    pub fn end(&mut self, at_once: usize) {
        self.turn(at_once);
    }

    fn turn(&mut self, at_once: usize) {
        let passed = self.lanes.iter().map(|lane| lane.passed);
        let longest = passed.clone().max().unwrap_or_default();
        let shared = passed.sum::<Moment>() / at_once.max(1) as Moment;
        self.began += longest.max(shared);
        self.step += 1;
        self.lane = 0;
        self.lanes = vec![Lane::default()];
    }
}

/// `2 d 06:40:00`, for people.
pub fn clock(moment: Moment) -> String {
    let (days, seconds) = (moment / DAY, moment % DAY / SECOND);
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match days {
        0 => time,
        _ => format!("{days} d {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_share_the_time() {
        let mut line = Timeline::new();
        line.pass(5);
        line.begin(3);
        for lane in [2, 0, 1, 0] {
            line.enter(lane);
            line.pass(10);
        }
        assert_eq!(line.now(), 25);
        line.end(2);
        assert_eq!(line.now(), 25, "forty in two lanes at once");
        line.pass_until(20);
        assert_eq!(line.now(), 25);
        line.pass_until(HOUR);
        assert_eq!(line.now(), HOUR);
    }

    #[test]
    fn places_do_not_depend_on_who_is_first() {
        let run = |order: [usize; 4]| {
            let mut line = Timeline::new();
            line.begin(2);
            let mut places = order.map(|lane| {
                line.enter(lane);
                line.next()
            });
            places.sort_unstable();
            places
        };
        assert_eq!(run([0, 0, 1, 1]), run([1, 0, 1, 0]));
    }

    #[test]
    fn moments_read_well() {
        assert_eq!(clock(40 * MINUTE), "00:40:00");
        assert_eq!(clock(2 * DAY + 6 * HOUR), "2 d 06:00:00");
    }
}
