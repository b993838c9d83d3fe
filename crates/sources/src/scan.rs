//! One pass over the text of a JSON record that notes where the values of some paths lie.
//!
//! A general parser pays for what nobody asked: it checks numbers, unescapes text, fails where a
//! path meets null. This one steps over everything that no path leads through, needs no memory of
//! its own, and goes only as deep as the paths do, so nothing in a record can exhaust it.

use std::borrow::Cow;

/// The deepest path a definition may name.
pub const PATH_DEPTH_MAX: usize = 16;
/// The deepest nesting that is stepped over. Real records have up to about 20.
const NESTING_MAX: usize = 256;
const BUCKETS: usize = 32;
const NONE: u16 = u16::MAX;

/// Why a text is not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanError {
    /// Cut, or no JSON.
    Malformed,
    TooDeep,
    /// A key that counts is there twice with different values, so what the record says would
    /// depend on who reads it.
    Twice,
}

/// The text of one JSON value, quotes and all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a> {
    pub text: &'a str,
    /// It is a string in which nothing is escaped.
    pub is_plain: bool,
}

/// How keys are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    AsWritten,
    /// Some pipelines write all keys in lower case.
    Folded,
}

/// All paths, by their first keys.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    slots: usize,
}

#[derive(Debug)]
struct Node {
    slot: u16,
    /// First child of those whose keys have the same length and first letter, roughly.
    buckets: [u16; BUCKETS],
    children: Vec<Child>,
}

#[derive(Debug)]
struct Child {
    key: Box<str>,
    node: u16,
    next: u16,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::new()], slots: 0 }
    }
}

impl Node {
    fn new() -> Self {
        Self { slot: NONE, buckets: [NONE; BUCKETS], children: Vec::new() }
    }

    #[inline]
    fn child(&self, key: &str, keys: Keys) -> Option<u16> {
        let mut at = *self.buckets.get(bucket(key))?;
        let mut folded = None;
        while let Some(child) = self.children.get(usize::from(at)) {
            if *child.key == *key {
                return Some(child.node);
            }
            if keys == Keys::Folded && child.key.eq_ignore_ascii_case(key) {
                folded = Some(child.node);
            }
            at = child.next;
        }
        folded
    }
}

fn bucket(key: &str) -> usize {
    let first = key.as_bytes().first().map_or(0, |byte| usize::from(byte | 0x20));
    (first + key.len() * 5) % BUCKETS
}

impl Tree {
    /// The slot of a path, which is new if no earlier path was the same. `None` if there are too
    /// many, or the path is too deep.
    pub fn add(&mut self, path: &[String]) -> Option<usize> {
        if path.len() > PATH_DEPTH_MAX || self.nodes.len() + path.len() >= usize::from(NONE) {
            return None;
        }
        let mut at = 0_usize;
        for key in path {
            let fresh = u16::try_from(self.nodes.len()).ok()?;
            let node = self.nodes.get_mut(at)?;
            at = match node.child(key, Keys::AsWritten) {
                Some(known) => usize::from(known),
                None => {
                    let place = u16::try_from(node.children.len()).ok()?;
                    let head = node.buckets.get_mut(bucket(key))?;
                    node.children.push(Child {
                        key: key.as_str().into(),
                        node: fresh,
                        next: *head,
                    });
                    *head = place;
                    self.nodes.push(Node::new());
                    usize::from(fresh)
                }
            };
        }
        let node = self.nodes.get_mut(at)?;
        if node.slot == NONE {
            node.slot = u16::try_from(self.slots).ok()?;
            self.slots += 1;
        }
        Some(usize::from(node.slot))
    }

