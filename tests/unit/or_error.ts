/** The value that a parser gives, or undefined if it throws a SyntaxError; what else it throws is thrown. */
export function orSyntaxError<T>(parse: () => T): T | undefined {
  return orError(SyntaxError, parse);
}

/** The value that `call` gives, or undefined if it throws such an error; what else it throws is thrown. */
export function orError<T>(
  errorClass: new (message: string) => Error,
  call: () => T,
): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof errorClass) return undefined;
    throw error;
  }
}
