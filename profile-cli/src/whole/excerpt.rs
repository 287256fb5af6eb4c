//! What the compiler says, with the user's lines in place of ours: calls that stand on a line it shows are taken out of the
//! line, and what points at its parts moves along.

use std::ops::Range;
use std::sync::OnceLock;

use regex_lite::Regex;
use serde_json::Value;

/// What `splice` puts into one line, all but ends of futures: these are looked for behind their beginnings.
const SPLICED: &str = concat!(
    r#"^#!\[recursion_limit = "512"\]"#,
    r"| (?:::)?__profile_cost::__enter!\([^()]*\);",
    r"| (?P<diverges>match )?(?:::)?__profile_cost::private::instrument_at\(",
    r"(?:::)?__profile_cost::__site!\([^()]*\), async move \{ (?:::)?__profile_cost::__returns!\(.*?\);",
    r"| let __profile_cost_site = (?:::)?__profile_cost::__site!\([^()]*\);",
    r"|(?P<block>(?:::)?__profile_cost::private::instrument_at\(",
    r"(?:(?:::)?__profile_cost::__site!\([^()]*\)|__profile_cost_site), )",
);
/// How much longer lines mostly are at most, in characters.
pub(super) const LONGER: usize = 400;
/// The end of a future, and of one that never ends.
const ENDS: [&str; 2] = ["}).await ", "}).await {} "];

/// A message of the compiler's, as JSON; `None` where it is to be shown as it is.
pub(super) fn hidden(message: &str) -> Option<String> {
    if !message.contains("__profile_cost") && !message.contains("#![recursion_limit") {
        return None;
    }
    let mut message: Value = serde_json::from_str(message).ok()?;
    let mut column = None;
    for span in message["spans"].as_array()? {
        let text =
            span["text"].as_array().and_then(|lines| lines.first()?["text"].as_str()).unwrap_or_default();
        let spliced = spliced(text);
        let place = |key: &str| span[key].as_u64().and_then(|place| usize::try_from(place).ok());
        let (start, end) = (place("column_start")?.saturating_sub(1), place("column_end")?.saturating_sub(1));
        if span["line_start"] == span["line_end"]
            && spliced.iter().any(|range| range.start <= start && end <= range.end)
        {
            // It is about the call itself.
            return None;
        }
        if span["is_primary"] == true && column.is_none() {
            let before: usize = spliced.iter().filter(|r| r.end <= start).map(ExactSizeIterator::len).sum();
            let line = &span["line_start"];
            column = Some([start, start - before].map(|start| format!(":{line}:{}", start + 1)));
        }
    }
    let rendered = shown(message["rendered"].as_str()?, column.as_ref());
    message["rendered"] = Value::String(rendered);
    serde_json::to_string(&message).ok()
}

/// Without our text. `column` is the end of the first place that is named, and what it is to be.
fn shown(rendered: &str, mut column: Option<&[String; 2]>) -> String {
    let mut taken = Vec::new();
    let mut lines = Vec::new();
    for line in rendered.split('\n') {
        let mut cells = Cells::of(line);
        let text = cells.text();
        match gutter(&text) {
            Some(Gutter::Source(width)) => {
                let source: String = text.chars().skip(width).collect();
                taken = spliced(&source);
                taken.iter_mut().for_each(|range| *range = range.start + width..range.end + width);
                taken.iter().rev().for_each(|range| cells.take(range.clone()));
            }
            Some(Gutter::Marks) => {
                // What is written beside marks ends their line, and stays whole.
                let marks = text.chars().take_while(|mark| " ^-_~+|=".contains(*mark)).count();
                let is_marks = |range: &Range<usize>| range.end <= marks || marks == cells.cells.len();
                let taken: Vec<_> = taken.iter().filter(|range| is_marks(range)).collect();
                taken.into_iter().rev().for_each(|range| cells.take(range.clone()));
            }
            None => {
                if let Some([is, to_be]) = column
                    && text.trim_start().starts_with("--> ")
                    && let Some(line) =
                        line.rfind(is.as_str()).map(|at| (&line[..at], &line[at + is.len()..]))
                {
                    column = None;
                    lines.push(format!("{}{to_be}{}", line.0, line.1));
                    continue;
                }
            }
        }
        lines.push(cells.line());
    }
    lines.join("\n")
}

/// Where our text is in a line of source, in characters.
fn spliced(source: &str) -> Vec<Range<usize>> {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| Regex::new(SPLICED).ok());
    let mut ranges = Vec::new();
    for found in pattern.iter().flat_map(|pattern| pattern.captures_iter(source)) {
        let Some(whole) = found.get(0) else { continue };
        ranges.push(whole.range());
        if found.name("block").is_some() {
            ranges.extend(end_of_block(source, whole.end()).map(|at| at..at + 1));
            continue;
        }
        let is_future = whole.as_str().contains("instrument_at");
        let end = ENDS[usize::from(found.name("diverges").is_some())];
        if is_future && let Some(at) = source.rfind(end).filter(|at| *at >= whole.end()) {
            ranges.push(at..at + end.len());
        }
    }
    let characters = |at: usize| source[..at].chars().count();
    ranges.sort_by_key(|range| range.start);
    ranges.iter().map(|range| characters(range.start)..characters(range.end)).collect()
}

