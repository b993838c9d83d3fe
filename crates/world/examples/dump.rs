//! Writes one world into a folder: `dump FOLDER SEED ACTIONS`.

use std::io::Write as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, folder, seed, actions] = args.as_slice() else {
        return Err("usage: dump FOLDER SEED ACTIONS".into());
    };
    let plan = countersign_world::Plan::new(seed.parse()?, actions.parse()?);
    let summary = countersign_world::write_to(&plan, std::path::Path::new(folder))?;
    writeln!(std::io::stdout(), "{summary:#?}")?;
    Ok(())
}
