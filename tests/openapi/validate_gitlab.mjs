// Holds every recorded request of the bot in GitLab's dialect, the practice forge's answer to it and every webhook against
// GitLab's description and its published payloads.
//
//   SHOPFLOOR_GITLAB_SPECS=FOLDER node validate_gitlab.mjs RECORD.jsonl
//
// A request must name a known route, carry only known query parameters of the right type, and a body without a field that
// the description does not name. An answer must have the shape that it says, without a field of its own; a webhook the
// shape that the examples of its kind have in common. Answers made by a scripted fault are not judged, their requests are.
// What the description lacks is said by name. Without the folder nothing is judged, and that is said, too.
import Ajv from 'ajv/dist/2020.js';
import { complaints, readRecords, Tally } from './records.mjs';
import { Description, kindOf, shapesOf } from './gitlab_description.mjs';

const file = process.argv[2];
if (!file) {
    console.error('usage: node validate_gitlab.mjs RECORD.jsonl');
    process.exit(2);
}
const folder = process.env.SHOPFLOOR_GITLAB_SPECS;
if (!folder) {
    console.log('SKIPPED: SHOPFLOOR_GITLAB_SPECS names no folder, so nothing of GitLab is held against its description');
    process.exit(0);
}
const description = new Description(folder);
const shapes = shapesOf(folder);

const ajv = new Ajv({ strict: false, logger: false });
const coercing = new Ajv({ strict: false, logger: false, coerceTypes: true });
const compiled = new Map();
function against(key, schema, value, where, kind = ajv) {
    if (!compiled.has(key)) compiled.set(key, kind.compile(schema()));
    const validate = compiled.get(key);
    return validate(value) ? [] : [`${where}: ${complaints(validate.errors)}`];
}

// Every list takes them, whether its page lists them or not: https://docs.gitlab.com/api/rest/#pagination
const paging = {
    page: { type: 'integer' }, per_page: { type: 'integer' }, pagination: { enum: ['keyset'] },
    order_by: { type: 'string' }, sort: { enum: ['asc', 'desc'] } };

// Routes that GitLab has and its description has not, and where they are told of.
const undescribed = [
    ['notes', /^\/projects\/[^/]+\/(issues|merge_requests)\/\d+\/notes(\/\d+)?$/, 'https://docs.gitlab.com/api/notes/'],
    ['discussions', /^\/projects\/[^/]+\/(issues|merge_requests)\/\d+\/discussions(\/\w+(\/notes)?)?$/, 'https://docs.gitlab.com/api/discussions/'],
    ['labels', /^\/projects\/[^/]+\/labels(\/[^/]+)?$/, 'https://docs.gitlab.com/api/labels/'],
    ['label events', /^\/projects\/[^/]+\/(issues|merge_requests)\/\d+\/resource_label_events$/, 'https://docs.gitlab.com/api/resource_label_events/'],
    ['users', /^\/users?(\/\d+)?$/, 'https://docs.gitlab.com/api/users/'],
];
const met = new Map();

function judgeQuery(record, route, key) {
    const known = { ...(record.method === 'GET' ? paging : {}), ...route.query };
    const problems = [];
    for (const [written, value] of new URLSearchParams(record.query)) {
        const name = written.replace(/\[\]$/, '');
        // Grape takes parameters from the query as well as from the body.
        const schema = known[name] ?? route.body?.properties?.[name];
        if (!schema) problems.push(`unknown query parameter ${written}`);
        else
            problems.push(...against(`${key} ?${name}`, () => ({ type: 'object', properties: { value: schema } }), { value },
                `query parameter ${written}=${value}`, coercing));
    }
    return problems;
}

function judgeBody(record, route, key) {
    if (!record.has_body) return [];
    if (!route.body) return ['a body where none belongs'];
    return against(`${key} body`, () => route.body, record.body, 'body');
}

// In plain words by what stands before the application, or {message}, or {error} of what reads the parameters.
const refusal = {
    type: 'object', minProperties: 1, additionalProperties: false,
    properties: {
        message: { type: ['string', 'array', 'object'] }, error: { type: ['string', 'array'] }, error_description: { type: 'string' } } };

