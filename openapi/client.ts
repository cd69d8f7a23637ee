// What a TypeScript front end starts from; it is compiled, never run.
import createClient from "openapi-fetch";

import type { components, operations, paths } from "./generated/portal";

export type Schemas = components["schemas"];
export type Operations = operations;

export const portal = createClient<paths>({ baseUrl: "https://api.example" });
