// The one door to arktype. Interpreted, not compiled at run time: a config is checked once, and compiling its schema
// would cost every daemon 12 MB and 80 ms more (measured, docs/architecture.md).

import { configure } from "arktype/config";

configure({ jitless: true });

export { type } from "arktype";
