//! Event Grid, the receiver and Google SecOps together, and who kills the receiver.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use event_grid::{Event, Outcome, Policy, Random, Request, Schema, deliver, outcome, send};
use host_test::running::{Receiver, Start, config, feed};
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use secops::{API_KEY, Call, POISON, Reaction, SECRET, SecOps};
use serde_json::Value;

/// Events of a delivery, which fit into one sub-request.
const BATCH: usize = 20;

/// What happened.
#[derive(Debug, Default)]
pub struct Report {
    /// Kills by their moment: `before_storing`, `before_answering`, `in_a_drain`, `after_answering`.
    pub kills: BTreeMap<&'static str, usize>,
    /// Requests of Event Grid.
    pub requests: u32,
    /// Those that repeated a failed one.
    pub retries: u32,
    /// Events in requests that were answered with success.
    pub acknowledged: usize,
    /// Events that Event Grid gave up, by its reason.
    pub given_up: BTreeMap<&'static str, usize>,
    /// Those of the acknowledged that are at the destination.
    pub arrived: usize,
    /// Those of them that are in quarantine.
    pub quarantined: usize,
    /// Those of them that are nowhere.
    pub lost: Vec<String>,
    /// How often the destination took an event that it had.
    pub duplicates: usize,
    /// How often it may: one sub-request a kill, a connection that was cut after it, and a delivery that Event Grid made twice.
    pub bound: usize,
    /// What the destination had to object.
    pub complaints: Vec<String>,
}

/// Everything together.
pub struct World {
    secops: SecOps,
    receiver: Receiver,
    start: Start,
    faults: Arc<Mutex<Faults>>,
    random: Random,
    is_stored: bool,
    /// How many kills of each kind are enough.
    enough: usize,
    /// About how many microseconds it takes until a delivery is stored.
    storing: u64,
    requests: usize,
}

/// What the destination does.
struct Faults {
    random: Random,
    is_healthy: bool,
    /// The moment at which the next call kills the host.
    kill: Option<&'static str>,
    is_dead: bool,
    host: u32,
    kills: BTreeMap<&'static str, usize>,
    cut_after: usize,
}

impl Faults {
    fn react(&mut self, _: &Call) -> Reaction {
        if let Some(kind) = self.kill.take() {
            self.kill_now();
            self.count(kind);
            // Of a drain, either side of the destination's acceptance.
            return match kind {
                "before_storing" => Reaction::Cut,
                "in_a_drain" if self.random.one_in(2) => Reaction::Cut,
                _ => Reaction::CutAfter,
            };
        }
        if self.is_healthy {
            return Reaction::Answer;
        }
        match self.random.below(25) {
            0 => Reaction::Status(500),
            1 => Reaction::Status(503),
            2 => Reaction::RateLimited(30),
            3 => Reaction::Cut,
            4 => {
                self.cut_after += 1;
                Reaction::CutAfter
            }
            _ => Reaction::Answer,
        }
    }

    fn kill_now(&mut self) {
        let host = Pid::from_raw(self.host.cast_signed()).unwrap();
        kill_process(host, Signal::KILL).unwrap();
        self.is_dead = true;
    }

    fn count(&mut self, kind: &'static str) {
        *self.kills.entry(kind).or_default() += 1;
    }
}

impl World {
    /// With a feed of this `ack`; kills are decided by a seed, and end when there are `enough` of a kind.
    pub fn new(ack: &str, seed: u64, enough: usize) -> World {
        let secops = SecOps::start();
        let destination = format!(
            "type = \"secops-webhook\"\nurl = \"{}\"\napi_key = \"{{api_key}}\"\nsecret = \"{{feed_secret}}\"",
            secops.push_url()
        );
        let text = config(&format!("ack = \"{ack}\""), &destination);
        let secrets = [("api_key", API_KEY), ("feed_secret", SECRET)];
        let start = Start::with(&text).variables(&secrets);
        let receiver = start.run();
        let mut random = Random::new(seed);
        let faults = Arc::new(Mutex::new(Faults {
            random: Random::new(random.any()),
            is_healthy: false,
            kill: None,
            is_dead: false,
            host: receiver.id(),
            kills: BTreeMap::new(),
            cut_after: 0,
        }));
        let shared = Arc::clone(&faults);
        secops.react(move |call| lock(&shared).react(call));
        World {
            secops,
            receiver,
            start,
            faults,
            random,
            is_stored: ack == "stored",
            enough,
            storing: 5_000,
            requests: 0,
        }
    }

