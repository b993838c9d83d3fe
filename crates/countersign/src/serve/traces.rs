//! Spans of requests to a collector: OTLP over HTTP, if `OTEL_EXPORTER_OTLP_ENDPOINT` names one. A span
//! says which operation was asked for, how it was answered and how long that took; of whom, and of
//! what, nothing.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::client::agent;

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
const NAME: &str = "OTEL_SERVICE_NAME";
const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// What sends spans, in a thread of its own; what waits is sent when it is dropped.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// `None` if the environment names no collector. Its other variables are those of OpenTelemetry:
    /// `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, …
    pub fn of_environment() -> Result<Option<Self>> {
        let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINTS.iter().any(&is_set) {
            return Ok(None);
        }
        let agent = agent(TIMEOUT);
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(agent))
            .build()
            .context("the collector that OTEL_EXPORTER_OTLP_ENDPOINT names cannot be used")?;
        let mut resource = Resource::builder();
        if !is_set(&NAME) {
            resource = resource.with_service_name("countersign");
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Self { provider }))
    }

    /// Takes spans of requests, and no events: their texts are for the operator's log.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("countersign"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|about| {
                about.is_span() && about.target() == countersign_http::REQUESTS
            }))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// The one client of the program, for the exporter.
#[derive(Debug)]
struct Client(ureq::Agent);

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Client {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> Sending<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        // The exporter has a thread of its own, which may wait.
        Box::pin(std::future::ready(send(&self.0, request)))
    }
}

fn send(agent: &ureq::Agent, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (parts, body) = request.into_parts();
    let answer = agent.run(Request::from_parts(parts, body.to_vec()))?;
    let (parts, mut body) = answer.into_parts();
    let bytes = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
    Ok(Response::from_parts(parts, Bytes::from(bytes)))
}