/// Where the parenthesis is that was put behind an async block, if the block ends on this line.
fn end_of_block(source: &str, start: usize) -> Option<usize> {
    let mut open = 1;
    let (end, _) = source.char_indices().skip_while(|(at, _)| *at < start).find(|(_, character)| {
        open += i32::from(*character == '(') - i32::from(*character == ')');
        open == 0
    })?;
    // In texts parentheses mean nothing.
    source[..end].ends_with('}').then_some(end)
}

/// What a line that the compiler shows begins with.
enum Gutter {
    /// A line's number and a bar: so wide.
    Source(usize),
    /// A bar.
    Marks,
}

fn gutter(text: &str) -> Option<Gutter> {
    let number = text.trim_start_matches(' ');
    let after = number.trim_start_matches(|c: char| c.is_ascii_digit());
    let bar = after.trim_start_matches(' ');
    if number.len() == after.len() {
        return bar.starts_with('|').then_some(Gutter::Marks);
    }
    // Lines of suggestions have other signs than a bar.
    let is_source = after.starts_with(' ') && bar.starts_with(['|', '+', '-', '~']);
    is_source.then(|| {
        let sign = text.len() - bar.len() + 1;
        Gutter::Source(sign + usize::from(text[sign..].starts_with(' ')))
    })
}

/// A line, each character with the colours that begin at it.
struct Cells {
    cells: Vec<(String, char)>,
    end: String,
}

impl Cells {
    fn of(line: &str) -> Self {
        let (mut cells, mut colours) = (Vec::new(), String::new());
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            if character != '\x1b' {
                cells.push((std::mem::take(&mut colours), character));
                continue;
            }
            colours.push(character);
            for character in characters.by_ref() {
                colours.push(character);
                if character.is_ascii_alphabetic() {
                    break;
                }
            }
        }
        Self { cells, end: colours }
    }

    fn text(&self) -> String {
        self.cells.iter().map(|(_, character)| character).collect()
    }

    /// Colours that begin in what is taken begin behind it.
    fn take(&mut self, range: Range<usize>) {
        let end = range.end.min(self.cells.len());
        if range.start >= end {
            return;
        }
        let colours: String = self.cells.drain(range.start..end).map(|(colours, _)| colours).collect();
        match self.cells.get_mut(range.start) {
            Some((next, _)) => next.insert_str(0, &colours),
            None => self.end.insert_str(0, &colours),
        }
    }

    fn line(&self) -> String {
        let cells = self.cells.iter().map(|(colours, character)| format!("{colours}{character}"));
        cells.chain([self.end.clone()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = r#" ::__profile_cost::__enter!(function "a" 3);"#;

    #[test]
    fn what_points_moves_along() {
        let space = " ".repeat(CALL.len());
        let (line, label) = ("-".repeat(CALL.len()), "a label that is long".repeat(4));
        let rendered = format!(
            " --> src/a.rs:3:62\n  |\n3 | fn a() {{{CALL} let b = 1; }}\n  | --------{line}     ^\n  |        {label}\n  |   {space}           |\n4 | c"
        );
        let column = [":3:62".to_owned(), ":3:18".to_owned()];
        let expected = format!(
            " --> src/a.rs:3:18\n  |\n3 | fn a() {{ let b = 1; }}\n  | --------     ^\n  |        {label}\n  |              |\n4 | c"
        );
        assert_eq!(shown(&rendered, Some(&column)), expected);
    }

    #[test]
    fn colours_stay() {
        let rendered = format!("\x1b[1m3\x1b[0m \x1b[1m|\x1b[0m fn a() {{\x1b[31m{CALL}\x1b[32m b\x1b[0m }}");
        let expected = "\x1b[1m3\x1b[0m \x1b[1m|\x1b[0m fn a() {\x1b[31m\x1b[32m b\x1b[0m }";
        assert_eq!(shown(&rendered, None), expected);
    }

    #[test]
    fn what_is_about_the_call_shows_it() {
        let text = format!("fn a() {{{CALL} let b = 1; }}");
        let message = |start: usize, end: usize| {
            let span = serde_json::json!({
                "is_primary": true, "line_start": 3, "line_end": 3, "column_start": start, "column_end": end,
                "text": [{"text": text}],
            });
            serde_json::json!({"spans": [span], "rendered": format!("3 | {text}")}).to_string()
        };
        let start = 9 + CALL.len();
        let user = hidden(&message(start + 5, start + 6)).expect("about `b`");
        assert!(user.contains("3 | fn a() { let b = 1; }\""), "{user}");
        assert_eq!(hidden(&message(10, 20)), None);
        assert_eq!(hidden(&message(start + 5, start + 6).replace("__profile_cost", "others")), None);
    }
}
