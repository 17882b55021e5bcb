// The validators find what they are there to find.   node --test validate_test.mjs
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';

function judge(script, records, files = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'validate-'));
    try {
        const file = join(folder, 'record.jsonl');
        writeFileSync(file, records.map((one) => `${JSON.stringify(one)}\n`).join(''));
        for (const [name, content] of Object.entries(files)) {
            mkdirSync(dirname(join(folder, name)), { recursive: true });
            writeFileSync(join(folder, name), JSON.stringify(content));
        }
        const env = { ...process.env, SHOPFLOOR_GITLAB_SPECS: Object.keys(files).length > 0 ? folder : '' };
        const { status, stdout } = spawnSync(process.execPath, [join(dirname(fileURLToPath(import.meta.url)), script), file],
            { encoding: 'utf8', env });
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
    assert.equal(judge('validate_gitlab.mjs', [], specs).status, 1);
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

// GitLab's description is no part of this project: a small one stands for it here. JSON is YAML, too.
const parameter = (name, where, more) => ({ name, in: where, type: 'string', ...more });
const specs = {
    'gitlab-openapi-v2.yaml': {
        paths: {
            '/api/v4/projects/{id}/issues/{issue_iid}': {
                put: {
                    parameters: [parameter('id', 'path'), parameter('issue_iid', 'path'),
                        { name: 'change', in: 'body', schema: { $ref: '#/definitions/change' } }],
                    responses: { 200: { schema: { $ref: '#/definitions/Issue' } } } } },
            '/api/v4/projects/{id}/issues': {
                get: {
                    parameters: [parameter('labels', 'query', { type: 'array', items: { type: 'string' } }),
                        parameter('state', 'query', { enum: ['opened', 'closed'] })],
                    responses: { 200: { schema: { $ref: '#/definitions/Issue' } } } } } },
        definitions: {
            change: {
                type: 'object', required: ['state_event'], properties: {
                    state_event: { type: 'string', enum: ['close'] }, add_labels: { type: 'array', items: { type: 'string' } } } },
            Issue: {
                type: 'object', properties: {
                    iid: { type: 'integer' }, title: { type: 'string' }, created_at: { type: 'string', format: 'date-time' } } } } },
    'gitlab-webhooks/issue.json': {
        object_kind: 'issue', event_type: 'issue', labels: [{ id: 1, title: 'bug' }], object_attributes: { iid: 1, action: 'open' } },
    'gitlab-webhooks/note.json': { object_kind: 'note', object_attributes: { note: 'hi', noteable_type: 'Issue' }, issue: { iid: 1 } },
};
const issue = { iid: 1, title: 'x', created_at: '2026-01-01T00:00:00.000Z' };
const gitlab = (changes) => request({
    kind: 'gitlab-api', method: 'PUT', path: '/projects/acme%2Fwidgets/issues/1', body: { state_event: 'close' }, status: 200,
    response: issue, ...changes });
const list = { method: 'GET', path: '/projects/7/issues', body: null, has_body: false, response: [issue] };

test('a request and an answer of GitLab that fit pass, and what is not described is told by name', () => {
    const { stdout, status } = judge('validate_gitlab.mjs', [
        gitlab({}), gitlab({ body: { state_event: 'close', add_labels: 'a,b' } }), gitlab({ body: { state_event: 'close', add_labels: ['a'] } }),
        gitlab({ ...list, query: 'labels=a,b&per_page=100&state=opened' }), gitlab({ status: 404, response: { message: '404 Not found' } }),
        gitlab({ status: 400, response: { error: 'title is missing' } }),
        gitlab({ method: 'POST', path: '/projects/7/issues/1/notes', body: { body: 'hi' }, status: 201, response: { id: 1 } })], specs);
    assert.match(stdout, /^not described, so only told here: notes, 1 times/m);
    assert.match(stdout, /^7 passed, 0 failed$/m);
    assert.equal(status, 0);
});

const refusedByGitlab = [
    ['a body field that it does not know', { body: { state_event: 'close', add_label: 'x' } }],
    ['a body field of the wrong type', { body: { state_event: 'close', add_labels: 7 } }],
    ['a body field with a word that it does not have', { body: { state_event: 'burn' } }],
    ['a body that lacks what is required', { body: {} }],
    ['a path that does not exist', { path: '/projects/7/isues/1', status: 404, response: { error: '404 Not Found' } }],
    ['a method that the path does not have', { method: 'PATCH' }],
    ['an unknown query parameter', { ...list, query: 'label=x' }],
    ['a query parameter with a word that it does not have', { ...list, query: 'state=open' }],
    ['a query parameter of the wrong type', { ...list, query: 'per_page=many' }],
    ['a body where none belongs', { ...list, has_body: true }],
    ['a refusal of another shape', { status: 404, response: { message: 'no', documentation_url: 'https://docs.github.com' } }],
    ['an answer with a field that nobody knows', { response: { ...issue, number: 1 } }],
    ['an answer with a field of the wrong type', { ...list, response: [{ ...issue, iid: 'one' }] }],
    ['an answer with a moment that is none', { response: { ...issue, created_at: 'yesterday' } }],
];
for (const [what, changes] of refusedByGitlab) {
    test(`GitLab: ${what} fails`, () => {
        assert.match(judge('validate_gitlab.mjs', [gitlab(changes)], specs).stdout, /^0 passed, [1-9]\d* failed$/m);
    });
}

test('a webhook of GitLab is held against what the examples of its kind have in common', () => {
    const uuid = '12345678-1234-1234-1234-123456789012';
    const record = (payload, headers) => ({
        kind: 'gitlab-webhook', event: 'Issue Hook',
        headers: { 'X-Gitlab-Event': 'Issue Hook', 'Idempotency-Key': uuid, 'X-Gitlab-Event-UUID': uuid, 'X-Gitlab-Webhook-UUID': uuid, ...headers },
        payload: { ...specs['gitlab-webhooks/issue.json'], ...payload } });
    const told = (...told) => judge('validate_gitlab.mjs', [record(...told)], specs).stdout;
    assert.match(told({}), /^1 passed, 0 failed$/m);
    assert.match(told({ labels: undefined }), /payload\.labels is missing/);
    assert.match(told({ label: {} }), /payload\.label is unknown/);
    assert.match(told({ labels: [{ id: 'one', title: 'bug' }] }), /payload\.labels\[\]\.id is of type string/);
    assert.match(told({ object_attributes: { iid: 1 } }), /object_attributes\.action is missing/);
    assert.match(told({ object_kind: 'tag_push' }), /no example of its kind/);
    assert.match(told({}, { 'Idempotency-Key': '1' }), /Idempotency-Key is wrong/);
    assert.match(told({}, { 'X-Gitlab-Event': 'Note Hook' }), /X-Gitlab-Event is wrong/);
    const note = { ...specs['gitlab-webhooks/note.json'], issue: { iid: 1, action: 'open' } };
    assert.match(judge('validate_gitlab.mjs', [{ ...record({}, { 'X-Gitlab-Event': 'Note Hook' }), payload: note }], specs).stdout,
        /payload\.issue\.action is unknown/);
});

test('without the folder of its description nothing of GitLab is judged, and that is said', () => {
    const { stdout, status } = judge('validate_gitlab.mjs', [gitlab({ path: '/nowhere' })]);
    assert.match(stdout, /^SKIPPED: /m);
    assert.equal(status, 0);
});
