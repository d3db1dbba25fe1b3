//! A line for each request, on standard error. It has no text of a user: neither queries nor ids nor bodies.

use std::io::Write;
use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;

use super::options::{LogFormat, LogOptions};

/// A request that was answered.
pub(crate) struct Answered<'a> {
    pub(crate) id: &'a str,
    pub(crate) method: &'a str,
    /// The route, and not the path, which may hold an id.
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    pub(crate) took: Duration,
    /// What was searched for, if that is to be logged.
    pub(crate) query: Option<String>,
}

impl LogOptions {
    /// Writes a line about a request.
    pub(crate) fn request(&self, answered: &Answered<'_>) {
        if self.quiet && answered.status < 500 {
            return;
        }
        let Answered { id, method, route, status, took, query } = answered;
        let milliseconds = took.as_secs_f64() * 1000.0;
        let line = match self.format {
            LogFormat::Text => {
                let query = query.as_ref().map(|query| format!(" {query:?}")).unwrap_or_default();
                format!("{} {id} {method} {route} {status} {milliseconds:.1}ms{query}", now())
            }
            LogFormat::Json => {
                let mut line = json!({
                    "time": now(), "level": "info", "request_id": id, "method": method, "route": route, "status": status,
                    "duration_ms": (milliseconds * 1000.0).round() / 1000.0,
                });
                if let Some(query) = query {
                    line["query"] = query.clone().into();
                }
                line.to_string()
            }
        };
        write(&line);
    }

    /// Writes a line about the server itself.
    pub(crate) fn note(&self, level: &str, message: &str) {
        if self.quiet && level == "info" {
            return;
        }
        write(&match self.format {
            LogFormat::Text if level == "info" => format!("{} {message}", now()),
            LogFormat::Text => format!("{} {level}: {message}", now()),
            LogFormat::Json => json!({"time": now(), "level": level, "message": message}).to_string(),
        });
    }
}

/// Now in UTC, with milliseconds.
fn now() -> String {
    let now = OffsetDateTime::now_utc();
    let (date, time) = (now.date(), now.time());
    format!("{date}T{:02}:{:02}:{:02}.{:03}Z", time.hour(), time.minute(), time.second(), time.millisecond())
}

/// Writes a line whole, so that lines of several threads do not mix. A log that cannot be written is no reason to stop.
fn write(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
