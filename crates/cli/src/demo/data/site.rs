//! The site: its paths, and the query strings they are asked with.

/// How many paths there are.
const PATHS: u32 = 20_000;
/// How many query strings there are.
const QUERIES: u32 = 3000;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A page for people.
    Page,
    /// A script, style sheet, font or picture.
    Asset,
    /// An interface for programs.
    Api,
    /// A large file.
    Download,
    /// Nothing: someone looks for a way in.
    Probe,
}

/// One path.
#[derive(Debug)]
pub struct Path {
    /// What it leads to.
    pub kind: Kind,
    /// The path as requested.
    pub text: String,
}

/// The paths that everyone asks for, most popular first.
const POPULAR: &[(Kind, &str)] = &[
    (Kind::Page, "/"),
    (Kind::Asset, "/static/js/app.9f2c.js"),
    (Kind::Api, "/api/v1/session"),
    (Kind::Asset, "/static/css/main.4b1d.css"),
    (Kind::Page, "/search"),
    (Kind::Asset, "/favicon.ico"),
    (Kind::Api, "/api/v1/cart"),
    (Kind::Page, "/products"),
    (Kind::Asset, "/static/js/vendor.77e0.js"),
    (Kind::Asset, "/static/img/logo.svg"),
    (Kind::Page, "/login"),
    (Kind::Api, "/api/v2/events"),
    (Kind::Asset, "/static/fonts/inter-latin-var.woff2"),
    (Kind::Page, "/checkout/payment"),
    (Kind::Asset, "/robots.txt"),
    (Kind::Api, "/api/v1/recommendations"),
    (Kind::Page, "/store-locator/52.5200,13.4050"),
    (Kind::Probe, "/wp-login.php"),
    (Kind::Asset, "/static/img/sprites/icons.3e7a.svg"),
    (Kind::Download, "/downloads/catalogue-spring-2026.pdf"),
    (Kind::Page, "/account/orders"),
    (Kind::Api, "/graphql"),
    (Kind::Probe, "/.env"),
    (Kind::Asset, "/apple-touch-icon.png"),
    (Kind::Page, "/category/caf%C3%A9-kitchen"),
    (Kind::Probe, "/xmlrpc.php"),
];

const WORDS: [&str; 32] = [
    "amber", "backpack", "blanket", "bottle", "candle", "canvas", "ceramic", "chair", "copper", "cotton", "desk",
    "garden", "glass", "hammock", "jacket", "kettle", "lamp", "lantern", "linen", "mirror", "notebook", "oak",
    "pillow", "rug", "sandals", "shelf", "sofa", "steel", "teapot", "tent", "umbrella", "wool",
];

/// Returns a word for a number; numbers that differ a little have other words.
pub fn word(number: u32) -> &'static str {
    let place = number % 32;
    WORDS.get(place as usize).copied().unwrap_or("misc")
}

/// Returns all paths, most popular first, each once.
pub fn paths() -> Vec<Path> {
    let popular = POPULAR.iter().map(|&(kind, text)| Path { kind, text: text.to_owned() });
    let count = PATHS.saturating_sub(u32::try_from(POPULAR.len()).unwrap_or(0));
    popular.chain((0..count).map(path)).collect()
}

/// Returns the path of a rank among those that are not in [`POPULAR`].
fn path(rank: u32) -> Path {
    // 20,011 is a prime, so each rank below it has an id of its own, and neighbours in rank are not neighbours in id.
    let id = 1000 + rank * 7919 % 20_011;
    let (one, other) = (word(id), word(id / 32));
    let (kind, text) = match rank % 16 {
        0 | 3 | 7 => (Kind::Page, format!("/products/{id}")),
        1 => (Kind::Asset, format!("/static/img/products/{id}_640.webp")),
        2 => (Kind::Api, format!("/api/v1/products/{id}/stock")),
        4 => (Kind::Asset, format!("/static/img/products/{id}_1280.webp")),
        5 => (Kind::Api, format!("/api/v1/orders/{id}")),
        6 => (Kind::Page, format!("/category/{one}/{other}-{id}")),
        8 => (Kind::Asset, format!("/static/js/chunk.{id:x}.js")),
        9 => (Kind::Page, format!("/products/{id}/reviews")),
        10 => (Kind::Api, format!("/api/v2/users/{id}/wishlist")),
        11 => (Kind::Page, format!("/blog/2026/02/{one}-and-{other}-{id}")),
        12 => (Kind::Asset, format!("/media/thumbs/{one}/{id}.jpg")),
        13 => (Kind::Page, format!("/help/articles/{id}-{one}-care")),
        14 => (Kind::Asset, format!("/static/css/theme.{id:x}.css")),
        _ if rank % 64 == 15 => (Kind::Probe, format!("/old/{one}/{id}.php")),
        _ => (Kind::Download, format!("/downloads/manuals/{one}-{id}.pdf")),
    };
    Path { kind, text }
}

/// Returns all query strings, most popular first.
pub fn queries() -> Vec<String> {
    (0..QUERIES).map(query).collect()
}

fn query(rank: u32) -> String {
    let page = 1 + rank / 8 % 40;
    let (one, other) = (word(rank / 8), word(rank / 5 + 7));
    match rank % 8 {
        0 => format!("page={page}&sort=price"),
        1 => format!("q={one}+{other}"),
        2 => format!("limit=50&offset={}", rank / 8 * 50),
        3 => format!("fields=id,name,price&page={page}"),
        4 => format!("utm_source=newsletter&utm_medium=email&utm_campaign={one}-{page}"),
        5 => format!("page={page}&sort=rating&color={other}"),
        6 => format!("ref={:x}", 0x51f_3a70 + rank * 977),
        _ => format!("q={one}&page={page}&lang=de"),
    }
}
