/** Numbers and texts as people read them in a terminal. */

const PREFIXES = ["", "k", "M", "G", "T", "P"];

/** A number of units, with a prefix of the SI and two or three digits: "999 B", "1.2 kB", "340 Mbit/s". */
export function formatQuantity(value: number, unit: string): string {
  let power = 0;
  while (value >= 999.5 && power < PREFIXES.length - 1) {
    value /= 1000;
    power++;
  }
  const digits = power > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${PREFIXES[power]}${unit}`;
}

/** Seconds in their two largest units: "7 s", "3 min", "2 h 5 min", "12 d 3 h". */
export function formatTime(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24];
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${whole} s`;
}

/** Milliseconds: "0.04 ms", "1.5 ms", "37 ms". */
export function formatMilliseconds(time: number): string {
  return `${time.toFixed(time < 0.95 ? 2 : time < 9.95 ? 1 : 0)} ms`;
}

/** The most frequent first: "3 outbox_full, 1 no_route"; "-" if there are none. */
export function formatDrops(drops: Readonly<Record<string, number>>): string {
  const entries = Object.entries(drops).filter(([_, count]) => count > 0);
  const sorted = entries.toSorted(([_, a], [__, b]) => b - a);
  return sorted.map(([reason, count]) => `${count} ${reason}`).join(", ") || "-";
}

/** Characters that a terminal obeys (categories Cc and Cf), and line separators. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A text that a terminal shows and does nothing else about. */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, "?");
}

/** JSON whose strings have no character that a terminal obeys. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    // Line feeds are JSON's own indentation: those in strings have been escaped.
    /[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}]/gu,
    (text) =>
      Array.from(
        { length: text.length },
        (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`,
      ).join(""),
  );
}
