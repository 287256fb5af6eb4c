//! The native JSON form: what is read back is what was written, and what cannot be meant is refused.
#![allow(clippy::print_stdout, reason = "a skipped part says so")]

use std::process::{Command, Stdio};

use profile_cost_runtime::private::{Site, enter};
use profile_cost_runtime::testing::{assert_same, generated_profile};
use profile_cost_runtime::{Counts, Elapsed, Label, PathId, Profile, Recording};

fn json(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    profile.write_json(&mut bytes).expect("memory takes all");
    bytes
}

fn read(text: &str) -> Result<Profile, String> {
    Profile::read_json(text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn generated_profiles_come_back_as_they_were() {
    for seed in 0..400 {
        let mut profile = generated_profile(seed);
        if seed % 3 == 0 {
            profile.seconds_per_tick = 1.0 / (seed as f64 + 0.5);
        }
        let written = json(&profile);
        let read = Profile::read_json(&written).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_same(&profile, &read);
        assert!(json(&read) == written, "seed {seed}: the second writing differs");
        assert!(matches!(Recording::read(&written), Ok(Recording::Profile(_))));
    }
}

#[test]
fn the_ends_of_all_ranges_come_back() {
    let mut profile = Profile::new();
    let function = profile.add_function(Label::new("a.rs", u32::MAX, "f"));
    let mut elapsed = Elapsed::new();
    for value in [0, 1, 255, 256, 257, 1 << 40, u64::MAX] {
        elapsed.record(value, u64::MAX - value);
        elapsed.record(value, 1);
    }
    profile.add_elapsed(function, elapsed);
    let all = generated_profile(1).paths()[0].counts;
    let most = Counts { starts: u64::MAX, self_busy: u64::MAX, longest_poll: 1, ..all };
    profile.add_path(None, function, &most);
    profile.threads = u32::MAX;
    profile.notes.late_events = u64::MAX;
    profile.notes.ticks_per_call = 0.1 + 0.2;
    profile.notes.ticks_per_poll = f64::MIN_POSITIVE;
    profile.duration = std::time::Duration::from_nanos(u64::MAX);
    profile.add_thread("", vec![]);
    profile.add_thread("", vec![(PathId(0), Counts::default())]);
    assert_same(&profile, &Profile::read_json(&json(&profile)).expect("read"));
    let empty = Profile::new();
    assert_same(&empty, &Profile::read_json(&json(&empty)).expect("read"));
}

#[test]
fn a_snapshot_with_threads_comes_back() {
    static OUTER: Site = Site::new("outer", file!(), line!(), true);
    static INNER: Site = Site::new("inner", file!(), line!(), true);
    profile_cost_runtime::enable();
    for name in ["first", "second"] {
        let work = || {
            for _ in 0..1000 {
                let _outer = enter(&OUTER, || {});
                let _inner = enter(&INNER, || {});
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work).expect("a thread");
        thread.join().expect("no panic");
    }
    let profile = profile_cost_runtime::snapshot_with_threads();
    assert!(profile.by_thread().iter().any(|thread| thread.name == "second"), "{:?}", profile.by_thread());
    assert!(profile.functions().iter().any(|function| function.elapsed.is_some()));
    assert_same(&profile, &Profile::read_json(&json(&profile)).expect("read"));
}

#[test]
fn keys_may_come_in_any_order_and_unknown_ones_are_skipped() {
    for seed in 0..50 {
        let profile = generated_profile(seed);
        let mut value: serde_json::Value = serde_json::from_slice(&json(&profile)).expect("JSON");
        value["a newer key"] = serde_json::json!({"paths": [[[[{"deep": "\u{1}"}]]]], "n": 1e300});
        for list in ["functions", "paths", "by_thread"] {
            for item in value.get_mut(list).and_then(|list| list.as_array_mut()).into_iter().flatten() {
                item["a newer key"] = serde_json::json!([null, true, -1.5]);
            }
        }
        // Sorted: `by_thread`, `functions`, `paths`, `profile_cost`.
        let sorted = serde_json::to_vec_pretty(&value).expect("JSON");
        let read = Profile::read_json(&sorted).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_same(&profile, &read);
    }
    let deep = format!(r#"{{"x":{}{},"profile_cost":1}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(read(&deep).is_ok());
    let deep = format!(r#"{{"profile_cost":1,"paths":{}"#, "[".repeat(100_000));
    assert!(read(&deep).is_err());
}

#[test]
fn the_form_is_that_of_the_documentation() {
    let text = include_str!("../../docs/json.md");
    let block = |from: &str| -> String {
        let lines = text.lines().skip_while(|line| !line.trim_start().starts_with(from));
        lines.map_while(|line| Some(line.strip_prefix("    ")?.to_owned() + "\n")).collect()
    };
    let example = block("{\"profile_cost\"");
    let profile = read(&example).expect("the example");
    assert_eq!(String::from_utf8(json(&profile)).expect("UTF-8"), example, "written as the example is");

    // Every key that is written is explained.
    for seed in 0..50 {
        let written = String::from_utf8(json(&generated_profile(seed))).expect("UTF-8");
        let value: serde_json::Value = serde_json::from_str(&written).expect("JSON");
        let mut rest = vec![&value];
        while let Some(value) = rest.pop() {
            rest.extend(value.as_array().into_iter().flatten());
            for (key, value) in value.as_object().into_iter().flatten() {
                let explained = [format!("`{key}`"), format!("`.{key}`"), format!(".{key}`")];
                assert!(explained.iter().any(|code| text.contains(code)), "{key} is not in docs/json.md");
                rest.push(value);
            }
        }
    }

    // Python works out the same cumulative times, by the lines that the documentation gives.
    let python = Command::new("python3").arg("-c").arg("pass").stderr(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("PROFILE_COST_REQUIRE_READERS").is_none(), "python3 is not there");
        println!("skipped: python3 is not there");
        return;
    }
    let directory = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("json");
    std::fs::create_dir_all(&directory).expect("a directory");
    let program = format!("import json\n{}print(*cumulative_ns)", block("profile = json"));
    for seed in 0..5 {
        let profile = generated_profile(seed);
        profile.save(directory.join("profile.json")).expect("written");
        let output = Command::new("python3")
            .arg("-c")
            .arg(&program)
            .current_dir(&directory)
            .output()
            .expect("python3");
        let sums: Vec<String> =
            profile.inclusive().iter().map(|(busy, wait)| (busy + wait).to_string()).collect();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), sums.join(" "), "{output:?}");
    }
}

#[test]
fn what_is_twice_is_added_up() {
    let profile = read(
        r#"{"profile_cost":1,"functions":[{"name":"f","elapsed_ns":{"counts":[[9,1],[9,1]]}},{"name":"g"},{"name":"f","elapsed_ns":{"counts":[[9,1]]}}],
            "paths":[{"function":0,"calls":1},{"parent":0,"function":1,"calls":2},{"function":2,"calls":4},{"parent":2,"function":1,"calls":8}],
            "by_thread":[{"name":"t","paths":[{"path":3,"calls":1},{"path":1,"calls":1}]}]}"#,
    )
    .expect("read");
    let calls: Vec<_> = profile.paths().iter().map(|path| (path.parent, path.counts.starts)).collect();
    assert_eq!(calls, [(None, 5), (Some(PathId(0)), 10)]);
    assert_eq!(profile.functions()[0].elapsed.as_ref().map(Elapsed::counts), Some(&[(9, 3)][..]));
    let thread = &profile.by_thread()[0];
    assert_eq!(
        thread.counts.iter().map(|(path, counts)| (path.0, counts.starts)).collect::<Vec<_>>(),
        [(1, 2)]
    );
}

#[test]
fn errors_name_the_byte_and_the_remedy() {
    let head = r#"{"profile_cost":1,"functions":[{"name":"f"}],"paths":[{"function":0}"#;
    // What follows the head, the part of it at whose end reading stops, what is said.
    let cases = [
        (r#",{"parent":1,"function":0}]}"#, r#",{"parent":1"#, "does not stand before it"),
        (r#",{"function":1}]}"#, r#",{"function":1"#, "function 1, where there are 1 functions"),
        (r#",{"calls":1}]}"#, r#",{"calls":1}"#, "without a \"function\""),
        (r#",{"function":0,"calls":1.0}]}"#, r#",{"function":0,"calls":1.0"#, "floating point"),
        (r#",{"function":0,"calls":-1}]}"#, r#",{"function":0,"calls":-1"#, "`-1`"),
        (
            r#",{"function":0,"calls":18446744073709551616}]}"#,
            r#",{"function":0,"calls":18446744073709551616"#,
            "floating point",
        ),
        (r#",{"function":0,"calls":1,"calls":1}]}"#, r#",{"function":0,"calls":1,"calls":1"#, "second time"),
        (
            r#",{"function":0,"self_busy_ns":1,"self_await_ticks":1}]}"#,
            r#",{"function":0,"self_busy_ns":1,"self_await_ticks""#,
            "in ticks",
        ),
        (
            r#"],"by_thread":[{"name":"t","paths":[{"path":1}]}]}"#,
            r#"],"by_thread":[{"name":"t","paths":[{"path":1"#,
            "path 1, where there are 1 paths",
        ),
        (
            r#"],"by_thread":[{"name":"t","paths":[{"calls":1}]}]}"#,
            r#"],"by_thread":[{"name":"t","paths":[{"calls":1}"#,
            "without a \"path\"",
        ),
        (r#"],"seconds_per_tick":0}"#, r#"],"seconds_per_tick":0"#, "above zero"),
        (r#"]} {"#, r#"]} "#, "trailing"),
        (r#"],"threads":"two"}"#, r#"],"threads":"two""#, "invalid type"),
        (r#"],"threads":"#, r#"],"threads":"#, "in the middle"),
        ("],\"x\":\"\n\"}", "],\"x\":\"\n", "control character"),
    ];
    for (rest, until, what) in cases {
        let text = format!("{head}{rest}");
        let error = Profile::read_json(text.as_bytes()).expect_err(rest);
        // serde_json stands on the last byte that it has looked at, or behind it.
        let at = head.len() + until.len();
        assert!((at - 1..=at + 1).contains(&error.offset()), "{rest}: {error}, expected byte {at}");
        let said = error.to_string();
        assert!(said.contains(what) && !said.contains('\n'), "{rest}: {said}");
        assert!(said.starts_with(&format!("byte {}: ", error.offset())), "{said}");
    }
    // What the index points to comes later: found all the same.
    let late = r#"{"profile_cost":1,"paths":[{"function":7}],"functions":[{"name":"f"}]}"#;
    let error = Profile::read_json(late.as_bytes()).expect_err("no such function");
    assert!(error.to_string().starts_with("byte 41: function 7, where"), "{error}");
    // Or not at all.
    for (text, what) in [
        (
            r#"{"profile_cost":1,"paths":[{"function":0}]}"#,
            "byte 41: function 0, where there are 0 functions",
        ),
        (
            r#"{"profile_cost":1,"by_thread":[{"name":"","paths":[{"path":0}]}]}"#,
            "path 0, where there are 0 paths",
        ),
    ] {
        assert!(read(text).expect_err(text).contains(what), "{:?}", read(text).err());
    }
}

#[test]
fn other_files_are_named() {
    let says = |bytes: &[u8], what: &str| {
        for error in [Profile::read_json(bytes).err(), Recording::read(bytes).err()] {
            let error = error.unwrap_or_else(|| panic!("{what}: was read")).to_string();
            assert!(error.contains(what) && error.lines().count() == 1, "{what}: {error}");
        }
    };
    says(b"", "empty");
    says(
        br#"{"profile_cost":2,"functions":7}"#,
        "version 2, but only version 1 is read; read it with a newer",
    );
    says(br#"{"functions":7,"profile_cost":0}"#, "invalid type");
    says(br#"{"profile_cost":0}"#, "version 0, but only version 1 is read");
    says(br#"{"$schema":"https://www.speedscope.app/file-format-schema.json"}"#, "not read back");
    says(b"{}", "not read back");
    says(b"[]", "invalid type: sequence");
    says(b"\x1f\x8b\x08\0", "gzip");
    let utf_16: Vec<u8> = "{\"profile_cost\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    says(&utf_16, "UTF-16");
    says(&[&[0xff, 0xfe], &utf_16[..]].concat(), "UTF-16");
    let long = format!(r#"{{"profile_cost":1,"threads":"{}"}}"#, "\\n\u{202e}x".repeat(5_000));
    says(long.as_bytes(), "invalid type: string");
    assert!(read(&long).unwrap_err().len() < 1_000);
    let marked = [b"\xef\xbb\xbf".to_vec(), json(&generated_profile(3))].concat();
    assert_same(&generated_profile(3), &Profile::read_json(&marked).expect("a byte order mark is skipped"));
    assert!(matches!(Recording::read(&marked), Ok(Recording::Profile(_))));
}

#[test]
fn a_profile_that_cannot_be_written_says_so() {
    for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut profile = Profile::new();
        profile.seconds_per_tick = seconds;
        let error = profile.write_json(Vec::new()).expect_err("no such ticks");
        assert!(error.to_string().contains("seconds_per_tick"), "{error}");
    }
    let mut small = [0u8; 1000];
    assert!(generated_profile(1).write_json(&mut small[..]).is_err(), "the writer's error is handed on");
}
