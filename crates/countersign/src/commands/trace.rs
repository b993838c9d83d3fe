//! `countersign trace`: the main job.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use countersign_console::{
    CommandView, FormatView, LedgerView, Proof, ReadView, StripView, TraceView, plain, render_html,
    render_terminal,
};
use countersign_govern::compare::Changes;
use countersign_govern::report::{Report, Seen, report};
use countersign_govern::tally::Tally;
use countersign_judge::{Facts, Guardrails};
use countersign_ledger::{Appended, Ledger, OpenOptions};
use countersign_model::finding::{Finding, Severity};
use countersign_model::register::Register;
use countersign_runs::folder::{Begin, RunFolder, replace_file};
use countersign_runs::shelves::Scratch;
use countersign_sources::{Definitions, Limits, Plan, plan};
use countersign_trace::attribute::Attributor;
use countersign_trace::directory::Directory;
use countersign_trace::hash::Secret;
use countersign_trace::index::Index;
use serde_json::Value;

use super::simulate::Scored;
use super::{Told, known, load_register};
use crate::chance;
use crate::cli::TraceArgs;
use crate::out::{self, Exit};
use crate::pipeline::answer::{Basis, answer};
use crate::pipeline::evidence::{Evidence, Ran};
use crate::pipeline::read::{self, Account, Shop, fixed_words};
use crate::{findings, strip, view};

/// Files of a run.
pub const ROWS: &str = "rows.ndjson";
const ROWS_PARTIAL: &str = "rows.ndjson.partial";
pub const REGISTER: &str = "register.yaml";
pub const FINDINGS: &str = "findings.json";
pub const LEDGER: &str = "ledger";

/// More readers than this gain nothing, and an index can tell no more of them apart.
const THREADS_MAX: usize = 128;

/// Strips in the HTML page: one for each of the worst findings.
const STRIPS_MAX: usize = 40;

pub fn run(args: &TraceArgs, told: Told) -> Result<Exit> {
    let definitions = definitions(&args.source)?;
    let register = match &args.register {
        Some(path) => {
            match load_register(
                path,
                &known(&definitions, &guardrails(&args.policy, &Register::default())?),
            )? {
                Ok(register) => register,
                Err(exit) => return Ok(exit),
            }
        }
        None => {
            out::say(
                "No register was given: accounts stay unregistered. `countersign register init --from LOGS` drafts one.",
            );
            Register::default()
        }
    };
    let limits = Limits::default();
    let plan = plan(&args.logs, &limits);
    for (path, why) in &plan.skipped {
        out::say(&format!("skipped {}: {}", plain(path), plain(why)));
    }
    if plan.units.is_empty() {
        bail!("there is nothing to read in what was given: name log files or folders of them");
    }
    let from_pipe = args.logs.iter().any(|path| path.as_os_str() == "-");
    if args.resume && from_pipe {
        bail!(
            "standard input cannot be read again, so a run over it cannot be resumed: give files, or start over with --restart"
        );
    }
    let session =
        Session { args, told, register: &register, definitions: &definitions, limits, plan: &plan };
    session.run()
}

/// The definitions to read by: those that come with the program, and the user's own before them.
pub fn definitions(own: &[PathBuf]) -> Result<Definitions> {
    let mut definitions = Definitions::shipped()?;
    for path in own {
        definitions.add_file(path)?;
    }
    Ok(definitions)
}

/// The guardrails that come with the program, and the user's own beside them.
pub fn guardrails(files: &[PathBuf], register: &Register) -> Result<Guardrails> {
    let mut extra = Vec::new();
    for path in files {
        let text = fs::read_to_string(path)
            .with_context(|| format!("could not read `{}`", path.display()))?;
        extra.push((path.display().to_string(), text));
    }
    Ok(Guardrails::of(&extra, register.policies.iter())?)
}

/// A new file that only its owner can read.
fn private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

