//! Protocol buffers' wire format, as much of it as pprof's messages need: varints and length-delimited fields.
//!
//! <https://protobuf.dev/programming-guides/encoding/>

use std::io::{self, Write};

/// Wire types.
const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

/// The fields of one message, encoded. Cleared and used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// An `int64`, `uint64` or `bool`. Zero is what a missing field reads as, and is left out.
    pub(crate) fn number(&mut self, field: u64, value: u64) -> &mut Self {
        if value != 0 {
            self.varint(field << 3 | VARINT);
            self.varint(value);
        }
        self
    }

    /// A field of a message's own.
    pub(crate) fn message(&mut self, field: u64, message: &Message) -> &mut Self {
        self.varint(field << 3 | LENGTH_DELIMITED);
        self.varint(message.0.len() as u64);
        self.0.extend_from_slice(&message.0);
        self
    }

    /// Repeated numbers, packed; zeros among them stay.
    pub(crate) fn packed(&mut self, field: u64, values: impl Iterator<Item = u64> + Clone) -> &mut Self {
        let len: u64 = values.clone().map(varint_len).sum();
        self.varint(field << 3 | LENGTH_DELIMITED);
        self.varint(len);
        values.for_each(|value| self.varint(value));
        self
    }

    /// Without fields again.
    pub(crate) fn clear(&mut self) -> &mut Self {
        self.0.clear();
        self
    }

    /// Writes the message as a field of the outermost one.
    pub(crate) fn write_to(&self, field: u64, writer: &mut dyn Write) -> io::Result<()> {
        write_bytes(field, &self.0, writer)
    }

    /// Writes the fields themselves: a part of the outermost message.
    pub(crate) fn write_fields(&self, writer: &mut dyn Write) -> io::Result<()> {
        writer.write_all(&self.0)
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// Writes a string, also an empty one, or bytes as a field of the outermost message.
pub(crate) fn write_bytes(field: u64, bytes: &[u8], writer: &mut dyn Write) -> io::Result<()> {
    let mut head = Message::default();
    head.varint(field << 3 | LENGTH_DELIMITED);
    head.varint(bytes.len() as u64);
    writer.write_all(&head.0)?;
    writer.write_all(bytes)
}

fn varint_len(value: u64) -> u64 {
    u64::from((64 - (value | 1).leading_zeros()).div_ceil(7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_encoded_as_the_specification_says() {
        let mut inner = Message::default();
        inner.number(1, 150).number(2, 0);
        assert_eq!(inner.0, [0x08, 0x96, 0x01]);
        let mut outer = Message::default();
        outer.message(3, &inner);
        assert_eq!(outer.0, [0x1a, 0x03, 0x08, 0x96, 0x01]);
        outer.clear().packed(6, [3, 270, 86_942].into_iter());
        assert_eq!(outer.0, [0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05]);
        outer.clear().number(1, u64::MAX);
        assert_eq!(outer.0.len(), 11);
    }

    #[test]
    fn lengths_of_varints_are_those_written() {
        for bits in 0..64 {
            for value in [1u64 << bits, (1u64 << bits) - 1] {
                let mut message = Message::default();
                message.varint(value);
                assert_eq!(varint_len(value), message.0.len() as u64, "{value}");
            }
        }
    }
}
