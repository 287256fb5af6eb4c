//! Holds the dump of each view to `marshal.dumps(stats, 2)`, and what is read of it to the view.

use profile_cost_runtime::{Stats, Style};

/// The statistics read from the reference bytes, after comparing what is written of `stats` with them.
pub fn round_trip(stats: &Stats, base64: &str) -> Result<Stats, String> {
    let reference = decoded(base64)?;
    same("the dump", &dumped(stats), &reference)?;
    let mut read = Stats::read_dump(&reference).map_err(|e| format!("read_dump: {e}"))?;
    same("the dump of what was read", &dumped(&read), &reference)?;
    read.style(Style::Pstats);
    Ok(read)
}

fn dumped(stats: &Stats) -> Vec<u8> {
    let mut bytes = Vec::new();
    stats.write_dump(&mut bytes).expect("a Vec takes every write");
    bytes
}

fn same(what: &str, have: &[u8], want: &[u8]) -> Result<(), String> {
    if have == want {
        return Ok(());
    }
    let differs = have.iter().zip(want).take_while(|(a, b)| a == b).count();
    let near =
        |bytes: &[u8]| bytes.iter().skip(differs.saturating_sub(20)).take(60).copied().collect::<Vec<_>>();
    Err(format!(
        "{what} differs at byte {differs}\n  have {}\n  want {}",
        near(have).escape_ascii(),
        near(want).escape_ascii()
    ))
}

/// RFC 4648, without line breaks.
fn decoded(base64: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(base64.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for c in base64.trim_end_matches('=').bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(format!("not base64: {:?}", char::from(c))),
        };
        (bits, count) = (bits << 6 | u32::from(six), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(bytes)
}
