import type { Milliseconds } from '../core/duration.ts'

/** Longest that one call to Azure may take, where nothing else is said. */
export const CALL_MILLISECONDS: Milliseconds = 20_000
