//! The question that agents are asked most.

use rmcp::ErrorData;
use rmcp::model::{GetPromptResult, Prompt, PromptMessage, Role};

const WHY: &str = "why_is_memory_growing";

const TEXT: &str = "Why is the memory of this process growing? Call explain_memory once and answer from it: say the verdict with \
    its figures (unit, source, exactness, age), name the cache or the kind of objects that grows, when the budget is full, and the \
    first next step. Say what is unknown as unknown. Change nothing without being told to.";

pub(super) fn all() -> Vec<Prompt> {
    vec![
        Prompt::new(WHY, Some("Why is memory growing, and what is to be done?"), None)
            .with_title("Why is memory growing?"),
    ]
}

pub(super) fn get(name: &str) -> Result<GetPromptResult, ErrorData> {
    if name != WHY {
        let message = format!("no prompt {name:?}: there is {WHY}");
        return Err(ErrorData::invalid_params(message, None));
    }
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, TEXT)]))
}
