//! What a request looks like: the records, before any format.

use super::{
    choice::{Choice, Curve},
    clock::Clock,
    fault::{Fault, Faults},
    random::{Random, mix},
    site::Kind,
};

/// One request. Texts are places in the pools of [`Renderer`](super::render::Renderer), popular ones first.
#[derive(Debug)]
pub struct Record {
    /// Whom the request is from: a number that the address is made of.
    pub client: u64,
    /// The name of one who is logged in.
    pub user: Option<u32>,
    /// Second of the day.
    pub second: u32,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: Option<u32>,
    /// What follows the path's `?`.
    pub query: Option<u32>,
    /// Protocol and version.
    pub protocol: &'static str,
    /// The status, three digits.
    pub status: u16,
    /// Bytes sent.
    pub bytes: Option<u64>,
    /// The page that led here.
    pub referer: Option<u32>,
    /// The user agent.
    pub agent: Option<u32>,
    /// Time until the last byte was sent.
    pub duration_ms: u64,
    /// How the record's line is broken.
    pub fault: Option<Fault>,
}

/// How many texts there are to choose from.
#[derive(Clone, Copy, Debug)]
pub struct PoolSizes {
    /// Names of users.
    pub users: u32,
    /// Paths.
    pub paths: u32,
    /// Query strings.
    pub queries: u32,
    /// Referring pages.
    pub referers: u32,
    /// User agents.
    pub agents: u32,
}

/// The records of a log in order.
#[derive(Debug)]
pub struct Model {
    random: Random,
    seed: u64,
    lines: u64,
    index: u64,
    clients: u32,
    clock: Clock,
    faults: Faults,
    /// For each path what is there.
    kinds: Vec<Kind>,
    sizes: PoolSizes,
}

impl Model {
    /// Returns the records of a seed.
    pub fn new(seed: u64, lines: u64, kinds: Vec<Kind>, sizes: PoolSizes) -> Self {
        Self {
            random: Random::new(mix(seed)),
            seed,
            lines,
            index: 0,
            clients: clients(lines),
            clock: Clock::new(seed, lines),
            faults: Faults::new(seed, lines),
            kinds,
            sizes,
        }
    }

    fn record(&mut self) -> Record {
        let random = &mut self.random;
        let client = mix(self.seed ^ mix(u64::from(random.skewed(self.clients))));
        let path = random.skewed(self.sizes.paths);
        let kind = self.kinds.get(path as usize).copied().unwrap_or(Kind::Page);
        let method = method(kind).pick(random);
        let status = status(kind, method).pick(random);
        Record {
            client,
            user: one_in_ten(random).then(|| random.skewed(self.sizes.users)),
            second: self.clock.second(self.index),
            method,
            path: Some(path),
            query: HAS_QUERY.pick(random).contains(&kind).then(|| random.skewed(self.sizes.queries)),
            protocol: PROTOCOL.pick(random),
            status,
            bytes: bytes(kind, method, status, random),
            referer: HAS_REFERER.pick(random).then(|| random.skewed(self.sizes.referers)),
            agent: agent(client, self.sizes.agents),
            duration_ms: duration_ms(kind, status, random),
            fault: self.faults.at(self.index),
        }
    }
}

impl Iterator for Model {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.index >= self.lines {
            return None;
        }
        let record = self.record();
        self.index += 1;
        Some(record)
    }
}

/// Returns how many clients there may be. The least popular are drawn about 1.5 times on average, so that about 90 % of
/// them appear: one distinct client for five lines.
fn clients(lines: u64) -> u32 {
    u32::try_from(lines / 40 * 9).unwrap_or(u32::MAX).max(50)
}

fn one_in_ten(random: &mut Random) -> bool {
    random.below(10) == 0
}

/// A client's program is always the same one. One client in 200 does not name it.
fn agent(client: u64, agents: u32) -> Option<u32> {
    let mut random = Random::new(client);
    (random.below(200) > 0).then(|| random.skewed(agents))
}

/// Kinds of path that have a query this time.
const HAS_QUERY: Choice<&[Kind]> = Choice { common: &[], rare: &[(460, &[Kind::Page, Kind::Api, Kind::Probe])] };

const HAS_REFERER: Choice<bool> = Choice { common: true, rare: &[(450, false)] };

const PROTOCOL: Choice<&str> = Choice { common: "HTTP/1.1", rare: &[(410, "HTTP/2.0"), (20, "HTTP/1.0")] };

