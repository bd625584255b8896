//! The rules: one file each, with what it is called, what it finds, and what its page says.

mod registry;
mod rule;
mod support;

mod tg001;
mod tg002;
mod tg003;
mod tg004;
mod tg005;
mod tg006;
mod tg007;
mod tg008;
mod tg009;
mod tg010;
mod tg011;
mod tg012;
mod tg013;
mod tg014;
mod tg015;
mod tg016;
mod tg017;
mod tg018;
mod tg019;
mod tg020;
mod tg021;
mod tg022;
mod tg023;
mod tg024;
mod tg025;
mod tg026;
mod tg027;
mod tg028;
mod tg029;
mod tg030;
mod tg031;

pub(crate) use registry::ON_REQUEST;
pub use registry::{RULES, rule};
pub(crate) use rule::Context;
pub use rule::Rule;
