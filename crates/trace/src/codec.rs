//! Events as bytes, for keeping between reading and answering.
//!
//! A segment has a dictionary of the strings that repeat (accounts, actions, user agents); a row
//! refers to them by number. Ids, resources and key values rarely repeat and stand in the row.

use std::borrow::Cow;
use std::collections::HashMap;

use countersign_model::event::{
    Delegate, DelegateRole, Event, EventKind, Link, LinkRule, Outcome, Principal, PrincipalKind,
    Verb,
};
use countersign_model::grade::Grade;
use countersign_model::key::KeyKind;
use countersign_model::time::{Duration, Timestamp};

use crate::rules::Rules;

/// More than this many different repeating strings in one segment are written out instead: an
/// adversary who invents a new account for every record must not fill memory.
const DICTIONARY_ENTRIES_MAX: usize = 1 << 16;

/// Where a record was read: the number of its input and its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    pub input: u32,
    pub line: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorruptRow;

/// Strings and link rules of one segment.
#[derive(Debug)]
pub struct Dictionary {
    strings: Vec<Box<str>>,
    by_string: HashMap<Box<str>, u32>,
    /// Strings that were met lately, by a rough hash: a text compared is a text not hashed.
    recent: Box<[u32; RECENT]>,
    rules: Rules,
}

const RECENT: usize = 1 << 13;

impl Default for Dictionary {
    fn default() -> Self {
        Self {
            strings: Vec::new(),
            by_string: HashMap::new(),
            recent: Box::new([u32::MAX; RECENT]),
            rules: Rules::default(),
        }
    }
}

impl Dictionary {
    fn intern(&mut self, text: &str) -> Option<u32> {
        let slot = rough(text) % RECENT;
        let recent = self.recent.get(slot).copied().unwrap_or(u32::MAX);
        if self.strings.get(recent as usize).is_some_and(|known| **known == *text) {
            return Some(recent);
        }
        if let Some(&index) = self.by_string.get(text) {
            self.recent[slot] = index;
            return Some(index);
        }
        if self.strings.len() >= DICTIONARY_ENTRIES_MAX {
            return None;
        }
        let index = u32::try_from(self.strings.len()).ok()?;
        self.strings.push(text.into());
        self.by_string.insert(text.into(), index);
        Some(index)
    }

    /// The dictionary as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_int(&mut out, self.strings.len() as u64);
        for text in &self.strings {
            put_inline(&mut out, text);
        }
        put_int(&mut out, self.rules.iter().count() as u64);
        for rule in self.rules.iter() {
            put_inline(&mut out, rule.name);
            out.push(rule.grade as u8);
            put_time(&mut out, rule.window.map(|window| window.0));
            out.push(u8::from(rule.recycled) | u8::from(rule.long_lived) << 1);
            put_inline(&mut out, rule.closed_by);
        }
        out
    }

    /// # Errors
    /// `CorruptRow` if the bytes are not a dictionary. `fixed` gives the words of a rule their static form.
    pub fn decode(
        mut bytes: &[u8],
        mut fixed: impl FnMut(&str) -> &'static str,
    ) -> Result<Self, CorruptRow> {
        let mut dictionary = Self::default();
        for _ in 0..take_int(&mut bytes)? {
            dictionary.strings.push(take_inline(&mut bytes)?.into());
        }
        for _ in 0..take_int(&mut bytes)? {
            let name = take_inline(&mut bytes)?;
            let grade = by_index(&Grade::ALL, take_byte(&mut bytes)?)?;
            let window = take_time(&mut bytes)?.map(Duration);
            let flags = take_byte(&mut bytes)?;
            let (recycled, long_lived) = (flags & 1 != 0, flags & 2 != 0);
            let closed_by = fixed(take_inline(&mut bytes)?);
            let name = fixed(name);
            let rule = LinkRule { name, grade, window, recycled, long_lived, closed_by };
            dictionary.rules.push(rule);
        }
        Ok(dictionary)
    }
}

/// Length and both ends: enough to spread what repeats over the recent ones.
fn rough(text: &str) -> usize {
    let bytes = text.as_bytes();
    let first = bytes.first_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk));
    let last = bytes.last_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk));
    let short = if bytes.len() < 8 {
        bytes.iter().fold(0, |sum, byte| sum << 7 ^ u64::from(*byte))
    } else {
        0
    };
    let mixed = (first ^ last.rotate_left(29) ^ short ^ bytes.len() as u64)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 48) as usize
}

