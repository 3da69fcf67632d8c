"""The Python SDK: lists the tools, calls each, rightly and wrongly.

    client.py legacy|auto refused|allowed URL
    client.py legacy|auto refused|allowed COMMAND ARGUMENT...
"""

import json
import sys

import anyio
from mcp import Client, MCPError, StdioServerParameters

TOOLS = [
    "explain_memory", "get_memory_status", "get_memory_metrics", "get_memory_snapshots", "memory_health_check",
    "get_heap_profile", "trigger_eviction", "unload", "purge_memory", "configure_memory",
]
CHANGING = {
    "trigger_eviction": {"target_mb": 10},
    "unload": {"cache": "pages"},
    "purge_memory": {},
    "configure_memory": {"warning_at": 79},
}


async def call(client, tool, arguments):
    """What a tool answers; its text and its structure say the same."""
    result = await client.call_tool(tool, arguments)
    answer = result.structured_content
    assert json.loads(result.content[0].text) == answer, tool
    assert result.is_error == (not answer["success"]) and answer["next_step"], (tool, answer)
    return answer


async def lists(client):
    tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == TOOLS, tools
    for tool in tools:
        assert tool.annotations.read_only_hint == (tool.name not in CHANGING), tool
    uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
    assert uris == ["plimsoll://snapshot/latest", "plimsoll://ledger"], uris
    ledger = (await client.read_resource("plimsoll://ledger")).contents
    assert "= rss" in ledger[0].text and json.loads(ledger[1].text)["lines"], ledger
    prompts = (await client.list_prompts()).prompts
    prompt = await client.get_prompt(prompts[0].name)
    assert "explain_memory" in prompt.messages[0].content.text


async def looks(client, allowed):
    for tool in TOOLS[:5]:
        answer = await call(client, tool, {})
        assert answer["success"], (tool, answer)
    profile = await call(client, "get_heap_profile", {})
    assert not profile["success"] and "profile" in profile["error"], profile
    why = await call(client, "explain_memory", {})
    # Where we evict now and then, growth goes up and down.
    if not allowed:
        assert why["growth"]["kind"] == "objects", why["growth"]
        assert "no registered cache accounts for" in " ".join(why["verdict"]), why["verdict"]
        assert 3900 < why["growth"]["bytes_per_object"] < 9000, why["growth"]
    print("   ", " ".join(why["verdict"]))


async def is_refused(client, tool, arguments, named):
    try:
        result = await client.call_tool(tool, arguments)
    except MCPError as error:
        assert error.code == -32602 and named in error.message, (tool, error)
    else:
        raise AssertionError(f"{tool} {arguments} should be a protocol error: {result}")


async def errs(client):
    await is_refused(client, "explain_memory", {"deep": True}, "deep")
    await is_refused(client, "trigger_eviction", {"target_mb": "much"}, "target_mb")
    await is_refused(client, "unload", {}, "cache")
    await is_refused(client, "free_everything", {}, "free_everything")
    few = await call(client, "trigger_eviction", {"target_mb": 5})
    assert few["error_type"] == "request_error" and "from 10 to 4096" in few["error"], few


async def changes(client, allowed):
    plan = await call(client, "trigger_eviction", {"target_mb": 10, "dry_run": True})
    assert plan["success"] and plan["planned_bytes"] > 0, plan
    for tool, arguments in CHANGING.items():
        answer = await call(client, tool, arguments)
        assert answer["success"] == allowed, (tool, answer)
        if not allowed:
            assert answer["error_type"] == "permission_error", answer
    if allowed:
        await call(client, "configure_memory", {"warning_at": 80})


async def main():
    mode, may, *where = sys.argv[1:]
    server = where[0] if where[0].startswith("http") else StdioServerParameters(command=where[0], args=where[1:])
    async with Client(server, mode=mode, read_timeout_seconds=60) as client:
        print("   ", client.server_info.name, client.protocol_version)
        await lists(client)
        await looks(client, may == "allowed")
        await errs(client)
        await changes(client, may == "allowed")


anyio.run(main)
