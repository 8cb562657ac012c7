import project from "../deno.json" with { type: "json" };

/** Of both programs. */
export const VERSION: string = project.version;
