//! What this repository does to itself: `cargo xtask tidy` checks the rules that neither the
//! compiler nor clippy knows. `cargo test` runs it too.

use std::path::Path;
use std::process::ExitCode;

mod tidy;
mod tree;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => match complaints() {
            Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
            Ok(complaints) => {
                complaints.iter().for_each(|complaint| eprintln!("{complaint}"));
                eprintln!("{} to put right; STYLE.md has the reasons", complaints.len());
                ExitCode::FAILURE
            }
            Err(error) => {
                eprintln!("could not read the repository: {error}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("usage: cargo xtask tidy");
            ExitCode::from(2)
        }
    }
}

fn complaints() -> std::io::Result<Vec<tidy::Complaint>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Ok(tidy::check(&tree::Tree::read(&root)?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_repository_is_tidy() {
        let complaints = super::complaints().unwrap();
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }
}
