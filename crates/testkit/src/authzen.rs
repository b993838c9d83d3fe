//! Runs checks that are data against a decision point, over HTTP and nothing else, so that any server
//! can be held against them.
//!
//! A check is a JSON object: where `to`, by which `method` (POST), with which `body` (or `raw` text) and
//! `headers`; which `status` comes back (200), what the answer `has` (every named member, where a member
//! ending in `?` may be missing and a text such as `$boolean` stands for any), what `each` result has,
//! which results it `includes`, which they are `exactly` or that they are the `same_as` another check's,
//! which headers it `echoes` or `answers`. `times` asks again, `follows` goes on from another check's
//! page, and `walk` goes on to the last.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};

/// A server that is asked.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it listens, without a slash at its end.
    pub url: String,
    /// What it calls itself.
    pub base: String,
    /// `""`: none is presented.
    pub token: String,
}

/// What came of the checks.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Passed, failed and not applicable, by level and part.
    pub counts: BTreeMap<String, [usize; 3]>,
    /// Each failed check, with what came back instead.
    pub failures: Vec<String>,
}

impl Report {
    pub fn lines(&self) -> Vec<String> {
        let line = |(level, [passed, failed, not_applicable]): (&String, &[usize; 3])| {
            format!("{level:20} passed {passed:4}  failed {failed:3}  skipped {not_applicable:3}")
        };
        self.counts.iter().map(line).chain(self.failures.iter().cloned()).collect()
    }
}

/// The checks of a file of ours.
pub fn checks(text: &str) -> Vec<Json> {
    let mut file: Json = serde_json::from_str(text).unwrap();
    serde_json::from_value(file["checks"].take()).unwrap()
}

/// Requests with their answers as the working group publishes them, to one endpoint, or to that of the
/// list they stand in.
pub fn published(text: &str, level: &str, to: Option<&str>) -> Vec<Json> {
    let file: BTreeMap<String, Vec<Json>> = serde_json::from_str(text).unwrap();
    let mut checks = Vec::new();
    for (list, all) in file {
        let to = to.unwrap_or(if list == "search" { "search/resource" } else { &list }).to_owned();
        for (number, one) in all.into_iter().enumerate() {
            let expected = &one["expected"];
            let mut check = json!({
                "id": format!("{list} {number}"), "level": level, "part": list, "to": to,
                "body": one["request"],
            });
            match expected {
                Json::Bool(_) => check["has"] = json!({"decision": expected}),
                Json::Array(_) => check["has"] = json!({"evaluations": expected}),
                _ => check["exactly"] = expected["results"].clone(),
            }
            checks.push(check);
        }
    }
    checks
}

/// Asks everything, in order.
pub fn run(server: &Server, checks: &[Json]) -> Report {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build();
    let mut asking = Asking { server, agent: config.into(), answers: BTreeMap::new() };
    let mut report = Report::default();
    for check in checks {
        let level = [text(&check["level"]), text(&check["part"])].join(" ");
        let counts = report.counts.entry(level.trim().to_owned()).or_default();
        match asking.check(check) {
            Ok(true) => counts[0] += 1,
            Ok(false) => counts[2] += 1,
            Err(found) => {
                counts[1] += 1;
                let id = text(&check["id"]);
                report.failures.push(format!("{} {id} {check}: {found}", level.trim()));
            }
        }
    }
    report
}

struct Asking<'a> {
    server: &'a Server,
    agent: ureq::Agent,
    /// By the id of the check.
    answers: BTreeMap<String, Json>,
}

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Json,
}

