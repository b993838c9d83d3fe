//! Which tenant a file's records belong to, where the records themselves do not say.

use anyhow::{Context, Result};
use countersign_model::register::Register;
use countersign_sources::Plan;
use globset::{Glob, GlobMatcher};

/// The tenant of each unit's file, by the register's file patterns; the first that fits, in the
/// order of ids. A pattern fits a path's end: `okta/**` is any folder `okta`.
pub fn of_units(plan: &Plan, register: &Register) -> Result<Vec<Option<String>>> {
    let mut patterns: Vec<(GlobMatcher, &str)> = Vec::new();
    for (id, tenant) in &register.tenants {
        for pattern in &tenant.files {
            for form in [pattern.clone(), format!("**/{pattern}")] {
                let glob = Glob::new(&form)
                    .with_context(|| format!("`{pattern}` of tenant {id} is no file pattern"))?;
                patterns.push((glob.compile_matcher(), id.as_str()));
            }
        }
    }
    let tenant = |path| {
        let fits = patterns.iter().find(|(matcher, _)| matcher.is_match(path));
        fits.map(|(_, id)| (*id).to_owned())
    };
    Ok(plan.units.iter().map(|unit| tenant(unit.path.as_path())).collect())
}
