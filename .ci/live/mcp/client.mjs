// The TypeScript SDK: lists the tools, calls each, rightly and wrongly.
//
//     client.mjs refused|allowed URL
//     client.mjs refused|allowed COMMAND ARGUMENT...
import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const TOOLS = [
    'explain_memory', 'get_memory_status', 'get_memory_metrics', 'get_memory_snapshots', 'memory_health_check',
    'get_heap_profile', 'trigger_eviction', 'unload', 'purge_memory', 'configure_memory',
];
const CHANGING = {
    trigger_eviction: { target_mb: 10 },
    unload: { cache: 'pages' },
    purge_memory: {},
    configure_memory: { warning_at: 79 },
};

// What it warns of (a format that JSON Schema does not know, say) is a fault of the schemas.
const warnings = [];
console.warn = (...words) => warnings.push(words.join(' '));

const [may, where, ...args] = process.argv.slice(2);
const transport = where.startsWith('http')
    ? new StreamableHTTPClientTransport(new URL(where))
    : new StdioClientTransport({ command: where, args });
const client = new Client({ name: 'live', version: '0' });
await client.connect(transport);
console.log('   ', client.getServerVersion().name);

async function call(name, args) {
    const result = await client.callTool({ name, arguments: args });
    const answer = result.structuredContent;
    assert.deepEqual(JSON.parse(result.content[0].text), answer);
    assert.equal(result.isError ?? false, !answer.success);
    return answer;
}

async function isRefused(name, args, named) {
    await assert.rejects(client.callTool({ name, arguments: args }), (error) => {
        assert.equal(error.code, -32602, String(error));
        assert.ok(error.message.includes(named), error.message);
        return true;
    });
}

const { tools } = await client.listTools();
assert.deepEqual(tools.map((tool) => tool.name), TOOLS);
const { resources } = await client.listResources();
assert.deepEqual(resources.map((it) => it.uri), ['plimsoll://snapshot/latest', 'plimsoll://ledger']);
const { contents } = await client.readResource({ uri: 'plimsoll://ledger' });
assert.ok(contents[0].text.includes('= rss'));
const { prompts } = await client.listPrompts();
assert.ok((await client.getPrompt({ name: prompts[0].name })).messages.length);

for (const tool of TOOLS.slice(0, 5)) assert.ok((await call(tool, {})).success, tool);
assert.match((await call('get_heap_profile', {})).error, /profile/);
const why = await call('explain_memory', {});
// Where we evict now and then, growth goes up and down.
if (may === 'refused') assert.equal(why.growth.kind, 'objects');
console.log('   ', why.verdict[1]);

await isRefused('explain_memory', { deep: true }, 'deep');
await isRefused('trigger_eviction', { target_mb: 'much' }, 'target_mb');
await isRefused('unload', {}, 'cache');
await isRefused('free_everything', {}, 'free_everything');
assert.equal((await call('trigger_eviction', { target_mb: 5 })).error_type, 'request_error');

assert.ok((await call('trigger_eviction', { target_mb: 10, dry_run: true })).success);
for (const [tool, args] of Object.entries(CHANGING)) {
    const answer = await call(tool, args);
    assert.equal(answer.success, may === 'allowed', tool);
    if (!answer.success) assert.equal(answer.error_type, 'permission_error');
}
if (may === 'allowed') await call('configure_memory', { warning_at: 80 });
await client.close();
assert.deepEqual(warnings, []);
