/** The form of every HTTP error, RFC 9457 "Problem Details for HTTP APIs". */
import { STATUS_CODES } from 'node:http';
import { Type, type Static } from 'typebox';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** The body of an error. `title` is the status in words, `detail` what went wrong this time. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'Always about:blank: the status says what kind of problem it is.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'One sentence for people.' }),
    code: Type.Optional(Type.String({ description: 'A stable word for programs.' })),
  },
  { description: 'What went wrong.' },
);
export type Problem = Static<typeof Problem>;

/** A problem with the usual title of its status. */
export function problem(status: number, detail: string, code?: string): Problem {
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
  return code === undefined ? body : { ...body, code };
}
