// Holds every recorded API request, and the practice forge's answer to it, against GitHub's OpenAPI description.
//
//   node validate.mjs RECORD.jsonl
//
// A request must name a known path and method, carry only known query parameters of the right type, and a body that
// fits the schema without a field the schema does not name (GitHub ignores those silently, which hides a typing error).
// An answer must fit the schema of its status. Answers made by a scripted fault are not judged, their requests are.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { complaints, readRecords, Tally } from './records.mjs';

const file = process.argv[2];
if (!file) {
    console.error('usage: node validate.mjs RECORD.jsonl');
    process.exit(2);
}
const description = JSON.parse(
    readFileSync(createRequire(import.meta.url).resolve('@octokit/openapi/generated/api.github.com.deref.json'), 'utf8'));

// OpenAPI 3.0 -> JSON Schema: `nullable` becomes a type, `enum` of a nullable lets null in.
function translate(schema, closed) {
    if (Array.isArray(schema)) return schema.map((one) => translate(one, closed));
    if (schema === null || typeof schema !== 'object') return schema;
    const result = {};
    for (const [key, value] of Object.entries(schema)) {
        if (['nullable', 'example', 'examples', 'description', 'title', 'default', 'discriminator', 'externalDocs', 'xml'].includes(key)) continue;
        if (key.startsWith('x-') || typeof value === 'function') continue;
        if (key === 'properties') {
            result.properties = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, translate(one, closed)]));
        } else if (['enum', 'required', 'const'].includes(key)) {
            result[key] = value;
        } else {
            result[key] = translate(value, closed);
        }
    }
    // Fields that no part of the schema names are errors in what we send.
    if (closed && schema.properties && schema.additionalProperties === undefined) result.unevaluatedProperties = false;
    if (closed && schema.additionalProperties === true && schema.properties) delete result.additionalProperties;
    if (schema.nullable) {
        if (result.enum) result.enum = [...new Set([...result.enum, null])];
        return { anyOf: [{ type: 'null' }, result] };
    }
    return result;
}

// A body schema whose alternatives share the outer properties must be closed at the outside only.
function closedBody(schema) {
    const inner = translate(schema, false);
    const open = (one) => one && typeof one === 'object' && one.properties;
    if (!open(inner)) return translate(schema, true);
    inner.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, translate(one, true)]));
    delete inner.additionalProperties;
    for (const kind of ['anyOf', 'oneOf', 'allOf']) {
        for (const one of inner[kind] ?? []) delete one.additionalProperties;
    }
    // What the outside does not name, an alternative must: unevaluatedProperties sees both.
    inner.unevaluatedProperties = false;
    return inner;
}

const { default: Ajv2019 } = await import('ajv/dist/2019.js');
function makeAjv(Kind, coerce) {
    const ajv = new Kind({ strict: false, allErrors: false, coerceTypes: coerce, logger: false });
    addFormats(ajv);
    for (const name of ['repo.nwo', 'ssh-key', 'timestamp', 'int64', 'int32']) ajv.addFormat(name, true);
    return ajv;
}
const forBodies = makeAjv(Ajv2019, false);
const forAnswers = makeAjv(Ajv, false);
const forQueries = makeAjv(Ajv, true);
const compiled = new Map();
function validator(ajv, key, make) {
    if (!compiled.has(key)) compiled.set(key, ajv.compile(make()));
    return compiled.get(key);
}