struct Session<'a> {
    args: &'a TraceArgs,
    told: Told,
    register: &'a Register,
    definitions: &'a Definitions,
    limits: Limits,
    plan: &'a Plan,
}

/// What the two phases leave.
struct Done<'a> {
    report: Report<'a>,
    account: Account,
    ledger: Option<(Appended, LedgerView)>,
    span: (String, String),
}

/// What is told beside the screen.
struct Beside<'a> {
    changes: Option<&'a Changes>,
    told: Option<String>,
    score: Option<&'a Scored>,
}

impl Session<'_> {
    fn run(&self) -> Result<Exit> {
        let earlier = self.args.since.as_deref().map(findings::load).transpose()?;
        let begin = match (self.args.resume, self.args.restart) {
            (true, _) => Begin::Resume,
            (_, true) => Begin::Restart,
            (false, false) => Begin::Fresh,
        };
        let run = RunFolder::open(&self.args.run, begin, &self.state()?, chance::bytes()?)?;
        let canonical = countersign_register::write(self.register);
        run.replace(REGISTER, canonical.as_bytes())?;
        let done = self.phases(&run)?;
        findings::save(&run, &done.report.findings)?;
        run.finish()?;
        if let Some(path) = &self.args.out {
            let rows = run.path().join(ROWS);
            // A copy has the modes of what it is a copy of.
            fs::copy(&rows, path)
                .with_context(|| format!("could not write `{}`", path.display()))?;
        }
        let changes = earlier.as_ref().map(|before| before.changes(&done.report.findings));
        let (Done { report, account, ledger, span }, path) = (done, run.path());
        let is_unread = account.records == 0;
        let around = view::Around {
            read: self.read_view(&account, &report, span),
            ledger: ledger.map(|(_, view)| view),
            changes: changes.as_ref(),
            next: self.next(&report),
            foot: vec![
                format!("countersign {}", env!("CARGO_PKG_VERSION")),
                format!("run in {}", path.display()),
            ],
        };
        let open = open_findings(&report.findings);
        let view = view::of_report(&report, self.register, around);
        let score = |truth: &Path| super::simulate::score(truth, &path.join(ROWS));
        let score = self.args.truth.as_deref().map(score).transpose()?;
        let told = earlier.as_ref().zip(changes.as_ref());
        let told = told.map(|(earlier, changes)| earlier.told(changes, &report.findings));
        self.show(
            &view,
            &report,
            Beside { changes: changes.as_ref(), told, score: score.as_ref() },
        )?;
        if is_unread {
            out::say(
                "No record could be read, so nothing is known: `countersign sources` lists what can be.",
            );
            return Ok(Exit::Usage);
        }
        let failed = self
            .args
            .fail_on
            .as_deref()
            .and_then(Severity::parse)
            .is_some_and(|least| open.iter().any(|finding| finding.severity >= least));
        let is_whole = score.is_none_or(|score| score.is_whole);
        Ok(if failed || !is_whole { Exit::Found } else { Exit::Ok })
    }

    /// Everything the answer depends on: other inputs, register or rules are another run.
    fn fingerprint(&self) -> Result<String> {
        let mut parts = vec![countersign_register::write(self.register)];
        for path in &self.plan.files {
            let length = fs::metadata(path).map(|metadata| metadata.len()).unwrap_or(0);
            parts.push(format!("{} {length}", path.display()));
        }
        for path in self.args.source.iter().chain(&self.args.policy) {
            parts.push(
                fs::read_to_string(path)
                    .with_context(|| format!("could not read `{}`", path.display()))?,
            );
        }
        parts.extend(self.args.without.iter().cloned());
        Ok(chance::digest_text(&parts.join("\n")))
    }

    /// What must be unchanged for a run to go on: beside what the answer depends on, when each file
    /// was last written, since a file may change and keep its length.
    fn state(&self) -> Result<String> {
        let mut parts = vec![self.fingerprint()?];
        for path in &self.plan.files {
            let written = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
            let since = written.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            parts.push(since.map_or(String::new(), |since| since.as_nanos().to_string()));
        }
        Ok(chance::digest_text(&parts.join("\n")))
    }

    fn phases<'s>(&'s self, run: &RunFolder) -> Result<Done<'s>> {
        let threads = self.args.threads.unwrap_or_else(chance::threads).clamp(1, THREADS_MAX);
        let directory = Directory::new(self.register);
        let tenants = crate::tenants::of_units(self.plan, self.register)?;
        let shelves = Scratch::new(run.path());
        let memory = self.args.memory.max(1).saturating_mul(1 << 20);
        let shop = Shop {
            plan: self.plan,
            definitions: self.definitions,
            limits: &self.limits,
            directory: &directory,
            tenants: &tenants,
            run,
            segment_bytes: self.args.commit_bytes,
            shelves: &shelves,
            claims_bytes: self.args.claims_bytes.unwrap_or(memory / threads),
        };
        let read = read::read(shop, threads, &|done, all| {
            out::progress(&format!("reading {done} of {all} pieces"))
        })?;
        out::progress("sorting claims");
        let without: Vec<&str> = self.args.without.iter().map(String::as_str).collect();
        let secret = Secret::new(&run.secret);
        let index = Index::of_piles(secret, read.piles, &without, &shelves, memory / 4)
            .with_context(|| format!("could not put claims away in `{}`", run.path().display()))?;
        let segments = run.segments(&read.segments, &mut fixed_words())?;
        let guardrails = self.guardrails()?;
        let facts = Facts::new(self.register.clone());
        let inputs = Inputs::new(self.plan, &read.account);
        let basis = Basis {
            segments: &segments,
            attributor: Attributor { index: &index, directory: &directory },
            guardrails: &guardrails,
            facts: &facts,
            inputs: &inputs.names,
            lines_before: &inputs.lines_before,
        };
        let mut ledger = self.open_ledger()?;
        let mut evidence = ledger.as_mut().map(|ledger| Evidence::new(ledger.begin()));
        // Whoever reads the rows sees those of a whole run.
        let partial = run.path().join(ROWS_PARTIAL);
        let unwritten = || format!("could not write `{}`", partial.display());
        // Rows hold personal data: they are their owner's alone.
        let mut rows = private(&partial).with_context(unwritten)?;
        let tally = answer(
            basis,
            self.register,
            threads,
            &mut rows,
            evidence.as_mut(),
            &mut |done, all| {
                out::progress(&format!("answering {done} of {all} chunks"));
            },
        )?;
        fs::rename(&partial, run.path().join(ROWS)).with_context(unwritten)?;
        out::progress_done();
        let seen = index.seen();
        let span = span(&seen);
        let report = conclude(tally, &seen);
        let ledger = match evidence {
            Some(evidence) => {
                let appended = self.prove(evidence, &report)?;
                ledger.as_ref().map(|ledger| (appended, ledger_view(ledger, &appended)))
            }
            None => None,
        };
        Ok(Done { report, account: read.account, ledger, span })
    }

    fn guardrails(&self) -> Result<Guardrails> {
        guardrails(&self.args.policy, self.register)
    }

    fn open_ledger(&self) -> Result<Option<Ledger>> {
        if self.args.no_ledger {
            return Ok(None);
        }
        let folder = self.args.ledger.clone().unwrap_or_else(|| self.args.run.join(LEDGER));
        let is_new = !folder.join("checkpoint").exists();
        let options = OpenOptions {
            origin: "countersign.local/access",
            private_key: None,
            signing_seed: chance::bytes()?,
            handle_seed: chance::bytes()?,
        };
        let ledger = Ledger::open_or_create(&folder, &options)?;
        if is_new {
            out::say(&format!(
                "A ledger was made in {}. Its public key, to be written down elsewhere:",
                folder.display()
            ));
            out::say(&format!("  {}", ledger.public_key()));
        }
        Ok(Some(ledger))
    }

    fn prove(&self, mut evidence: Evidence<'_>, report: &Report<'_>) -> Result<Appended> {
        let mut body = Vec::new();
        for finding in &report.findings {
            body.clear();
            findings::write(&mut body, finding);
            evidence.finding(finding, &body)?;
        }
        evidence.finish(Ran {
            input: chance::digest(self.fingerprint()?.as_bytes()),
            register: chance::digest(countersign_register::write(self.register).as_bytes()),
            policies: chance::digest(self.policies()?.as_bytes()),
            findings: report.findings.len() as u64,
        })
    }

    /// The text of the customer's own guardrails.
    fn policies(&self) -> Result<String> {
        let read = |path: &PathBuf| {
            fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))
        };
        self.args.policy.iter().map(read).collect()
    }

    fn read_view(
        &self,
        account: &Account,
        report: &Report<'_>,
        span: (String, String),
    ) -> ReadView {
        let formats = account
            .by_source
            .iter()
            .map(|(name, records)| {
                let source = self.definitions.all.iter().find(|source| source.name == name);
                let unproven = source.is_some_and(|source| source.proof.as_str() == "unproven");
                FormatView {
                    definition: name.clone(),
                    files: self.files_of(account, name),
                    records: *records,
                    proof: if unproven { Proof::Unproven } else { Proof::Proven },
                }
            })
            .collect();
        let inputs = Inputs::new(self.plan, account);
        let mut quarantine: Vec<String> = account
            .quarantine
            .iter()
            .map(|((unit, line), why)| {
                let at = *unit as usize;
                let name = inputs.names.get(at).map_or("", String::as_str);
                let before = inputs.lines_before.get(at).copied().unwrap_or(0);
                format!("{name}:{}: {why}", before + line)
            })
            .collect();
        quarantine.extend(account.failed.iter().map(|(file, why)| format!("{file}: {why}")));
        ReadView {
            files: self.plan.files.len() as u64,
            records: account.records,
            formats,
            quarantined: account.quarantined + account.failed.len() as u64,
            quarantine,
            beside: account.beside.clone().into_iter().collect(),
            duplicates: report.tally.duplicates,
            from: span.0,
            until: span.1,
        }
    }

    fn files_of(&self, account: &Account, source: &str) -> u64 {
        let units = account.units_of.get(source).into_iter().flatten();
        let files = units.filter_map(|number| self.plan.units.get(*number as usize));
        files.map(|unit| unit.path.as_path()).collect::<BTreeSet<_>>().len() as u64
    }

    fn next(&self, report: &Report<'_>) -> Vec<CommandView> {
        let command = |what: &str, command: String| CommandView { what: what.to_owned(), command };
        let run = self.args.run.display();
        let mut next = Vec::new();
        let at = if self.args.run == Path::new("countersign-run") {
            String::new()
        } else {
            format!(" --run {run}")
        };
        if let Some(event) = report.findings.iter().find_map(|finding| finding.events.first()) {
            let id = event.split_once('/').map_or(event.as_str(), |(_, id)| id);
            next.push(command(
                "See who stood behind one action",
                format!("countersign trace show {id}{at}"),
            ));
        }
        if !self.args.no_ledger {
            let ledger = self.args.ledger.clone().unwrap_or_else(|| self.args.run.join(LEDGER));
            next.push(command(
                "Check the evidence",
                format!("countersign verify {}", ledger.display()),
            ));
        }
        if self.args.register.is_none() {
            let logs: Vec<String> =
                self.args.logs.iter().map(|path| path.display().to_string()).collect();
            let logs = logs.join(" ");
            next.push(command(
                "Say who they are",
                format!("countersign register init --from {logs} > register.yaml"),
            ));
        }
        next
    }

    fn show(&self, view: &TraceView, report: &Report<'_>, beside: Beside<'_>) -> Result<()> {
        if self.told.json {
            let mut whole = findings::summary(view, report, beside.changes);
            whole["score"] = beside.score.map_or(Value::Null, Scored::json);
            out::data(&format!("{whole}\n"))?;
        } else {
            out::data(&render_terminal(view, self.told.terminal))?;
            out::data(&beside.told.unwrap_or_default())?;
            out::data(&beside.score.map_or(String::new(), Scored::text))?;
        }
        if let Some(path) = &self.args.html {
            let strips = self.strips(report, &self.args.run.join(ROWS))?;
            let page = render_html(view, &strips);
            replace_file(path, page.as_bytes())
                .with_context(|| format!("could not write `{}`", path.display()))?;
        }
        Ok(())
    }

    fn strips(&self, report: &Report<'_>, rows: &Path) -> Result<Vec<StripView>> {
        use std::io::BufRead;
        let wanted: Vec<&str> = report
            .findings
            .iter()
            .filter_map(|finding| finding.events.first().map(String::as_str))
            .take(STRIPS_MAX)
            .collect();
        let mut strips = std::collections::BTreeMap::new();
        for line in std::io::BufReader::new(File::open(rows)?).lines() {
            let line = line?;
            let is_wanted = |event: &&&str| {
                event.split_once('/').is_some_and(|(_, id)| line.contains(id))
                    && !strips.contains_key(**event)
            };
            if let Some(event) = wanted.iter().find(is_wanted).copied() {
                let row: Value =
                    serde_json::from_str(&line).context("the run's rows are damaged")?;
                let strip = strip::of_row(&row, self.register);
                if strip.event == *event {
                    strips.insert(event, strip);
                }
            }
        }
        let mut ordered: Vec<StripView> = Vec::new();
        for event in wanted {
            ordered.extend(strips.remove(event));
        }
        Ok(ordered)
    }
}