fn method(kind: Kind) -> Choice<&'static str> {
    let rare: &[(u32, &str)] = match kind {
        Kind::Page => &[(40, "POST"), (15, "HEAD")],
        Kind::Asset | Kind::Download => &[(10, "HEAD")],
        Kind::Api => &[(230, "POST"), (80, "PUT"), (40, "DELETE"), (5, "HEAD")],
        Kind::Probe => &[(150, "POST"), (50, "HEAD")],
    };
    Choice { common: "GET", rare }
}

fn status(kind: Kind, method: &str) -> Choice<u16> {
    let (common, rare): (u16, &[(u32, u16)]) = match (kind, method) {
        (Kind::Page, "POST") => (302, &[(300, 200), (60, 400), (40, 403), (10, 500)]),
        (Kind::Page, _) => {
            (200, &[(60, 304), (40, 302), (30, 404), (25, 301), (8, 403), (7, 499), (5, 500), (2, 502), (2, 503)])
        }
        (Kind::Asset, _) => (200, &[(260, 304), (10, 404), (6, 206), (3, 499), (1, 500)]),
        (Kind::Api, "POST") => (201, &[(300, 200), (40, 400), (30, 401), (20, 422), (15, 409), (12, 500), (4, 503)]),
        (Kind::Api, "DELETE") => (204, &[(60, 404), (30, 403), (8, 500)]),
        (Kind::Api, _) => {
            (200, &[(30, 304), (30, 404), (25, 401), (10, 403), (8, 429), (8, 500), (5, 499), (3, 502), (2, 504)])
        }
        (Kind::Download, _) => (206, &[(420, 200), (60, 499), (50, 304), (20, 404)]),
        (Kind::Probe, _) => (404, &[(130, 403), (60, 301), (40, 400)]),
    };
    Choice { common, rare }
}

/// Bodies of errors and redirects.
const SMALL: Curve = Curve { least: 110, points: &[(500_000, 162), (900_000, 560), (1_000_000, 4800)] };

fn bytes(kind: Kind, method: &str, status: u16, random: &mut Random) -> Option<u64> {
    match status {
        304 => None,
        204 | 499 => Some(0),
        _ if method == "HEAD" => Some(0),
        200 | 201 | 206 => Some(body(kind).draw(random)),
        _ => Some(SMALL.draw(random)),
    }
}

/// Sizes of bodies in bytes: log-normal with a heavy tail, by quantiles.
fn body(kind: Kind) -> Curve {
    let (least, points): (u64, &[(u32, u64)]) = match kind {
        Kind::Page | Kind::Probe => (
            1200,
            &[
                (50_000, 3900),
                (250_000, 7800),
                (500_000, 12_400),
                (750_000, 19_700),
                (950_000, 39_000),
                (1_000_000, 410_000),
            ],
        ),
        Kind::Asset => (
            180,
            &[
                (100_000, 1900),
                (250_000, 5200),
                (500_000, 18_000),
                (750_000, 61_000),
                (950_000, 340_000),
                (1_000_000, 2_900_000),
            ],
        ),
        Kind::Api => (
            16,
            &[
                (100_000, 130),
                (250_000, 340),
                (500_000, 910),
                (750_000, 2450),
                (950_000, 9800),
                (999_000, 91_000),
                (1_000_000, 5_200_000),
            ],
        ),
        Kind::Download => (
            9000,
            &[
                (250_000, 420_000),
                (500_000, 1_800_000),
                (750_000, 7_600_000),
                (950_000, 61_000_000),
                (1_000_000, 1_400_000_000),
            ],
        ),
    };
    Curve { least, points }
}

/// A log-normal distribution with a median of 80 ms and a 99th percentile of 2 s, by quantiles.
const DURATION_MS: Curve = Curve {
    least: 1,
    points: &[
        (10_000, 3),
        (50_000, 8),
        (100_000, 14),
        (250_000, 32),
        (500_000, 80),
        (750_000, 200),
        (900_000, 470),
        (950_000, 780),
        (990_000, 2000),
        (999_000, 5800),
        (999_900, 13_800),
        (999_990, 29_300),
        (1_000_000, 60_000),
    ],
};

fn duration_ms(kind: Kind, status: u16, random: &mut Random) -> u64 {
    let percent = match (kind, status) {
        // Gateways and clients that gave up had waited.
        (_, 499 | 502..=504) => 300,
        (Kind::Asset, _) => 65,
        (Kind::Page | Kind::Api, _) => 115,
        (Kind::Download, _) => 180,
        (Kind::Probe, _) => 30,
    };
    (DURATION_MS.draw(random) * percent / 100).clamp(1, 60_000)
}
