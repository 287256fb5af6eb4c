//! `inflight`: what is running and what is suspended right now, since when, on which call path; and which requests of the
//! service are under way, where a `ProfileLayer` sees them.

use std::fmt::Write as _;
use std::time::Duration;

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::requests::{RequestsInFlight, requests_in_flight};
use super::response::{JSON, Refusal, Response, TEXT};
use super::work::{Reply, Work};
use crate::in_flight::{InFlight, OpenCall};
use crate::render::json_text::Quoted;
use crate::render::names::{one_line, printable};
use crate::units;

/// `inflight`: JSON, or text with `format=text`.
pub(super) fn in_flight(_endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let as_text = parameters.one_of("format", &[("json", false), ("text", true)])?;
    Ok(Work::now(move || {
        let (found, requests) = (crate::in_flight(), requests_in_flight());
        Ok(match as_text {
            true => Response::new(TEXT, text(&found, &requests)),
            false => Response::new(JSON, json(&found, &requests)),
        })
    }))
}

/// Times in nanoseconds; `null` where a call has ended meanwhile.
fn json(found: &InFlight, requests: &RequestsInFlight) -> String {
    let running = found.running.iter().map(|running| {
        format!(
            "{{\"name\":{},\"here_ns\":{},\"stack\":{}}}",
            Quoted(&running.thread),
            running.here.as_nanos(),
            stack(&running.calls)
        )
    });
    let suspended = found.suspended.iter().map(|suspended| {
        let since = suspended.calls.last().and_then(|call| call.age);
        format!(
            "{{\"count\":{},\"mean_since_ns\":{},\"stack\":{}}}",
            suspended.count,
            nanoseconds(since),
            stack(&suspended.calls)
        )
    });
    let RequestsInFlight { requests, unlisted } = requests;
    let requests = requests.iter().map(|request| {
        format!(
            "{{\"method\":{},\"route\":{},\"since_ns\":{}}}",
            Quoted(request.method),
            Quoted(request.route),
            request.age.as_nanos()
        )
    });
    format!(
        "{{\"threads\":[{}],\"suspended\":[{}],\"requests\":[{}],\"unlisted_requests\":{unlisted}}}\n",
        joined(running),
        joined(suspended),
        joined(requests)
    )
}

fn stack(calls: &[OpenCall]) -> String {
    let calls = calls.iter().map(|OpenCall { label, age }| {
        format!(
            "{{\"function\":{},\"file\":{},\"line\":{},\"since_ns\":{}}}",
            Quoted(&label.name),
            Quoted(&label.file),
            label.line,
            nanoseconds(*age)
        )
    });
    format!("[{}]", joined(calls))
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(",")
}

fn nanoseconds(age: Option<Duration>) -> String {
    age.map_or_else(|| "null".to_owned(), |age| age.as_nanos().to_string())
}

fn text(found: &InFlight, requests: &RequestsInFlight) -> String {
    let mut text = String::new();
    let RequestsInFlight { requests, unlisted } = requests;
    if !requests.is_empty() {
        let _ = writeln!(text, "{}", units::counted(requests.len() as u64 + unlisted, "request"));
    }
    for request in requests {
        let age = units::duration(request.age.as_secs_f64());
        let name = format!("{} {}", request.method, request.route);
        let _ = writeln!(text, "  {age:>7}  {}", one_line(&printable(&name)));
    }
    if !requests.is_empty() {
        text.push('\n');
    }
    for running in &found.running {
        let here = units::duration(running.here.as_secs_f64());
        let _ = writeln!(
            text,
            "thread {}, {here} in the last one's own code",
            one_line(&printable(&running.thread))
        );
        lines(&mut text, &running.calls);
    }
    for suspended in &found.suspended {
        let _ = writeln!(text, "{} suspended", units::counted(suspended.count, "future"));
        lines(&mut text, &suspended.calls);
    }
    if text.is_empty() {
        text.push_str(if crate::is_enabled() {
            "nothing is running or suspended\n"
        } else {
            "calls are not recorded; POST control/time/start begins\n"
        });
    }
    text
}

/// A line a call, outermost first: how long ago it began, and where it is.
fn lines(text: &mut String, calls: &[OpenCall]) {
    for OpenCall { label, age } in calls {
        let age = age.map_or_else(|| "-".to_owned(), |age| units::duration(age.as_secs_f64()));
        let place = format!("{}:{}({})", label.file, label.line, label.name);
        let _ = writeln!(text, "  {age:>7}  {}", one_line(&printable(&place)));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::requests::RequestInFlight;
    use crate::in_flight::{RunningThread, SuspendedCalls};
    use crate::profile::Label;

    fn found() -> InFlight {
        let call = |name: &str, age| OpenCall { label: Label::new("a.rs", 7, name), age };
        let second = Duration::from_secs(1);
        InFlight {
            running: vec![RunningThread {
                thread: "worker\n1".to_owned(),
                calls: vec![call("GET /", Some(3 * second)), call("lo\"ad", Some(2 * second))],
                here: second,
            }],
            suspended: vec![SuspendedCalls { calls: vec![call("wait", None)], count: 2 }],
        }
    }

    fn requests() -> RequestsInFlight {
        let age = Duration::from_secs(5);
        RequestsInFlight {
            requests: vec![RequestInFlight { method: "GET", route: "/a\"b", age }],
            unlisted: 3,
        }
    }

    #[test]
    fn as_json() {
        let json = json(&found(), &requests());
        assert_eq!(
            json,
            concat!(
                r#"{"threads":[{"name":"worker\n1","here_ns":1000000000,"stack":["#,
                r#"{"function":"GET /","file":"a.rs","line":7,"since_ns":3000000000},"#,
                r#"{"function":"lo\"ad","file":"a.rs","line":7,"since_ns":2000000000}]}],"#,
                r#""suspended":[{"count":2,"mean_since_ns":null,"stack":["#,
                r#"{"function":"wait","file":"a.rs","line":7,"since_ns":null}]}],"#,
                r#""requests":[{"method":"GET","route":"/a"b","since_ns":5000000000}],"unlisted_requests":3}"#,
                "\n"
            )
        );
    }

    #[test]
    fn as_text() {
        let text = text(&found(), &requests());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "4 requests",
                "    5.00s  GET /a\"b",
                "",
                "thread worker 1, 1.00s in the last one's own code",
                "    3.00s  a.rs:7(GET /)",
                "    2.00s  a.rs:7(lo\"ad)",
                "",
                "2 futures suspended",
                "        -  a.rs:7(wait)",
                "",
            ]
        );
    }
}
