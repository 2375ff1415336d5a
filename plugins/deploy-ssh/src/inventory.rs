//! What a host's deployment folder holds.

use serde_json::{Value, json};

/// Releases by number, and which of them is live.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// What `current` points to, if it points to a release.
    pub current: Option<u64>,
    /// The highest number that was ever given out.
    pub last: u64,
    /// In the order of their numbers.
    pub releases: Vec<Release>,
    /// What the lock's owner file says, if there is a lock.
    pub lock: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub number: u64,
    pub state: State,
    pub record: Option<Record>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not made by this stage: left alone, whatever happens.
    Foreign,
    /// A deployment ended while it was made.
    Half,
    /// Complete, and never live, or not known to have answered.
    Ready,
    /// Was live and answered.
    Live,
    /// Did not answer, or somebody went back from it.
    Bad,
}

/// Where a release came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    pub run: String,
    pub stage: String,
    pub commit: Option<String>,
    /// Whether the workspace had changes that are in no commit; none when that is not known.
    pub dirty: Option<bool>,
    pub branch: Option<String>,
}

impl Inventory {
    /// Reads what the script `inspect.sh` prints. The error says what made no sense.
    pub fn parse(facts: &str) -> Result<Self, String> {
        let mut inventory = Self::default();
        for line in facts.lines() {
            let mut fields = line.splitn(4, '\t');
            let (kind, first) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
            match kind {
                "current" => inventory.current = Some(linked_release(first)?),
                "last" => {
                    inventory.last = first
                        .trim()
                        .parse()
                        .map_err(|_| format!("a bad number in .tidegate/last: {first}"))?
                }
                "lock" => inventory.lock = line.split_once('\t').map(|(_, owner)| owner.to_owned()),
                "release" => {
                    // A number too large for us is a folder that is not ours.
                    let Ok(number) = first.parse() else { continue };
                    let state = State::parse(fields.next().unwrap_or(""))?;
                    let record = fields.next().and_then(Record::parse);
                    inventory.releases.push(Release { number, state, record });
                }
                _ => return Err(format!("an unexpected line: {line}")),
            }
        }
        inventory.releases.sort_by_key(|release| release.number);
        Ok(inventory)
    }

    /// The number after all that were ever given out.
    pub fn next_number(&self) -> u64 {
        let highest = self.releases.last().map_or(0, |release| release.number);
        highest.max(self.last).saturating_add(1)
    }

    /// The newest release before `number` that was live and answered.
    pub fn good_before(&self, number: u64) -> Option<u64> {
        let good = |release: &&Release| release.number < number && release.state == State::Live;
        self.releases.iter().rev().find(good).map(|release| release.number)
    }

    /// What a deployment that ended early left behind.
    pub fn halves(&self) -> Vec<u64> {
        let half = |release: &&Release| release.state == State::Half && Some(release.number) != self.current;
        self.releases
            .iter()
            .filter(half)
            .map(|release| release.number)
            .collect()
    }

    /// What is put back when the next release does not answer: the live one, unless it is not known to be good itself and an
    /// older one is. What this stage did not make served before it came, and counts as good here.
    pub fn fallback(&self) -> Option<u64> {
        let current = self.current?;
        match self.state_of(current) {
            Some(State::Live | State::Foreign) => Some(current),
            _ => self.good_before(current).or(Some(current)),
        }
    }

    /// What goes when `keep` good releases stay: older good ones, and everything that never became good, which counts for
    /// nothing. Never the live one, never the newest good one before it, never `previous` if that was good, never what this
    /// stage did not make.
    pub fn surplus(&self, keep: u32, previous: Option<u64>) -> Vec<u64> {
        let before = self.current.and_then(|current| self.good_before(current));
        let mut good_seen = 0;
        let mut surplus = Vec::new();
        for release in self.releases.iter().rev() {
            let number = Some(release.number);
            let good = release.state == State::Live;
            good_seen += u32::from(good);
            let spared = good && (good_seen <= keep || number == before || number == previous);
            if !spared && number != self.current && release.state != State::Foreign {
                surplus.push(release.number);
            }
        }
        surplus
    }

    pub fn record_of(&self, number: u64) -> Option<&Record> {
        self.find(number)?.record.as_ref()
    }

    pub fn state_of(&self, number: u64) -> Option<State> {
        Some(self.find(number)?.state)
    }

