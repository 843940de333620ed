// Validates an AsyncAPI document with AsyncAPI's own parser.
// usage: node validate.mjs FILE     $FOYER_MODULES: the folder with node_modules (scripts/setup test fills it)
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const { Parser } = createRequire(process.env.FOYER_MODULES)("@asyncapi/parser");
const file = process.argv[2];
const { document, diagnostics } = await new Parser().parse(await readFile(file, "utf8"), { source: file });
const faults = diagnostics.filter((one) => one.severity === 0); // 0: error; the rest is advice
for (const one of faults) {
  console.error(`${file}:${one.range.start.line + 1}: ${one.path.join(".")}: ${one.message}`);
}
if (!document || faults.length > 0) process.exit(1);
console.log(`${file}: AsyncAPI ${document.version()}, ${document.channels().length} channels, no fault`);
