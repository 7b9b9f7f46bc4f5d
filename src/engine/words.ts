import { type Milliseconds, roughly } from '../core/duration.ts'
import { Fault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import { approve } from '../core/persons/approval.ts'
import type { NewRecord, Word } from '../store/store.ts'
import { approvalNow } from './deciding/proposing.ts'
import type { Parts } from './parts.ts'
import { pauseNow } from './pause.ts'
import { rolesOf } from './roles.ts'
import type { Tenure } from './tenure.ts'
import { underWay } from './under-way.ts'

export type { Word }

/** Run under which the journal keeps what persons said. */
export const WORDS = 'words'

/** What a word comes to: what is written because of it, or why it is refused. */
export type Taken = { readonly records: readonly NewRecord[] } | { readonly refused: string }

/** The words that any holder of the lease can take up, whatever else it does. */
const TAKERS: Readonly<Record<string, (parts: Parts, word: Word) => Promise<Taken>>> = {
  pause: async ({ now }, { by, body }) => {
    const since = now()
    const { why = '', milliseconds } = body
    const until = typeof milliseconds === 'number' ? { until: since + milliseconds } : {}
    return { records: [{ run: WORDS, type: 'pause/begun', body: { by, why, since, ...until } }] }
  },
  resume: async (parts, { by }) => {
    if ((await pauseNow(parts)) === undefined) return { refused: 'It is not paused' }
    return { records: [{ run: WORDS, type: 'pause/ended', body: { by } }] }
  },
  approve: async (parts, { by, body }) => {
    const { epoch } = await rolesOf(parts)
    const wall = parts.now()
    const answer = approve(await approvalNow(parts), String(body['code'] ?? ''), { wall, epoch })
    if ('refused' in answer) return answer
    return { records: [{ run: WORDS, type: 'approval/given', body: { ...answer, by, at: wall } }] }
  },
  'turn-back': async (parts, { by }) => {
    const running = await underWay(parts)
    if (running === undefined || running.move !== 'switchover') return { refused: 'No switchover is under way' }
    const { id, committed } = running
    if (committed) return { refused: `Switchover ${id} has begun to raise the other side, and goes on to its end` }
    return { records: [{ run: id, type: 'failover/turned-back', body: { id, by, message: `${by} wants it` } }] }
  },
}

/** Whoever said something longer ago may have gone, and may want something else by now. */
const STALE_MILLISECONDS: Milliseconds = 600_000

/** Takes up every word that needs nothing but the journal. What is left is for whoever knows how. */
export async function takeUpWords(
  parts: Parts,
  tenure: Tenure,
  told: (word: Word, taken: Taken) => void = () => undefined,
): Promise<readonly Word[]> {
  const left: Word[] = []
  for (const word of await parts.store.words(parts.protection)) {
    const taken = tooLate(parts, word) ?? (await TAKERS[word.is]?.(parts, word))
    if (taken === undefined) left.push(word)
    else if (await answerWord(parts, tenure, { word, taken })) told(word, taken)
  }
  return left
}

function tooLate({ now }: Parts, { at }: Word): Taken | undefined {
  const age = at === undefined ? 0 : now() - at
  return age > STALE_MILLISECONDS
    ? { refused: `It was said ${roughly(age)} ago, which is too long ago to go by it` }
    : undefined
}

/** Takes one word up here and now, without its having been left. */
export async function speak(parts: Parts, tenure: Tenure, word: Word): Promise<Taken> {
  const take = TAKERS[word.is]
  if (take === undefined) throw new Error(`nobody takes up ${word.is}`)
  const taken = await take(parts, word)
  const records = [...('records' in taken ? taken.records : []), wordRecord(word, taken)]
  await parts.store.append(tenure.lease, records)
  return taken
}

/** Writes what a word came to, and that it is answered, at once. */
export async function answerWord(
  { store }: Parts,
  { lease }: Tenure,
  { word, taken }: { readonly word: Word; readonly taken: Taken },
): Promise<boolean> {
  return store.answer(lease, word.id, [...('records' in taken ? taken.records : []), wordRecord(word, taken)])
}

function wordRecord({ id, is, by }: Word, taken: Taken): NewRecord {
  const body: JsonObject = { word: id, is, by, ...('refused' in taken ? { refused: taken.refused } : {}) }
  return { run: WORDS, type: 'word/answered', body }
}

/** What became of a word that was left, or `undefined` while nobody has answered it. */
export async function answerTo({ store, protection }: Parts, id: string): Promise<Taken | undefined> {
  for await (const { body } of store.read(protection, { typed: 'word/answered' })) {
    if (body['word'] !== id) continue
    return typeof body['refused'] === 'string' ? { refused: body['refused'] } : { records: [] }
  }
  return undefined
}

/** @throws Fault `failover/refused` with the reason */
export function demandTaken(taken: Taken, hint: string): void {
  if ('refused' in taken) throw new Fault('failover/refused', taken.refused, { hint })
}
