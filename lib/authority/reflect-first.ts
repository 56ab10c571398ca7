// What the library's dependency injection asks for while it loads. A module of its own: in an executable Bun loads a package of the old
// kind (CommonJS), whose line stands first, after those of the new kind that stand beside it (1.4.5).

import "reflect-metadata";
