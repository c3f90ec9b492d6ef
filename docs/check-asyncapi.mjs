// Holds asyncapi.json to the AsyncAPI 3.0 specification. By hand, in a folder of its own:
//   npm install @asyncapi/parser && node PATH/TO/docs/check-asyncapi.mjs PATH/TO/docs/asyncapi.json
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const { Parser, fromFile } = require("@asyncapi/parser");
const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
for (const { severity, code, message, path } of diagnostics) {
  console.log(severity === 0 ? "error" : "note", code, message, path.join("."));
}
console.log(document ? `${document.operations().all().length} operations` : "not valid");
process.exit(document ? 0 : 1);
