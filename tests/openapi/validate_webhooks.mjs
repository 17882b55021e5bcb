// Holds every recorded webhook against the schemas of @octokit/webhooks-schemas, and the fields that it leaves optional
// against those that the published examples of the same event and action have.
//
//   node validate_webhooks.mjs RECORD.jsonl
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { complaints, readRecords, Tally } from './records.mjs';

const file = process.argv[2];
if (!file) {
    console.error('usage: node validate_webhooks.mjs RECORD.jsonl');
    process.exit(2);
}
const resolve = createRequire(import.meta.url).resolve;
const schema = JSON.parse(readFileSync(resolve('@octokit/webhooks-schemas/schema.json'), 'utf8'));
const examples = JSON.parse(readFileSync(resolve('@octokit/webhooks-examples/api.github.com/index.json'), 'utf8'));

const ajv = new Ajv({ strict: false, allErrors: false, logger: false });
addFormats(ajv);
ajv.addKeyword('tsAdditionalProperties');
ajv.addSchema(schema, 'webhooks');
const definition = (event, action) => {
    const name = action ? `${event}$${action}` : `${event}$event`;
    if (!schema.definitions[name]) return null;
    return ajv.getSchema(`webhooks#/definitions/${name}`) ?? ajv.compile({ $ref: `webhooks#/definitions/${name.replace('$', '%24')}` });
};

function missingFields(event, payload) {
    const same = examples.find((one) => one.name === event)?.examples.filter((one) => one.action === payload.action) ?? [];
    if (same.length === 0) return [];
    const common = Object.keys(same[0]).filter((key) => same.every((one) => key in one) && key !== 'organization');
    return common.filter((key) => !(key in payload));
}

const tally = new Tally();
for (const record of readRecords(file, 'webhook')) {
    const { event, payload, headers } = record;
    const where = `${event}${payload.action ? `.${payload.action}` : ''}`;
    const problems = [];
    const validate = definition(event, payload.action);
    if (!validate) problems.push('no such event in the schemas');
    else if (!validate(payload)) problems.push(complaints(validate.errors));
    for (const key of missingFields(event, payload)) if (event !== 'ping') problems.push(`${key} is missing`);
    if (headers['X-GitHub-Event'] !== event) problems.push('X-GitHub-Event is wrong');
    if (!/^sha256=[0-9a-f]{64}$/.test(headers['X-Hub-Signature-256'] ?? '')) problems.push('X-Hub-Signature-256 is wrong');
    if (problems.length === 0) tally.pass();
    for (const problem of problems) tally.fail(where, problem);
}
tally.finish('the record holds no webhook');
