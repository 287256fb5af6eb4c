//! Protobuf text format: enough of it to read `name: value` and `name { .. }`, with comments, escapes,
//! repeated fields and adjacent strings.

use anyhow::{Context, Result, bail};
use profile_cost::profile_cost;

/// How deep messages may nest; a file from outside must not overflow the stack.
const MAX_DEPTH: usize = 64;

/// A message: its fields in the order of the file.
#[derive(Debug, Default)]
pub struct Message {
    fields: Vec<(String, Value)>,
}

/// What a field holds.
#[derive(Debug)]
pub enum Value {
    /// A string, its escapes resolved.
    Text(String),
    /// A number, a bool or an enum value, as written.
    Word(String),
    /// A message of its own.
    Message(Message),
}

impl Message {
    /// Every message field of that name.
    pub fn messages<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Message> {
        self.fields.iter().filter_map(move |(field, value)| match value {
            Value::Message(message) if field == name => Some(message),
            _ => None,
        })
    }

    /// Every string field of that name.
    pub fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter_map(move |(field, value)| match value {
            Value::Text(text) if field == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// The number in the first field of that name.
    pub fn number(&self, name: &str) -> Result<i64> {
        let value = self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        let Some(Value::Word(word)) = value else { bail!("no number `{name}`") };
        word.parse().with_context(|| format!("`{name}: {word}` is not a number"))
    }
}

/// Parses a whole file.
#[profile_cost]
pub fn parse(text: &str) -> Result<Message> {
    let mut parser = Parser { rest: text };
    let message = parser.message(0)?;
    if !parser.rest.is_empty() {
        bail!("unexpected `}}`");
    }
    Ok(message)
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn message(&mut self, depth: usize) -> Result<Message> {
        if depth > MAX_DEPTH {
            bail!("messages nest deeper than {MAX_DEPTH}");
        }
        let mut message = Message::default();
        loop {
            self.skip_space();
            if self.rest.is_empty() || self.rest.starts_with('}') {
                return Ok(message);
            }
            let name = self.word()?.to_owned();
            let value = if self.eat(':') { self.scalar()? } else { self.nested(depth)? };
            message.fields.push((name, value));
            let _ = self.eat(',') || self.eat(';');
        }
    }

    fn nested(&mut self, depth: usize) -> Result<Value> {
        if !self.eat('{') {
            bail!("expected `:` or `{{` before {:?}", self.excerpt());
        }
        let message = self.message(depth + 1)?;
        if !self.eat('}') {
            bail!("a message is not closed");
        }
        Ok(Value::Message(message))
    }

    fn scalar(&mut self) -> Result<Value> {
        self.skip_space();
        if !self.rest.starts_with('"') {
            return Ok(Value::Word(self.word()?.to_owned()));
        }
        let mut text = String::new();
        while self.eat('"') {
            self.string(&mut text)?;
        }
        Ok(Value::Text(text))
    }

    /// Reads up to the closing quote.
    fn string(&mut self, text: &mut String) -> Result<()> {
        loop {
            let end = self.rest.find(['"', '\\']).context("a string is not closed")?;
            text.push_str(&self.rest[..end]);
            let is_quote = self.rest.as_bytes()[end] == b'"';
            self.rest = &self.rest[end + 1..];
            if is_quote {
                return Ok(());
            }
            let escaped = self.rest.chars().next().context("a string is not closed")?;
            text.push(match escaped {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '"' | '\'' | '\\' => escaped,
                _ => bail!("unknown escape `\\{escaped}`"),
            });
            self.rest = &self.rest[escaped.len_utf8()..];
        }
    }

    fn word(&mut self) -> Result<&'a str> {
        let is_word = |c: char| c.is_alphanumeric() || "_.+-".contains(c);
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        if end == 0 {
            bail!("expected a name or a value before {:?}", self.excerpt());
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word)
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_space();
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let Some(comment) = self.rest.strip_prefix('#') else { return };
            self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
        }
    }

    fn excerpt(&self) -> String {
        self.rest.chars().take(20).collect()
    }
}
