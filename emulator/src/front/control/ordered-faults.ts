import type { Fault } from '../../faults-kinds.ts'
import { readFault } from '../../faults-read.ts'
import type { LinkFault } from '../../network/links.ts'
import { Misuse } from './control-call.ts'

/**
 * A fault as the control API takes it.
 *
 * `at` is a region, `signin` or `arm`. A `cut` stands between two names of regions or clients; `*` is
 * everybody else. Kinds, their fields and what narrows them stand in the table of `faults-kinds.ts`.
 */
export type OrderedFault =
  | (Fault & { readonly at: string })
  | { readonly is: 'cut'; readonly between: readonly [string, string] }

/** Services of the front that faults can name beside the regions. */
export const GLOBAL_PLACES = ['signin', 'arm'] as const

/** Reads a list of faults, or says which one is wrong and why. */
export function readFaults(body: unknown, regions: readonly string[]): readonly OrderedFault[] {
  const list = Array.isArray(body) ? body : (body as { faults?: unknown } | undefined)?.faults
  if (!Array.isArray(list)) throw new Misuse(400, 'The body must be a list of faults, or an object with `faults`.')
  return list.map((one: unknown) => {
    try {
      return readOne(one, regions)
    } catch (thrown) {
      throw new Misuse(400, `Fault ${JSON.stringify(one)}: ${(thrown as Error).message}`)
    }
  })
}

function readOne(value: unknown, regions: readonly string[]): OrderedFault {
  if (typeof value !== 'object' || value === null) throw new Error('It is not an object.')
  const given = value as Readonly<Record<string, unknown>>
  if (given['is'] === 'cut') return { is: 'cut', between: pair(given) }
  const fault = readFault(given, ['at'])
  const at = given['at']
  if (typeof at !== 'string' || !(regions.includes(at) || GLOBAL_PLACES.some((place) => place === at))) {
    const known = [...regions, ...GLOBAL_PLACES].join(', ')
    throw new Error(`\`at\` is ${JSON.stringify(at)} and must be one of ${known}.`)
  }
  return { ...fault, at }
}

function pair(given: Readonly<Record<string, unknown>>): readonly [string, string] {
  const other = Object.keys(given).find((name) => name !== 'is' && name !== 'between')
  if (other !== undefined) throw new Error(`\`${other}\` is no field of \`cut\`; it takes between.`)
  const between = given['between']
  const [one, two] = Array.isArray(between) && between.length === 2 ? (between as unknown[]) : []
  if (typeof one !== 'string' || typeof two !== 'string') throw new Error('`between` must be a list of two names.')
  if (one === two) throw new Error(`\`between\` is ${one} twice, and a place is never cut from itself.`)
  return [one, two]
}

/** What the network must do about the faults. */
export function linkFaults(faults: readonly OrderedFault[]): readonly LinkFault[] {
  return faults.flatMap((fault): LinkFault[] => {
    if (fault.is === 'cut') return [fault]
    const ofConnections = (fault.is === 'down' || fault.is === 'hang') && !narrowed(fault)
    return ofConnections ? [{ is: fault.is, at: fault.at }] : []
  })
}

/** What the process at a place must do about the faults. */
export function requestFaults(faults: readonly OrderedFault[], place: string): readonly Fault[] {
  return faults.flatMap((ordered): Fault[] => {
    if (ordered.is === 'cut' || ordered.at !== place) return []
    const ofNetwork = (ordered.is === 'down' || ordered.is === 'hang') && !narrowed(ordered)
    if (ofNetwork) return []
    const { at, ...fault } = ordered
    // The front has one list for its own planes, and each of them is a place.
    const plane = GLOBAL_PLACES.find((one) => one === at) ?? fault.plane
    return [plane === undefined ? fault : { ...fault, plane }]
  })
}

/** How far the clock of a place is wrong. */
export function skewOf(faults: readonly OrderedFault[], place: string): number {
  const moved = faults.flatMap((fault) => (fault.is === 'clock' && fault.at === place ? [fault.aheadSeconds] : []))
  return moved.reduce((sum, seconds) => sum + seconds * 1000, 0)
}

/** True for a fault that only some requests of its place meet. Sign-in and ARM are one plane each: naming it narrows nothing. */
function narrowed({ at, plane, route, client, id }: Fault & { readonly at: string }): boolean {
  return (plane !== undefined && plane !== at) || route !== undefined || client !== undefined || id !== undefined
}
