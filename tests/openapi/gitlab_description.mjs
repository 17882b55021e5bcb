// GitLab's description of its API (Swagger 2.0), and the shapes that its published webhook payloads have. Both are data
// that is not part of this project: the folder is named by the environment.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const plainTypes = ['integer', 'number', 'boolean'];

// What an answer may be, as the description says it. Fields that it calls strings without more are of a type that nobody
// wrote down, lists of objects are often named as one, and what is not there is null.
function answerSchema(schema) {
    if (!schema) return {};
    if (schema.$ref) {
        const one = { $ref: schema.$ref.replace('#/definitions/', '#/$defs/') };
        return { anyOf: [{ type: 'null' }, one, { type: 'array', items: one }] };
    }
    if (schema.type === 'array') return { type: ['array', 'null'], items: answerSchema(schema.items) };
    if (plainTypes.includes(schema.type)) return { type: [schema.type, 'null'] };
    if (schema.format === 'date-time')
        return { type: ['string', 'null'], pattern: '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]\\d{2}:\\d{2}))?$' };
    if (schema.enum) return { enum: [...schema.enum, null] };
    return {};
}

// What a request may say: where the description wants a list of words, GitLab takes words with commas between as well.
// https://docs.gitlab.com/api/issues/#edit-an-issue
function requestSchema(schema) {
    if (schema.type === 'array')
        return { anyOf: [{ type: 'array', items: requestSchema(schema.items ?? {}) }, { type: 'string' }] };
    if (schema.properties) return objectSchema(schema);
    const result = {};
    for (const key of ['type', 'enum']) if (schema[key]) result[key] = schema[key];
    return result;
}

function objectSchema(schema) {
    return {
        type: 'object', additionalProperties: false, required: schema.required ?? [],
        properties: Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, requestSchema(one)])) };
}

// Where the description names another object than is answered: who signed in is shown projects with their access.
// https://docs.gitlab.com/api/projects/#list-all-projects
const answered = { 'GET /projects': { $ref: '#/definitions/API_Entities_ProjectWithAccess' } };

export class Description {
    routes = [];

    constructor(folder) {
        const document = parse(readFileSync(join(folder, 'gitlab-openapi-v2.yaml'), 'utf8'), { maxAliasCount: -1 });
        const definitions = document.definitions ?? {};
        this.answers = Object.fromEntries(Object.entries(definitions).map(([name, one]) => [name, one.properties ? {
            type: 'object', additionalProperties: false,
            properties: Object.fromEntries(Object.entries(one.properties).map(([field, inner]) => [field, answerSchema(inner)])) } : {}]));
        for (const [path, methods] of Object.entries(document.paths)) {
            const pattern = path.replace(/^\/api\/v4/, '');
            for (const [method, said] of Object.entries(methods)) {
                if (!said.responses) continue;
                const parameters = said.parameters ?? [];
                const body = parameters.find((one) => one.in === 'body')?.schema;
                const answer = Object.entries(said.responses).find(([status]) => status.startsWith('2'))?.[1];
                this.routes.push({
                    method: method.toUpperCase(), pattern,
                    expression: new RegExp(`^${pattern.replaceAll('.', '\\.').replace(/\{\w+\}/g, '([^/]+)').replace(/\*\w+/g, '(.+)')}$`),
                    query: Object.fromEntries(parameters.filter((one) => one.in === 'query')
                        .map((one) => [one.name.replace(/\[\]$/, ''), requestSchema(one)])),
                    body: body && requestSchema(body.$ref ? definitions[body.$ref.replace('#/definitions/', '')] : body),
                    answer: { ...answerSchema(answered[`${method.toUpperCase()} ${pattern}`] ?? answer?.schema), $defs: this.answers } });
            }
        }
        this.routes.sort((a, b) => a.pattern.split('{').length - b.pattern.split('{').length);
    }

    find(method, path) {
        return this.routes.find((one) => one.method === method && one.expression.test(path));
    }
}

// A shape is what several examples of one thing have in common: the types of a value, and of an object which fields it may
// have and which all of them have.
class Shape {
    types = new Set();
    fields = new Map();
    common = null;
    items = null;

    field(name) {
        return this.fields.get(name) ?? this.fields.set(name, new Shape()).get(name);
    }

    learn(value) {
        const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
        this.types.add(type);
        if (type === 'array') {
            for (const one of value) (this.items ??= new Shape()).learn(one);
        } else if (type === 'object') {
            const names = Object.keys(value);
            this.common = this.common ? this.common.filter((name) => names.includes(name)) : names;
            for (const name of names) this.field(name).learn(value[name]);
        }
    }

    // What is wrong with a value. `later`: fields that came after the examples, by their whole names; `rare`: those that all
    // examples happen to have.
    judge(value, where, later, rare) {
        if (value === null) return [];
        const type = Array.isArray(value) ? 'array' : typeof value;
        const known = [...this.types].filter((one) => one !== 'null');
        if (known.length === 0) return [];  // only ever seen as null
        if (!known.includes(type)) return [`${where} is of type ${type}, not ${known.join(' or ')}`];
        if (type === 'array') return this.items ? value.flatMap((one) => this.items.judge(one, `${where}[]`, later, rare)) : [];
        if (type !== 'object') return [];
        const problems = this.common.map((name) => [name, `${where}.${name}`])
            .filter(([name, path]) => !(name in value) && !rare.includes(path)).map(([, path]) => `${path} is missing`);
        for (const [name, inner] of Object.entries(value)) {
            const path = `${where}.${name}`;
            if (later.some((one) => path === one || path.startsWith(`${one}.`) || path.startsWith(`${one}[`))) continue;
            if (!this.fields.has(name)) problems.push(`${path} is unknown`);
            else problems.push(...this.fields.get(name).judge(inner, path, later, rare));
        }
        return problems;
    }
}

// Notes differ by what they are on.
export const kindOf = (payload) => [payload.object_kind, payload.object_attributes?.noteable_type].filter(Boolean).join(' ');

// A note tells what it is on as that is told by itself, but for what was done to it.
// https://gitlab.com/gitlab-org/gitlab/-/blob/master/lib/gitlab/data_builder/note.rb
const alsoIn = { issue: ['note Issue', 'issue'], merge_request: ['note MergeRequest', 'merge_request'] };

export function shapesOf(folder) {
    const shapes = new Map();
    const shape = (kind) => shapes.get(kind) ?? shapes.set(kind, new Shape()).get(kind);
    for (const name of readdirSync(join(folder, 'gitlab-webhooks')).sort()) {
        const payload = JSON.parse(readFileSync(join(folder, 'gitlab-webhooks', name), 'utf8'));
        shape(kindOf(payload)).learn(payload);
        const [note, field] = alsoIn[payload.object_kind] ?? [];
        if (!note) continue;
        const { action, oldrev, ...attributes } = payload.object_attributes;
        shape(note).field(field).learn(attributes);
    }
    return shapes;
}
