//! How fast blocks become batches: bytes of input for each second of one core.
//!
//! `cargo bench -p tidegate-formats` prints the fastest and the median run; the rows are made here, in the shape of the demo's.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark says what went wrong by a panic"
)]

use divan::{Bencher, black_box, counter::BytesCount};
use std::{fmt::Write, sync::Arc};
use tidegate_formats::{
    Batch, BatchLimits, Block, BlockReader, Format, Position, Sample, Step,
    csv::{CsvLayout, CsvOptions},
    json::JsonLayout,
};

fn main() {
    divan::main();
}

const ROWS: u64 = 20_000;

const PATHS: [&str; 6] = [
    "/static/css/theme.c40.css",
    "/static/img/products/19927_1280.webp",
    "/product/steel-sofa-4507",
    "/api/v2/cart/items",
    "/search",
    "/",
];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36",
    "curl/8.8.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_15 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
];
const REFERERS: [&str; 3] =
    ["-", "https://forum.example.org/t/steel-or-sofa/4507", "https://shop.example.com/search?q=sofa"];
const STATUSES: [u16; 8] = [200, 200, 200, 304, 200, 404, 301, 500];

/// One request.
struct Line {
    number: u64,
    random: u64,
}

impl Line {
    fn all() -> impl Iterator<Item = Self> {
        (0..ROWS).map(|number| {
            let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Self { number, random: (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 8 }
        })
    }

    fn pick<T: Copy>(&self, of: &[T], salt: u32) -> T {
        let at = usize::try_from(self.random >> salt & 0xff).unwrap();
        of[at % of.len()]
    }

    fn client(&self) -> String {
        let [a, b, c, d, ..] = self.random.to_le_bytes();
        format!("{a}.{b}.{c}.{d}")
    }

    fn clock(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.number / 3600 % 24, self.number / 60 % 60, self.number % 60)
    }

    fn bytes(&self) -> u64 {
        self.random % 60_000
    }

    fn seconds(&self) -> String {
        format!("0.{:03}", self.random % 1000)
    }
}

fn access() -> (Format, String) {
    let mut text = String::new();
    for line in Line::all() {
        writeln!(
            text,
            "{} - - [01/Mar/2026:{} +0000] \"GET {} HTTP/1.1\" {} {} \"{}\" \"{}\" {}",
            line.client(),
            line.clock(),
            line.pick(&PATHS, 3),
            line.pick(&STATUSES, 11),
            line.bytes(),
            line.pick(&REFERERS, 17),
            line.pick(&AGENTS, 23),
            line.seconds()
        )
        .unwrap();
    }
    (Format::Access, text)
}

fn csv() -> (Format, String) {
    let mut text =
        "client,ident,user,ts,method,path,query,protocol,status,bytes,referer,user_agent,request_time\n".to_owned();
    for line in Line::all() {
        writeln!(
            text,
            "{},,,2026-03-01T{}Z,GET,{},,HTTP/1.1,{},{},{},\"{}\",{}",
            line.client(),
            line.clock(),
            line.pick(&PATHS, 3),
            line.pick(&STATUSES, 11),
            line.bytes(),
            line.pick(&REFERERS, 17),
            line.pick(&AGENTS, 23),
            line.seconds()
        )
        .unwrap();
    }
    let sample = Sample { bytes: text.as_bytes(), at_start: true };
    (Format::Csv(Arc::new(CsvLayout::infer(&[sample], &CsvOptions::default()).unwrap())), text)
}

fn ndjson() -> (Format, String) {
    let mut text = String::new();
    for line in Line::all() {
        writeln!(
            text,
            "{{\"client\":\"{}\",\"user\":null,\"ts\":\"2026-03-01T{}Z\",\"path\":\"{}\",\"status\":{},\"bytes\":{},\"referer\":\"{}\",\"user_agent\":\"{}\",\"request_time\":{}}}",
            line.client(),
            line.clock(),
            line.pick(&PATHS, 3),
            line.pick(&STATUSES, 11),
            line.bytes(),
            line.pick(&REFERERS, 17),
            line.pick(&AGENTS, 23),
            line.seconds()
        )
        .unwrap();
    }
    let sample = Sample { bytes: text.as_bytes(), at_start: true };
    (Format::Json(Arc::new(JsonLayout::infer(&[sample], &[]).unwrap())), text)
}

/// Reads all of a text, in batches of the size that a query of 128 MB uses.
fn read(bencher: Bencher<'_, '_>, (format, text): &(Format, String), wanted: &[&str]) {
    let columns = format.columns();
    let all = || (0..columns.len()).collect();
    let place = |name: &&str| columns.iter().position(|column| column.name.as_ref() == *name).unwrap();
    let projection: Vec<usize> = if wanted == ["*"] { all() } else { wanted.iter().map(place).collect() };
    let start = format.file_start(text.as_bytes());
    let block =
        Block { bytes: &text.as_bytes()[start.skip..], offset: 0, first_line: 1, file: Arc::from("access.log") };
    bencher.counter(BytesCount::new(block.bytes.len())).bench_local(|| {
        let limits = BatchLimits { rows: 1024, bytes: 1 << 20 };
        let mut reader = BlockReader::new(format.decoder(), Batch::new(format, &projection, limits));
        reader.start_file(&start);
        let mut position = Position::default();
        let mut rows = 0;
        loop {
            let (step, counts) = reader.read(&block, &mut position, &mut |reject| panic!("{reject:?}"));
            rows += counts.rows;
            black_box(reader.take().unwrap());
            if step == Step::BlockDone {
                break;
            }
        }
        assert_eq!(rows, ROWS);
    });
}

#[divan::bench(args = [&["status"][..], &["status", "bytes"], &["path"], &["ts", "client"], &["*"], &[]])]
fn combined(bencher: Bencher<'_, '_>, wanted: &[&str]) {
    read(bencher, &access(), wanted);
}

#[divan::bench(args = [&["status"][..], &["status", "bytes"], &["path"], &["ts", "client"], &["*"], &[]])]
fn delimited(bencher: Bencher<'_, '_>, wanted: &[&str]) {
    read(bencher, &csv(), wanted);
}

#[divan::bench(args = [&["status"][..], &["status", "bytes"], &["path"], &["ts", "client"], &["*"], &[]])]
fn json(bencher: Bencher<'_, '_>, wanted: &[&str]) {
    read(bencher, &ndjson(), wanted);
}
