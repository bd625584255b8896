//! The visitors: names, addresses, the pages they come from and the programs they use.

use super::{
    random::mix,
    site::{Kind, Path, word},
    text::{push_decimal, push_hexadecimal},
};

const FIRST_NAMES: [&str; 40] = [
    "alice", "amir", "anna", "ben", "carlos", "chen", "clara", "daniel", "elena", "emma", "farid", "felix", "fatima",
    "george", "hana", "ines", "ivan", "jack", "julia", "kenji", "lars", "laura", "leo", "lin", "maria", "mia", "nadia",
    "noah", "olga", "omar", "paul", "priya", "rosa", "sam", "sofia", "tom", "uma", "victor", "wei", "zoe",
];

const LAST_NAMES: [&str; 50] = [
    "Adams", "Ahmed", "Bauer", "Becker", "Brown", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Green", "Haas",
    "Hansen", "Ito", "Jansen", "Johnson", "Kaya", "Keller", "Khan", "Kim", "Larsen", "Lee", "Lopez", "Martin", "Meyer",
    "Moreau", "Nagy", "Nielsen", "Novak", "Okafor", "Park", "Patel", "Peters", "Popov", "Quinn", "Reyes", "Ricci",
    "Rossi", "Santos", "Sato", "Schmidt", "Silva", "Singh", "Smith", "Tanaka", "Vogel", "Walker", "Wang", "Yilmaz",
    "Young",
];

/// Returns the names of users, most active first, each once: 20,000. Some hold spaces, and some the escapes that a
/// server writes for quotes and for letters beyond ASCII.
pub fn users() -> Vec<String> {
    let mut users = vec!["J. Doe".to_owned()];
    for number in 1..=10 {
        for last in LAST_NAMES {
            for first in FIRST_NAMES {
                let initial = first.get(..1).unwrap_or_default().to_uppercase();
                users.push(match users.len() % 400 {
                    7 => format!("{initial}. {last} {first}{number}"),
                    19 => format!("{first} \\\"{last}\\\" {number}"),
                    31 => format!("{first}.m\\xc3\\xbcller-{last}{number}"),
                    _ if number == 1 => format!("{first}.{}", last.to_lowercase()),
                    _ => format!("{first}.{}{number}", last.to_lowercase()),
                });
            }
        }
    }
    users.truncate(20_000);
    users
}

/// Browsers with the newest version of each; `{}` is where the version goes.
const BROWSERS: [(&str, u32); 20] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
        145,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
        15,
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Mobile Safari/537.36",
        145,
    ),
    ("okhttp/4.{}.0", 24),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
        145,
    ),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{}.0) Gecko/20100101 Firefox/{}.0", 147),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36 Edg/{}.0.0.0",
        145,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{} Safari/605.1.15",
        15,
    ),
    ("ShopApp/7.{}.1 (iOS; iPhone15,2; Scale/3.00)", 32),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0", 147),
    (
        "Mozilla/5.0 (Linux; Android 15; SM-S931B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/{}.0 Chrome/136.0.0.0 Mobile Safari/537.36",
        29,
    ),
    ("python-requests/2.{}.3", 32),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/{}.0.7204.33 Mobile/15E148 Safari/604.1",
        145,
    ),
    ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36", 145),
    ("Mozilla/5.0 (Android 14; Mobile; rv:{}.0) Gecko/{}.0 Firefox/{}.0", 147),
    ("ShopApp/7.{}.0 (Android 15; Pixel 9; de-DE)", 32),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:{}.0) Gecko/20100101 Firefox/{}.0", 147),
    ("curl/8.{}.0", 18),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 OPR/{}.0.0.0",
        127,
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 17_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
        15,
    ),
];

