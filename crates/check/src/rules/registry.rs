//! All rules, in the order of their codes.

use super::{
    Rule, tg001, tg002, tg003, tg004, tg005, tg006, tg007, tg008, tg009, tg010, tg011, tg012, tg013, tg014, tg015,
    tg016, tg017, tg018, tg019, tg020, tg021, tg022, tg023, tg024, tg025, tg026, tg027, tg028, tg029, tg030, tg031,
};
use crate::CheckError;

/// All rules, in the order of their codes.
pub static RULES: &[&Rule] = &[
    &tg001::RULE,
    &tg002::RULE,
    &tg003::RULE,
    &tg004::RULE,
    &tg005::RULE,
    &tg006::RULE,
    &tg007::RULE,
    &tg008::RULE,
    &tg009::RULE,
    &tg010::RULE,
    &tg011::RULE,
    &tg012::RULE,
    &tg013::RULE,
    &tg014::RULE,
    &tg015::RULE,
    &tg016::RULE,
    &tg017::RULE,
    &tg018::RULE,
    &tg019::RULE,
    &tg020::RULE,
    &tg021::RULE,
    &tg022::RULE,
    &tg023::RULE,
    &tg024::RULE,
    &tg025::RULE,
    &tg026::RULE,
    &tg027::RULE,
    &tg028::RULE,
    &tg029::RULE,
    &tg030::RULE,
    &tg031::RULE,
];

/// Rules that are applied where they are selected only: they hold for most scripts.
pub(crate) const ON_REQUEST: [&str; 2] = ["TG030", "TG031"];

/// Returns the rule of a code, or of a name.
///
/// # Errors
/// [`CheckError::UnknownRule`] if there is none.
pub fn rule(code: &str) -> Result<&'static Rule, CheckError> {
    let is_it = |rule: &&&Rule| rule.code.eq_ignore_ascii_case(code) || rule.name == code;
    RULES.iter().find(is_it).copied().ok_or_else(|| CheckError::UnknownRule { code: code.to_owned() })
}
