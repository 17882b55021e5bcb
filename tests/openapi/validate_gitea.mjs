// Holds every recorded request of the bot in Gitea's and Forgejo's dialect, the practice forge's answer to it and every
// webhook against Gitea's description.
//
//   node validate_gitea.mjs RECORD.jsonl
//
// A request must name a known route, carry only known query parameters of the right type, and a body without a field that
// the description does not name. An answer must have the shape that it says, without a field of its own; a webhook's
// objects likewise. Answers made by a scripted fault are not judged, their requests are.
import Ajv from 'ajv/dist/2020.js';
import { complaints, readRecords, Tally } from './records.mjs';
import { findRoute, named } from './gitea_description.mjs';

const file = process.argv[2];
if (!file) {
    console.error('usage: node validate_gitea.mjs RECORD.jsonl');
    process.exit(2);
}
const ajv = new Ajv({ strict: false, logger: false });
const coercing = new Ajv({ strict: false, logger: false, coerceTypes: true });
const compiled = new Map();
function validator(key, schema, kind = ajv) {
    if (!compiled.has(key)) compiled.set(key, kind.compile(schema()));
    return compiled.get(key);
}
function against(key, schema, value, where) {
    const validate = validator(key, schema);
    return validate(value) ? [] : [`${where}: ${complaints(validate.errors)}`];
}

// Every list takes them, whether its page lists them or not: https://docs.gitea.com/development/api-usage#pagination
const paging = { page: { type: 'number' }, limit: { type: 'number' } };

function judgeQuery(record, route, key) {
    const known = { ...(record.method === 'GET' ? paging : {}), ...route.query };
    const problems = [];
    for (const [name, value] of new URLSearchParams(record.query)) {
        const schema = known[name];
        if (!schema) problems.push(`unknown query parameter ${name}`);
        else {
            const validate = validator(`${key} ?${name}`, () => ({ type: 'object', properties: { value: schema } }), coercing);
            if (!validate({ value })) problems.push(`query parameter ${name}=${value}: ${complaints(validate.errors)}`);
        }
    }
    return problems;
}

function judgeBody(record, route, key) {
    if (!record.has_body) return [];
    if (!route.body) return ['a body where none belongs'];
    return against(`${key} body`, () => route.body, record.body, 'body');
}

function judgeAnswer(record, route, key) {
    const { status, response } = record;
    if (status >= 300 && status < 400) return response === null ? [] : [`a body with status ${status}`];
    if (status < 300)
        return response === null ? [] : against(`${key} answer`, () => route.answer, response, `answer ${status}`);
    if (response === null) return [];  // by a proxy, or without a word
    return against('refusal', () => ({
        type: 'object', required: ['message', 'url'],
        properties: { message: { type: 'string' }, url: { type: 'string' }, errors: {} }, additionalProperties: false,
    }), response, `answer ${status}`);
}

// https://github.com/go-gitea/gitea/blob/main/modules/structs/hook.go
const thread = ['action', 'number', 'commit_id', 'repository', 'sender'];
const payloads = {
    issues: [...thread, 'issue'],
    pull_request: [...thread, 'pull_request', 'requested_reviewer', 'review'],
    issue_comment: ['action', 'issue', 'comment', 'is_pull', 'repository', 'sender'],
    push: ['ref', 'before', 'after', 'compare_url', 'commits', 'total_commits', 'head_commit', 'repository', 'pusher', 'sender'],
    create: ['sha', 'ref', 'ref_type', 'repository', 'sender'],
    delete: ['ref', 'ref_type', 'pusher_type', 'repository', 'sender'],
    repository: ['action', 'repository', 'organization', 'sender'],
    status: ['commit', 'context', 'created_at', 'description', 'id', 'repository', 'sender', 'sha', 'state', 'target_url', 'updated_at'],
};
for (const kind of ['approved', 'rejected', 'comment']) payloads[`pull_request_${kind}`] = payloads.pull_request;
const objects = {
    issue: 'Issue', pull_request: 'PullRequest', comment: 'Comment', repository: 'Repository', sender: 'User', pusher: 'User',
    organization: 'User', head_commit: 'PayloadCommit', commit: 'PayloadCommit' };

function judgeWebhook({ event, payload, headers }) {
    const fields = payloads[event];
    if (!fields) return ['no such event'];
    const problems = [];
    for (const name of fields) if (!(name in payload)) problems.push(`${name} is missing`);
    for (const name of Object.keys(payload))
        if (!fields.includes(name) && name !== 'changes') problems.push(`${name} is unknown`);
    for (const [name, shape] of Object.entries(objects))
        if (payload[name]) problems.push(...against(`webhook ${shape}`, () => named(shape), payload[name], name));
    for (const commit of payload.commits ?? [])
        problems.push(...against('webhook PayloadCommit', () => named('PayloadCommit'), commit, 'commits'));
    if (headers['X-Gitea-Event'] !== event) problems.push('X-Gitea-Event is wrong');
    if (!/^[0-9a-f]{64}$/.test(headers['X-Gitea-Signature'] ?? '')) problems.push('X-Gitea-Signature is wrong');
    return problems;
}

const tally = new Tally();
const judge = (where, problems) => {
    if (problems.length === 0) tally.pass();
    for (const problem of problems) tally.fail(where, problem);
};
for (const record of readRecords(file, 'gitea-api', 'forgejo-api')) {
    // A test that is wrong on purpose says so; then only the answer is judged.
    const meant = !record.headers['x-practice-malformed'];
    const route = findRoute(record.method, record.path);
    if (!route) {
        const asked = !meant && record.status === 404;
        judge(`${record.method} ${record.path}`, asked ? [] : ['no such route in the description']);
        continue;
    }
    const key = `${record.method} ${route.pattern}`;
    judge(key, [...(meant ? [...judgeQuery(record, route, key), ...judgeBody(record, route, key)] : []),
        ...(record.fault ? [] : judgeAnswer(record, route, key))]);
}
for (const record of readRecords(file, 'gitea-webhook', 'forgejo-webhook'))
    judge(`${record.kind} ${record.event}${record.payload.action ? `.${record.payload.action}` : ''}`, judgeWebhook(record));
tally.finish('the record holds nothing of Gitea');
