//! `countersign serve`: the register as a living system.

use anyhow::Result;

use super::Told;
use crate::cli::ServeArgs;
use crate::out::Exit;
use crate::serve;

pub fn run(args: &ServeArgs, _told: Told) -> Result<Exit> {
    // Until all that was traced is sent.
    let _traces = serve::log(args.log)?;
    serve::run(args)
}
