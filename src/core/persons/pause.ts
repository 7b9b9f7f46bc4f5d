import type { Instant, JsonObject } from '../model.ts'

/** A person's hold on everything automatic. */
export interface Pause {
  readonly by: string
  readonly why: string
  readonly since: Instant
  /** It ends by itself then; `undefined` where only a person ends it. */
  readonly until: Instant | undefined
}

/** What the journal has of pauses: `pause/begun` `{ by, why, since, until }`, `pause/ended` `{ by }`. */
export interface PauseRecord {
  readonly type: string
  readonly body: JsonObject
}

/** The pause that is in force, if one is. The last word counts. */
export function pauseAt(records: Iterable<PauseRecord>, now: Instant): Pause | undefined {
  let last: Pause | undefined
  for (const { type, body } of records) {
    if (type === 'pause/begun') last = asPause(body)
    if (type === 'pause/ended') last = undefined
  }
  return last === undefined || (last.until !== undefined && now >= last.until) ? undefined : last
}

function asPause({ by, why, since, until }: JsonObject): Pause {
  return {
    by: String(by ?? 'somebody'),
    why: String(why ?? ''),
    since: Number(since ?? 0),
    until: typeof until === 'number' ? until : undefined,
  }
}
