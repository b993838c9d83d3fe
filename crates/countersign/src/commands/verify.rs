//! `countersign verify`: a ledger or a bundle, with a public key and nothing else.

mod act;
mod text;

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::cosign::WitnessKey;
use countersign_ledger::entry::ENTRY_BYTES_MAX;
use countersign_ledger::note::{PublicKey, SignedNote};
use countersign_ledger::offline::{self, OFFLINE_BYTES_MAX, OfflineError};
use countersign_ledger::policy::{POLICY_BYTES_MAX, Policy};
use countersign_ledger::proof;
use countersign_ledger::{Against, VerifyError, verify_against};

use super::Told;
use crate::cli::{TrustArgs, VerifyArgs};
use crate::out::{self, Exit};

const PUBLIC_KEY: &str = "public.key";

pub fn run(args: &VerifyArgs, told: Told) -> Result<Exit> {
    let policy = policy(&args.trust)?;
    if args.ledger.is_file() {
        return bundle(args, policy.as_ref(), told);
    }
    let checkpoint = read(&args.ledger.join("checkpoint"), POLICY_BYTES_MAX);
    let origin = checkpoint.ok().and_then(|note| origin(&note));
    let key = match key(args.key.as_deref(), policy.as_ref(), origin.as_deref())? {
        Some(key) => Sure::Given(key),
        None => Sure::Own(own_key(&args.ledger)?),
    };
    let since = args.since.as_ref().map(|path| read(path, POLICY_BYTES_MAX)).transpose()?;
    let against = Against { key: key.as_key(), earlier: since.as_deref(), policy: policy.as_ref() };
    match verify_against(&args.ledger, &against) {
        Ok(verified) => {
            out::data(&text::intact(&verified, told))?;
            advise(&key, since.is_some(), policy.is_some());
            Ok(Exit::Ok)
        }
        Err(VerifyError::Tampered(tampered)) => {
            out::data(&text::tampered(&tampered, told))?;
            Ok(Exit::Found)
        }
        Err(VerifyError::SplitView(split)) => {
            out::data(&text::split_view(&split, told))?;
            Ok(Exit::Found)
        }
        Err(VerifyError::NotCosigned(quorum)) => {
            out::data(&text::not_cosigned(&quorum, told))?;
            Ok(Exit::Found)
        }
        Err(error) => Err(error.into()),
    }
}

/// The public key, and whether it is known from elsewhere.
enum Sure {
    Given(PublicKey),
    Own(PublicKey),
}

impl Sure {
    fn as_key(&self) -> &PublicKey {
        match self {
            Self::Given(key) | Self::Own(key) => key,
        }
    }
}

fn advise(key: &Sure, has_since: bool, has_witnesses: bool) {
    if matches!(key, Sure::Own(_)) {
        out::say(
            "The key was the folder's own: compare it with the one you wrote down, or give --key.",
        );
    }
    if !has_since && !has_witnesses {
        out::say(
            "Whoever has the private key could have rewritten everything: keep checkpoints elsewhere and give one with --since, or have witnesses cosign.",
        );
    }
}

