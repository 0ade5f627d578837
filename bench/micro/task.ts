/** What a micro-benchmark is: a piece of work that does many operations, as a timer cannot see a single one. */
export interface MicroTask {
  readonly name: string;
  /** Operations that one call of `run` does. */
  readonly operations: number;
  run(): void;
}

/** Operations of one call where nothing else suggests itself. */
export const OPERATIONS = 1000;
