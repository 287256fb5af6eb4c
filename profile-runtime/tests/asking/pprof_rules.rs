//! A pprof file by the rules that readers hold files to: `CheckValid` of github.com/google/pprof/profile, and what Parca
//! refuses before it stores one (pkg/normalizer/validate.go).

use std::collections::BTreeMap;
use std::io::Read;

/// A field of a message.
#[derive(Clone, Copy, Debug)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (first, rest) = bytes.split_first().expect("a varint ends");
        *bytes = rest;
        assert!(shift < 64, "a varint of more than ten bytes");
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return value;
        }
        shift += 7;
    }
}

/// Fields of a message by their numbers.
#[derive(Debug)]
struct Message<'a>(BTreeMap<u64, Vec<Field<'a>>>);

impl<'a> Message<'a> {
    fn parse(mut bytes: &'a [u8]) -> Self {
        let mut fields = BTreeMap::<u64, Vec<Field<'_>>>::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let field = match key & 7 {
                0 => Field::Number(varint(&mut bytes)),
                2 => {
                    let len = varint(&mut bytes) as usize;
                    let (content, rest) = bytes.split_at(len);
                    bytes = rest;
                    Field::Bytes(content)
                }
                other => panic!("wire type {other}"),
            };
            fields.entry(key >> 3).or_default().push(field);
        }
        Self(fields)
    }

    fn all(&self, field: u64) -> impl Iterator<Item = Field<'a>> {
        self.0.get(&field).cloned().unwrap_or_default().into_iter()
    }

    /// 0 when it is not there.
    fn number(&self, field: u64) -> u64 {
        let mut found = self.all(field);
        let value = match found.next() {
            None => 0,
            Some(Field::Number(value)) => value,
            Some(Field::Bytes(_)) => panic!("field {field} is no number"),
        };
        assert!(found.next().is_none(), "field {field} twice");
        value
    }

    fn bytes(&self, field: u64) -> Vec<&'a [u8]> {
        self.all(field)
            .map(|it| if let Field::Bytes(bytes) = it { bytes } else { panic!("field {field} is a number") })
            .collect()
    }

    fn messages(&self, field: u64) -> Vec<Message<'a>> {
        self.bytes(field).into_iter().map(Message::parse).collect()
    }

    fn packed(&self, field: u64) -> Vec<u64> {
        let mut values = Vec::new();
        for mut content in self.bytes(field) {
            while !content.is_empty() {
                values.push(varint(&mut content));
            }
        }
        values
    }
}

/// What a file holds.
#[derive(Debug)]
pub struct Checked {
    /// `alloc_objects/count`, ..
    pub types: Vec<String>,
    pub default_type: String,
    pub samples: Vec<Sample>,
    pub duration_ns: u64,
    pub time_ns: u64,
    pub period: u64,
}

#[derive(Debug)]
pub struct Sample {
    pub values: Vec<i64>,
    /// Names of the functions, innermost first, those that were inlined among them.
    pub functions: Vec<String>,
    /// Those that are text.
    pub labels: BTreeMap<String, String>,
}

impl Checked {
    /// The sum of all samples with that function on their stack.
    pub fn through(&self, function: &str) -> Vec<i64> {
        let mut sums = vec![0; self.types.len()];
        let has = |sample: &&Sample| sample.functions.iter().any(|name| name.contains(function));
        for sample in self.samples.iter().filter(has) {
            sums.iter_mut().zip(&sample.values).for_each(|(sum, value)| *sum += value);
        }
        sums
    }
}

/// The file, if it keeps to the rules.
///
/// # Panics
/// It does not.
pub fn check(file: &[u8]) -> Checked {
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut raw).expect("gzip");
    let profile = Message::parse(&raw);
    let strings: Vec<&str> =
        profile.bytes(6).into_iter().map(|text| std::str::from_utf8(text).expect("UTF-8")).collect();
    assert_eq!(strings.first(), Some(&""), "the first string is empty");
    let text =
        |index: u64| strings.get(index as usize).unwrap_or_else(|| panic!("string {index}")).to_string();

    // Ids are numbers from 1 in the order of the file.
    let by_id = |field: u64| {
        let messages = profile.messages(field);
        for (id, message) in (1..).zip(&messages) {
            assert_eq!(message.number(1), id, "ids of field {field} are in order");
        }
        messages
    };
    let (mappings, locations, functions) = (by_id(3), by_id(4), by_id(5));
    for mapping in &mappings {
        let (file, _build_id) = (text(mapping.number(5)), text(mapping.number(6)));
        // One without addresses only says that names are known.
        if [2, 3].iter().any(|&field| mapping.number(field) > 0) {
            assert!(!file.is_empty(), "a mapping has a file");
            assert!(mapping.number(2) < mapping.number(3), "a mapping ends after it begins");
        } else {
            assert_eq!(mapping.number(7), 1, "functions are known");
        }
    }
    let names: Vec<String> = (functions.iter())
        .map(|function| {
            let _there = [3, 4].map(|field| text(function.number(field)));
            let name = text(function.number(2));
            assert!(!name.is_empty(), "a function has a name");
            name
        })
        .collect();
    let places: Vec<Vec<String>> = (locations.iter())
        .map(|location| {
            assert!(location.number(2) <= mappings.len() as u64, "the mapping is there");
            let is_named = !location.messages(4).is_empty();
            assert!(
                is_named || location.number(2) > 0 && location.number(3) > 0,
                "a place is named or can be"
            );
            (location.messages(4).iter())
                .map(|line| {
                    let function = line.number(1);
                    assert!((1..=names.len() as u64).contains(&function), "the function is there");
                    names[function as usize - 1].clone()
                })
                .collect()
        })
        .collect();
    let types: Vec<String> = (profile.messages(1).iter())
        .map(|kind| format!("{}/{}", text(kind.number(1)), text(kind.number(2))))
        .collect();
    assert!(!types.is_empty(), "there are types");
    let default_type = text(profile.number(14));
    assert!(types.iter().any(|kind| kind.split('/').next() == Some(&default_type)), "{default_type}");
    let samples = (profile.messages(2).iter())
        .map(|sample| {
            let values: Vec<i64> = sample.packed(2).into_iter().map(|value| value as i64).collect();
            assert_eq!(values.len(), types.len(), "a value for each type");
            let stack = sample.packed(1);
            assert!(!stack.is_empty(), "a stack");
            let place = |id: &u64| {
                assert!((1..=places.len() as u64).contains(id), "the location is there");
                places[*id as usize - 1].clone()
            };
            let mut labels = BTreeMap::new();
            for label in sample.messages(3) {
                assert!(label.number(1) > 0, "a label has a key");
                if label.number(2) > 0 {
                    labels.insert(text(label.number(1)), text(label.number(2)));
                }
            }
            Sample { values, functions: stack.iter().flat_map(place).collect(), labels }
        })
        .collect();
    let [time_ns, duration_ns, period] = [9, 10, 12].map(|field| profile.number(field));
    Checked { types, default_type, samples, duration_ns, time_ns, period }
}
