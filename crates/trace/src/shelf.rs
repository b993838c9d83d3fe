//! Where claims lie that do not fit in memory.
//!
//! This room does no input and output, so a place to put bytes is a parameter: a [`Shelf`] takes
//! bytes at its end and gives back any of them. [`Pages`] keeps what was asked for lately, in a fixed
//! amount of memory shared by all shelves of a run.

use std::fmt::Debug;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Bytes that were put away.
pub trait Shelf: Debug + Send + Sync {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// Whatever the place it lies in says.
    fn put(&self, bytes: &[u8]) -> io::Result<()>;

    /// Fills `into` with the bytes that begin at `at`.
    ///
    /// # Errors
    /// Whatever the place it lies in says, and `UnexpectedEof` if there are not so many.
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()>;
}

/// Gives out empty shelves.
pub trait Shelves: Debug + Send + Sync {
    /// # Errors
    /// Whatever the place they lie in says.
    fn shelf(&self) -> io::Result<Box<dyn Shelf>>;
}

/// Shelves in memory: what claims are put on that never had to leave it.
#[derive(Debug, Default, Clone, Copy)]
pub struct InMemory;

#[derive(Debug, Default)]
struct Held(Mutex<Vec<u8>>);

impl Shelves for InMemory {
    fn shelf(&self) -> io::Result<Box<dyn Shelf>> {
        Ok(Box::new(Held::default()))
    }
}

impl Shelf for Held {
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(())
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(at).map_err(io::Error::other)?;
        let found = from.checked_add(into.len()).and_then(|to| bytes.get(from..to));
        into.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A value of a fixed number of bytes.
pub(crate) trait Fixed: Copy {
    const BYTES: usize;

    fn put(&self, out: &mut Vec<u8>);

    /// Takes one from the front of `bytes`, which is long enough.
    fn take(bytes: &[u8]) -> Option<Self>;
}

/// Fields of a [`Fixed`], one after the other.
pub(crate) struct Fields<'b>(pub &'b [u8]);

impl Fields<'_> {
    pub(crate) fn next<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.next().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.next().map(i64::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.next().map(u32::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.next().map(u16::from_le_bytes)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.next().map(u8::from_le_bytes)
    }
}

/// Bytes that are gathered before they are put on a shelf.
const WRITTEN_TOGETHER: usize = 1 << 18;

/// A shelf being filled.
#[derive(Debug)]
pub(crate) struct Filling {
    shelf: Box<dyn Shelf>,
    waiting: Vec<u8>,
    length: u64,
}

impl Filling {
    pub(crate) fn new(shelves: &dyn Shelves) -> io::Result<Self> {
        Ok(Self { shelf: shelves.shelf()?, waiting: Vec::new(), length: 0 })
    }

    /// Bytes put so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.waiting.len() >= WRITTEN_TOGETHER { self.settle() } else { Ok(()) }
    }

    pub(crate) fn put_fixed<T: Fixed>(&mut self, value: &T) -> io::Result<()> {
        value.put(&mut self.waiting);
        self.length += T::BYTES as u64;
        if self.waiting.len() >= WRITTEN_TOGETHER { self.settle() } else { Ok(()) }
    }

    /// Puts what waits.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        self.shelf.put(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }

    /// The full shelf, under a number that no other shelf of the same [`Pages`] has.
    pub(crate) fn full(mut self, number: u32) -> io::Result<Full> {
        self.settle()?;
        Ok(Full { shelf: self.shelf, length: self.length, number })
    }
}

/// A shelf to which nothing more comes.
#[derive(Debug)]
pub(crate) struct Full {
    shelf: Box<dyn Shelf>,
    length: u64,
    number: u32,
}

impl Full {
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Reads past the pages: for what is gone through once.
    pub(crate) fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.shelf.read(at, into)
    }
}

const PAGE_BYTES: usize = 4096;
/// Pages that compete for a place; the one that was asked for longest ago leaves.
const WAYS: usize = 4;

/// What was asked for lately.
#[derive(Debug)]
pub(crate) struct Pages {
    sets: Box<[Mutex<Set>]>,
    /// The first error: from then on no answer may be believed.
    failed: OnceLock<io::Error>,
}

#[derive(Debug, Default)]
struct Set {
    clock: u32,
    pages: Vec<Page>,
}

#[derive(Debug)]
struct Page {
    shelf: u32,
    number: u64,
    asked: u32,
    bytes: Box<[u8]>,
}

impl Pages {
    /// Pages that take at most about `bytes` of memory.
    pub(crate) fn new(bytes: usize) -> Self {
        let sets = (bytes / (PAGE_BYTES * WAYS)).max(16);
        Self { sets: (0..sets).map(|_| Mutex::default()).collect(), failed: OnceLock::new() }
    }

    /// Why what was read cannot be believed.
    pub(crate) fn failure(&self) -> Option<&io::Error> {
        self.failed.get()
    }

    pub(crate) fn fixed<T: Fixed>(&self, shelf: &Full, at: u64) -> Option<T> {
        let mut bytes = [0; 64];
        let bytes = bytes.get_mut(..T::BYTES)?;
        self.read(shelf, at * T::BYTES as u64, bytes).then(|| T::take(bytes)).flatten()
    }

