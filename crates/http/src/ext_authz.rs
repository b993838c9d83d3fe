//! Envoy's check of a request over gRPC: `envoy.service.auth.v3.Authorization/Check`.
//!
//! The same decision as over HTTP, in Envoy's messages. The proxy's key comes as metadata of the call,
//! which no client can reach. Beside it stands the standard health check, `grpc.health.v1`.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue as Pair, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{
    Authorization, AuthorizationServer,
};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc::Status as RpcStatus;
use tonic::{Code, Request, Response, Status};

use crate::forward::{Asked, KEY, Original, READ, Refused, Verdict, verdict};
use crate::serve::Server;

/// A check carries the headers of one request, and no body.
const MESSAGE_BYTES_MAX: usize = 256 << 10;
const HEADERS_MAX: usize = 256;

/// The service, for a listener of its own.
pub async fn ext_authz(server: &Arc<Server>) -> Router {
    let checks = AuthorizationServer::new(Checks { server: Arc::clone(server) })
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let (tell, health) = tonic_health::server::health_reporter();
    tell.set_serving::<AuthorizationServer<Checks>>().await;
    tonic::service::Routes::new(checks).add_service(health).into_axum_router()
}

struct Checks {
    server: Arc<Server>,
}

#[tonic::async_trait]
impl Authorization for Checks {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let key = request.metadata().get(KEY).and_then(|key| key.to_str().ok()).map(str::to_owned);
        let attributes = request.into_inner().attributes.unwrap_or_default();
        let peer = peer(&attributes);
        let http = attributes.request.and_then(|request| request.http).unwrap_or_default();
        let host = (!http.host.is_empty()).then_some(http.host.as_str());
        let original = Original::new(Some(&http.method), &http.path, host);
        let headers: Result<HeaderMap, Refused> =
            http.headers.iter().take(HEADERS_MAX + 1).enumerate().map(header).collect();
        let verdict = match &headers {
            Ok(headers) => {
                let asked = Asked { key: key.as_deref(), headers, original, peer: peer.as_deref() };
                verdict(&self.server, &asked).await
            }
            Err(refused) => Verdict::refused(*refused),
        };
        Ok(Response::new(answer(verdict)))
    }
}

fn header(
    (place, (name, value)): (usize, (&String, &String)),
) -> Result<(HeaderName, HeaderValue), Refused> {
    // Names of HTTP/2 that begin with a colon are no headers, and none that is read.
    let name = name.trim_start_matches(':').parse().ok();
    let value = HeaderValue::from_bytes(value.as_bytes()).ok();
    match (name, value) {
        (Some(name), Some(value)) if place < HEADERS_MAX => Ok((name, value)),
        _ => Err(Refused::forged("header.form")),
    }
}

fn peer(attributes: &AttributeContext) -> Option<String> {
    match attributes.source.as_ref()?.address.as_ref()?.address.as_ref()? {
        Address::SocketAddress(socket) => Some(socket.address.clone()),
        _ => None,
    }
}

fn answer(verdict: Verdict) -> CheckResponse {
    let (code, response) = if verdict.status == 200 {
        let ok = OkHttpResponse {
            headers: verdict.headers().map(|(name, value)| set(name, value)).collect(),
            headers_to_remove: READ.map(str::to_owned).to_vec(),
            ..OkHttpResponse::default()
        };
        (Code::Ok, HttpResponse::OkResponse(ok))
    } else {
        let code = match verdict.status {
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            429 => Code::ResourceExhausted,
            _ => Code::Unavailable,
        };
        let mut headers =
            vec![set("content-type", "application/problem+json"), set("cache-control", "no-store")];
        headers.extend(verdict.challenge.iter().map(|text| set("www-authenticate", text)));
        let denied = DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::from(verdict.status) }),
            headers,
            body: verdict.body.to_string(),
        };
        (code, HttpResponse::DeniedResponse(denied))
    };
    let status = RpcStatus { code: code.into(), ..RpcStatus::default() };
    CheckResponse { status: Some(status), http_response: Some(response), dynamic_metadata: None }
}

/// In the place of whatever the client sent under the name.
fn set(name: &str, value: &str) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(Pair { key: name.to_owned(), value: value.to_owned(), ..Pair::default() }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        keep_empty_value: true,
        ..HeaderValueOption::default()
    }
}