    fn find(&self, number: u64) -> Option<&Release> {
        self.releases.iter().find(|release| release.number == number)
    }
}

impl Record {
    /// One line of JSON.
    pub fn to_line(&self) -> String {
        let Self {
            run,
            stage,
            commit,
            dirty,
            branch,
        } = self;
        json!({ "run": run, "stage": stage, "commit": commit, "dirty": dirty, "branch": branch }).to_string()
    }

    fn parse(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            run: text("run")?,
            stage: text("stage")?,
            commit: text("commit"),
            dirty: value.get("dirty").and_then(Value::as_bool),
            branch: text("branch"),
        })
    }
}

impl State {
    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "foreign" => Ok(Self::Foreign),
            "half" => Ok(Self::Half),
            "ready" => Ok(Self::Ready),
            "live" => Ok(Self::Live),
            "bad" => Ok(Self::Bad),
            _ => Err(format!("an unknown state of a release: {word}")),
        }
    }
}

/// `releases/5`, or the absolute form that other tools write.
fn linked_release(target: &str) -> Result<u64, String> {
    let number = target
        .trim_end_matches('/')
        .rsplit_once("releases/")
        .and_then(|(_, number)| number.parse().ok());
    number.ok_or_else(|| format!("`current` points to {target}, which is no numbered release; remove the link"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        Inventory::parse(
            "current\treleases/6\nlast\t9\nrelease\t1\tlive\t\nrelease\t2\tlive\t\nrelease\t3\tbad\t\nrelease\t4\tlive\t\n\
             release\t5\tforeign\t\nrelease\t6\tlive\t{\"run\":\"r\",\"stage\":\"s\"}\nrelease\t8\thalf\t\n",
        )
        .unwrap()
    }

    #[test]
    fn numbers_are_never_given_out_twice() {
        assert_eq!(inventory().next_number(), 10);
        assert_eq!(Inventory::default().next_number(), 1);
    }

    #[test]
    fn going_back_skips_what_was_never_good() {
        assert_eq!(inventory().good_before(6), Some(4));
        assert_eq!(inventory().good_before(4), Some(2));
        assert_eq!(inventory().good_before(1), None);
    }

    #[test]
    fn cleaning_spares_the_live_the_previous_and_the_foreign() {
        assert_eq!(inventory().surplus(1, Some(2)), vec![8, 3, 1]);
        assert_eq!(inventory().surplus(2, Some(4)), vec![8, 3, 2, 1]);
        assert_eq!(inventory().surplus(9, None), vec![8, 3]);
    }

    #[test]
    fn what_never_answered_takes_no_good_one_s_place() {
        let facts =
            "current\treleases/4\nrelease\t1\tlive\t\nrelease\t2\tlive\t\nrelease\t3\tready\t\nrelease\t4\tlive\t\n";
        let inventory = Inventory::parse(facts).unwrap();
        assert_eq!(inventory.surplus(1, Some(3)), vec![3, 1]);
        assert_eq!(inventory.surplus(2, Some(3)), vec![3, 1]);
    }

    #[test]
    fn the_fallback_is_good_where_there_is_a_good_one() {
        let fallback = |facts: &str| Inventory::parse(facts).unwrap().fallback();
        assert_eq!(
            fallback("current\treleases/2\nrelease\t1\tlive\t\nrelease\t2\tready\t\n"),
            Some(1)
        );
        assert_eq!(
            fallback("current\treleases/2\nrelease\t1\tlive\t\nrelease\t2\tlive\t\n"),
            Some(2)
        );
        assert_eq!(
            fallback("current\treleases/2\nrelease\t1\tlive\t\nrelease\t2\tforeign\t\n"),
            Some(2)
        );
        assert_eq!(fallback("current\treleases/1\nrelease\t1\tready\t\n"), Some(1));
        assert_eq!(fallback(""), None);
    }

    #[test]
    fn a_link_of_another_tool_is_understood() {
        let facts = "current\t/srv/shop/releases/20260101120000\nrelease\t20260101120000\tforeign\t\n";
        let inventory = Inventory::parse(facts).unwrap();
        assert_eq!(inventory.current, Some(20_260_101_120_000));
        assert_eq!(inventory.next_number(), 20_260_101_120_001);
        assert!(Inventory::parse("current\t/opt/app\n").is_err());
    }
}
