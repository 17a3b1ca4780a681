/**
 * Compiles every JSON Schema of a folder, ajv in strict mode, and then validates the samples of another one:
 * `node schemas.mjs SCHEMAS [SAMPLES]`. Prints what is wrong; exit status 1 if anything is.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

const [schemas, samples] = process.argv.slice(2);
const ajv = new Ajv2020({ strict: true, strictTypes: true, strictTuples: true, strictRequired: true, allErrors: true });
formats.default(ajv);

const read = (folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => [name, JSON.parse(readFileSync(join(folder, name), "utf8"))]);
const wrong = (name, problem) => {
  console.log(`${name}: ${problem}`);
  process.exitCode = 1;
};

const byType = new Map();
let any;
for (const [name, schema] of read(schemas)) {
  try {
    const validate = ajv.compile(schema);
    for (const type of schema.properties?.type?.enum ?? []) {
      byType.set(type, validate);
    }
    any = name === "cloudEvent.json" ? validate : any;
  } catch (error) {
    wrong(name, error.message);
  }
}
for (const [name, event] of samples ? read(samples) : []) {
  for (const validate of [any, byType.get(event.type) ?? any]) {
    if (!validate(event)) {
      wrong(name, ajv.errorsText(validate.errors));
    }
  }
}
