import {
  killedAtCall,
  killedAtCommit,
  regionKilledAtCall,
  type Undisturbed,
  undisturbed,
  type Verdict,
} from './crash.ts'
import { REGION_WAYS, WAYS, type Way } from './points.ts'
import type { Lane } from './stage.ts'
import type { Act } from './story.ts'

/** One crash of an act. */
export interface Round {
  /** Which act is killed where, and how. */
  readonly name: string
  /** Plays it on a lane, and gives where its end is not that of the undisturbed act. */
  play(lane: Lane): Promise<Verdict>
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
export async function roundsOf(act: Act, lane: Lane): Promise<readonly Round[]> {
  const known = await undisturbed({ act, lane })
  return [...callRounds(act, known, () => WAYS), ...commitRounds(act, known)]
}

/** Every crash of a region in an act: at each distinct call to it, in each way. */
export async function regionRoundsOf(act: Act, lane: Lane): Promise<readonly Round[]> {
  const { calls, ends } = await undisturbed({ act, lane })
  return calls.flatMap((call) =>
    REGION_WAYS.map((way) => ({
      name: `${act.name}, ${call.place} killed at ${call.name}, ${way}`,
      play: (lane) => regionKilledAtCall({ act, lane }, call, way, ends),
    })),
  )
}

/** One crash for each distinct call of an act, the ways in turn. */
export async function chosenRoundsOf(act: Act, lane: Lane): Promise<readonly Round[]> {
  const known = await undisturbed({ act, lane })
  return callRounds(act, known, (index) => WAYS.slice(index % WAYS.length, (index % WAYS.length) + 1))
}

function callRounds(act: Act, { calls, ends }: Undisturbed, ways: (index: number) => readonly Way[]): Round[] {
  return calls.flatMap((call, index) =>
    ways(index).map((way) => ({
      name: `${act.name}, ${call.name} in ${call.place}, ${way}`,
      play: (lane) => killedAtCall({ act, lane }, call, way, ends),
    })),
  )
}

function commitRounds(act: Act, { commits, ends }: Undisturbed): Round[] {
  return commits.map((commit) => ({
    name: `${act.name}, ${commit.when} commit ${commit.nth} of ${commit.sort}`,
    play: (lane) => killedAtCommit({ act, lane }, commit, ends),
  }))
}

/** Plays rounds, one on each lane at once, and tells of each as it ends. */
export function playRounds(
  rounds: readonly Round[],
  lanes: readonly Lane[],
  done: (outcome: Outcome) => void = () => undefined,
): Promise<readonly Outcome[]> {
  return shareOut(rounds, lanes, async (round, lane) => {
    const began = Date.now()
    const verdict = await round.play(lane).catch(broken)
    const outcome = { name: round.name, seconds: (Date.now() - began) / 1000, ...verdict }
    done(outcome)
    return outcome
  })
}

/** Does a piece of work for each item, in the items' order, each on the lane that is free first. */
export async function shareOut<Item, Result>(
  items: readonly Item[],
  lanes: readonly Lane[],
  work: (item: Item, lane: Lane) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const waiting = items.entries()
  async function serve(lane: Lane): Promise<void> {
    for (const [index, item] of waiting) results[index] = await work(item, lane)
  }
  await Promise.all(lanes.map(serve))
  return results
}

function broken(thrown: unknown): Verdict {
  return { reached: true, trouble: [thrown instanceof Error ? `${thrown.stack}` : String(thrown)] }
}
