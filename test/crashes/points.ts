import type { Acknowledged } from '../support/emulator.ts'
import { HOLDFAST } from './stage.ts'

/** A call that an act makes: the first of those that are alike. */
export interface CallPoint {
  /** Region that it goes to. */
  readonly place: string
  /** What all calls have in common that are alike, for people. */
  readonly name: string
  /** Route of a fault that meets it. */
  readonly route: string
}

/** What can happen to a controller that makes a call. */
export const WAYS = ['unsent', 'unanswered', 'unrecorded'] as const
export type Way = (typeof WAYS)[number]

/** What can happen to a region that a call has reached. */
export const REGION_WAYS = ['undone', 'unanswered'] as const
export type RegionWay = (typeof REGION_WAYS)[number]

/** No writes: they are only sent as such. */
const READS = /^search|_list_(secrets|keys)$/i

/** The distinct calls in what the regions acknowledged to Holdfast during an undisturbed act. */
export function pointsOf(place: string, lines: readonly Acknowledged[]): readonly CallPoint[] {
  const points = new Map<string, CallPoint>()
  const paths = new Set<string>()
  for (const { client, plane, operation, method, target } of lines) {
    if (client !== HOLDFAST || READS.test(operation)) continue
    const path = target.split('?')[0] ?? ''
    const name = `${plane} ${operation}${plane === 'blob' ? ` in ${containerOf(path)}` : ''}`
    if (points.has(name)) continue
    // A path tells two calls of a name apart that a kind makes; two calls of one path are told by their name.
    const route = paths.has(path) || plane === 'mlflow' ? operation : `${method} ${withoutFailover(path)}`
    paths.add(path)
    points.set(name, { place, name, route })
  }
  return [...points.values()]
}

/** The container without the id that is its workspace's. */
function containerOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/-[0-9a-f-]{36}$/, '')
}

/** A failover has another id each time. */
function withoutFailover(path: string): string {
  return path.replaceAll(/\bf[0-9a-f]{8}\b/g, '*')
}