/// Appends `event` to `out`.
pub fn encode(event: &Event<'_>, place: Place, dictionary: &mut Dictionary, out: &mut Vec<u8>) {
    put_repeating(out, dictionary, event.source);
    put_repeating(out, dictionary, event.feed);
    put_inline(out, &event.id);
    put_int(out, zigzag(event.time.0));
    put_int(out, zigzag(event.resolution.0));
    out.push(event.kind as u8);
    put_repeating(out, dictionary, &event.tenant);
    out.push(event.outcome as u8);
    put_repeating(out, dictionary, &event.action);
    out.push(u8::from(event.privileged) | u8::from(event.redacted) << 1);
    put_optional(out, event.resource.as_deref());
    put_principal(out, dictionary, event.principal.as_ref());
    put_optional_repeating(out, dictionary, event.via.as_deref());
    // Addresses are short and many.
    put_optional(out, event.ip.as_deref());
    put_optional_repeating(out, dictionary, event.user_agent.as_deref());
    put_int(out, event.delegation.len() as u64);
    for delegate in &event.delegation {
        out.push(delegate.role as u8);
        put_principal(out, dictionary, Some(&delegate.principal));
    }
    put_int(out, event.assurance.len() as u64);
    for (namespace, value) in &event.assurance {
        put_repeating(out, dictionary, namespace);
        put_repeating(out, dictionary, value);
    }
    put_int(out, event.links.len() as u64);
    for link in &event.links {
        put_link(out, dictionary, link);
    }
    put_time(out, event.session_started.map(|at| at.0));
    put_optional(out, event.shared_id.as_deref());
    out.extend_from_slice(&event.content.to_le_bytes());
    put_int(out, u64::from(place.input));
    put_int(out, place.line);
}

/// The event that `encode` wrote.
///
/// # Errors
/// `CorruptRow` if the bytes are cut or refer to what the dictionary does not have.
pub fn decode<'a>(
    mut bytes: &'a [u8],
    dictionary: &'a Dictionary,
) -> Result<(Event<'a>, Place), CorruptRow> {
    let input = &mut bytes;
    let source = take_repeating(input, dictionary)?;
    let feed = take_repeating(input, dictionary)?;
    let id = Cow::Borrowed(take_inline(input)?);
    let time = Timestamp(unzigzag(take_int(input)?));
    let resolution = Duration(unzigzag(take_int(input)?));
    let kind = by_index(&EventKind::ALL, take_byte(input)?)?;
    let tenant = Cow::Borrowed(take_repeating(input, dictionary)?);
    let outcome =
        by_index(&[Outcome::Success, Outcome::Failure, Outcome::Unknown], take_byte(input)?)?;
    let action = Cow::Borrowed(take_repeating(input, dictionary)?);
    let flags = take_byte(input)?;
    let resource = take_optional(input)?.map(Cow::Borrowed);
    let principal = take_principal(input, dictionary)?;
    let via = take_optional_repeating(input, dictionary)?.map(Cow::Borrowed);
    let ip = take_optional(input)?.map(Cow::Borrowed);
    let user_agent = take_optional_repeating(input, dictionary)?.map(Cow::Borrowed);
    let mut delegation = Vec::new();
    for _ in 0..take_int(input)? {
        let role = by_index(&DelegateRole::ALL, take_byte(input)?)?;
        let principal = take_principal(input, dictionary)?.ok_or(CorruptRow)?;
        delegation.push(Delegate { role, principal });
    }
    let mut assurance = Vec::new();
    for _ in 0..take_int(input)? {
        let namespace = Cow::Borrowed(take_repeating(input, dictionary)?);
        assurance.push((namespace, Cow::Borrowed(take_repeating(input, dictionary)?)));
    }
    let count = take_int(input)?;
    let mut links = Vec::with_capacity(usize::try_from(count).map_or(0, |count| count.min(16)));
    for _ in 0..count {
        links.push(take_link(input, dictionary)?);
    }
    let session_started = take_time(input)?.map(Timestamp);
    let shared_id = take_optional(input)?.map(Cow::Borrowed);
    let (content, rest) = input.split_first_chunk::<8>().ok_or(CorruptRow)?;
    *input = rest;
    let place = Place {
        input: u32::try_from(take_int(input)?).map_err(|_| CorruptRow)?,
        line: take_int(input)?,
    };
    let event = Event {
        source,
        feed,
        id,
        time,
        resolution,
        kind,
        tenant,
        outcome,
        action,
        resource,
        privileged: flags & 1 != 0,
        principal,
        delegation,
        via,
        ip,
        user_agent,
        assurance,
        links,
        session_started,
        shared_id,
        redacted: flags & 2 != 0,
        content: u64::from_le_bytes(*content),
    };
    Ok((event, place))
}

fn put_link(out: &mut Vec<u8>, dictionary: &mut Dictionary, link: &Link<'_>) {
    out.push(link.verb as u8);
    out.push(link.kind as u8);
    put_repeating(out, dictionary, &link.namespace);
    put_inline(out, &link.value);
    put_int(out, u64::from(dictionary.rules.intern(&link.rule)));
    out.push(link.parent.map_or(u8::MAX, |parent| parent));
    put_time(out, link.until.map(|until| until.0));
    put_principal(out, dictionary, link.root.as_ref());
}

