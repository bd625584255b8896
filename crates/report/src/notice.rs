//! What a webhook is told: one object, with a sentence for people in `text`, as chat programs take it, and the same for programs.

use crate::{
    log::{cut, time},
    words,
};
use serde_json::{Map, Value, json};
use tidegate_memory::ByteCount;

/// Bytes of texts.
const QUERY: usize = 2_000;
const MESSAGE: usize = 2_000;
const NAME: usize = 400;

/// Something that people want to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// The run, or the loop.
    pub run: String,
    /// The unit of a loop.
    pub unit: Option<String>,
    /// The name of the host.
    pub host: Option<String>,
    /// The query, or the command.
    pub query: String,
    /// The limit.
    pub limit: Option<ByteCount>,
    /// The peak, as far as it is known.
    pub peak: Option<ByteCount>,
    /// What happened.
    pub about: About,
}

/// What people want to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A task ended because it needs more memory than its limit: with exit code 3.
    Refused {
        /// The error.
        message: String,
        /// What would make it pass.
        help: Option<String>,
    },
    /// The peak passed this share of the limit, in percent.
    PeakAbove(u8),
}

impl Default for About {
    fn default() -> Self {
        Self::Refused { message: String::new(), help: None }
    }
}

impl Notice {
    /// Returns the object.
    ///
    /// ```
    /// use tidegate_report::notice::{About, Notice};
    /// let notice = Notice { run: "4711-0".into(), about: About::PeakAbove(80), ..Notice::default() };
    /// assert!(notice.to_json().starts_with(r#"{"event":"peak_above","#));
    /// ```
    pub fn to_json(&self) -> String {
        let mut object = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                object.insert(name.to_owned(), value);
            }
        };
        let (event, exit_code, percent) = match &self.about {
            About::Refused { message, help } => {
                put("message", Some(cut(message, MESSAGE).into()));
                put("help", help.as_deref().map(|help| cut(help, MESSAGE).into()));
                ("refused", Some(json!(3)), None)
            }
            About::PeakAbove(percent) => ("peak_above", None, Some(json!(percent))),
        };
        put("event", Some(event.into()));
        put("exit_code", exit_code);
        put("percent", percent);
        put("text", Some(self.sentence().into()));
        put("time", Some(time(self.time_ms).into()));
        put("run", Some(cut(&self.run, NAME).into()));
        put("unit", self.unit.as_deref().map(|unit| cut(unit, NAME).into()));
        put("host", self.host.as_deref().map(|host| cut(host, NAME).into()));
        put("query", Some(cut(&self.query, QUERY).into()));
        put("limit", self.limit.map(|limit| limit.bytes().into()));
        put("peak", self.peak.map(|peak| peak.bytes().into()));
        Value::Object(object).to_string()
    }

    /// Says it in a line.
    fn sentence(&self) -> String {
        let who = self.unit.as_deref().map_or_else(|| "a query".to_owned(), |unit| format!("`{}`", cut(unit, NAME)));
        let place = self.host.as_deref().map(|host| format!(" on {}", cut(host, NAME))).unwrap_or_default();
        let begin = format!("tidegate{place}: {who}");
        match (&self.about, self.peak, self.limit) {
            (About::Refused { message, .. }, _, _) => format!("{begin} ended: {}", cut(message, MESSAGE)),
            (About::PeakAbove(percent), Some(peak), Some(limit)) => format!(
                "{begin} passed {percent} % of its limit: {peak} of {} at the peak, {}",
                limit.as_limit(),
                words::percent(peak.percent_of(limit))
            ),
            (About::PeakAbove(percent), ..) => format!("{begin} passed {percent} % of its limit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ATTACK;

    #[test]
    fn a_refusal_says_what_would_help() {
        let notice = Notice {
            run: "4711-0".into(),
            host: Some("web1".into()),
            query: "SELECT 1".into(),
            limit: Some(ByteCount::mib(64)),
            about: About::Refused { message: "memory limit reached".into(), help: Some("try --limit 128MB".into()) },
            ..Notice::default()
        };
        let read: Value = serde_json::from_str(&notice.to_json()).unwrap();
        let expected = json!({
            "event": "refused", "exit_code": 3, "time": "1970-01-01T00:00:00.000Z", "run": "4711-0", "host": "web1",
            "query": "SELECT 1", "limit": 67_108_864, "message": "memory limit reached", "help": "try --limit 128MB",
            "text": "tidegate on web1: a query ended: memory limit reached",
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn a_peak_says_how_near_it_came() {
        let notice = Notice {
            unit: Some("day: a.log".into()),
            limit: Some(ByteCount::new(100_000_000)),
            peak: Some(ByteCount::new(81_000_000)),
            about: About::PeakAbove(80),
            ..Notice::default()
        };
        let read: Value = serde_json::from_str(&notice.to_json()).unwrap();
        let text = "tidegate: `day: a.log` passed 80 % of its limit: 81.0 MB of 100 MB at the peak, 81 %";
        assert_eq!((read["text"].as_str(), read["percent"].as_u64()), (Some(text), Some(80)));
    }

    #[test]
    fn a_notice_stays_short() {
        let long = ATTACK.repeat(10_000);
        let about = About::Refused { message: long.clone(), help: Some(long.clone()) };
        let notice = Notice { unit: Some(long.clone()), query: long, about, ..Notice::default() };
        assert!(notice.to_json().len() < 16 << 10);
    }
}
