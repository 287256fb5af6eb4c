//! `inflight`: what is running and what is suspended right now, since when, on which call path.

use std::fmt::Write as _;

use super::endpoints::Endpoints;
use super::form::Form;
use super::json::Json;
use super::parameters::Parameters;
use super::requests::{RequestsInFlight, requests_in_flight};
use super::response::{JSON, Refusal, Response, TEXT};
use super::work::{Reply, Work};
use crate::in_flight::{InFlight, OpenCall};
use crate::render::names::{one_line, printable};
use crate::units;

/// `inflight`: JSON, or text with `format=text`.
pub(super) fn in_flight(_endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let form = Form::parse(parameters, Form::Json)?;
    Ok(Work::now(move || {
        let (found, requests) = (crate::in_flight(), requests_in_flight());
        Ok(match form {
            Form::Text => Response::new(TEXT, text(&found, &requests)),
            Form::Json => Response::new(JSON, Json::object(|json| write(&found, &requests, json))),
        })
    }))
}

/// Times in nanoseconds; `null` where a call has ended meanwhile.
fn write(found: &InFlight, requests: &RequestsInFlight, json: &mut Json) {
    json.list("threads", &found.running, |json, running| {
        json.text("name", &running.thread);
        json.field("here_ns", running.here.as_nanos());
        stack(json, &running.calls);
    });
    json.list("suspended", &found.suspended, |json, suspended| {
        json.field("count", suspended.count);
        json.optional("mean_since_ns", suspended.calls.last().and_then(nanoseconds));
        stack(json, &suspended.calls);
    });
    json.list("requests", &requests.requests, |json, request| {
        json.text("name", &format!("{} {}", request.method, request.route));
        json.field("since_ns", request.age.as_nanos());
    });
    json.field("unlisted_requests", requests.unlisted);
}

fn stack(json: &mut Json, calls: &[OpenCall]) {
    json.list("stack", calls, |json, call| {
        json.text("function", &call.label.name);
        json.text("file", &call.label.file);
        json.field("line", call.label.line);
        json.optional("since_ns", nanoseconds(call));
    });
}

fn nanoseconds(call: &OpenCall) -> Option<u128> {
    call.age.map(|age| age.as_nanos())
}

fn text(found: &InFlight, requests: &RequestsInFlight) -> String {
    let mut text = String::new();
    if !requests.requests.is_empty() {
        let all = requests.requests.len() as u64 + requests.unlisted;
        let _ = writeln!(text, "{} under way", units::counted(all, "request"));
        for request in &requests.requests {
            let age = units::duration(request.age.as_secs_f64());
            let name = format!("{} {}", request.method, request.route);
            let _ = writeln!(text, "  {age:>7}  {}", one_line(&printable(&name)));
        }
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
    use std::time::Duration;

    use crate::http::RequestInFlight;
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
        let age = Duration::from_secs(3);
        let requests = vec![RequestInFlight { method: "GET", route: "/a/{id}", age }];
        RequestsInFlight { requests, unlisted: 1 }
    }

    #[test]
    fn as_json() {
        let json = String::from_utf8(Json::object(|json| write(&found(), &requests(), json))).unwrap();
        assert_eq!(
            json.replace('\n', ""),
            concat!(
                r#"{"threads":[{"name":"worker\n1","here_ns":1000000000,"stack":["#,
                r#"{"function":"GET /","file":"a.rs","line":7,"since_ns":3000000000},"#,
                r#"{"function":"lo\"ad","file":"a.rs","line":7,"since_ns":2000000000}]}],"#,
                r#""suspended":[{"count":2,"mean_since_ns":null,"stack":["#,
                r#"{"function":"wait","file":"a.rs","line":7,"since_ns":null}]}],"#,
                r#""requests":[{"name":"GET /a/{id}","since_ns":3000000000}],"unlisted_requests":1}"#,
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
                "2 requests under way",
                "    3.00s  GET /a/{id}",
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
