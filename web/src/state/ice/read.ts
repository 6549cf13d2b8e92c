/** A text among the facts; an empty one is none. */
export function text(facts: Record<string, unknown>, name: string): string | undefined {
  const value = facts[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A number among the facts. */
export function number(facts: Record<string, unknown>, name: string): number | undefined {
  const value = facts[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The objects of a list; nothing where it is none. */
export function records(list: unknown): Record<string, unknown>[] {
  return Array.isArray(list) ? list.filter((one) => typeof one === 'object' && one !== null) : [];
}
