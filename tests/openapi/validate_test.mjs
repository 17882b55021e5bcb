// The validators find what they are there to find.   node --test validate_test.mjs
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';

function judge(script, records) {
    const folder = mkdtempSync(join(tmpdir(), 'validate-'));
    try {
        const file = join(folder, 'record.jsonl');
        writeFileSync(file, records.map((one) => `${JSON.stringify(one)}\n`).join(''));
        const { status, stdout } = spawnSync(process.execPath, [join(dirname(fileURLToPath(import.meta.url)), script), file], { encoding: 'utf8' });
        return { status, stdout };
    } finally {
        rmSync(folder, { recursive: true });
    }
}

const request = (changes) => ({
    kind: 'api', method: 'POST', path: '/repos/acme/widgets/issues/1/comments', query: '', headers: { 'user-agent': 'bot' },
    body: { body: 'hi' }, has_body: true, status: 403, response: { message: 'no', documentation_url: 'https://docs.github.com' },
    fault: '', ...changes });

const refused = [
    ['a body field that GitHub does not know', { body: { body: 'hi', boddy: 'x' } }],
    ['a body field of the wrong type', { body: { body: 7 } }],
    ['a body that lacks what is required', { body: {} }],
    ['a path that does not exist', { path: '/repos/acme/widgets/isues/1/comments' }],
    ['a method that the path does not have', { method: 'PUT' }],
    ['a path parameter of the wrong type', { path: '/repos/acme/widgets/issues/one/comments' }],
    ['an unknown query parameter', { method: 'GET', body: null, has_body: false, query: 'label=x' }],
    ['a query parameter of the wrong type', { method: 'GET', body: null, has_body: false, query: 'per_page=many' }],
    ['a request without a User-Agent', { headers: {} }],
    ['an answer that does not fit its status', { status: 201, response: { id: 'one' } }],
    ['an unknown field deep in a check run', {
        path: '/repos/acme/widgets/check-runs',
        body: { name: 'x', head_sha: 'y', status: 'completed', conclusion: 'success', output: { title: 'a', summary: 'b', titel: 'c' } } }],
];

test('a request that fits passes', () => {
    const { status, stdout } = judge('validate.mjs', [request({})]);
    assert.match(stdout, /^1 passed, 0 failed$/m);
    assert.equal(status, 0);
});

for (const [what, changes] of refused) {
    test(`${what} fails`, () => {
        const { status, stdout } = judge('validate.mjs', [request(changes)]);
        assert.match(stdout, /^0 passed, [1-9]\d* failed$/m);
        assert.equal(status, 1);
    });
}

test('a record without requests or webhooks fails', () => {
    assert.equal(judge('validate.mjs', []).status, 1);
    assert.equal(judge('validate_webhooks.mjs', []).status, 1);
    assert.equal(judge('validate_gitea.mjs', []).status, 1);
});

test('a webhook that lacks a required field fails', () => {
    const { stdout } = judge('validate_webhooks.mjs', [{
        kind: 'webhook', event: 'issues', payload: { action: 'labeled' },
        headers: { 'X-GitHub-Event': 'issues', 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}` } }]);
    assert.match(stdout, /must have required property/);
});

const gitea = (changes) => request({ kind: 'gitea-api', response: { message: 'no', url: 'https://gitea.example/api/swagger' }, ...changes });
const label = { id: 1, name: 'x', exclusive: false, is_archived: false, color: 'ff0000', description: '', url: 'https://gitea.example' };

const refusedByGitea = [
    ['a body field that it does not know', { body: { body: 'hi', boddy: 'x' } }],
    ['a body field of the wrong type', { body: { body: 7 } }],
    ['a body that lacks what is required', { body: {} }],
    ['a path that does not exist', { path: '/repos/acme/widgets/isues/1/comments', status: 404 }],
    ['a method that the path does not have', { method: 'PUT' }],
    ['an unknown query parameter', { method: 'GET', body: null, has_body: false, query: 'label=x' }],
    ['a query parameter of the wrong type', { method: 'GET', body: null, has_body: false, query: 'limit=many' }],
    ['a refusal of another shape', { response: { message: 'no', documentation_url: 'https://docs.github.com' } }],
    ['an answer with a field that nobody knows', {
        method: 'GET', path: '/repos/acme/widgets/labels', body: null, has_body: false, status: 200, response: [{ ...label, node_id: 'x' }] }],
    ['an answer with a field of the wrong type', {
        method: 'GET', path: '/repos/acme/widgets/labels', body: null, has_body: false, status: 200, response: [{ ...label, id: 'one' }] }],
];

test('a request and an answer of Gitea that fit pass', () => {
    const { stdout } = judge('validate_gitea.mjs', [gitea({}), gitea({ kind: 'forgejo-api' }), gitea({
        method: 'GET', path: '/repos/acme/widgets/labels', query: 'limit=50', body: null, has_body: false, status: 200, response: [label] })]);
    assert.match(stdout, /^3 passed, 0 failed$/m);
});

for (const [what, changes] of refusedByGitea) {
    test(`Gitea: ${what} fails`, () => {
        assert.match(judge('validate_gitea.mjs', [gitea(changes)]).stdout, /^0 passed, [1-9]\d* failed$/m);
    });
}

test('a webhook of Gitea that lacks a field or has one of GitHub fails', () => {
    const record = (payload) => ({
        kind: 'gitea-webhook', event: 'delete', headers: { 'X-Gitea-Event': 'delete', 'X-Gitea-Signature': '0'.repeat(64) },
        payload: { ref: 'b', ref_type: 'branch', pusher_type: 'user', repository: { id: 1 }, sender: { id: 2 }, ...payload } });
    assert.match(judge('validate_gitea.mjs', [record({})]).stdout, /^1 passed, 0 failed$/m);
    assert.match(judge('validate_gitea.mjs', [record({ ref: undefined })]).stdout, /ref is missing/);
    assert.match(judge('validate_gitea.mjs', [record({ installation: 1 })]).stdout, /installation is unknown/);
    assert.match(judge('validate_gitea.mjs', [record({ sender: { id: 2, node_id: 'x' } })]).stdout, /additional properties/);
});
