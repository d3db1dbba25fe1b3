//! Crafts Parquet files: takes a file apart, changes something in it, and puts it together again with correct offsets.

use std::ops::Range;

/// A source of random choices that depend only on a seed.
pub(crate) struct Choices(u64);

impl Choices {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}

/// A value of Thrift's compact protocol.
#[derive(Clone, Debug)]
enum Value {
    Bool(bool),
    Byte(u8),
    Integer(u8, i64),
    Double([u8; 8]),
    Binary(Vec<u8>),
    List(u8, Vec<Value>),
    Struct(Vec<(i64, Value)>),
}

fn unsigned(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = take(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return value;
        }
    }
}

fn signed(bytes: &mut &[u8]) -> i64 {
    let zigzag = unsigned(bytes);
    (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

fn push_unsigned(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn push_signed(value: i64, out: &mut Vec<u8>) {
    push_unsigned((value << 1 ^ value >> 63) as u64, out);
}

impl Value {
    fn read(kind: u8, bytes: &mut &[u8]) -> Self {
        match kind {
            1 | 2 => Self::Bool(kind == 1),
            3 => Self::Byte(take(bytes, 1)[0]),
            4..=6 => Self::Integer(kind, signed(bytes)),
            7 => Self::Double(take(bytes, 8).try_into().unwrap()),
            8 => {
                let length = unsigned(bytes) as usize;
                Self::Binary(take(bytes, length).into())
            }
            9 => {
                let header = take(bytes, 1)[0];
                let length = if header >> 4 == 15 { unsigned(bytes) } else { u64::from(header >> 4) };
                let kind = header & 15;
                let element = |bytes: &mut &[u8]| match kind {
                    1 | 2 => Self::Byte(take(bytes, 1)[0]),
                    kind => Self::read(kind, bytes),
                };
                Self::List(kind, (0..length).map(|_| element(bytes)).collect())
            }
            12 => {
                let (mut fields, mut id) = (Vec::new(), 0);
                loop {
                    let header = take(bytes, 1)[0];
                    if header == 0 {
                        return Self::Struct(fields);
                    }
                    id = if header >> 4 == 0 { signed(bytes) } else { id + i64::from(header >> 4) };
                    fields.push((id, Self::read(header & 15, bytes)));
                }
            }
            other => panic!("no such type: {other}"),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Bool(value) => 2 - u8::from(*value),
            Self::Byte(_) => 3,
            Self::Integer(kind, _) => *kind,
            Self::Double(_) => 7,
            Self::Binary(_) => 8,
            Self::List(..) => 9,
            Self::Struct(_) => 12,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bool(_) => {}
            Self::Byte(byte) => out.push(*byte),
            Self::Integer(_, value) => push_signed(*value, out),
            Self::Double(bytes) => out.extend_from_slice(bytes),
            Self::Binary(bytes) => {
                push_unsigned(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
            Self::List(kind, elements) => {
                out.push(0xf0 | kind);
                push_unsigned(elements.len() as u64, out);
                elements.iter().for_each(|element| element.write(out));
            }
            Self::Struct(fields) => {
                for (id, value) in fields {
                    out.push(value.kind());
                    push_signed(*id, out);
                    value.write(out);
                }
                out.push(0);
            }
        }
    }

    fn field(&mut self, id: i64) -> Option<&mut Self> {
        let Self::Struct(fields) = self else { return None };
        fields.iter_mut().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    fn integer(&mut self, id: i64) -> Option<i64> {
        match self.field(id) {
            Some(Self::Integer(_, value)) => Some(*value),
            _ => None,
        }
    }

    fn set(&mut self, id: i64, to: i64) {
        if let Some(Self::Integer(_, value)) = self.field(id) {
            *value = to;
        }
    }

    fn elements(&mut self) -> &mut [Self] {
        match self {
            Self::List(_, elements) => elements,
            _ => &mut [],
        }
    }

    fn count(&self) -> usize {
        1 + match self {
            Self::List(_, elements) => elements.iter().map(Self::count).sum(),
            Self::Struct(fields) => fields.iter().map(|(_, value)| value.count()).sum(),
            _ => 0,
        }
    }

    /// The value with this number, counted from the outermost value to the innermost ones.
    fn nth(&mut self, number: usize) -> &mut Self {
        if number == 0 {
            return self;
        }
        let mut left = number - 1;
        let inner: Vec<&mut Self> = match self {
            Self::List(_, elements) => elements.iter_mut().collect(),
            Self::Struct(fields) => fields.iter_mut().map(|(_, value)| value).collect(),
            _ => Vec::new(),
        };
        for value in inner {
            let count = value.count();
            if left < count {
                return value.nth(left);
            }
            left -= count;
        }
        unreachable!("fewer than are counted")
    }

    /// Changes this value, or a value in it.
    fn change(&mut self, choices: &mut Choices) {
        const NUMBERS: [i64; 14] =
            [0, 1, 2, 3, -1, 7, 127, 128, 65_535, 1 << 20, 1 << 28, i32::MAX as i64, i32::MIN as i64, i64::MAX];
        let number = choices.below(self.count());
        match self.nth(number) {
            Self::Bool(value) => *value = !*value,
            Self::Byte(byte) => *byte ^= 1 << choices.below(8),
            Self::Integer(_, value) if choices.below(3) == 0 => *value += choices.below(9) as i64 - 4,
            Self::Integer(_, value) => *value = NUMBERS[choices.below(NUMBERS.len())],
            Self::Double(bytes) => bytes[choices.below(8)] ^= 0xff,
            Self::Binary(bytes) => match choices.below(3) {
                0 => bytes.clear(),
                1 => bytes.extend_from_slice(&[b'x'; 300]),
                _ => change_bytes(bytes, choices),
            },
            Self::List(_, elements) if elements.is_empty() => {}
            Self::List(_, elements) => {
                let at = choices.below(elements.len());
                match choices.below(4) {
                    0 => drop(elements.remove(at)),
                    1 => elements.insert(at, elements[at].clone()),
                    2 => {
                        let many = vec![elements[at].clone(); 3000];
                        elements.extend(many);
                    }
                    _ => elements.reverse(),
                }
            }
            Self::Struct(fields) if fields.is_empty() => {}
            Self::Struct(fields) => {
                let at = choices.below(fields.len());
                match choices.below(3) {
                    0 => drop(fields.remove(at)),
                    1 => fields[at].0 += 1,
                    _ => {
                        let other = fields[choices.below(fields.len())].1.clone();
                        fields[at].1 = other;
                    }
                }
            }
        }
    }
}

fn change_bytes(bytes: &mut Vec<u8>, choices: &mut Choices) {
    if bytes.is_empty() {
        bytes.push(0xff);
        return;
    }
    let at = choices.below(bytes.len());
    match choices.below(4) {
        0 => bytes[at] ^= 1 << choices.below(8),
        1 => bytes[at] = 0xff,
        2 => bytes.truncate(at),
        _ => bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x07]).for_each(drop),
    }
}

/// A file taken apart.
#[derive(Clone)]
pub(crate) struct Crafted {
    footer: Value,
    /// The pages of every column of every row group, each with a header and a body.
    chunks: Vec<Vec<(Value, Vec<u8>)>>,
}

impl Crafted {
    /// Takes a whole file apart.
    pub(crate) fn new(file: &[u8]) -> Self {
        let tail = file.len() - 8;
        let length = u32::from_le_bytes(file[tail..tail + 4].try_into().unwrap()) as usize;
        let mut footer = Value::read(12, &mut &file[tail - length..tail]);
        let mut chunks = Vec::new();
        for_each_column(&mut footer, |column| {
            let Range { start, end } = range(column);
            let mut rest = &file[start..end];
            let mut pages = Vec::new();
            while !rest.is_empty() {
                let mut header = Value::read(12, &mut rest);
                let length = header.integer(3).unwrap() as usize;
                pages.push((header, take(&mut rest, length).to_vec()));
            }
            chunks.push(pages);
        });
        Self { footer, chunks }
    }

    /// Changes it in one to four places.
    pub(crate) fn change(&mut self, choices: &mut Choices) {
        for _ in 0..=choices.below(4) {
            let chunk = choices.below(self.chunks.len());
            let page = choices.below(self.chunks[chunk].len());
            let (header, body) = &mut self.chunks[chunk][page];
            match choices.below(5) {
                0 | 1 => self.footer.change(choices),
                2 | 3 => header.change(choices),
                _ => change_bytes(body, choices),
            }
            // Otherwise a body that is changed would only ever be cut off.
            if choices.below(2) == 0 {
                header.set(3, body.len() as i64);
            }
        }
    }

    /// Puts the file together. Corrects the offsets of columns in the footer, as far as the footer still has them.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (mut file, mut footer) = (b"PAR1".to_vec(), self.footer.clone());
        let mut chunks = self.chunks.iter();
        for_each_column(&mut footer, |column| {
            let Some(pages) = chunks.next() else { return };
            let start = file.len();
            let mut data = None;
            for (header, body) in pages {
                if header.clone().integer(1) != Some(2) {
                    data.get_or_insert(file.len());
                }
                header.write(&mut file);
                file.extend_from_slice(body);
            }
            column.set(11, start as i64);
            column.set(9, data.unwrap_or(start) as i64);
            column.set(7, (file.len() - start) as i64);
        });
        let start = file.len();
        footer.write(&mut file);
        let length = (file.len() - start) as u32;
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(b"PAR1");
        file
    }

    /// Sets fields in the header of every page. Each is given by its number and its new value.
    pub(crate) fn set_in_headers(&mut self, field: i64, value: i64) {
        self.chunks.iter_mut().flatten().for_each(|(header, _)| header.set(field, value));
    }

    /// Sets the number of values that every dictionary claims to have.
    pub(crate) fn set_dictionary_values(&mut self, values: i64) {
        let headers = self.chunks.iter_mut().flatten().filter_map(|(header, _)| header.field(7));
        headers.for_each(|dictionary| dictionary.set(1, values));
    }

    /// Sets the number of rows that every row group claims to have.
    pub(crate) fn set_rows(&mut self, rows: i64) {
        let groups = self.footer.field(4).into_iter().flat_map(|groups| groups.elements());
        groups.for_each(|group| group.set(3, rows));
    }

    /// Replaces the schema by nested groups.
    pub(crate) fn nest(&mut self, depth: usize) {
        let group = |name: &[u8], children: i64| {
            let repetition = Value::Integer(5, 0);
            Value::Struct(vec![(3, repetition), (4, Value::Binary(name.into())), (5, Value::Integer(5, children))])
        };
        let leaf = vec![(1, Value::Integer(5, 1)), (3, Value::Integer(5, 0)), (4, Value::Binary(b"a".into()))];
        let mut schema = vec![group(b"a", 1); depth];
        schema.push(Value::Struct(leaf));
        if let Some(list) = self.footer.field(2) {
            *list = Value::List(12, schema);
        }
    }
}

/// Calls a function with the footer's entry of every column.
fn for_each_column(footer: &mut Value, mut each: impl FnMut(&mut Value)) {
    let Some(groups) = footer.field(4) else { return };
    for group in groups.elements() {
        let Some(columns) = group.field(1) else { continue };
        for column in columns.elements() {
            column.field(3).into_iter().for_each(&mut each);
        }
    }
}

/// The offset and length of a column in its file.
fn range(column: &mut Value) -> Range<usize> {
    let start = column.integer(11).or_else(|| column.integer(9)).unwrap() as usize;
    start..start + column.integer(7).unwrap() as usize
}