fn take_link<'a>(input: &mut &'a [u8], dictionary: &'a Dictionary) -> Result<Link<'a>, CorruptRow> {
    let verb = by_index(&Verb::ALL, take_byte(input)?)?;
    let kind = by_index(&KeyKind::ALL, take_byte(input)?)?;
    let namespace = Cow::Borrowed(take_repeating(input, dictionary)?);
    let value = Cow::Borrowed(take_inline(input)?);
    let rule = u16::try_from(take_int(input)?).map_err(|_| CorruptRow)?;
    let rule = *dictionary.rules.get(rule).ok_or(CorruptRow)?;
    let parent = Some(take_byte(input)?).filter(|parent| *parent != u8::MAX);
    let until = take_time(input)?.map(Timestamp);
    let root = take_principal(input, dictionary)?;
    Ok(Link { verb, kind, namespace, value, rule, parent, until, root })
}

fn put_principal(
    out: &mut Vec<u8>,
    dictionary: &mut Dictionary,
    principal: Option<&Principal<'_>>,
) {
    let Some(principal) = principal else {
        out.push(u8::MAX);
        return;
    };
    out.push(principal.kind as u8);
    put_repeating(out, dictionary, &principal.namespace);
    put_repeating(out, dictionary, &principal.value);
    put_optional_repeating(out, dictionary, principal.name.as_deref());
}

fn take_principal<'a>(
    input: &mut &'a [u8],
    dictionary: &'a Dictionary,
) -> Result<Option<Principal<'a>>, CorruptRow> {
    let kind = take_byte(input)?;
    if kind == u8::MAX {
        return Ok(None);
    }
    Ok(Some(Principal {
        kind: by_index(&PrincipalKind::ALL, kind)?,
        namespace: Cow::Borrowed(take_repeating(input, dictionary)?),
        value: Cow::Borrowed(take_repeating(input, dictionary)?),
        name: take_optional_repeating(input, dictionary)?.map(Cow::Borrowed),
    }))
}

/// A repeating string: its number times two plus one, or its length times two and its bytes.
fn put_repeating(out: &mut Vec<u8>, dictionary: &mut Dictionary, text: &str) {
    match dictionary.intern(text) {
        Some(index) => put_int(out, u64::from(index) << 1 | 1),
        None => {
            put_int(out, (text.len() as u64) << 1);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

fn take_repeating<'a>(
    input: &mut &'a [u8],
    dictionary: &'a Dictionary,
) -> Result<&'a str, CorruptRow> {
    let tag = take_int(input)?;
    let number = usize::try_from(tag >> 1).map_err(|_| CorruptRow)?;
    if tag & 1 == 1 {
        return dictionary.strings.get(number).map(|text| &**text).ok_or(CorruptRow);
    }
    take_text(input, number)
}

fn put_optional_repeating(out: &mut Vec<u8>, dictionary: &mut Dictionary, text: Option<&str>) {
    out.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put_repeating(out, dictionary, text);
    }
}

fn take_optional_repeating<'a>(
    input: &mut &'a [u8],
    dictionary: &'a Dictionary,
) -> Result<Option<&'a str>, CorruptRow> {
    (take_byte(input)? != 0).then(|| take_repeating(input, dictionary)).transpose()
}

fn put_optional(out: &mut Vec<u8>, text: Option<&str>) {
    out.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put_inline(out, text);
    }
}

fn take_optional<'a>(input: &mut &'a [u8]) -> Result<Option<&'a str>, CorruptRow> {
    (take_byte(input)? != 0).then(|| take_inline(input)).transpose()
}

fn put_inline(out: &mut Vec<u8>, text: &str) {
    put_int(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn take_inline<'a>(input: &mut &'a [u8]) -> Result<&'a str, CorruptRow> {
    let length = usize::try_from(take_int(input)?).map_err(|_| CorruptRow)?;
    take_text(input, length)
}

fn take_text<'a>(input: &mut &'a [u8], length: usize) -> Result<&'a str, CorruptRow> {
    let (text, rest) = input.split_at_checked(length).ok_or(CorruptRow)?;
    *input = rest;
    std::str::from_utf8(text).map_err(|_| CorruptRow)
}

fn put_time(out: &mut Vec<u8>, nanos: Option<i64>) {
    out.push(u8::from(nanos.is_some()));
    if let Some(nanos) = nanos {
        put_int(out, zigzag(nanos));
    }
}

fn take_time(input: &mut &[u8]) -> Result<Option<i64>, CorruptRow> {
    (take_byte(input)? != 0).then(|| take_int(input).map(unzigzag)).transpose()
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// LEB128.
fn put_int(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_int(input: &mut &[u8]) -> Result<u64, CorruptRow> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(input)?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(CorruptRow)
}

fn take_byte(input: &mut &[u8]) -> Result<u8, CorruptRow> {
    let (&byte, rest) = input.split_first().ok_or(CorruptRow)?;
    *input = rest;
    Ok(byte)
}

fn by_index<T: Copy>(all: &[T], index: u8) -> Result<T, CorruptRow> {
    all.get(usize::from(index)).copied().ok_or(CorruptRow)
}
