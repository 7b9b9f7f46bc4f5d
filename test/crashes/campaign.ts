import {
  killedAtCall,
  killedAtCommit,
  regionKilledAtCall,
  type Undisturbed,
  undisturbed,
  type Verdict,
} from './crash.ts'
import { REGION_WAYS, WAYS, type Way } from './points.ts'
import type { Act } from './story.ts'

/** One crash of an act. */
export interface Round {
  /** Which act is killed where, and how. */
  readonly name: string
  /** Plays it, and gives where its end is not that of the undisturbed act. */
  play(): Promise<Verdict>
}

/** What a round came to. */
export interface Outcome extends Verdict {
  readonly name: string
  readonly seconds: number
}

/** Whether a round showed what it was to show: its crash took place, and its end is the undisturbed one. */
export function passed({ reached, trouble }: Outcome): boolean {
  return reached && trouble.length === 0
}

/** Every crash of an act: each distinct call in each way, each sort of commit before and after it. */
export async function roundsOf(act: Act): Promise<readonly Round[]> {
  const known = await undisturbed(act)
  return [...callRounds(act, known, () => WAYS), ...commitRounds(act, known)]
}

/** Every crash of a region in an act: at each distinct call to it, in each way. */
export async function regionRoundsOf(act: Act): Promise<readonly Round[]> {
  const { calls, ends } = await undisturbed(act)
  return calls.flatMap((call) =>
    REGION_WAYS.map((way) => ({
      name: `${act.name}, ${call.place} killed at ${call.name}, ${way}`,
      play: () => regionKilledAtCall(act, call, way, ends),
    })),
  )
}

/** One crash for each distinct call of an act, the ways in turn. */
export async function chosenRoundsOf(act: Act): Promise<readonly Round[]> {
  const known = await undisturbed(act)
  return callRounds(act, known, (index) => WAYS.slice(index % WAYS.length, (index % WAYS.length) + 1))
}

function callRounds(act: Act, { calls, ends }: Undisturbed, ways: (index: number) => readonly Way[]): Round[] {
  return calls.flatMap((call, index) =>
    ways(index).map((way) => ({
      name: `${act.name}, ${call.name} in ${call.place}, ${way}`,
      play: () => killedAtCall(act, call, way, ends),
    })),
  )
}

function commitRounds(act: Act, { commits, ends }: Undisturbed): Round[] {
  return commits.map((commit) => ({
    name: `${act.name}, ${commit.when} commit ${commit.nth} of ${commit.sort}`,
    play: () => killedAtCommit(act, commit, ends),
  }))
}

/** Plays rounds, so many at once, and tells of each as it ends. */
export async function playRounds(
  rounds: readonly Round[],
  lanes: number,
  done: (outcome: Outcome) => void = () => undefined,
): Promise<readonly Outcome[]> {
  const waiting = [...rounds]
  const outcomes: Outcome[] = []
  async function lane(): Promise<void> {
    for (let round = waiting.shift(); round !== undefined; round = waiting.shift()) {
      const began = Date.now()
      const verdict = await round.play().catch(broken)
      const outcome = { name: round.name, seconds: (Date.now() - began) / 1000, ...verdict }
      outcomes.push(outcome)
      done(outcome)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return outcomes
}

function broken(thrown: unknown): Verdict {
  return { reached: true, trouble: [thrown instanceof Error ? `${thrown.stack}` : String(thrown)] }
}