    /// The raw text of the value of each path, by slot; nothing where the record has none.
    ///
    /// # Errors
    /// [`ScanError`]; what no path leads through is only stepped over, not judged.
    pub fn read<'a>(&self, record: &'a str, keys: Keys) -> Result<Vec<Option<Raw<'a>>>, ScanError> {
        let mut scan = Scan::new(record, self.slots, keys);
        scan.space();
        if scan.peek() != Some(b'{') {
            return Err(ScanError::Malformed);
        }
        let root = self.nodes.first().ok_or(ScanError::Malformed)?;
        scan.object(self, root)?;
        scan.space();
        if scan.at == scan.bytes.len() { Ok(scan.slots) } else { Err(ScanError::Malformed) }
    }
}

/// The members of an object, in order.
///
/// # Errors
/// [`ScanError`] as `Tree::read`.
pub fn members(object: &str) -> Result<Vec<(Cow<'_, str>, &str)>, ScanError> {
    let mut scan = Scan::new(object, 0, Keys::AsWritten);
    let mut members = Vec::new();
    scan.each(b'{', b'}', |scan| {
        let key = scan.member_key()?;
        members.push((key, scan.value()?));
        Ok(())
    })?;
    Ok(members)
}

/// Gives each element of a list to `visit`.
///
/// # Errors
/// [`ScanError`] as `Tree::read`; `visit` has then seen the elements before.
pub fn elements<'a>(list: &'a str, mut visit: impl FnMut(&'a str)) -> Result<(), ScanError> {
    Scan::new(list, 0, Keys::AsWritten).each(b'[', b']', |scan| {
        visit(scan.value()?);
        Ok(())
    })
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    slots: Vec<Option<Raw<'a>>>,
    keys: Keys,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str, slots: usize, keys: Keys) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, slots: vec![None; slots], keys }
    }

    fn expect(&mut self, byte: u8) -> Result<(), ScanError> {
        self.space();
        if self.peek() != Some(byte) {
            return Err(ScanError::Malformed);
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    /// Goes through a list or an object to its end.
    fn each(
        &mut self,
        open: u8,
        close: u8,
        mut one: impl FnMut(&mut Self) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        self.expect(open)?;
        if self.peek() == Some(close) {
            return Ok(());
        }
        loop {
            one(self)?;
            self.space();
            if self.peek() == Some(close) {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn member_key(&mut self) -> Result<Cow<'a, str>, ScanError> {
        let key = self.key()?;
        self.expect(b':')?;
        Ok(key)
    }

    fn value(&mut self) -> Result<&'a str, ScanError> {
        let from = self.at;
        self.skip()?;
        let text = self.text;
        text.get(from..self.at).ok_or(ScanError::Malformed)
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Goes down only where a path does, so no deeper than [`PATH_DEPTH_MAX`].
    fn object(&mut self, tree: &Tree, node: &Node) -> Result<(), ScanError> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let key = self.member_key()?;
            let child =
                node.child(&key, self.keys).and_then(|child| tree.nodes.get(usize::from(child)));
            match child {
                Some(child) => self.wanted(tree, child)?,
                None => self.skip()?,
            }
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(ScanError::Malformed),
            }
            self.space();
        }
    }

    fn key(&mut self) -> Result<Cow<'a, str>, ScanError> {
        if self.peek() != Some(b'"') {
            return Err(ScanError::Malformed);
        }
        let from = self.at;
        let is_plain = self.string()?;
        let text = self.text;
        if is_plain {
            return text.get(from + 1..self.at - 1).map(Cow::Borrowed).ok_or(ScanError::Malformed);
        }
        let raw = text.get(from..self.at).ok_or(ScanError::Malformed)?;
        serde_json::from_str(raw).map(Cow::Owned).map_err(|_| ScanError::Malformed)
    }

    fn wanted(&mut self, tree: &Tree, node: &Node) -> Result<(), ScanError> {
        let from = self.at;
        let is_plain = match self.peek() {
            Some(b'{') if !node.children.is_empty() => self.object(tree, node).map(|()| false)?,
            Some(b'"') => self.string()?,
            _ => self.skip().map(|()| false)?,
        };
        if let Some(slot) = self.slots.get_mut(usize::from(node.slot)) {
            let text = self.text.get(from..self.at).ok_or(ScanError::Malformed)?;
            if slot.is_some_and(|known| known.text != text) {
                return Err(ScanError::Twice);
            }
            *slot = Some(Raw { text, is_plain });
        }
        Ok(())
    }

    /// Steps over one value.
    fn skip(&mut self) -> Result<(), ScanError> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{' | b'[') => self.container(),
            Some(b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
                let rest = self.bytes.get(self.at..).unwrap_or(&[]);
                self.at += rest
                    .iter()
                    .take_while(|byte| matches!(byte, b'a'..=b'z' | b'E' | b'0'..=b'9' | b'+' | b'-' | b'.'))
                    .count();
                Ok(())
            }
            _ => Err(ScanError::Malformed),
        }
    }

    fn container(&mut self) -> Result<(), ScanError> {
        // One bit a level: whether it is a list. Brackets must close what they opened.
        let mut open = [0_u64; NESTING_MAX / 64];
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or(ScanError::Malformed)? {
                b'"' => {
                    self.string()?;
                }
                bracket @ (b'{' | b'[') => {
                    let word = open.get_mut(depth / 64).ok_or(ScanError::TooDeep)?;
                    let bit = 1 << (depth % 64);
                    if bracket == b'[' {
                        *word |= bit
                    } else {
                        *word &= !bit
                    }
                    depth += 1;
                    self.at += 1;
                }
                bracket @ (b'}' | b']') => {
                    depth -= 1;
                    let word = open.get(depth / 64).ok_or(ScanError::TooDeep)?;
                    if (word >> (depth % 64)) & 1 != u64::from(bracket == b']') {
                        return Err(ScanError::Malformed);
                    }
                    self.at += 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// Steps over a string, from quote to quote. Whether nothing in it is escaped.
    #[inline]
    fn string(&mut self) -> Result<bool, ScanError> {
        let mut is_plain = true;
        self.at += 1;
        loop {
            self.at += self.to_quote_or_escape()?;
            if self.peek() == Some(b'"') {
                self.at += 1;
                return Ok(is_plain);
            }
            is_plain = false;
            self.at += 2;
        }
    }

    /// Eight bytes at a time for the short strings that records are made of, then faster.
    #[inline]
    fn to_quote_or_escape(&self) -> Result<usize, ScanError> {
        const SHORT: usize = 32;
        let rest = self.bytes.get(self.at..).ok_or(ScanError::Malformed)?;
        let head = rest.get(..SHORT.min(rest.len())).unwrap_or(rest);
        let (words, tail) = head.as_chunks::<8>();
        for (count, word) in words.iter().enumerate() {
            let found = marks(u64::from_le_bytes(*word));
            if found != 0 {
                return Ok(count * 8 + found.trailing_zeros() as usize / 8);
            }
        }
        if let Some(at) = tail.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            return Ok(words.len() * 8 + at);
        }
        let far = rest.get(head.len()..).unwrap_or(&[]);
        memchr::memchr2(b'"', b'\\', far).map(|at| head.len() + at).ok_or(ScanError::Malformed)
    }
}

/// The high bit of every byte that is a quote or a backslash; the lowest one set is right, those
/// above it may not be.
#[inline]
fn marks(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    zero(word ^ (LOW * 0x22)) | zero(word ^ (LOW * 0x5C))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{Keys, ScanError, Tree, elements, members};

    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for path in paths {
            let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
            tree.add(&keys).unwrap();
        }
        tree
    }

    #[test]
    fn values_are_found_however_they_are_laid_out() {
        let tree = tree(&["a", "b.c", "b", "d.e.f"]);
        let read = |text: &'static str| -> Vec<Option<&str>> {
            tree.read(text, Keys::AsWritten)
                .unwrap()
                .iter()
                .map(|raw| raw.map(|raw| raw.text))
                .collect()
        };
        assert_eq!(
            read(r#"{"x":[{"a":1}],"a":"q\"r","b":{"c":[1,"]"]}}"#),
            [Some(r#""q\"r""#), Some(r#"[1,"]"]"#), Some(r#"{"c":[1,"]"]}"#), None]
        );
        assert_eq!(
            read(" { \"d\" : { \"e\" : null } , \"b\" : null } \n"),
            [None, None, Some("null"), None]
        );
        assert_eq!(read(r#"{"\u0061":true}"#)[0], Some("true"));
        assert_eq!(read("{}"), [None; 4]);
        assert_eq!(
            tree.read(r#"{"A":1,"D":{"E":{"F":-2.5e3}}}"#, Keys::Folded).unwrap()[3]
                .map(|raw| raw.text),
            Some("-2.5e3")
        );
        assert_eq!(read(r#"{"A":1}"#)[0], None);
    }

    #[test]
    fn what_is_cut_twofold_or_deep_is_refused() {
        let tree = tree(&["a", "b.c"]);
        let error = |text: &str| tree.read(text, Keys::AsWritten).unwrap_err();
        for text in [
            "",
            "1",
            "[]",
            "{",
            r#"{"a"#,
            r#"{"a":"#,
            r#"{"a":1"#,
            r#"{"a":[1}"#,
            r#"{"a":1}x"#,
            r#"{"a":"\"#,
            r#"{"x":{"#,
            "{a:1}",
        ] {
            assert_eq!(error(text), ScanError::Malformed, "{text}");
        }
        assert_eq!(error(r#"{"a":1,"a":2}"#), ScanError::Twice);
        assert!(tree.read(r#"{"a":1,"a":1}"#, Keys::AsWritten).is_ok());
        assert_eq!(
            error(&format!("{{\"x\":{}{}}}", "[".repeat(9999), "]".repeat(9999))),
            ScanError::TooDeep
        );
    }

    #[test]
    fn lists_and_objects_come_apart() {
        let mut found = Vec::new();
        elements(r#" [1, {"a":"]"} ,[ ] ] "#, |element| found.push(element)).unwrap();
        assert_eq!(found, ["1", r#"{"a":"]"}"#, "[ ]"]);
        let all = |text: &str| elements(text, |_| ());
        assert!(all("[1,").is_err() && all("[1 2]").is_err() && all("[]").is_ok());
        let members = members(r#"{"a" : 1,"b\"":{"c":2}}"#).unwrap();
        assert_eq!(members, [("a".into(), "1"), ("b\"".into(), r#"{"c":2}"#)]);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            ".{0,50}".prop_map(Value::from),
            "[\"\\\\a]{0,9}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[abcx\"\\\\é]", inner, 0..6).prop_map(|members| {
                    members.into_iter().collect::<serde_json::Map<_, _>>().into()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_scan_finds_what_a_parser_finds(members in prop::collection::btree_map("[abcx]", json(), 0..6), is_pretty: bool) {
            let value: Value = members.into_iter().collect::<serde_json::Map<_, _>>().into();
            let text = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let tree = tree(&["a", "b.c", "b.a.b", "c"]);
            let found = tree.read(&text, Keys::AsWritten).unwrap();
            for (slot, pointer) in ["/a", "/b/c", "/b/a/b", "/c"].iter().enumerate() {
                let expected = value.pointer(pointer).filter(|_| !(pointer.len() > 2 && value["b"].is_array()));
                let found = found[slot].map(|raw| serde_json::from_str::<Value>(raw.text).unwrap());
                prop_assert_eq!(found.as_ref(), expected);
            }
        }

        #[test]
        fn rubbish_never_panics(bytes in "[{}\\[\\]\",:\\\\abc1 ]{0,80}") {
            let _ = tree(&["a", "b.c"]).read(&bytes, Keys::AsWritten);
            let _ = tree(&["a", "b.c"]).read(&format!("{{\"a\":{bytes}"), Keys::Folded);
        }
    }
}
