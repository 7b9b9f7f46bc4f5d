import type { Answer, ChaosClient } from '../client.ts'

/** Where a client writes: one workspace of one region, with its account. */
export interface Site {
  readonly region: string
  readonly subscription: string
  /** Path of the resource group. */
  readonly group: string
  /** Path of the workspace. */
  readonly workspace: string
  readonly account: string
}

/** A client at its site, and the name of the thing that it works on. */
export interface Desk {
  readonly client: ChaosClient
  readonly site: Site
  readonly name: string
}

/**
 * One kind of thing that a client of Azure makes, changes and removes.
 *
 * What a thing is, is told in labels (`../labelled-text.ts`): the label of the last write, or those of all writes for what grows.
 */
export interface ThingKind {
  readonly name: string
  /** Makes the thing carry the label: creates it, or changes it where it is there. The last answer decides. */
  write(desk: Desk, label: string, now: string | undefined): Promise<Answer>
  /** What the thing is now; `undefined` where it is not there. */
  read(desk: Desk): Promise<string | undefined>
  /** Removes it. What is never removed has none. */
  remove?(desk: Desk): Promise<Answer>
  /** True where a write adds to what there was. */
  readonly grows?: boolean
  /** True where a removed name cannot be used again. */
  readonly buries?: boolean
  /** True where a thing is written once, and each further write is another thing. */
  readonly once?: boolean
  /** Longest text that the thing carries. */
  readonly longest: number
}

/** A refusal that nothing explains: the load sends only what Azure takes. */
export class Unexplained extends Error {
  override readonly name = 'Unexplained'
}

/** The answer, if it is a success or leaves in doubt what was done. */
export function explained(answer: Answer, what: string): Answer {
  if (answer.status < 300 || answer.status >= 500) return answer
  throw new Unexplained(`${what} was answered ${answer.status}: ${answer.text.slice(0, 500)}`)
}

/** The answer to a reading, or `undefined` where the thing is not there. */
export function found(answer: Answer, what: string): Answer | undefined {
  if (answer.status === 404) return undefined
  if (answer.status < 300) return answer
  throw new Unexplained(`reading ${what} was answered ${answer.status}: ${answer.text.slice(0, 500)}`)
}