    /// Whether `into` could be filled; if not, [`Self::failure`] says why.
    pub(crate) fn read(&self, shelf: &Full, mut at: u64, mut into: &mut [u8]) -> bool {
        if at.saturating_add(into.len() as u64) > shelf.length {
            self.failed.get_or_init(|| io::ErrorKind::UnexpectedEof.into());
            return false;
        }
        while !into.is_empty() {
            let within = (at % PAGE_BYTES as u64) as usize;
            let count = into.len().min(PAGE_BYTES - within);
            let (now, later) = into.split_at_mut(count);
            if let Err(error) = self.part(shelf, at / PAGE_BYTES as u64, within, now) {
                self.failed.get_or_init(|| error);
                return false;
            }
            at += count as u64;
            into = later;
        }
        true
    }

    fn part(&self, shelf: &Full, page: u64, within: usize, into: &mut [u8]) -> io::Result<()> {
        let mixed = (page ^ u64::from(shelf.number) << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let set = (mixed >> 20) as usize % self.sets.len();
        let Some(set) = self.sets.get(set) else { return Ok(()) };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let page = set.page(shelf, page)?;
        let bytes = page.get(within..within + into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(bytes);
        Ok(())
    }
}

impl Set {
    fn page(&mut self, shelf: &Full, number: u64) -> io::Result<&[u8]> {
        self.clock = self.clock.wrapping_add(1);
        let is_it = |page: &Page| page.shelf == shelf.number && page.number == number;
        let at = match self.pages.iter().position(is_it) {
            Some(at) => at,
            None => self.fetch(shelf, number)?,
        };
        let page = self.pages.get_mut(at).ok_or(io::ErrorKind::NotFound)?;
        page.asked = self.clock;
        Ok(&page.bytes)
    }

    fn fetch(&mut self, shelf: &Full, number: u64) -> io::Result<usize> {
        let from = number.saturating_mul(PAGE_BYTES as u64);
        let length = shelf.length.saturating_sub(from).min(PAGE_BYTES as u64) as usize;
        let mut page = if self.pages.len() < WAYS {
            Page { shelf: 0, number, asked: 0, bytes: vec![0; PAGE_BYTES].into() }
        } else {
            let clock = self.clock;
            let age = |page: &Page| clock.wrapping_sub(page.asked);
            let oldest = (0..self.pages.len()).max_by_key(|at| self.pages.get(*at).map(age));
            self.pages.swap_remove(oldest.unwrap_or(0))
        };
        // Until it is filled, it is nobody's.
        (page.shelf, page.number) = (u32::MAX, u64::MAX);
        let bytes = page.bytes.get_mut(..length).ok_or(io::ErrorKind::UnexpectedEof)?;
        shelf.read(from, bytes)?;
        (page.shelf, page.number) = (shelf.number, number);
        self.pages.push(page);
        Ok(self.pages.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Filling, Fixed, InMemory, Pages, Shelf, Shelves};
    use crate::hash::Key;

    /// A shelf whose disk broke.
    #[derive(Debug)]
    struct Broken;

    impl Shelf for Broken {
        fn put(&self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn read(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
            Err(io::Error::other("broken"))
        }
    }

    impl Shelves for Broken {
        fn shelf(&self) -> io::Result<Box<dyn Shelf>> {
            Ok(Box::new(Self))
        }
    }

    fn fill(shelves: &dyn Shelves, number: u32, count: u64) -> super::Full {
        let mut filling = Filling::new(shelves).expect("a shelf is given");
        for low in 0..count {
            filling.put_fixed(&Key { high: u64::from(number), low }).expect("it is taken");
        }
        filling.full(number).expect("it is taken")
    }

    /// Many more pages than there is room for, and values that lie on two of them.
    #[test]
    fn what_was_put_on_a_shelf_is_read_from_it() {
        let count = 100_000;
        let shelves = [fill(&InMemory, 1, count), fill(&InMemory, 2, count)];
        let pages = Pages::new(0);
        let mut state = 1_u64;
        for round in 0..200_000_usize {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            let (low, shelf) = ((state >> 33) % count, &shelves[round % 2]);
            let found: Option<Key> = pages.fixed(shelf, low);
            assert_eq!(found, Some(Key { high: u64::from(shelf.number), low }));
        }
        let mut bytes = vec![0; 9_001];
        assert!(pages.read(&shelves[0], 8, &mut bytes[1..]));
        assert_eq!(Key::take(&bytes[9..]), Some(Key { high: 1, low: 1 }));
        assert!(pages.failure().is_none());
    }

    #[test]
    fn what_cannot_be_read_is_no_answer() {
        let pages = Pages::new(0);
        assert_eq!(pages.fixed::<Key>(&fill(&Broken, 1, 9), 1), None);
        assert_eq!(pages.failure().map(ToString::to_string).as_deref(), Some("broken"));
        let pages = Pages::new(0);
        assert_eq!(pages.fixed::<Key>(&fill(&InMemory, 1, 9), 9), None);
        assert!(pages.failure().is_some());
    }
}
