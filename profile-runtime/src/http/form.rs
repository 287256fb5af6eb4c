//! In which form an answer is asked for.

use super::parameters::Parameters;
use super::response::Refusal;

/// What an answer can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Text,
}

impl Form {
    /// `format=`.
    pub(super) fn parse(parameters: &Parameters, default: Self) -> Result<Self, Refusal> {
        let mut words = [("json", Self::Json), ("text", Self::Text)];
        // The first is the default.
        words.sort_by_key(|(_, form)| *form != default);
        parameters.one_of("format", &words)
    }
}
