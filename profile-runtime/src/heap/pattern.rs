//! Shell patterns as Python's `fnmatch` has them: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`.

/// A pattern that a whole text matches or does not. Case counts, and `*` goes across `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// `*`
    Any,
    /// `?`
    One,
    Char(char),
    /// `[..]`: whether those within match, and the ranges, ends included.
    Set(bool, Vec<(char, char)>),
}

impl Piece {
    fn matches(&self, c: char) -> bool {
        match self {
            Piece::Any | Piece::One => true,
            Piece::Char(own) => *own == c,
            Piece::Set(within, ranges) => ranges.iter().any(|&(low, high)| low <= c && c <= high) == *within,
        }
    }
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            match c {
                '*' if pieces.last() == Some(&Piece::Any) => {}
                '*' => pieces.push(Piece::Any),
                '?' => pieces.push(Piece::One),
                '[' => match set(&chars[at..]) {
                    Some((set, len)) => {
                        pieces.push(set);
                        at += len;
                    }
                    // Without its end it is itself.
                    None => pieces.push(Piece::Char('[')),
                },
                c => pieces.push(Piece::Char(c)),
            }
        }
        Self { pieces }
    }

    /// In time proportional to both lengths at most: only the last `*` is ever tried again.
    pub(super) fn matches(&self, text: &str) -> bool {
        let (mut piece, mut rest) = (0, text.chars());
        let mut again = None;
        loop {
            let here = rest.clone();
            match (self.pieces.get(piece), rest.next()) {
                (Some(Piece::Any), _) => {
                    rest = here.clone();
                    piece += 1;
                    again = Some((piece, here));
                    continue;
                }
                (Some(own), Some(c)) if own.matches(c) => {
                    piece += 1;
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            // The last `*` takes one character more.
            let Some((after, from)) = &mut again else { return false };
            if from.next().is_none() {
                return false;
            }
            (piece, rest) = (*after, from.clone());
        }
    }
}

/// What stands behind a `[`, and how many characters it takes with its `]`.
fn set(chars: &[char]) -> Option<(Piece, usize)> {
    let negated = chars.first() == Some(&'!');
    let begin = usize::from(negated);
    // A bracket that comes first is one of the set.
    let end = begin + 1 + chars.get(begin + 1..)?.iter().position(|&c| c == ']')?;
    let mut ranges = Vec::new();
    let mut members = &chars[begin..end];
    while let Some((&low, rest)) = members.split_first() {
        members = match rest {
            ['-', high, rest @ ..] => {
                ranges.push((low, *high));
                rest
            }
            rest => {
                ranges.push((low, low));
                rest
            }
        };
    }
    Some((Piece::Set(!negated, ranges), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_stars_takes_no_time() {
        let text = "a".repeat(20_000);
        assert!(!Pattern::new(&format!("{}b", "*a".repeat(200))).matches(&text));
        assert!(Pattern::new(&"*a".repeat(200)).matches(&text));
    }
}
