// Gitea's description of its API, as the declarations of the npm package `gitea-js` have it, which is generated from
// Gitea's own: every route with its parameters, its body and its answer, and the shape of every object.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import ts from 'typescript';

const file = createRequire(import.meta.url).resolve('gitea-js').replace(/\.m?js$/, '.d.ts');
const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);

// What the declarations do not say: https://github.com/go-gitea/gitea/tree/main/modules/structs
const unsaid = { User: ['username'] };

const shapes = new Map();
const aliases = new Map();
for (const statement of source.statements) {
    if (ts.isInterfaceDeclaration(statement)) shapes.set(statement.name.text, statement);
    if (ts.isTypeAliasDeclaration(statement)) aliases.set(statement.name.text, statement.type);
}

const nameOf = (member) => (ts.isStringLiteral(member.name) ? member.name.text : member.name.getText(source));

// `answer`: Go writes every field, and null for what is not there; a request has what it has.
function objectSchema(members, answer, more = []) {
    const properties = Object.fromEntries(more.map((name) => [name, {}]));
    const required = [];
    for (const member of members) {
        if (!ts.isPropertySignature(member)) continue;
        const inner = schemaOf(member.type, answer);
        properties[nameOf(member)] = answer ? { anyOf: [{ type: 'null' }, inner] } : inner;
        if (!answer && !member.questionToken) required.push(nameOf(member));
    }
    return { type: 'object', properties, required, additionalProperties: false };
}

function schemaOf(type, answer) {
    switch (type.kind) {
        case ts.SyntaxKind.StringKeyword: return { type: 'string' };
        case ts.SyntaxKind.NumberKeyword: return { type: 'number' };
        case ts.SyntaxKind.BooleanKeyword: return { type: 'boolean' };
        case ts.SyntaxKind.ArrayType: return { type: 'array', items: schemaOf(type.elementType, answer) };
        case ts.SyntaxKind.UnionType: return { anyOf: type.types.map((one) => schemaOf(one, answer)) };
        case ts.SyntaxKind.LiteralType: return { const: type.literal.text };
        case ts.SyntaxKind.TypeLiteral: return objectSchema(type.members, answer);
        case ts.SyntaxKind.TypeReference: {
            const name = type.typeName.getText(source);
            if (shapes.has(name)) return { $ref: `#/$defs/${name}` };
            if (aliases.has(name)) return schemaOf(aliases.get(name), answer);
            return {};
        }
        default: return {};  // any, void
    }
}

function definitions(answer) {
    return Object.fromEntries([...shapes].map(([name, shape]) =>
        [name, objectSchema(shape.members, answer, unsaid[name])]));
}
const definitionsOf = { request: definitions(false), answer: definitions(true) };

const whole = (schema, role) => ({ ...schema, $defs: definitionsOf[role] });

/// An object of an answer or a webhook by its name.
export const named = (name) => whole({ $ref: `#/$defs/${name}` }, 'answer');

// A route stands in the comment over its function: `@request POST:/repos/{owner}/{repo}/issues`.
const routes = [];
function visit(node) {
    if (ts.isPropertyAssignment(node) || ts.isPropertySignature(node)) {
        const tag = ts.getJSDocTags(node).find((one) => one.tagName.text === 'request');
        if (tag && ts.isFunctionTypeNode(node.type)) {
            const [, method, pattern] = /^(\w+):(\S+)/.exec(tag.comment);
            const parameter = (name) => node.type.parameters.find((one) => one.name.getText(source) === name)?.type;
            // The body is what is no part of the path: mostly named so, but for reactions.
            const body = node.type.parameters.find((one) =>
                !['query', 'data', 'params'].includes(one.name.getText(source)) && !pattern.includes(`{${one.name.getText(source)}}`));
            const answered = node.type.type.typeArguments[0].typeArguments[0];
            const query = parameter('query');
            routes.push({
                method, pattern,
                // Names of branches hold slashes.
                expression: new RegExp(`^${pattern.replaceAll('.', '\\.').replace(/\{(branch|head)\}$/, '(.+)').replace(/\{\w+\}/g, '([^/]+)')}$`),
                query: Object.fromEntries((query?.members ?? []).map((one) => [nameOf(one), schemaOf(one.type, false)])),
                body: body && whole(schemaOf(body.type, false), 'request'),
                answer: whole(schemaOf(answered, true), 'answer') });
        }
    }
    ts.forEachChild(node, visit);
}
visit(source);
if (routes.length < 300) throw new Error(`the declarations of gitea-js have only ${routes.length} routes`);
routes.sort((a, b) => a.pattern.split('{').length - b.pattern.split('{').length || b.pattern.length - a.pattern.length);

export const findRoute = (method, path) => routes.find((one) => one.method === method && one.expression.test(path));
