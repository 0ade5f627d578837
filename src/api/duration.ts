/** Durations in a query string, `30s`, `500ms` or a number of seconds: their schema, and what they come to. */
import { Type } from 'typebox';

const PATTERN = '^\\d{1,6}(ms|s)?$';

/** The schema of a duration. */
export function Duration(description: string) {
  return Type.String({ pattern: PATTERN, description: `${description}: 30s, 500ms, or seconds.` });
}

/** Milliseconds of a duration that its schema has let through. */
export function durationMs(text: string): number {
  return Number.parseInt(text, 10) * (text.endsWith('ms') ? 1 : 1000);
}
