import { isFault } from '../core/errors.ts'
import type { Health } from '../core/health.ts'
import type { JsonObject, Side } from '../core/model.ts'
import { type FailoverWish, failoverWishIn } from '../core/persons/failover.ts'
import type { SwitchoverWish } from '../core/persons/switchover.ts'
import type { Parts } from '../engine/parts.ts'
import { rolesOf } from '../engine/roles.ts'
import { type checkSwitchover, switchoverRecords } from '../engine/switchover/begin.ts'
import type { Carrying } from '../engine/sync.ts'
import type { Tenure } from '../engine/tenure.ts'
import { answerWord, type Taken, takeUpWords, type Word } from '../engine/words.ts'

export interface Listening {
  readonly parts: Parts
  readonly carrying: Carrying
  readonly check: typeof checkSwitchover
  readonly signal: AbortSignal
  /** Looks at both sides now. */
  look(): Promise<Readonly<Record<Side, Health>>>
  freshId(): string
  /** Is told of each word and of what it came to. */
  told(word: Word, taken: Taken): void
  /** Called before a failover or switchover begins: nothing else may be under way then. */
  quiet(why: string): Promise<void>
  /** Decides about a failover with a person's yes to it. */
  failing(wish: FailoverWish): Promise<Taken>
}

/** A word that begins something, once nothing else is under way and both sides were looked at. */
interface Asked {
  readonly word: Word
  readonly health: Readonly<Record<Side, Health>>
}

type Begin = (listening: Listening, asked: Asked) => Promise<Taken>

/** Words that begin something, and what they come to. */
const BEGINNING: Readonly<Record<string, Begin>> = {
  failover: ({ failing }, { word }) => failing(failoverWishIn(word.by, word.body)),
  switchover: switching,
}

/** Takes up what persons said since the last look. True where that began a failover or switchover. */
export async function heard(listening: Listening, tenure: Tenure): Promise<boolean> {
  const { parts, told } = listening
  for (const word of await takeUpWords(parts, tenure, told)) {
    const begin = BEGINNING[word.is]
    const taken = begin === undefined ? unknown(word) : await weighed(listening, word, begin)
    if (!(await answerWord(parts, tenure, { word, taken }))) continue
    told(word, taken)
    if ('records' in taken) return true
  }
  return false
}

/** What cannot be weighed is refused: a word that is asked for without end would keep a failover from being decided. */
async function weighed(listening: Listening, word: Word, begin: Begin): Promise<Taken> {
  try {
    await listening.quiet(`${word.by} asks for a ${word.is}`)
    return await begin(listening, { word, health: await listening.look() })
  } catch (thrown) {
    if (listening.signal.aborted || isFault(thrown, 'run/fenced')) throw thrown
    return { refused: `It cannot be told whether it may: ${thrown instanceof Error ? thrown.message : String(thrown)}` }
  }
}

function unknown({ is }: Word): Taken {
  return { refused: `This controller does not know what to do with ${is}` }
}

async function switching(listening: Listening, { word, health }: Asked): Promise<Taken> {
  const { parts, check, freshId } = listening
  const wish = wishOf(word)
  const checked = await check({ ...listening, health, wish })
  if (checked.refusals.length > 0) return { refused: checked.refusals.map(({ reason }) => reason).join('. ') }
  const { epoch } = await rolesOf(parts)
  return { records: switchoverRecords(checked, wish, { id: freshId(), epoch, now: parts.now() }) }
}

function wishOf({ by, body }: Word): SwitchoverWish {
  const towards = body['towards']
  return {
    by,
    jobs: body['jobs'] === 'resubmit' ? 'resubmit' : 'wait',
    wait: Number(body['wait'] ?? 0),
    ...(towards === 'primary' || towards === 'secondary' ? { towards } : {}),
  }
}

/** The wish in the form in which it is left for a controller. */
export function wishBody({ jobs, wait, towards }: SwitchoverWish): JsonObject {
  return { jobs, wait, ...(towards === undefined ? {} : { towards }) }
}
