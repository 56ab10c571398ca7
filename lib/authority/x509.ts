// The library that writes X.509, loaded after what its dependency injection asks for while it loads. By `require`, which does one after
// the other: of two `import`s Bun 1.4.5 runs the second first, always in an executable and now and then from source.

import type * as X509 from "@peculiar/x509";

require("reflect-metadata");
export const x509: typeof X509 = require("@peculiar/x509");
