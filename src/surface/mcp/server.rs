//! What the protocol asks of a server, passed on to those who know.

use super::arguments::Arguments;
use super::{profile, prompts, resources, tools};
use crate::monitor::Handle;
use crate::surface::fresh::freshen;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode,
    GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use std::sync::Arc;

const INSTRUCTIONS: &str = "The memory of one running Rust process, as its plimsoll monitor sees it. Ask \
    `explain_memory` first: it says why memory grows and what to do next. Figures carry unit, source, exactness and age; \
    null is unknown, never 0. Tools that change something are refused unless the operator allows them.";

/// What the requests take that take something.
const PARAMETERS: [(&str, &str); 3] = [
    ("tools/call", "`name`, a text, and `arguments`, an object"),
    ("resources/read", "`uri`, a text"),
    ("prompts/get", "`name`, a text"),
];

/// Answers for one monitor; each request gets a clone.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) handle: Handle,
    pub(super) actions_allowed: bool,
    #[cfg_attr(not(feature = "profile"), allow(dead_code, reason = "there are none"))]
    pub(super) profiles: profile::Kept,
    tools: Arc<[Tool]>,
}

impl Server {
    pub(super) fn new(handle: Handle, actions_allowed: bool) -> Self {
        let profiles = profile::Kept::default();
        Server { handle, actions_allowed, profiles, tools: tools::all().into() }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder();
        let capabilities = capabilities.enable_tools().enable_resources().enable_prompts().build();
        let name = Implementation::new("plimsoll", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities)
            .with_server_info(name.with_title("plimsoll: the memory of a Rust process"))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Arguments(request.arguments.unwrap_or_default());
        tools::call(self, &request.name, arguments).await.map(Into::into)
    }

    /// What is no request by its form comes here: also a known one whose parameters are none of its own.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let known = PARAMETERS.iter().find(|(method, _)| *method == request.method);
        Err(match known {
            Some((method, takes)) => ErrorData::invalid_params(
                format!("invalid parameters: {method} takes {takes}"),
                None,
            ),
            None => ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None),
        })
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::all()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        freshen(&self.handle).await;
        resources::read(&self.handle, &request.uri).map(Into::into)
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::all()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&request.name).map(Into::into)
    }
}
