//! Names made to break whoever prints them, through every writer: what is written parses, no figure is lost, and no
//! name becomes markup, a line or a command to the terminal.
#![cfg(feature = "flamegraph")]

use std::io::{ErrorKind, Read};

use profile_cost_runtime::testing::{HOSTILE_NAMES, generated_profile};
use profile_cost_runtime::{Counts, Format, Label, Profile, SortKey, Stats};

/// Characters that are not seen, or change how others are: bidi controls, zero widths, byte order marks, tags.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// All hostile names as functions of files of hostile names, each called by the one before; then made-up profiles.
fn profiles() -> Vec<Profile> {
    let mut all = Profile::new();
    let mut parent = None;
    let long = format!("{}\u{202e};\n</script>]]>", "é\"<".repeat(3_000));
    let more = ["\u{ad}soft", "\u{fff9}note\u{fffb}", "\u{e0041}tag", "\u{180e}", "a\u{85}b", long.as_str()];
    for (line, name) in (0..).zip(HOSTILE_NAMES.iter().chain(&more)) {
        let function = all.add_function(Label::new(*name, line, *name));
        let counts =
            Counts { starts: 3, returned: 3, self_busy: 1_000 + u64::from(line), ..Counts::default() };
        parent = Some(all.add_path(parent, function, &counts));
    }
    all.add_thread(long, vec![]);
    let mut profiles = vec![all];
    profiles.extend((0..60).map(generated_profile));
    profiles
}

/// What the format's writer makes of it; `None` while there is none.
fn written(profile: &Profile, format: Format) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match profile.write(format, &mut bytes) {
        Ok(()) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::Unsupported => None,
        Err(error) => panic!("{format:?}: {error}"),
    }
}

/// Every profile as text of that format.
fn each_text(format: Format, mut judge: impl FnMut(&Profile, &str)) {
    for profile in profiles() {
        if let Some(bytes) = written(&profile, format) {
            judge(&profile, std::str::from_utf8(&bytes).expect("UTF-8"));
        }
    }
}

fn no_unseen(text: &str) {
    let found = text.chars().find(|&c| c != '\n' && (c.is_control() || is_unseen(c)));
    assert_eq!(found, None, "in {:?}", text.lines().find(|line| line.contains(|c| Some(c) == found)));
}

fn sum(profile: &Profile) -> u64 {
    profile.paths().iter().map(|path| path.counts.self_busy + path.counts.self_await).sum()
}

#[test]
fn json_parses_and_holds_the_names_as_they_are() {
    each_text(Format::Json, |profile, text| {
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        for (index, function) in profile.functions().iter().enumerate() {
            assert_eq!(value["functions"][index]["name"], function.label.name.as_str());
            assert_eq!(value["functions"][index]["file"], function.label.file.as_str());
        }
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "may stand inside <script>");
    });
}

#[test]
fn speedscope_parses_and_is_safe_inside_scripts() {
    each_text(Format::Speedscope, |_, text| {
        serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert!(!text.contains("</") && !text.contains("<!"), "may stand inside <script>");
    });
}

#[test]
fn folded_lines_are_a_stack_and_a_value_each() {
    each_text(Format::Folded, |profile, text| {
        let values = text.lines().map(|line| {
            let (stack, value) = line.rsplit_once(' ').expect("a space before the value");
            assert!(!stack.is_empty() && stack.split(';').all(|frame| !frame.trim().is_empty()), "{line:?}");
            assert!(!line.starts_with('#'), "{line:?}");
            value.parse::<u64>().expect("a number")
        });
        assert_eq!(values.sum::<u64>(), sum(profile));
        no_unseen(text);
        // As many frames as there are levels: no name is two.
        let mut depths = Vec::new();
        for path in profile.paths() {
            depths.push(path.parent.map_or(1, |parent| depths[parent.0 as usize] + 1));
        }
        let deepest = text.lines().map(|line| line.split(';').count()).max().unwrap_or(0);
        assert!(deepest <= depths.into_iter().max().unwrap_or(0));
    });
}

