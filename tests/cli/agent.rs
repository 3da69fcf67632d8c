//! The bridge before a process that really answers agents: over its port and its socket, and through its restart.

use crate::child::Served;
use crate::command::{Lines, program};
use crate::target::Target;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};

/// An agent's side of the bridge: one that asks and waits for its answer.
struct Agent {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines,
    asked: u64,
}

impl Agent {
    fn start(home: &Path, arguments: &[&str]) -> Self {
        let arguments = [&["mcp"], arguments].concat();
        let mut command = program(home, &arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), Lines::of(&mut child));
        Agent { child, input, output, asked: 0 }
    }

    fn tell(&mut self, message: &Value) {
        writeln!(self.input.as_ref().unwrap(), "{message}").unwrap();
    }

    /// What comes back, which must be the answer to this and to nothing else.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.tell(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let line = self.output.next().expect("it ended");
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    fn shake_hands(&mut self) {
        let client = json!({"name": "test", "version": "1"});
        let params =
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
        let answer = self.ask("initialize", &params);
        assert_eq!(answer["result"]["protocolVersion"], "2025-06-18", "{answer}");
        self.tell(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.ask("tools/call", &json!({"name": tool, "arguments": arguments}))
    }

    /// With its input's end it ends, and has said nothing more.
    fn end(mut self) {
        drop(self.input.take());
        assert_eq!(self.output.next(), None);
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_agent_lists_and_calls_tools_over_port_and_socket() {
    let target = Target::start();
    for form in [target.url(), target.socket()] {
        let mut agent = Agent::start(target.home(), &["--attach", &form]);
        agent.shake_hands();
        let tools = agent.ask("tools/list", &json!({}));
        let tools = tools["result"]["tools"].as_array().unwrap();
        let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert!(
            names.contains(&"explain_memory") && names.contains(&"get_memory_metrics"),
            "{names:?}"
        );
        let said = agent.call("explain_memory", &json!({}));
        assert!(said["result"]["content"][0]["text"].is_string(), "{said}");
        let wrong = agent.call("no_such_tool", &json!({}));
        assert!(wrong["error"]["code"].is_i64(), "{wrong}");
        agent.end();
    }
}

#[test]
fn a_later_protocol_that_needs_no_handshake_passes_too() {
    let target = Target::start();
    let mut agent = Agent::start(target.home(), &["--attach", &target.url()]);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let said = agent.ask("tools/list", &json!({"_meta": meta}));
    assert!(said["result"]["tools"].is_array(), "{said}");
    let call = json!({"name": "explain_memory", "arguments": {}, "_meta": meta});
    let said = agent.ask("tools/call", &call);
    assert!(said["result"]["content"].is_array(), "{said}");
    agent.end();
}

#[test]
fn a_process_that_comes_back_is_found_again() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start(home.path());
    let mut agent = Agent::start(home.path(), &[]);
    agent.shake_hands();
    assert!(agent.call("explain_memory", &json!({}))["result"].is_object());
    served.kill();
    let told = agent.call("explain_memory", &json!({}));
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("no monitored process was found"), "{told}");
    let _again = Served::start(home.path());
    let said = agent.call("explain_memory", &json!({}));
    assert!(said["result"].is_object(), "{said}");
    agent.end();
}