/// Crawlers, tools, and agents with quotes in their names as servers escape them: `\"` by Apache, `\x22` by nginx.
const OTHER_AGENTS: [&str; 12] = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; \\\"QuickCheck\\\" monitor/2.1; +https://status.example.net/about)",
    "Go-http-client/1.1",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "ShopApp/6.9 (\\x22tablet\\x22; Android 13; en-GB)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Mozilla/5.0 (Linux; Android 9; \\\"TV Box\\\" X96) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.152 Safari/537.36",
    "Apache-HttpClient/4.5.14 (Java/17.0.9)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Partner Feed \\\"nightly\\\" import, v3",
    "Wget/1.21.4",
];

/// Returns the user agents, most popular first, each once: newer versions before older ones.
pub fn agents() -> Vec<String> {
    let mut agents = Vec::new();
    for age in 0..15 {
        agents.extend(BROWSERS.iter().map(|(text, newest)| text.replace("{}", &(newest - age).to_string())));
        if age == 0 {
            agents.extend(OTHER_AGENTS.map(str::to_owned));
        }
    }
    agents
}

const SHOP: &str = "https://www.example.com";

/// Returns the pages that lead to the site, most frequent first: pages of the site itself, search engines and others.
pub fn referers(paths: &[Path]) -> Vec<String> {
    let pages = paths.iter().filter(|path| path.kind == Kind::Page);
    let mut referers = Vec::new();
    for (path, number) in pages.zip(0..4000_u32) {
        let (one, other) = (word(number), word(number / 32 + 11));
        referers.push(match number % 10 {
            1 => format!("https://www.google.com/search?q=buy+{one}+{other}+online&hl=en&start={}", number % 7 * 10),
            3 if number < 100 => "https://www.google.com/".to_owned(),
            5 => format!("https://duckduckgo.com/?q={one}+{other}+{number}&ia=shopping"),
            7 => format!("https://forum.example.org/t/{one}-or-{other}/{}", 4000 + number),
            9 => format!("{SHOP}{}?page={}&sort=price", path.text, number % 9 + 1),
            _ => format!("{SHOP}{}", path.text),
        });
    }
    referers
}

/// First groups of IPv6 addresses of large networks.
const NETWORKS: [&[u8]; 5] = [b"2a02", b"2600", b"2001", b"2409", b"2003"];

/// Writes the address of a client: IPv6 for 12 % of them.
///
/// Computed from the client's number, because a table of a million addresses would be the largest thing in memory.
/// About two clients in 10,000 share an address with another one.
pub fn push_address(client: u64, out: &mut Vec<u8>) {
    let [kind, network, host @ .., _, _] = mix(client).to_le_bytes();
    if u32::from(kind) * 100 < 12 * 256 {
        push_ipv6(network, client, host, out);
    } else {
        push_ipv4(host, out);
    }
}

fn push_ipv6(network: u8, client: u64, [high, low, ..]: [u8; 4], out: &mut Vec<u8>) {
    out.extend_from_slice(NETWORKS.get(usize::from(network % 5)).copied().unwrap_or(b"2a00"));
    let groups = [client >> 48, client >> 32, client >> 16, client].map(|group| (group & 0xffff) as u16);
    // Servers and routers have short interface parts, phones long ones. `::` stands for groups of zeros.
    let long = network >= 80;
    for group in groups.into_iter().take(if long { 4 } else { 2 }) {
        push_group(group, out);
    }
    if long {
        push_group(u16::from_le_bytes([high, low]), out);
        push_group(u16::from(low) + 1, out);
    } else {
        out.push(b':');
    }
    push_group(u16::from(high), out);
}

/// Addresses that no client on the internet has (`0.`, `10.`, `127.`, `224.` and up) are left out.
fn push_ipv4([first, rest @ ..]: [u8; 4], out: &mut Vec<u8>) {
    let first = match first % 224 {
        0 => 93,
        10 => 81,
        127 => 188,
        other => other,
    };
    push_decimal(u64::from(first), out);
    for part in rest {
        out.push(b'.');
        push_decimal(u64::from(part), out);
    }
}

/// A group of zero would have to be shortened.
fn push_group(group: u16, out: &mut Vec<u8>) {
    out.push(b':');
    push_hexadecimal(group.max(1), out);
}
