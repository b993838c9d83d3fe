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

# Property tests with many more cases, thousands of kills, a large register; takes hours.
long:
    PROPTEST_CASES=20000 COUNTERSIGN_LONG=1 cargo test --workspace --release
    cargo run --release -p countersign-bench --bin store_rate 20000
    cargo run --release -p countersign-bench --bin store_size 1000000