/// What unit numbers in rows stand for.
struct Inputs {
    names: Vec<String>,
    lines_before: Vec<u64>,
}

impl Inputs {
    fn new(plan: &Plan, account: &Account) -> Self {
        let mut lines_before = Vec::with_capacity(plan.units.len());
        let mut lines = 0;
        for unit in &plan.units {
            if unit.range.is_none_or(|(from, _)| from == 0) {
                lines = 0;
            }
            lines_before.push(lines);
            lines += account.lines.get(&unit.number).copied().unwrap_or(0);
        }
        let names = plan.units.iter().map(|unit| unit.path.display().to_string()).collect();
        Self { names, lines_before }
    }
}

type SeenPairs<'a> = [((&'a str, &'a str, &'a str), countersign_trace::claims::Seen)];

fn conclude<'r>(tally: Tally<'r>, seen: &SeenPairs<'_>) -> Report<'r> {
    let seen: Vec<Seen<'_>> = seen
        .iter()
        .map(|((source, feed, tenant), seen)| Seen {
            source,
            feed,
            tenant,
            first: seen.first,
            last: seen.last,
            count: seen.count,
        })
        .collect();
    report(tally, &seen)
}

fn span(seen: &SeenPairs<'_>) -> (String, String) {
    let first = seen.iter().map(|(_, seen)| seen.first).min();
    let last = seen.iter().map(|(_, seen)| seen.last).max();
    let text = |at: Option<_>| at.map_or(String::new(), crate::json::time_text);
    (text(first), text(last))
}

fn open_findings(findings: &[Finding]) -> Vec<Finding> {
    findings.iter().filter(|finding| finding.accepted_by.is_none()).cloned().collect()
}

fn ledger_view(ledger: &Ledger, appended: &Appended) -> LedgerView {
    LedgerView {
        folder: ledger.folder().display().to_string(),
        added: appended.count,
        size: appended.tree_size,
        origin: ledger.public_key().name().to_owned(),
        root: super::verify::hex(&appended.root),
        public_key: ledger.public_key().to_string(),
    }
}
