//! Files that are made, the same on every machine: what pandas says of them is written down in the tests.

use std::{fmt::Write as _, ops::Range};

/// Numbers that look random: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Returns rows of a file of a kind, with the header before the first: `log`, `numbers`, `narrow`, `wide`, `missing`, `long`,
/// `ndjson` or `access`.
pub fn part(kind: &str, rows: Range<u64>) -> String {
    let mut random = Random(7 + rows.start);
    let mut text = if rows.start == 0 { header(kind) } else { String::new() };
    for row in rows {
        write_row(&mut text, kind, row, &mut random);
        text.push('\n');
    }
    text
}

fn header(kind: &str) -> String {
    let numbered = |count: usize| (0..count).map(|place| format!("c{place}")).collect::<Vec<_>>().join(",") + "\n";
    match kind {
        "log" => "ts,ip,method,path,status,bytes,duration,referer,user_agent,request_id\n".to_owned(),
        "numbers" => numbered(20),
        "narrow" => "id,key\n".to_owned(),
        "wide" => numbered(200),
        "missing" => "int,flag,bool,text,float,empty,ts,day,uint,id\n".to_owned(),
        "long" => "id,message\n".to_owned(),
        _ => String::new(),
    }
}

fn write_row(text: &mut String, kind: &str, row: u64, random: &mut Random) {
    match kind {
        "log" => text.push_str(&log(row, random).join(",")),
        "numbers" => numbers(text, random),
        "narrow" => write!(text, "{row},{:08x}", random.below(1 << 32)).unwrap(),
        "wide" => wide(text, random),
        "missing" => missing(text, random),
        "long" => long(text, row, random),
        "ndjson" => ndjson(text, row, random),
        "access" => access(text, row, random),
        _ => panic!("no kind {kind}"),
    }
}

/// The fields of a line of a web server's log.
fn log(row: u64, random: &mut Random) -> Vec<String> {
    let [hour, minute, second, milli] = [24, 60, 60, 1000].map(|bound| random.below(bound));
    let [a, b, c, d] = [(); 4].map(|()| random.below(256));
    let method = ["GET", "GET", "GET", "POST", "PUT"][random.below(5) as usize];
    let (path, referer, agent) = (random.below(300), random.below(200), random.below(40));
    let status = [200, 200, 304, 404, 500][random.below(5) as usize];
    vec![
        format!("2026-03-{:02} {hour:02}:{minute:02}:{second:02}.{milli:03}", 1 + row / 50_000 % 28),
        format!("{a}.{b}.{c}.{d}"),
        method.to_owned(),
        format!("/api/v{}/items/{}", path % 3, path * 37 % 9999),
        status.to_string(),
        random.below(500_000).to_string(),
        format!("{}.{:03}", random.below(3), random.below(1000)),
        format!("https://shop.example.com/c/{referer:05}"),
        format!(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML; like Gecko) Chrome/12{}.0.0.{agent:02}",
            agent % 10
        ),
        format!("{:016x}", random.next()),
    ]
}

fn numbers(text: &mut String, random: &mut Random) {
    let mut bound = 1;
    for place in 0..10 {
        bound *= 10;
        let comma = if place == 0 { "" } else { "," };
        write!(text, "{comma}{}", random.below(bound)).unwrap();
    }
    for _ in 0..10 {
        write!(text, ",{}.{:04}", random.below(1000), random.below(10_000)).unwrap();
    }
}

fn wide(text: &mut String, random: &mut Random) {
    for place in 0..200 {
        if place > 0 {
            text.push(',');
        }
        if place % 2 == 1 {
            write!(text, "{}", random.below(1000)).unwrap();
        } else {
            text.push_str(["alpha", "beta", "gamma", "delta"][random.below(4) as usize]);
        }
    }
}

fn missing(text: &mut String, random: &mut Random) {
    let words = ["ä", "жук", "日本語", "plain text", "emoji 😀"];
    let word = words[random.below(5) as usize].repeat(1 + random.below(3) as usize);
    let fields = [
        random.below(1000).to_string(),
        ["True", "False"][random.below(2) as usize].to_owned(),
        ["true", "false"][random.below(2) as usize].to_owned(),
        word,
        format!("0.{:02}", random.below(100)),
        String::new(),
        format!("2026-03-01T12:{:02}:{:02}Z", random.below(60), random.below(60)),
        format!("2026-03-{:02}", 1 + random.below(28)),
        ((1 << 63) + random.below(1000)).to_string(),
        format!("{:012x}", random.below(1 << 48)),
    ];
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        // Three columns are always there.
        if [2, 7, 8].contains(&place) || random.below(10) > 0 {
            text.push_str(field);
        }
    }
}

fn long(text: &mut String, row: u64, random: &mut Random) {
    write!(text, "{row},").unwrap();
    let part = format!("{:016x}", random.next());
    for _ in 0..20 + random.below(400) {
        text.push_str(&part);
    }
}

fn ndjson(text: &mut String, row: u64, random: &mut Random) {
    let log = log(row, random);
    write!(text, "{{\"ts\":\"{}\",\"ip\":\"{}\",\"path\":\"{}\",\"status\":{}", log[0], log[1], log[3], log[4])
        .unwrap();
    write!(text, ",\"duration\":{},\"ok\":{}", log[6], log[4] == "200").unwrap();
    if random.below(5) > 0 {
        write!(text, ",\"referer\":\"{}\"", log[7]).unwrap();
    }
    let user = if random.below(10) > 0 { random.below(5000).to_string() } else { "null".to_owned() };
    write!(text, ",\"user\":{user},\"tags\":[\"a\",\"b\"],\"context\":{{\"k\":1,\"z\":\"x\"}}}}").unwrap();
}

fn access(text: &mut String, row: u64, random: &mut Random) {
    let log = log(row, random);
    let clock = &log[0][11..19];
    let user = if random.below(3) == 0 { "frank" } else { "-" };
    write!(text, "{} - {user} [01/Mar/2026:{clock} +0000] \"{} {} HTTP/1.1\" ", log[1], log[2], log[3]).unwrap();
    write!(text, "{} {} \"{}\" \"{}\"", log[4], log[5], log[7], log[8]).unwrap();
}
