//! All files to one register, with every mistake.

use std::collections::BTreeMap;

use countersign_model::register::Register;

use crate::check::{Check, Ids, is_slug};
use crate::item::Item;
use crate::known::Known;
use crate::mistake::{Mistake, Mistakes, Place};
use crate::noun::{Noun, TOP, read_into};
use crate::rules;
use crate::suggest::shown;
use crate::yaml::{self, Node, Value};

/// Reads the register from the text of its files, each with the path to show for it.
///
/// Reports every mistake, in the order of files and lines. If there is one, the register is what
/// could be read and must not be used.
pub fn parse(files: &[(String, String)]) -> (Register, Vec<Mistake>) {
    parse_with(files, &Known::default())
}

/// As [`parse`], and holds names of sources and codes against those there are.
pub fn parse_with(files: &[(String, String)], known: &Known) -> (Register, Vec<Mistake>) {
    let mut mistakes = Mistakes::default();
    let mut documents = Vec::new();
    let mut complete = true;
    let mut nodes = yaml::NODES_MAX;
    for (file, (_, text)) in files.iter().enumerate() {
        match yaml::read(file, text, &mut nodes, &mut mistakes) {
            Some(read) => documents.extend(read),
            None => complete = false,
        }
    }
    documents.retain(|document| !matches!(document.value, Value::Null));
    let sites = collect(&documents, files, &mut mistakes);
    let ids = ids_of(&sites);
    let mut check = Check { ids: &ids, complete, known, mistakes: &mut mistakes };
    for document in &documents {
        check.map(document, &TOP);
    }
    let register = read(&documents, &sites, &mut mistakes);
    rules::check(&register, &sites, &mut mistakes);
    (register, mistakes.into_sorted(files))
}

/// The node of each item, by noun and id; the first one where an id is there twice.
pub(crate) type Sites<'a> = BTreeMap<Noun, BTreeMap<&'a str, &'a Node>>;

fn collect<'a>(
    documents: &'a [Node],
    files: &[(String, String)],
    mistakes: &mut Mistakes,
) -> Sites<'a> {
    let mut sites = Sites::new();
    for noun in Noun::WITH_ID {
        let site = sites.entry(noun).or_default();
        for item in documents.iter().filter_map(|document| document.get(noun.key())) {
            for item in item.list() {
                let Some(id_node) = item.get("id") else {
                    continue;
                };
                let Some(id) = id_node.scalar().filter(|id| is_slug(id)) else {
                    continue;
                };
                if let Some(first) = site.get(id).map(|first: &&Node| first.place) {
                    twice(noun, id, id_node.place, (first, files), mistakes);
                } else {
                    site.insert(id, item);
                }
            }
        }
    }
    sites
}

fn twice(
    noun: Noun,
    id: &str,
    place: Place,
    (first, files): (Place, &[(String, String)]),
    mistakes: &mut Mistakes,
) {
    let message = format!("there are two of {} {}", noun.singular(), shown(id));
    let name = files.get(first.file).map_or("", |(name, _)| name.as_str());
    let fix = format!("give one another id; the first is at {name}:{}", first.line);
    mistakes.push(place, message, Some(fix));
}

fn ids_of(sites: &Sites<'_>) -> Ids {
    sites
        .iter()
        .map(|(noun, site)| {
            (*noun, site.iter().map(|(id, node)| ((*id).to_owned(), node.place)).collect())
        })
        .collect()
}

fn read(documents: &[Node], sites: &Sites<'_>, mistakes: &mut Mistakes) -> Register {
    let mut register = Register::default();
    for (noun, site) in sites {
        for node in site.values() {
            read_into(&mut register, *noun, Item(node));
        }
    }
    for document in documents {
        for noun in [Noun::Own, Noun::Privileged] {
            for item in Item(document).maps(noun.key()) {
                read_into(&mut register, noun, item);
            }
        }
        let Some(company) = Item(document).text("company") else {
            continue;
        };
        if register.company.is_some() {
            let place = document.get("company").map_or(document.place, |node| node.place);
            let fix = Some("say it once, in one of the files".to_owned());
            mistakes.push(place, "`company` is there twice".to_owned(), fix);
        }
        register.company = Some(company);
    }
    register
}
