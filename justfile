# `just` lists these.
default:
    @just --list

# What must hold before a change lands.
check: format-check lint test

format-check:
    cargo fmt --all --check

lint:
    cargo clippy --workspace --all-targets -- -D warnings

test:
    cargo test --workspace

# The rules of the house that no compiler knows; `test` runs them too.
tidy:
    cargo xtask tidy

# Licences, advisories and sources of dependencies; needs cargo-deny.
deny:
    cargo deny check

# What the README claims, measured here.
bench:
    cargo bench --workspace

# Property tests with many more cases; takes long.
long:
    PROPTEST_CASES=20000 cargo test --workspace --release
