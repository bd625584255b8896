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
use std::sync::Arc;
use tidegate_formats::{
    Batch, BatchLimits, Block, BlockReader, Demand, Format, Position, Prefilter, Sample, Step,
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
/// A thirtieth of them each of 404 and 500, which filters look for.
const STATUSES: [u16; 32] = [
    200, 200, 200, 304, 200, 404, 301, 500, 200, 200, 200, 304, 200, 200, 301, 200, 200, 200, 200, 304, 200, 200, 200,
    200, 200, 200, 200, 304, 200, 200, 301, 200,
];

/// One request.
struct Line {
    client: String,
    clock: String,
    path: &'static str,
    status: u16,
    bytes: u64,
    referer: &'static str,
    agent: &'static str,
    seconds: String,
}

impl Line {
    fn new(number: u64) -> Self {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let random = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 8;
        let [a, b, c, d, ..] = random.to_le_bytes();
        Self {
            client: format!("{a}.{b}.{c}.{d}"),
            clock: format!("{:02}:{:02}:{:02}", number / 3600 % 24, number / 60 % 60, number % 60),
            path: pick(&PATHS, random >> 3),
            status: pick(&STATUSES, random >> 11),
            bytes: random % 60_000,
            referer: pick(&REFERERS, random >> 17),
            agent: pick(&AGENTS, random >> 23),
            seconds: format!("0.{:03}", random % 1000),
        }
    }
}

fn pick<T: Copy>(of: &[T], random: u64) -> T {
    of[usize::try_from(random & 0xff).unwrap() % of.len()]
}

/// Returns all requests, each in a line.
fn lines(written: impl Fn(Line) -> String) -> String {
    (0..ROWS).map(|number| written(Line::new(number)) + "\n").collect()
}

fn access() -> (Format, String) {
    let text = lines(|Line { client, clock, path, status, bytes, referer, agent, seconds }| {
        format!(
            "{client} - - [01/Mar/2026:{clock} +0000] \"GET {path} HTTP/1.1\" {status} {bytes} \"{referer}\" \"{agent}\" {seconds}"
        )
    });
    (Format::Access, text)
}

fn csv() -> (Format, String) {
    let header = "client,ident,user,ts,method,path,query,protocol,status,bytes,referer,user_agent,request_time\n";
    let rows = lines(|Line { client, clock, path, status, bytes, referer, agent, seconds }| {
        format!("{client},,,2026-03-01T{clock}Z,GET,{path},,HTTP/1.1,{status},{bytes},{referer},\"{agent}\",{seconds}")
    });
    let text = format!("{header}{rows}");
    let sample = Sample { bytes: text.as_bytes(), at_start: true };
    (Format::Csv(Arc::new(CsvLayout::infer(&[sample], &CsvOptions::default()).unwrap())), text)
}

fn ndjson() -> (Format, String) {
    let text = lines(|Line { client, clock, path, status, bytes, referer, agent, seconds }| {
        format!(
            "{{\"client\":\"{client}\",\"user\":null,\"ts\":\"2026-03-01T{clock}Z\",\"path\":\"{path}\",\"status\":{status},\
             \"bytes\":{bytes},\"referer\":\"{referer}\",\"user_agent\":\"{agent}\",\"request_time\":{seconds}}}"
        )
    });
    let sample = Sample { bytes: text.as_bytes(), at_start: true };
    (Format::Json(Arc::new(JsonLayout::infer(&[sample], &[]).unwrap())), text)
}

/// Reads all of a text.
fn read(bencher: Bencher<'_, '_>, (format, text): &(Format, String), wanted: &[&str]) {
    let all = || (0..format.columns().len()).collect();
    let projection: Vec<usize> =
        if wanted == ["*"] { all() } else { wanted.iter().map(|name| place(format, name)).collect() };
    let rows = read_blocks(bencher, (format, text), &projection, None);
    assert_eq!(rows, ROWS);
}

/// Reads the column of a filter, of lines that it does not pass over.
fn filtered(bencher: Bencher<'_, '_>, (format, text): &(Format, String), column: &str, demand: Demand<'_>) {
    let column = place(format, column);
    let prefilter = format.needles(column, demand).and_then(Prefilter::new).unwrap();
    let rows = read_blocks(bencher, (format, text), &[column], Some(&Arc::new(prefilter)));
    assert!(0 < rows && rows < ROWS / 2);
}

fn place(format: &Format, name: &str) -> usize {
    format.columns().iter().position(|column| column.name.as_ref() == name).unwrap()
}

/// Reads a text in blocks of 256 KiB, into batches of the size that a query of 128 MB uses. Returns the rows.
fn read_blocks(
    bencher: Bencher<'_, '_>,
    (format, text): (&Format, &str),
    projection: &[usize],
    prefilter: Option<&Arc<Prefilter>>,
) -> u64 {
    let start = format.file_start(text.as_bytes());
    let bytes = &text.as_bytes()[start.skip..];
    let mut rows = 0;
    bencher.counter(BytesCount::new(bytes.len())).bench_local(|| {
        let limits = BatchLimits { rows: 1024, bytes: 1 << 20 };
        let mut reader = BlockReader::new(format.decoder(), Batch::new(format, projection, limits));
        if let Some(prefilter) = prefilter {
            reader = reader.with_prefilter(Arc::clone(prefilter), format.framing());
        }
        reader.start_file(&start);
        rows = 0;
        let mut rest = bytes;
        while !rest.is_empty() {
            let whole = format.framing().whole_records(&rest[..rest.len().min(256 << 10)]);
            let (block, after) = rest.split_at(whole);
            rows += read_block(&mut reader, block);
            rest = after;
        }
    });
    rows
}

fn read_block(reader: &mut BlockReader, bytes: &[u8]) -> u64 {
    let block = Block { bytes, offset: 0, first_line: 1, file: Arc::from("access.log") };
    let mut position = Position::default();
    let mut rows = 0;
    loop {
        let (step, counts) = reader.read(&block, &mut position, &mut |reject| panic!("{reject:?}"));
        rows += counts.rows;
        if step == Step::BlockDone {
            return rows;
        }
        black_box(reader.take().unwrap());
    }
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

#[divan::bench]
fn combined_where_status_is_404(bencher: Bencher<'_, '_>) {
    filtered(bencher, &access(), "status", Demand::Between(404, 404));
}

#[divan::bench]
fn combined_where_status_is_5xx(bencher: Bencher<'_, '_>) {
    filtered(bencher, &access(), "status", Demand::Between(500, 999));
}

#[divan::bench]
fn combined_where_user_agent_has_curl(bencher: Bencher<'_, '_>) {
    filtered(bencher, &access(), "user_agent", Demand::Holds(b"curl"));
}

#[divan::bench]
fn delimited_where_path_has_cart(bencher: Bencher<'_, '_>) {
    filtered(bencher, &csv(), "path", Demand::Holds(b"/cart/items"));
}

#[divan::bench]
fn json_where_path_has_cart(bencher: Bencher<'_, '_>) {
    filtered(bencher, &ndjson(), "path", Demand::Holds(b"/cart/items"));
}
