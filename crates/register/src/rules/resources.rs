//! A resource of a tenant is there once: its properties must not depend on which is read last.

use std::collections::BTreeMap;

use super::{At, Rules};
use crate::noun::Noun;
use crate::suggest::shown;

pub(super) fn check(rules: &mut Rules<'_>) {
    for (id, tenant) in &rules.register.tenants {
        let mut seen = BTreeMap::new();
        for (nth, resource) in tenant.resources.iter().enumerate() {
            let name = (&resource.kind, &resource.id);
            if seen.insert(name, nth).is_some() {
                let message = format!("{} {} is there twice", shown(name.0), shown(name.1));
                let fix = "put all its properties into one";
                rules.wrong(Noun::Tenant, id.as_str(), At::Nth("resources", nth), message, fix);
            }
        }
    }
}