// A list, says the page, and shows one: https://docs.gitlab.com/api/events/#list-all-visible-events-for-a-project
const listed = ['GET /projects/{id}/events'];

function judgeAnswer(record, route, key) {
    const { status, response } = record;
    if (response === null) return [];
    if (status >= 300) return against('refusal', () => refusal, response, `answer ${status}`);
    if (listed.includes(key) && Array.isArray(response))
        return response.flatMap((one) => against(`${key} answer`, () => route.answer, one, `answer ${status}`));
    return against(`${key} answer`, () => route.answer, response, `answer ${status}`);
}

const tally = new Tally();
const judge = (where, problems) => {
    if (problems.length === 0) tally.pass();
    for (const problem of problems) tally.fail(where, problem);
};

for (const record of readRecords(file, 'gitlab-api')) {
    // A test that is wrong on purpose says so; then only the answer is judged.
    const meant = !record.headers['x-practice-malformed'];
    const route = description.find(record.method, record.path);
    if (!route) {
        const known = undescribed.find(([, expression]) => expression.test(record.path));
        if (known) met.set(known[0], (met.get(known[0]) ?? 0) + 1);
        const answered = record.response === null || record.status < 300 || record.fault ? [] :
            against('refusal', () => refusal, record.response, `answer ${record.status}`);
        const asked = known || (!meant && record.status === 404);
        judge(`${record.method} ${record.path}`, asked ? answered : ['no such route in the description']);
        continue;
    }
    const key = `${record.method} ${route.pattern}`;
    judge(key, [...(meant ? [...judgeQuery(record, route, key), ...judgeBody(record, route, key)] : []),
        ...(record.fault ? [] : judgeAnswer(record, route, key))]);
}

// Fields that came after the examples were written down, and one that only pipelines started by others have.
// https://docs.gitlab.com/user/project/integrations/webhook_events/
const position = ['position', 'original_position', 'change_position'].map((name) => `payload.object_attributes.${name}.line_range`);
const later = {
    issue: ['payload.object_attributes.type', 'payload.changes.discussion_locked'],
    'note Issue': ['payload.object_attributes.internal', 'payload.issue.type'],
    'note MergeRequest': ['payload.object_attributes.internal', 'payload.object_attributes.description', ...position],
    merge_request: ['payload.reviewers', 'payload.changes.reviewers', 'payload.changes.description'],
    pipeline: ['payload.commit.title', 'payload.project.ci_config_path'],
    push: ['payload.push_options', 'payload.ref_protected'],
};
const rare = ['payload.source_pipeline'];
const events = {
    issue: 'Issue Hook', note: 'Note Hook', merge_request: 'Merge Request Hook', pipeline: 'Pipeline Hook', push: 'Push Hook' };

function judgeWebhook({ headers, payload }) {
    const shape = shapes.get(kindOf(payload));
    if (!shape) return ['there is no example of its kind'];
    const problems = shape.judge(payload, 'payload', later[kindOf(payload)] ?? [], rare);
    const event = payload.event_type === 'confidential_note' ? 'Confidential Note Hook' : events[payload.object_kind];
    if (headers['X-Gitlab-Event'] !== event) problems.push('X-Gitlab-Event is wrong');
    for (const name of ['Idempotency-Key', 'X-Gitlab-Event-UUID', 'X-Gitlab-Webhook-UUID'])
        if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(headers[name] ?? '')) problems.push(`${name} is wrong`);
    return problems;
}

for (const record of readRecords(file, 'gitlab-webhook')) {
    if (record.event === 'System Hook') {
        met.set('system hooks', (met.get('system hooks') ?? 0) + 1);
        continue;
    }
    const attributes = record.payload.object_attributes ?? {};
    judge(`${kindOf(record.payload)} ${attributes.action ?? attributes.status ?? ''}`.trim(), judgeWebhook(record));
}

const sources = new Map(undescribed.map(([name, , source]) => [name, source]));
sources.set('system hooks', 'https://docs.gitlab.com/administration/system_hooks/');
for (const [name, times] of met) console.log(`not described, so only told here: ${name}, ${times} times (${sources.get(name)})`);
tally.finish('the record holds nothing of GitLab');
