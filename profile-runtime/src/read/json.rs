//! The native form back into a [`Profile`].

use super::ReadError;
use crate::profile::Profile;

impl Profile {
    /// Reads what [`Profile::write_json`] wrote.
    ///
    /// # Errors
    /// When the bytes are not such a profile; names the byte.
    pub fn read_json(_bytes: &[u8]) -> Result<Self, ReadError> {
        Err(ReadError::new(0, "not yet"))
    }
}