#[test]
fn pictures_are_xml_without_markup_from_names() {
    let elements = |profile: &Profile| -> Vec<String> {
        let bytes = written(profile, Format::Flamegraph).expect("there is a writer");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let document = roxmltree::Document::parse_with_options(&text, options).expect("XML");
        let mut kinds: Vec<String> = (document.descendants().filter(|node| node.is_element()))
            .map(|node| {
                let names: Vec<&str> = node.attributes().map(|attribute| attribute.name()).collect();
                format!("{} {}", node.tag_name().name(), names.join(" "))
            })
            .collect();
        kinds.sort();
        kinds.dedup();
        no_unseen(
            &document
                .descendants()
                .filter_map(|node| node.text())
                .filter(|t| !t.contains('\n'))
                .collect::<String>(),
        );
        kinds
    };
    let mut plain = Profile::new();
    let function = plain.add_function(Label::new("a.rs", 1, "f"));
    plain.add_path(None, function, &Counts { starts: 1, self_busy: 100, ..Counts::default() });
    let plain = elements(&plain);
    for profile in profiles() {
        if sum(&profile) > 0 {
            let kinds = elements(&profile);
            assert!(
                kinds.iter().all(|kind| plain.contains(kind)),
                "{kinds:?}, but without such names {plain:?}"
            );
        }
    }
}

#[test]
fn pages_hold_no_more_elements_than_without_such_names() {
    // An element begins with `<` and a letter, a comment or its end with `<!` or `</`.
    let tags = |text: &str| {
        text.as_bytes().windows(2).filter(|two| two[0] == b'<' && !two[1].is_ascii_whitespace()).count()
    };
    let mut plain = Profile::new();
    let function = plain.add_function(Label::new("a.rs", 1, "f"));
    plain.add_path(None, function, &Counts { starts: 1, self_busy: 100, ..Counts::default() });
    let Some(bytes) = written(&plain, Format::Html) else { return };
    let plain = tags(&String::from_utf8(bytes).expect("UTF-8"));
    each_text(Format::Html, |profile, text| {
        if !profile.is_empty() {
            assert_eq!(tags(text), plain);
        }
    });
}

#[test]
fn reports_are_a_line_a_function_with_nothing_unseen() {
    each_text(Format::Text, |_, text| no_unseen(text));
    for profile in profiles() {
        // The same with plain names has as many lines.
        let mut plain = Profile::new();
        for (n, function) in profile.functions().iter().enumerate() {
            let id = plain.add_function(Label::new("a.rs", n as u32, "plain"));
            if let Some(elapsed) = &function.elapsed {
                plain.add_elapsed(id, elapsed.clone());
            }
        }
        for path in profile.paths() {
            plain.add_path(path.parent, path.function, &path.counts);
        }
        plain.notes = profile.notes;
        assert_eq!(report(&profile).lines().count(), report(&plain).lines().count());
        no_unseen(&report(&profile));
    }
}

fn report(profile: &Profile) -> String {
    let mut stats = Stats::new(profile);
    let mut text = Vec::new();
    stats.sort_stats([SortKey::Cumulative]).print_stats(&mut text, ()).expect("memory takes all");
    stats.print_callers(&mut text, ()).expect("memory takes all");
    stats.print_callees(&mut text, ()).expect("memory takes all");
    String::from_utf8(text).expect("UTF-8")
}

#[test]
fn callgrind_is_one_statement_a_line() {
    each_text(Format::Callgrind, |_, text| {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        for line in text.lines().filter(|line| !line.is_empty()) {
            let known = ["fn=", "fl=", "fi=", "fe=", "ob=", "cfn=", "cfi=", "cfl=", "cob=", "calls=", "#"];
            let header =
                line.split_once(": ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase()));
            let costs = line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c));
            assert!(header || costs || known.iter().any(|start| line.starts_with(start)), "{line:?}");
        }
    });
}

#[test]
fn binary_formats_are_written() {
    for profile in profiles() {
        if let Some(bytes) = written(&profile, Format::Pprof) {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).expect("gzip");
        }
        if let Some(bytes) = written(&profile, Format::Pstats)
            && !profile.is_empty()
        {
            Stats::read_dump(&bytes).expect("a dump");
        }
    }
}
