//! The table of tools: names, words, schemas and hints; and who answers which.

use super::answer::{Answer, Failure, result};
use super::arguments::{
    Arguments, Eviction, Metrics, Nothing, Profile, Snapshots, Unload, schema, settings_schema,
};
use super::server::Server;
use super::{changing, looking, profile};
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, JsonObject, Tool, ToolAnnotations};
use serde_json::json;
use std::sync::Arc;

/// What a call does to the process.
#[derive(Clone, Copy)]
enum Effect {
    /// Nothing.
    Looks,
    /// Something that can be undone or does no harm, and that a second call does not add to.
    Sets,
    /// What is given back must be made again.
    Drops,
}

struct Entry {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    schema: fn() -> Arc<JsonObject>,
    effect: Effect,
}

const TOOLS: [Entry; 10] = [
    Entry {
        name: "explain_memory",
        title: "Why memory is as it is",
        description: "Start here. Says in one call why memory grows (or what holds it): a verdict, the growth with its \
            interval and time to the budget, which ledger lines and caches changed most, what no cache accounts for, what went \
            wrong, and the next steps.",
        schema: schema::<Nothing>,
        effect: Effect::Looks,
    },
    Entry {
        name: "get_memory_status",
        title: "Level, budget, ledger, caches",
        description: "How full the budget is, the thresholds, the ledger from live bytes to what the kernel charges, and every \
            cache with what it holds and may hold. Use it for how things stand; use explain_memory for why.",
        schema: schema::<Nothing>,
        effect: Effect::Looks,
    },
    Entry {
        name: "get_memory_metrics",
        title: "Figures",
        description: "The figures of now with unit, source, exactness and age, and their range over the history. Use it for \
            particular figures by name.",
        schema: schema::<Metrics>,
        effect: Effect::Looks,
    },
    Entry {
        name: "get_memory_snapshots",
        title: "History",
        description: "How chosen figures moved, as columns from the oldest to the newest. Use it to see slow growth or what \
            happened at a time.",
        schema: schema::<Snapshots>,
        effect: Effect::Looks,
    },
    Entry {
        name: "memory_health_check",
        title: "Health",
        description: "Runs every health check, the program's own among them, and says which failed. Use it when something \
            seems broken: a cache that hangs, a monitor that is silent.",
        schema: schema::<Nothing>,
        effect: Effect::Looks,
    },
    Entry {
        name: "get_heap_profile",
        title: "Who allocates",
        description: "The call sites that hold most memory, by function, as estimated from samples; with since (the \
            profile_id of an earlier answer) also which of them grew. Needs a build with plimsoll's feature `profile` and the \
            setting heap_profile on; says so otherwise.",
        schema: schema::<Profile>,
        effect: Effect::Looks,
    },
    Entry {
        name: "trigger_eviction",
        title: "Evict from caches",
        description: "Asks the registered caches to give target_mb, least important first, and says what was measured to have \
            become free. Call it with dry_run first to see who would be asked.",
        schema: schema::<Eviction>,
        effect: Effect::Drops,
    },
    Entry {
        name: "unload",
        title: "Empty one cache",
        description: "Has one registered cache give all it holds above its floor. Use it when explain_memory names the cache \
            that grows.",
        schema: schema::<Unload>,
        effect: Effect::Drops,
    },
    Entry {
        name: "purge_memory",
        title: "Give unused pages back",
        description: "Has the allocator return pages that hold nothing (the ledger's line `dirty`) to the system. Drops no \
            data.",
        schema: schema::<Nothing>,
        effect: Effect::Sets,
    },
    Entry {
        name: "configure_memory",
        title: "Change settings",
        description: "Changes budget, thresholds and other settings while the process runs: all that are given, or none. \
            Answers old_values, new_values and updated_fields; a restart forgets them.",
        schema: settings_schema,
        effect: Effect::Sets,
    },
];

/// The tools as clients see them.
pub(super) fn all() -> Vec<Tool> {
    let answers = Arc::new(answer_schema());
    let tool = |entry: &Entry| {
        Tool::new(entry.name, entry.description, (entry.schema)())
            .with_title(entry.title)
            .with_raw_output_schema(answers.clone())
            .with_annotations(hints(entry))
    };
    TOOLS.iter().map(tool).collect()
}

/// Nothing outside the process is touched by any.
fn hints(entry: &Entry) -> ToolAnnotations {
    let hints = ToolAnnotations::with_title(entry.title).open_world(false);
    match entry.effect {
        Effect::Looks => hints.read_only(true).destructive(false).idempotent(true),
        Effect::Sets => hints.read_only(false).destructive(false).idempotent(true),
        Effect::Drops => hints.read_only(false).destructive(true).idempotent(false),
    }
}

/// What all answers have in common.
fn answer_schema() -> JsonObject {
    super::answer::object(json!({
        "type": "object",
        "properties": {
            "success": { "type": "boolean" },
            "next_step": { "type": "string", "description": "what to do next" },
            "error": { "type": "string" },
            "error_type": { "type": "string" },
        },
        "required": ["success", "next_step"],
    }))
}

/// Calls a tool.
///
/// # Errors
/// For a tool that does not exist, and for arguments that do not fit its schema.
pub(super) async fn call(
    server: &Server,
    name: &str,
    arguments: Arguments,
) -> Result<CallToolResult, ErrorData> {
    answer(server, name, arguments).await.map(result)
}

async fn answer(server: &Server, name: &str, given: Arguments) -> Result<Answer, ErrorData> {
    let handle = &server.handle;
    let none = |given: Arguments| given.parse::<Nothing>().map(drop);
    Ok(match name {
        "explain_memory" => {
            none(given)?;
            looking::explanation(handle).await
        }
        "get_memory_status" => {
            none(given)?;
            looking::status(handle).await
        }
        "get_memory_metrics" => looking::metrics(handle, given.parse()?).await,
        "get_memory_snapshots" => looking::snapshots(handle, given.parse()?),
        "memory_health_check" => {
            none(given)?;
            looking::health(handle).await
        }
        "get_heap_profile" => profile::profile(server, given.parse()?).await,
        "trigger_eviction" => changing::evict(server, given.parse()?).await,
        "unload" => changing::unload(server, given.parse()?).await,
        "purge_memory" => {
            none(given)?;
            changing::purge(server).await
        }
        "configure_memory" => changing::configure(server, given.settings()?),
        unknown => return Err(no_such(unknown)),
    })
}

fn no_such(name: &str) -> ErrorData {
    let names: Vec<_> = TOOLS.iter().map(|entry| entry.name).collect();
    let message = format!("unknown tool {name:?}: there are {}", names.join(", "));
    ErrorData::invalid_params(message, None)
}

impl Server {
    /// # Errors
    /// Unless callers may change something.
    pub(super) fn allows(&self, what: &str) -> Result<(), Failure> {
        if self.actions_allowed {
            return Ok(());
        }
        let error = format!("{what} is not allowed: callers may look, and change nothing");
        let next_step = "ask the operator to start the process with PLIMSOLL_HTTP_ACTIONS=on or .http_actions(true); dry_run is \
            always allowed";
        Err(Failure::new("permission_error", error, next_step))
    }
}
