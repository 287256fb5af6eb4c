//! Text, paths and names of files.

use std::ffi::{CString, OsString};
use std::fmt::Write;
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use super::sites;

const TEXT: &str = "the quick brown fox jumps over the lazy dog";

sites! {
    string_from "String" |r| { r.record(|| String::from(black_box(TEXT))); }
    string_to_owned "String" |r| { r.record(|| black_box(TEXT).to_owned()); }
    string_to_string "String" |r| { r.record(|| black_box(TEXT).to_string()); }
    string_into "String" |r| { r.record(|| -> String { black_box(TEXT).into() }); }
    string_number "String" |r| { r.record(|| black_box(12345u32).to_string()); }
    string_float "String" |r| { r.record(|| black_box(1.5f64).to_string()); }
    string_with_capacity "String" |r| { r.record(|| String::with_capacity(black_box(100))); }
    string_push_str "String" |r| {
        let mut text = String::new();
        r.record(|| text.push_str(black_box(TEXT)));
    }
    string_push "String" |r| {
        let mut text = String::new();
        r.record(|| text.push(black_box('x')));
    }
    string_add "String" |r| {
        let text = String::new();
        r.record(|| text + black_box(TEXT));
    }
    string_format "String" |r| { r.record(|| format!("{} {}", black_box(1), black_box(TEXT))); }
    string_write "String" |r| {
        let mut text = String::new();
        r.record(|| write!(text, "{:>40}", black_box(7)).is_ok());
    }
    string_clone "String" |r| {
        let text = String::from(black_box(TEXT));
        r.record(|| text.clone());
    }
    string_collect "String" |r| { r.record(|| black_box(TEXT).chars().rev().collect::<String>()); }
    string_join "String" |r| {
        let parts = [black_box("one"), "two", "three"];
        r.record(|| parts.join(", "));
    }
    string_concat "String" |r| {
        let parts = [black_box("one"), "two", "three"];
        r.record(|| parts.concat());
    }
    string_repeat "String" |r| { r.record(|| black_box("abc").repeat(30)); }
    string_replace "String" |r| { r.record(|| black_box(TEXT).replace("fox", "ferret")); }
    string_lowercase "String" |r| { r.record(|| black_box(TEXT).to_lowercase()); }
    string_lossy "String" |r| { r.record(|| String::from_utf8_lossy(black_box(b"ab\xff\xfecd")).into_owned()); }
    string_utf16 "String" |r| {
        let units: Vec<u16> = TEXT.encode_utf16().collect();
        r.record(|| String::from_utf16(&units).unwrap());
    }
    string_read "String" |r| {
        r.record(|| {
            let mut text = String::new();
            black_box(TEXT).as_bytes().read_to_string(&mut text).unwrap();
            text
        });
    }
    string_read_line "String" |r| {
        let mut lines = BufReader::new(TEXT.as_bytes());
        let mut text = String::new();
        r.record(|| lines.read_line(&mut text).unwrap());
    }
    string_file "String" |r| { r.record(|| std::fs::read_to_string("/proc/self/status").unwrap()); }
    bytes_file "Vec<u8>" |r| { r.record(|| std::fs::read("/proc/self/status").unwrap()); }
    boxed_str "Box<str>" |r| { r.record(|| Box::<str>::from(black_box(TEXT))); }
    boxed_str_shrunk "Box<str>" |r| {
        let mut text = String::with_capacity(black_box(100));
        text.push('x');
        r.record(|| text.into_boxed_str());
    }
    arc_str "Arc<str>" |r| { r.record(|| std::sync::Arc::<str>::from(black_box(TEXT))); }
    rc_str "Rc<str>" |r| { r.record(|| std::rc::Rc::<str>::from(black_box(TEXT))); }
    path_from "PathBuf" |r| { r.record(|| PathBuf::from(black_box("/a/b/c"))); }
    path_join "PathBuf" |r| { r.record(|| Path::new(black_box("/a/b")).join(black_box("c/d"))); }
    path_push "PathBuf" |r| {
        let mut path = PathBuf::from(black_box("/a"));
        r.record(|| path.push(black_box("something/longer/than/that")));
    }
    path_with_extension "PathBuf" |r| { r.record(|| Path::new(black_box("/a/b")).with_extension("txt")); }
    os_string "OsString" |r| { r.record(|| OsString::from(black_box("name"))); }
    c_string "CString" |r| { r.record(|| CString::new(black_box("name")).unwrap()); }
    buffer_of_reader "Box<[u8]>" |r| { r.record(|| BufReader::with_capacity(black_box(512), TEXT.as_bytes())); }
    buffer_of_writer "Vec<u8>" |r| { r.record(|| BufWriter::with_capacity(black_box(512), Vec::new())); }
    write_bytes "Vec<u8>" |r| {
        let mut bytes: Vec<u8> = Vec::new();
        r.record(|| std::io::Write::write_all(&mut bytes, black_box(TEXT).as_bytes()).is_ok());
    }
}