    /// Delivers so many events, and draws the balance. With `is_early` every request counts as answered with success as soon as
    /// it is sent.
    pub fn run(mut self, count: usize, is_early: bool) -> Report {
        let mut random = Random::new(self.random.any());
        let events: Vec<Event> = (event_grid::events(&mut random, count)
            .into_iter()
            .enumerate())
        .map(|(index, event)| match index % 500 {
            7 => event.saying(POISON),
            _ => event,
        })
        .collect();
        let mut policy = Policy::new(Schema::EventGrid, BATCH);
        policy.duplicates = 50;
        let balance = deliver(&events, policy, &mut random, |request| {
            let outcome = self.post(request);
            match is_early {
                true => Outcome::Status(200),
                false => outcome,
            }
        });
        let mut faults = lock(&self.faults);
        faults.is_healthy = true;
        faults.kill = None;
        let kills = faults.kills.clone();
        let cut_after = faults.cut_after;
        drop(faults);
        while self.is_stored && self.drain() > 0 {}
        let counts = self.secops.counts();
        let quarantined = self.quarantined();
        let acknowledged: BTreeSet<&String> = balance.acknowledged.keys().collect();
        let is_safe = |it: &&&String| counts.contains_key(**it) || quarantined.contains(**it);
        let lost = acknowledged.iter().filter(|it| !is_safe(it));
        let of = |kept: &dyn Fn(&String) -> bool| acknowledged.iter().filter(|it| kept(it)).count();
        let mut given_up = BTreeMap::new();
        for reason in balance.dead_letters.values() {
            *given_up.entry(*reason).or_default() += 1;
        }
        Report {
            given_up,
            requests: balance.requests,
            retries: balance.retries,
            acknowledged: acknowledged.len(),
            arrived: of(&|it| counts.contains_key(it)),
            quarantined: of(&|it| quarantined.contains(it)),
            lost: lost.map(|it| (*it).clone()).collect(),
            duplicates: counts.values().map(|it| it - 1).sum(),
            bound: BATCH
                * (kills.values().sum::<usize>() + cut_after + balance.duplicates as usize),
            complaints: self.secops.complaints(),
            kills,
        }
    }

    /// One request of Event Grid's, and now and then a kill.
    fn post(&mut self, request: &Request) -> Outcome {
        self.requests += 1;
        // On a busy machine few kills meet their moment: what is still lacking late is tried for with every request.
        let seldom = if self.requests < 500 { 3 } else { 1 };
        let outcome = match (self.is_stored, self.random.one_in(seldom)) {
            (true, true) if self.lacks("before_storing") || self.lacks("before_answering") => {
                self.kill_while_storing(request)
            }
            (false, true) => {
                let kinds = ["before_storing", "before_answering"];
                let kind = kinds[self.random.below(2) as usize];
                self.arm(kind);
                self.send(request)
            }
            _ => self.send(request),
        };
        if self.is_stored && self.requests.is_multiple_of(4) {
            if self.random.one_in(2) {
                self.arm("in_a_drain");
            }
            self.drain();
        }
        outcome
    }

    fn lacks(&self, kind: &'static str) -> bool {
        let faults = lock(&self.faults);
        faults.kills.get(kind).is_none_or(|it| *it < self.enough)
    }

    /// Has the next call of the destination kill the host, unless there were enough of this kind.
    fn arm(&self, kind: &'static str) {
        if self.lacks(kind) {
            lock(&self.faults).kill = Some(kind);
        }
    }

    fn send(&mut self, request: &Request) -> Outcome {
        let outcome = outcome(&send(self.receiver.address, &feed(), request));
        self.revive();
        outcome
    }

