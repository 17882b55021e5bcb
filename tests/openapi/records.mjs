// The practice forge's record: one JSON object a line, `kind` says what it is.
import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

// A whole run's record is larger than what a string holds.
function* linesOf(file) {
    const descriptor = openSync(file);
    try {
        const decoder = new StringDecoder('utf8');
        const chunk = Buffer.alloc(1 << 22);
        let rest = '';
        for (let size = 0; (size = readSync(descriptor, chunk)) > 0;) {
            const lines = (rest + decoder.write(chunk.subarray(0, size))).split('\n');
            rest = lines.pop();
            yield* lines;
        }
        if (rest !== '') yield rest;
    } finally {
        closeSync(descriptor);
    }
}

export function* readRecords(file, ...kinds) {
    const marks = kinds.map((kind) => `"kind":"${kind}"`);
    for (const line of linesOf(file)) {
        if (!marks.some((mark) => line.includes(mark))) continue;  // another validator's: not parsed for nothing
        const record = JSON.parse(line);
        if (kinds.includes(record.kind)) yield record;
    }
}

// Failures are printed once, however often they happen. A run with nothing to judge has failed.
export class Tally {
    passed = 0;
    failed = 0;
    seen = new Map();

    pass() {
        this.passed += 1;
    }

    fail(where, what) {
        this.failed += 1;
        const line = `FAIL ${where}: ${what}`;
        this.seen.set(line, (this.seen.get(line) ?? 0) + 1);
    }

    finish(nothing) {
        for (const [line, times] of this.seen) console.log(times > 1 ? `${line} (${times} times)` : line);
        if (this.passed + this.failed === 0) {
            console.log(`FAIL ${nothing}`);
            this.failed = 1;
        }
        console.log(`${this.passed} passed, ${this.failed} failed`);
        process.exitCode = this.failed === 0 ? 0 : 1;
    }
}

// The first few words of what a schema has against a value.
export function complaints(errors) {
    return errors
        .slice(0, 4)
        .map((error) => `${error.instancePath || '/'} ${error.message} ${JSON.stringify(error.params)}`)
        .join('; ');
}
