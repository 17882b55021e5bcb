// The practice forge's record: one JSON object a line, `kind` says what it is.
import { readFileSync } from 'node:fs';

export function readRecords(file, kind) {
    const lines = readFileSync(file, 'utf8').split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line)).filter((record) => record.kind === kind);
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