    /// Sends, and kills the host at a random moment of its storing, or as soon as it has stored. The store tells which it was.
    fn kill_while_storing(&mut self, request: &Request) -> Outcome {
        let store = Connection::open(self.start.state().join("store.sqlite")).unwrap();
        let before = spooled(&store);
        let address = self.receiver.address;
        let sent = request.clone();
        let sender = thread::spawn(move || outcome(&send(address, &feed(), &sent)));
        if self.lacks("before_answering") && self.random.one_in(2) {
            while !sender.is_finished() && latest(&store).as_ref() <= before.last() {}
        } else {
            thread::sleep(Duration::from_micros(self.random.below(self.storing)));
        }
        lock(&self.faults).kill_now();
        let outcome = sender.join().unwrap();
        let kind = match (outcome, spooled(&store).is_subset(&before)) {
            (Outcome::Status(_), _) => "after_answering",
            (_, false) => "before_answering",
            (_, true) => "before_storing",
        };
        // Half of the random moments are to be before.
        self.storing = match kind {
            "before_storing" => self.storing + self.storing / 8,
            _ => (self.storing - self.storing / 8).max(100),
        };
        lock(&self.faults).count(kind);
        self.revive();
        outcome
    }

    /// Has the host deliver some of what it stored; tells how much is left.
    fn drain(&mut self) -> u64 {
        let request = Request {
            method: "POST",
            headers: vec![(
                "authorization".to_owned(),
                format!("Bearer {}", host_test::running::ADMIN),
            )],
            body: Vec::new(),
        };
        let answer = send(self.receiver.address, "/v1/spool/drain", &request);
        self.revive();
        let body = answer.map(|it| it.body).unwrap_or_default();
        let drained: Value = serde_json::from_slice(&body).unwrap_or_default();
        drained["left"].as_u64().unwrap_or(1)
    }

    /// Starts the next host if this one is dead.
    fn revive(&mut self) {
        let mut faults = lock(&self.faults);
        faults.kill = None;
        if faults.is_dead {
            drop(faults);
            self.receiver.restart();
            faults = lock(&self.faults);
            faults.is_dead = false;
            faults.host = self.receiver.id();
        }
    }

    /// The ids of all logs in quarantine.
    fn quarantined(&self) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        let mut after = String::new();
        loop {
            let target = format!("/v1/quarantine?raw=true&most=100&after={after}");
            let page: Value =
                serde_json::from_slice(&self.receiver.ask("GET", &target).body).unwrap();
            for entry in page["entries"].as_array().unwrap() {
                let raw = entry["raw"].as_str().unwrap();
                // A log, or a delivery as a whole.
                let logs: Value = serde_json::from_str(raw).unwrap();
                let logs = logs.as_array().cloned().unwrap_or(vec![logs]);
                ids.extend(logs.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
            }
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return ids,
            }
        }
    }
}

/// The entries of the spool.
fn spooled(store: &Connection) -> BTreeSet<String> {
    let select = "SELECT key FROM entries WHERE key BETWEEN 'spool:' AND 'spool;'";
    let mut select = store.prepare_cached(select).unwrap();
    let keys = select.query_map([], |row| row.get(0)).unwrap();
    keys.map(Result::unwrap).collect()
}

/// The last of them, which is asked for in much less time than the host needs for an answer.
fn latest(store: &Connection) -> Option<String> {
    let select = "SELECT max(key) FROM entries WHERE key BETWEEN 'spool:' AND 'spool;'";
    let mut select = store.prepare_cached(select).unwrap();
    select.query_row([], |row| row.get(0)).unwrap()
}

/// A panic elsewhere has broken nothing in here.
fn lock(faults: &Mutex<Faults>) -> MutexGuard<'_, Faults> {
    faults.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills: Vec<String> = self.kills.iter().map(|(k, n)| format!("{n} {k}")).collect();
        write!(
            f,
            "{} requests, {} of them retries; {} kills and restarts ({}); {} events given up, {} acknowledged: {} arrived, {} in quarantine, {} lost; \
             {} duplicates of at most {}",
            self.requests,
            self.retries,
            self.kills.values().sum::<usize>(),
            kills.join(", "),
            self.given_up.values().sum::<usize>(),
            self.acknowledged,
            self.arrived,
            self.quarantined,
            self.lost.len(),
            self.duplicates,
            self.bound
        )
    }
}