// Literal segments before parameters; a parameter that may hold slashes is GitHub's `x-multi-segment` or a ref.
const paths = Object.entries(description.paths).map(([pattern, operations]) => {
    const names = [...pattern.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const multi = (name) => ['ref', 'branch', 'path'].includes(name);
    const text = pattern.replace(/[.+*?^$()|[\]\\]/g, '\\$&').replace(/\{(\w+)\}/g, (_, name) => (multi(name) ? '(.+?)' : '([^/]+)'));
    return { pattern, operations, names, expression: new RegExp(`^${text}$`) };
}).sort((a, b) => a.names.length - b.names.length || b.pattern.length - a.pattern.length);

function findOperation(method, path) {
    for (const candidate of paths) {
        const match = candidate.expression.exec(path);
        const operation = match && candidate.operations[method.toLowerCase()];
        if (operation) return { ...candidate, operation, values: match.slice(1).map(decodeURIComponent) };
    }
    return null;
}

function judgeParameters(record, found) {
    const problems = [];
    const known = new Map(found.operation.parameters?.map((one) => [`${one.in}:${one.name}`, one]) ?? []);
    const check = (place, name, value) => {
        const parameter = known.get(`${place}:${name}`);
        if (!parameter) return problems.push(`unknown ${place} parameter ${name}`);
        const validate = validator(forQueries, `${found.pattern} ${record.method} ${place}:${name}`, () => ({
            type: 'object', properties: { value: translate(parameter.schema, false) } }));
        if (!validate({ value })) problems.push(`${place} parameter ${name}=${value}: ${complaints(validate.errors)}`);
    };
    found.names.forEach((name, i) => check('path', name, found.values[i]));
    for (const [name, value] of new URLSearchParams(record.query)) check('query', name, value);
    for (const one of known.values()) {
        if (one.in === 'query' && one.required && !new URLSearchParams(record.query).has(one.name)) problems.push(`${one.name} is missing`);
    }
    return problems;
}

function judgeBody(record, found) {
    const content = found.operation.requestBody?.content?.['application/json'];
    if (!content) return record.has_body && record.body !== null && Object.keys(record.body).length > 0 ? ['a body where none belongs'] : [];
    if (!record.has_body) return found.operation.requestBody.required ? ['the body is missing'] : [];
    if (record.body === null) return ['the body is no JSON'];
    const validate = validator(forBodies, `${found.pattern} ${record.method} body`, () => closedBody(content.schema));
    return validate(record.body) ? [] : [`body: ${complaints(validate.errors)}`];
}

function judgeAnswer(record, found) {
    const { status } = record;
    if (status === 304 || status === 0) return [];
    const response = found.operation.responses[String(status)];
    const schema = response?.content?.['application/json']?.schema ??
        // Every call may be refused so, whether its page lists it or not.
        // A renamed repository sends on: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
        ([400, 401, 403, 404, 410, 422, 429, ...(response ? [] : [301, 307])].includes(status)
            ? { type: 'object', required: ['message', 'documentation_url'], properties: { message: { type: 'string' } } } : null);
    if (!response && !schema) return [`status ${status} is not described`];
    if (!schema) return record.response === null ? [] : [`a body with status ${status}`];
    const validate = validator(forAnswers, `${found.pattern} ${record.method} ${status}`, () => translate(schema, false));
    return validate(record.response) ? [] : [`answer ${status}: ${complaints(validate.errors)}`];
}

const tally = new Tally();
for (const record of readRecords(file, 'api')) {
    const where = `${record.method} ${record.path}${record.query ? `?${record.query}` : ''}`;
    // Where a renamed repository redirects to; the description knows it by name only.
    const found = findOperation(record.method, record.path.replace(/^\/repositories\/\d+(?=\/|$)/, '/repos/owner/name'));
    if (!found) {
        tally.fail(where, 'no such path and method in the description');
        continue;
    }
    // A test that is wrong on purpose says so; then only the answer is judged.
    const problems = record.headers['x-practice-malformed'] ? [] : [...judgeParameters(record, found), ...judgeBody(record, found)];
    if (!record.headers['user-agent']) problems.push('no User-Agent');
    if (!record.fault) problems.push(...judgeAnswer(record, found));
    if (problems.length === 0) tally.pass();
    for (const problem of problems) tally.fail(`${record.method} ${found.pattern}`, problem);
}
tally.finish('the record holds no API request');
