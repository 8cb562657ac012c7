/** An event, and when it was told. */
export type Told<Event> = Event & { time: number };

/** The events of one type, in order. */
export function toldOf<Event extends { type: string }, Type extends Event["type"]>(
  events: readonly Told<Event>[],
  type: Type,
): Told<Event & { type: Type }>[] {
  return events.filter((event) => event.type === type) as Told<Event & { type: Type }>[];
}
