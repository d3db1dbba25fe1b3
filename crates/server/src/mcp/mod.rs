//! Tools for agents, by the Model Context Protocol: the same three over HTTP and over standard input and output.
//!
//! Source: the protocol's revision 2026-07-28, and the ones before it that begin with `initialize`. The official SDK
//! speaks both.

mod describe;
mod tools;

use std::io;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::stdio;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use tokio_util::sync::CancellationToken;

use super::app::App;

/// What an agent is told about the tools.
const INSTRUCTIONS: &str = "Searches an index of documents by meaning and by words. Use `search` with a question or a few \
    words; `fetch` reads a document, or more of it around a hit; `describe` tells what the index holds and by which fields \
    a search can be filtered.";

/// Answers agents.
#[derive(Clone)]
pub(crate) struct Agents {
    app: Arc<App>,
}

impl ServerHandler for Agents {
    fn get_info(&self) -> ServerConfig {
        let named = Implementation::new("semsearch", env!("CARGO_PKG_VERSION"));
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities).with_server_info(named).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::all().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // An agent may call a tool as soon as its program has started this one.
        self.app.loaded().await;
        let arguments = request.arguments.unwrap_or_default();
        let Some(outcome) = tools::call(&self.app, &request.name, arguments).await else {
            return Err(ErrorData::invalid_params(format!("there is no tool {:?}", request.name), None));
        };
        Ok(match outcome {
            Ok(value) => CallToolResult::structured(value),
            // What is wrong with a request is for the agent to read, and not for its program.
            Err(error) => CallToolResult::error(vec![ContentBlock::text(error.told())]),
        }
        .into())
    }
}

/// The tools over HTTP. No session is kept: each request is answered by itself.
pub(crate) fn over_http(
    app: &Arc<App>,
    ending: CancellationToken,
) -> StreamableHttpService<Agents, NeverSessionManager> {
    let agents = Agents { app: Arc::clone(app) };
    // The guard before all routes has checked `Host` and `Origin`.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_retry(None)
        .with_max_request_body_bytes(app.options.max_body)
        .with_cancellation_token(ending)
        .disable_allowed_hosts();
    StreamableHttpService::new(move || Ok(agents.clone()), Arc::default(), config)
}

/// The tools over standard input and output, until standard input ends.
///
/// # Errors
/// The other side does not speak the protocol, or a stream fails.
pub(crate) async fn over_stdio(app: Arc<App>) -> io::Result<()> {
    let running = Agents { app }.serve(stdio()).await;
    let running = match running {
        Ok(running) => running,
        // Nobody asked for anything.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(io::Error::other(error)),
    };
    running.waiting().await.map(|_| ()).map_err(io::Error::other)
}
