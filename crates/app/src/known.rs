//! What a decision reads, with the versions it was read at: if one of them is no longer the newest
//! when the decision is written, it is decided again.

use std::collections::BTreeMap;

use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::register::Register;
use countersign_store::batch::Precondition;
use countersign_store::items::Item;

use crate::documents::parse;
use crate::{App, AppError};

/// Items of the store as a register of their own.
pub(crate) struct Known<'a> {
    app: &'a App,
    pub register: Register,
    items: BTreeMap<(String, String), Option<Item>>,
}

impl<'a> Known<'a> {
    pub fn new(app: &'a App) -> Self {
        Self { app, register: Register::default(), items: BTreeMap::new() }
    }

    /// Reads an item, once. That there is none is part of what was read.
    pub fn read(&mut self, noun: &str, id: &str) -> Result<Option<&Item>, AppError> {
        let key = (noun.to_owned(), id.to_owned());
        if !self.items.contains_key(&key) {
            let item = self.app.store().item(noun, id)?;
            if let Some(item) = &item {
                self.restore(item)?;
            }
            self.items.insert(key.clone(), item);
        }
        Ok(self.items.get(&key).and_then(Option::as_ref))
    }

    /// What a search found.
    pub fn take(&mut self, item: Item) -> Result<(), AppError> {
        let key = (item.noun.clone(), item.id.clone());
        if self.items.contains_key(&key) {
            return Ok(());
        }
        self.restore(&item)?;
        self.items.insert(key, Some(item));
        Ok(())
    }

    /// A sponsor and whoever took over from them.
    pub fn read_sponsor(&mut self, id: &str) -> Result<(), AppError> {
        let mut next = Some(id.to_owned());
        for _ in 0..=CHAIN_DEPTH_MAX {
            let Some(id) = next else { return Ok(()) };
            self.read("sponsor", &id)?;
            let known = self.register.sponsors.get(id.as_str());
            next = known.and_then(|known| known.successor.as_ref()).map(ToString::to_string);
        }
        Ok(())
    }

    pub fn item(&self, noun: &str, id: &str) -> Option<&Item> {
        self.items.get(&(noun.to_owned(), id.to_owned())).and_then(Option::as_ref)
    }

    /// All that was read but for the one item that is written.
    pub fn reads(&self, written: (&str, &str)) -> Vec<Precondition> {
        let read =
            self.items.iter().filter(|((noun, id), _)| (noun.as_str(), id.as_str()) != written);
        read.map(|((noun, id), item)| Precondition {
            noun: noun.clone(),
            id: id.clone(),
            rev: item.as_ref().map(|item| item.rev),
        })
        .collect()
    }

    fn restore(&mut self, item: &Item) -> Result<(), AppError> {
        let body = parse(&item.body)?;
        countersign_register::restore_document(&mut self.register, &item.noun, &body);
        Ok(())
    }
}
