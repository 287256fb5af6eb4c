//! Numbers at a place of a file; zero beyond its end.

pub(in super::super) fn word(bytes: &[u8], at: usize) -> u32 {
    let part = bytes.get(at..).and_then(|rest| rest.first_chunk());
    part.map_or(0, |part| u32::from_ne_bytes(*part))
}

pub(in super::super) fn long(bytes: &[u8], at: usize) -> u64 {
    let part = bytes.get(at..).and_then(|rest| rest.first_chunk());
    part.map_or(0, |part| u64::from_ne_bytes(*part))
}

pub(super) fn short(bytes: &[u8], at: usize) -> usize {
    let part = bytes.get(at..).and_then(|rest| rest.first_chunk());
    part.map_or(0, |part| usize::from(u16::from_ne_bytes(*part)))
}
