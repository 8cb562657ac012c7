/**
 * Lays out a Markdown table that reads well as plain text too.
 *
 * @param textColumns how many columns, from the left, hold words; the others hold numbers, which are
 *   aligned to the right
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns: number,
): string {
  const widths = header.map((_, column) => {
    return Math.max(3, ...[header, ...rows].map((row) => row[column]!.length));
  });
  const line = (row: readonly string[]): string => {
    const cells = row.map((cell, column) => {
      return column < textColumns ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
    });
    return `| ${cells.join(" | ")} |`;
  };
  const rule = widths.map((width, column) => {
    return column < textColumns ? "-".repeat(width) : `${"-".repeat(width - 1)}:`;
  });
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}
