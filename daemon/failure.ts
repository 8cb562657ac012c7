/**
 * Something that the person has to know and can do something about: one sentence that says what
 * could not be done, why, and what to do next. The program ends with status 1.
 */
export class Failure extends Error {
  override readonly name = "Failure";
}
