//! Those who cosign: asked after each checkpoint, outside of any request, and at the start for what
//! they saw last, so that a ledger that was put back to an older state signs nothing twice.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use countersign_console::plain;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::cosign::WitnessKey;
use countersign_ledger::folder::keep_cosigned;
use countersign_ledger::note::SignedNote;
use countersign_ledger::prove::extension;
use countersign_ledger::publish::published;
use countersign_ledger::witness::request_body;

use crate::client::agent;

const ASK_EVERY: Duration = Duration::from_millis(500);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Between tries of a witness that does not answer.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A cosignature is a line or two.
const ANSWER_BYTES_MAX: u64 = 16_384;

/// All witnesses of this instance.
#[derive(Debug)]
pub struct Witnesses {
    all: Vec<One>,
    folder: PathBuf,
    agent: ureq::Agent,
    /// Whether this node writes the ledger.
    leads: AtomicBool,
}

#[derive(Debug)]
struct One {
    url: String,
    key: WitnessKey,
    known: Mutex<Known>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    /// The size of the tree that it cosigned last.
    size: u64,
    /// Whether it said so itself since the start.
    is_confirmed: bool,
    failures: u64,
    pause: Duration,
    next: Option<Instant>,
}

/// What of a witness is shown.
type Value = fn(&Known) -> u64;

enum Said {
    Cosigned(u64),
    /// It cosigned this size before.
    Saw(u64),
    /// It does not watch this log: it cosigned nothing of it.
    Unknown,
}

impl Witnesses {
    /// Each as `URL=VKEY`.
    pub fn new(given: &[String], folder: &Path) -> Result<Self> {
        let mut all = Vec::new();
        for text in given {
            let pair = text.split_once('=');
            let (url, key) = pair.with_context(|| {
                format!(
                    "`{}` is no URL=VKEY, such as `https://witness.example=name+1234abcd+…`",
                    plain(text)
                )
            })?;
            let is_url = url.starts_with("https://") || url.starts_with("http://");
            if !is_url {
                bail!("`{}` is no https:// address of a witness", plain(url));
            }
            let key = WitnessKey::parse(key)?;
            let url = format!(
                "{}/add-checkpoint",
                url.trim_end_matches('/').trim_end_matches("/add-checkpoint")
            );
            all.push(One { url, key, known: Mutex::default() });
        }
        let agent = agent(ANSWER_WITHIN);
        Ok(Self { all, folder: folder.to_owned(), agent, leads: AtomicBool::new(false) })
    }

    /// Asks until the node ends.
    pub fn start(self: &Arc<Self>, is_over: Arc<AtomicBool>) -> Result<()> {
        if self.all.is_empty() {
            return Ok(());
        }
        let witnesses = Arc::clone(self);
        let thread = std::thread::Builder::new().name("witnesses".to_owned());
        let work = move || {
            while !is_over.load(Ordering::Acquire) {
                if witnesses.leads.load(Ordering::Acquire) {
                    witnesses.round();
                }
                std::thread::sleep(ASK_EVERY);
            }
        };
        thread.spawn(work).context("could not start the thread that asks witnesses")?;
        Ok(())
    }

    pub fn lead(&self, leads: bool) {
        self.leads.store(leads, Ordering::Release);
    }

    /// Whether a checkpoint may be signed: every witness has said what it saw last.
    ///
    /// # Errors
    /// If one saw more than the ledger has.
    pub fn may_sign(&self) -> Result<bool> {
        let mut may = true;
        let mut longest = None;
        for one in &self.all {
            let known = one.known();
            may &= known.is_confirmed;
            longest = longest.max(Some((known.size, one.key.name())));
        }
        if let Some((size, name)) = longest
            && let Some(has) = self.size()?.filter(|has| *has < size)
        {
            bail!(
                "the witness {} cosigned {size} entries and the ledger has {has}: it was put back to an \
                 older state. Put back the newest ledger; what it proves must not be signed again",
                plain(name)
            );
        }
        Ok(may)
    }

    fn size(&self) -> Result<Option<u64>> {
        let file =
            published(&self.folder, "checkpoint").context("could not read the checkpoint")?;
        Ok(file.and_then(|file| size_of(&String::from_utf8_lossy(&file.bytes))))
    }

    fn round(&self) {
        let Ok(Some(size)) = self.size() else { return };
        for one in &self.all {
            let known = one.known();
            let is_time = known.next.is_none_or(|next| next <= Instant::now());
            if (known.is_confirmed && known.size >= size) || !is_time {
                continue;
            }
            match self.ask(one, known.size) {
                Ok(said) => one.heard(&said),
                Err(error) => {
                    let wait = one.failed();
                    let (name, why) = (one.key.name(), format!("{error:#}"));
                    let why = plain(&why);
                    tracing::warn!(witness = name, %why, ?wait, "did not cosign");
                }
            }
        }
    }

    fn ask(&self, one: &One, old: u64) -> Result<Said> {
        let proven = extension(&self.folder, old)?;
        let body = request_body(old, &proven.path, &proven.note);
        let mut response =
            self.agent.post(&one.url).header("content-type", "text/plain").send(body)?;
        let status = response.status().as_u16();
        let answer = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()?;
        match status {
            200 => {
                let keys = [one.key.clone()];
                keep_cosigned(&self.folder, &proven.note, &answer, &keys)?;
                Ok(Said::Cosigned(size_of(&proven.note).context("a checkpoint has a size")?))
            }
            404 => Ok(Said::Unknown),
            409 => {
                let size = answer.trim().parse().ok();
                Ok(Said::Saw(size.context("it answered 409 without a size")?))
            }
            _ => bail!("it answered {status}: {}", answer.lines().next().unwrap_or_default()),
        }
    }

    /// How far each is, in the text format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let samples: [(&str, &str, Value); 3] = [
            ("countersign_witness_size gauge", "Entries that a witness has cosigned.", |known| {
                known.size
            }),
            (
                "countersign_witness_confirmed gauge",
                "Whether it answered since the start.",
                |known| u64::from(known.is_confirmed),
            ),
            (
                "countersign_witness_failures_total counter",
                "Requests to it that failed.",
                |known| known.failures,
            ),
        ];
        for (kind, help, value) in samples.iter().filter(|_| !self.all.is_empty()) {
            let name = kind.split(' ').next().unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {kind}\n");
            for one in &self.all {
                let witness = one.key.name().replace(['\\', '"', '\n'], "_");
                let _ = writeln!(text, "{name}{{witness=\"{witness}\"}} {}", value(&one.known()));
            }
        }
        text
    }
}

impl One {
    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn heard(&self, said: &Said) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let first = !known.is_confirmed;
        known.is_confirmed = true;
        (known.pause, known.next) = (Duration::ZERO, None);
        match said {
            Said::Cosigned(size) => known.size = *size,
            Said::Saw(size) => known.size = known.size.max(*size),
            Said::Unknown => {
                known.failures += 1;
                (known.pause, known.next) = (PAUSE_MAX, Some(Instant::now() + PAUSE_MIN * 5));
                if first {
                    tracing::warn!(
                        witness = self.key.name(),
                        "does not watch this ledger; run `countersign witness watch` there"
                    );
                }
            }
        }
    }

    /// How long it is left alone.
    fn failed(&self) -> Duration {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.failures += 1;
        known.pause = (known.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        known.next = Some(Instant::now() + known.pause);
        known.pause
    }
}

/// Of a note, whoever signed it.
fn size_of(note: &str) -> Option<u64> {
    Some(Checkpoint::parse(SignedNote::parse(note).ok()?.text)?.size)
}