impl Asking<'_> {
    /// `Ok(false)` if there is nothing to check.
    fn check(&mut self, check: &Json) -> Result<bool, String> {
        let mut body = check["body"].clone();
        if let Some(before) = check["follows"].as_str() {
            match self.answers.get(before).map(|answer| &answer["page"]["next_token"]) {
                Some(Json::String(token)) if !token.is_empty() => {
                    body["page"]["token"] = token.as_str().into();
                }
                _ => return Ok(false),
            }
        }
        for _ in 0..check["times"].as_u64().unwrap_or(1) {
            let answer = self.ask(check, &body)?;
            self.holds(check, &answer).map_err(|what| {
                format!("{what}; {} {} {:?}", answer.status, answer.body, answer.headers)
            })?;
            let mut kept = answer.body;
            if check["walk"] == true {
                self.walk(check, &body, &mut kept)?;
            }
            self.same(check, &kept)?;
            self.answers.insert(text(&check["id"]).to_owned(), kept);
        }
        Ok(true)
    }

    /// Every page after the first, each result once.
    fn walk(&self, check: &Json, body: &Json, first: &mut Json) -> Result<(), String> {
        let mut body = body.clone();
        let mut all = first["results"].as_array().cloned().unwrap_or_default();
        let mut next = first["page"]["next_token"].clone();
        for _ in 0..10_000 {
            if next.as_str().is_none_or(str::is_empty) {
                first["results"] = all.into();
                return Ok(());
            }
            body["page"]["token"] = next.take();
            let mut answer = self.ask(check, &body)?;
            next = answer.body["page"]["next_token"].take();
            for result in answer.body["results"].as_array().into_iter().flatten() {
                if all.contains(result) {
                    return Err(format!("{result} stands on two pages"));
                }
                all.push(result.clone());
            }
        }
        Err("the pages do not end".to_owned())
    }

    fn ask(&self, check: &Json, body: &Json) -> Result<Answer, String> {
        let path = match text(&check["to"]) {
            "configuration" => "/.well-known/authzen-configuration".to_owned(),
            to => format!("/access/v1/{to}"),
        };
        let method = check["method"].as_str().unwrap_or("POST");
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.server.url));
        let token = format!("Bearer {}", self.server.token);
        match check["authorization"].as_str() {
            Some("none") => (),
            Some(other) => request = request.header("authorization", other),
            None if self.server.token.is_empty() => (),
            None => request = request.header("authorization", token),
        }
        let headers = check["headers"].as_object();
        if headers.is_none_or(|headers| !headers.contains_key("content-type")) && method != "GET" {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers.into_iter().flatten() {
            request = request.header(name, text(value));
        }
        let bytes = match &check["raw"] {
            Json::String(raw) => raw.clone().into_bytes(),
            _ => body.to_string().into_bytes(),
        };
        let failed = |error: ureq::Error| error.to_string();
        let mut response = match method {
            "GET" => self.agent.run(request.body(()).unwrap()).map_err(failed)?,
            _ => self.agent.run(request.body(bytes).unwrap()).map_err(failed)?,
        };
        let status = response.status().as_u16();
        let text_of = |value: &ureq::http::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let all = response.headers().iter();
        let headers = all.map(|(name, value)| (name.to_string(), text_of(value))).collect();
        let body = response.body_mut().read_to_string().map_err(failed)?;
        let body = serde_json::from_str(&body).unwrap_or(Json::String(body));
        Ok(Answer { status, headers, body })
    }

    fn holds(&self, check: &Json, answer: &Answer) -> Result<(), String> {
        let status = check["status"].as_u64().unwrap_or(200);
        if u64::from(answer.status) != status {
            return Err(format!("not status {status}"));
        }
        let kind = answer.headers.get("content-type").map(String::as_str).unwrap_or_default();
        if status == 200 && !kind.starts_with("application/json") {
            return Err("not JSON".to_owned());
        }
        for name in check["echoes"].as_array().into_iter().flatten().map(text) {
            if answer.headers.get(name).map(String::as_str) != check["headers"][name].as_str() {
                return Err(format!("no {name}"));
            }
        }
        for (name, begins) in check["answers"].as_object().into_iter().flatten() {
            if !answer.headers.get(name).is_some_and(|value| value.starts_with(text(begins))) {
                return Err(format!("no {name}: {begins}"));
            }
        }
        if let Some(has) = check.get("has") {
            self.matches(has, &answer.body, "")?;
        }
        let list = |of: &str| check[of].as_array();
        if check.get("each").is_none() && list("includes").is_none() && list("exactly").is_none() {
            return Ok(());
        }
        let found = answer.body["results"].as_array().ok_or("no results")?;
        if let Some(each) = check.get("each") {
            found.iter().try_for_each(|result| self.matches(each, result, "results"))?;
        }
        for wanted in list("includes").into_iter().flatten() {
            let bare = |name: &str| (wanted[name].clone(), name.to_owned());
            let same = |result: &&Json| {
                ["type", "id", "name"].iter().all(|name| result[name] == bare(name).0)
            };
            found.iter().find(same).ok_or_else(|| format!("{wanted} is not found"))?;
        }
        match list("exactly") {
            Some(exactly) if sorted(exactly) != sorted(found) => Err("other results".to_owned()),
            _ => Ok(()),
        }
    }

    fn same(&self, check: &Json, body: &Json) -> Result<(), String> {
        let Some(other) = check["same_as"].as_str() else { return Ok(()) };
        let results = |body: &Json| body["results"].as_array().map(|all| sorted(all));
        match self.answers.get(other).map(results) {
            Some(other) if other == results(body) && other.is_some() => Ok(()),
            _ => Err(format!("not the results of {other}: {body}")),
        }
    }

    fn matches(&self, wanted: &Json, found: &Json, place: &str) -> Result<(), String> {
        let fits = match wanted {
            Json::Object(members) => {
                for (name, wanted) in members {
                    let (name, may_lack) =
                        name.strip_suffix('?').map_or((name.as_str(), false), |name| (name, true));
                    match found.get(name) {
                        None if may_lack => (),
                        None => return Err(format!("{place}/{name} is missing")),
                        Some(found) => self.matches(wanted, found, &format!("{place}/{name}"))?,
                    }
                }
                found.is_object()
            }
            Json::Array(all) => {
                let found = found.as_array().filter(|found| found.len() == all.len());
                let found = found.ok_or_else(|| format!("{place} has another length"))?;
                for (wanted, found) in all.iter().zip(found) {
                    self.matches(wanted, found, place)?;
                }
                true
            }
            Json::String(word) => match word.as_str() {
                "$boolean" => found.is_boolean(),
                "$string" => found.is_string(),
                "$object" => found.is_object(),
                "$strings" => found.as_array().is_some_and(|all| all.iter().all(Json::is_string)),
                "$https" => found.as_str().is_some_and(|url| url.starts_with("https://")),
                "$base" => found.as_str() == Some(&self.server.base),
                _ => wanted == found,
            },
            _ => wanted == found,
        };
        if fits { Ok(()) } else { Err(format!("{place} is not {wanted}")) }
    }
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn sorted(results: &[Json]) -> Vec<String> {
    let mut all: Vec<String> = results.iter().map(ToString::to_string).collect();
    all.sort();
    all
}