fn bundle(args: &VerifyArgs, policy: Option<&Policy>, told: Told) -> Result<Exit> {
    if args.since.is_some() {
        bail!(
            "a bundle cannot be held against an earlier checkpoint; verify the ledger with --since"
        );
    }
    let bundle = read(&args.ledger, OFFLINE_BYTES_MAX)?;
    let act = act::read(&bundle)?;
    let bundle = act.as_ref().map_or(bundle, |act| act.proof.clone());
    // What comes before a bundle's note, or a proof's, has no empty line.
    let note = bundle.split_once("\n\n").map_or("", |(_, note)| note);
    let key = key(args.key.as_deref(), policy, origin(note).as_deref())?
        .context("it is checked with the log's first public key: give --key")?;
    let checked = match &args.leaf {
        _ if act.is_some() => {
            let act = act.as_ref().context("it was there a moment ago")?;
            offline::check_proof(&bundle, &act.entry, &key, policy)
        }
        Some(leaf) if bundle.starts_with(proof::HEADER) => {
            let leaf = read_bytes(leaf, ENTRY_BYTES_MAX)?;
            offline::check_proof(&bundle, &leaf, &key, policy)
        }
        None if bundle.starts_with(proof::HEADER) => {
            bail!("a tlog-proof is of an entry or a row that it does not hold: give --leaf")
        }
        _ => offline::check(&bundle, &key, policy),
    };
    match checked {
        Ok(checked) => {
            if let Some(Err(error)) = act.as_ref().map(act::Act::check) {
                out::data(&text::not_proven(&error.to_string(), told))?;
                return Ok(Exit::Found);
            }
            out::data(&text::proven(&checked, told))?;
            if let Some(act) = &act {
                out::say(&act.opened());
            }
            Ok(Exit::Ok)
        }
        Err(OfflineError::NotCosigned(quorum)) => {
            out::data(&text::not_cosigned(&quorum, told))?;
            Ok(Exit::Found)
        }
        Err(error @ OfflineError::Malformed) => {
            Err(error).with_context(|| format!("`{}`", args.ledger.display()))
        }
        Err(error) => {
            out::data(&text::not_proven(&error.to_string(), told))?;
            Ok(Exit::Found)
        }
    }
}

/// Who must have cosigned, if anybody.
fn policy(trust: &TrustArgs) -> Result<Option<Policy>> {
    if let Some(path) = &trust.policy {
        return Ok(Some(Policy::parse(&read(path, POLICY_BYTES_MAX)?)?));
    }
    if trust.witness.is_empty() {
        return Ok(None);
    }
    let keys: Vec<WitnessKey> =
        trust.witness.iter().map(|key| WitnessKey::parse(key)).collect::<Result<_, _>>()?;
    Ok(Some(Policy::threshold(trust.quorum.unwrap_or(keys.len()), &keys)?))
}

/// The key that was given, or the policy's for the log of this origin.
fn key(
    given: Option<&str>,
    policy: Option<&Policy>,
    origin: Option<&str>,
) -> Result<Option<PublicKey>> {
    if let Some(given) = given {
        return Ok(Some(PublicKey::parse(given.trim())?));
    }
    let logs = policy.map_or(&[][..], Policy::logs);
    let known = logs.iter().find(|key| Some(key.name()) == origin);
    if known.is_none() && !logs.is_empty() {
        bail!("the policy does not know a log `{}`", origin.unwrap_or_default());
    }
    Ok(known.cloned())
}

fn own_key(ledger: &Path) -> Result<PublicKey> {
    let text = fs::read_to_string(ledger.join(PUBLIC_KEY))
        .with_context(|| format!("no ledger is in `{}`", ledger.display()))?;
    Ok(PublicKey::parse(&text)?)
}

/// Of a checkpoint, whoever signed it.
fn origin(note: &str) -> Option<String> {
    Checkpoint::parse(SignedNote::parse(note).ok()?.text).map(|checkpoint| checkpoint.origin)
}

fn read(path: &Path, bytes_max: usize) -> Result<String> {
    String::from_utf8(read_bytes(path, bytes_max)?)
        .with_context(|| format!("`{}` is not text", path.display()))
}

fn read_bytes(path: &Path, bytes_max: usize) -> Result<Vec<u8>> {
    let context = || format!("could not read `{}`", path.display());
    let file = fs::File::open(path).with_context(context)?;
    let mut bytes = Vec::new();
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).with_context(context)?;
    if bytes.len() > bytes_max {
        bail!("`{}` is longer than such a file can be", path.display());
    }
    Ok(bytes)
}

pub fn hex(bytes: &[u8]) -> String {
    countersign_ledger::note::hex(bytes)
}
